"""What an Arrow IPC message says of its buffers, read before Arrow unpacks them.

The metadata of messages and the footer of files are FlatBuffers (Arrow's ``format/Message.fbs`` and ``File.fbs``): a
table is a list of places where its fields stand. Only the fields that tell sizes are read. Rules:

1. Every place lies within the metadata, and every buffer within the body.
2. The buffers of a body are together no longer than it: writers never let two share bytes, and Arrow would unpack
   those once for each.
3. A compressed buffer begins with the number of bytes that it unpacks to, or with -1 where it is stored as it is.
   Arrow allocates that number, whatever the buffer really holds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_ID, _DATA, _DELTA = 0, 1, 2
_BUFFERS, _COMPRESSION = 2, 3
_DICTIONARIES, _RECORD_BATCHES = 2, 3
_EXPERIMENTAL = b"ARROW:experimental_compression"
"""Name in the message's notes by which Arrow 0.17 said that buffers are compressed."""
HEAD = 8
"""Bytes before a compressed buffer: what it unpacks to."""
CONTINUATION = b"\xff\xff\xff\xff"
MAGIC = b"ARROW1"
_BLOCK = 24
_FOOTER_END = 4 + len(MAGIC)
Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Message:
    """Sizes of one message.

    Attributes:
        body: Bytes of its body.
        buffers: Offset in the body and length of each buffer.
        compressed: Buffers begin with what they unpack to.
        dictionary: The dictionary whose words these are; none for rows.
        delta: The words come after those that the dictionary has.
    """

    body: int
    buffers: Pairs
    compressed: bool = False
    dictionary: int | None = None
    delta: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Where a file's footer says that a message stands."""

    offset: int
    metadata: int
    body: int


class _Table:
    """One FlatBuffers table."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._places = at - _number(data, at, "<i")
        self._size = _number(data, self._places, "<H")

    def number(self, field: int, kind: str) -> int:
        """A scalar; 0 where it is left out."""
        place = self._place(field)
        return _number(self._data, place, kind) if place else 0

    def table(self, field: int) -> _Table | None:
        """Another table."""
        place = self._target(field)
        return _Table(self._data, place) if place else None

    def structs(self, field: int, size: int) -> bytes:
        """The items, of ``size`` bytes each, of a vector."""
        place = self._target(field)
        if not place:
            return b""
        start, count = place + 4, _number(self._data, place, "<I")
        if start + count * size > len(self._data):
            raise ValueError("a list goes beyond its metadata")
        return self._data[start : start + count * size]

    def _target(self, field: int) -> int:
        place = self._place(field)
        return place + _number(self._data, place, "<I") if place else 0

    def _place(self, field: int) -> int:
        entry = 4 + 2 * field
        offset = _number(self._data, self._places + entry, "<H") if entry < self._size else 0
        return self._at + offset if offset else 0


def _number(data: bytes, at: int, kind: str) -> int:
    if not 0 <= at <= len(data) - struct.calcsize(kind):
        raise ValueError("a value lies beyond its metadata")
    value: int = struct.unpack_from(kind, data, at)[0]
    return value


def _root(data: bytes) -> _Table:
    return _Table(data, _number(data, 0, "<I"))


def parse_message(metadata: bytes) -> Message:
    """The sizes that a message's metadata state.

    Raises:
        ValueError: They are damaged, or break a rule.
    """
    root = _root(metadata)
    kind, body = root.number(_HEADER_TYPE, "<B"), root.number(_BODY_LENGTH, "<q")
    if body < 0:
        raise ValueError("a body of less than no bytes")
    batch = root.table(_HEADER) if kind in {_DICTIONARY_BATCH, _RECORD_BATCH} else None
    dictionary, delta = None, False
    if batch is not None and kind == _DICTIONARY_BATCH:
        dictionary, delta = batch.number(_ID, "<q"), bool(batch.number(_DELTA, "<B"))
        batch = batch.table(_DATA)
    if batch is None:
        return Message(body, _buffers(b"", body))
    compressed = batch.table(_COMPRESSION) is not None or _EXPERIMENTAL in metadata
    return Message(body, _buffers(batch.structs(_BUFFERS, 16), body), compressed, dictionary, delta)


def _buffers(data: bytes, body: int) -> Pairs:
    pairs: Pairs = np.frombuffer(data, dtype="<i8").reshape(-1, 2).astype(np.int64)
    offsets, lengths = pairs[:, 0], pairs[:, 1]
    if (pairs < 0).any() or (offsets > body).any() or (lengths > body - offsets).any():
        raise ValueError("a buffer goes beyond its body")
    if sum(lengths.tolist()) > body:
        raise ValueError("buffers share the same bytes")
    return pairs


def unpacked_size(message: Message, head: Callable[[int], bytes]) -> int:
    """Bytes of the buffers once they are unpacked; ``head`` gives the ``HEAD`` bytes from an offset in the body.

    Of buffers that are not compressed, none: Arrow shows those where they are.

    Raises:
        ValueError: A buffer is too short for its head, or unpacks to less than nothing.
    """
    total = 0
    for offset, length in message.buffers.tolist() if message.compressed else ():
        if length:
            size = _number(head(offset)[:length], 0, "<q")
            if size < -1:
                raise ValueError("a buffer of less than no bytes")
            total += length - HEAD if size == -1 else size
    return total


def metadata_size(start: bytes) -> tuple[int, int]:
    """Bytes of a message's prefix and of its metadata; before Arrow 0.15 the prefix was the size alone."""
    prefix = 8 if start.startswith(CONTINUATION) else 4
    return prefix, _number(start, prefix - 4, "<i")


def file_blocks(size: int, read: Callable[[int, int], bytes]) -> tuple[list[Block], list[Block]]:
    """Where the dictionaries and the batches of a file of ``size`` bytes stand; ``read`` gives a range of it.

    Raises:
        ValueError: The footer is damaged, or its messages are together longer than the file.
    """
    length = _number(read(size - _FOOTER_END, size), 0, "<i")
    if not 0 < length <= size - _FOOTER_END:
        raise ValueError("the footer is longer than the file")
    footer = _root(read(size - _FOOTER_END - length, size - _FOOTER_END))
    lists = [_blocks(footer.structs(field, _BLOCK)) for field in (_DICTIONARIES, _RECORD_BATCHES)]
    if sum(block.metadata + block.body for blocks in lists for block in blocks) > size:
        raise ValueError("messages share the same bytes")
    return lists[0], lists[1]


def _blocks(data: bytes) -> list[Block]:
    blocks = [Block(*numbers) for numbers in struct.iter_unpack("<qi4xq", data)]
    if any(min(block.offset, block.metadata, block.body) < 0 for block in blocks):
        raise ValueError("a message before the file's start")
    return blocks
