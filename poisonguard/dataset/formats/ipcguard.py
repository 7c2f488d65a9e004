"""Let Arrow unpack an IPC message only when its buffers fit the budgets. See docs/adr/0015.

Arrow unpacks all compressed buffers of a batch before it shows anything of it. Rules:

1. All buffers of a file unpack to no more than ``Budget`` allows in all.
2. One batch and the dictionaries that are kept for it unpack to ``MOST_AT_ONCE``, or to ``HELD_RATIO`` times what is
   stored, whichever is more.
3. Arrow sees a message of a stream only after that, and reads a message of a file only after that.
"""

from __future__ import annotations

import io
from collections import deque
from typing import Any

from poisonguard.dataset.formats import budget
from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.budget import Budget
from poisonguard.dataset.formats.ipcmessage import (
    CONTINUATION,
    HEAD,
    Block,
    Message,
    file_blocks,
    metadata_size,
    parse_message,
    unpacked_size,
)
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData


class Unpacking:
    """What one reading of a file has let Arrow unpack so far.

    Args:
        source: The file.
        total: What it was unpacked to in all, by whichever reading.
    """

    def __init__(self, source: Source, total: Budget) -> None:
        self._source = source
        self._budget = total
        self._unpacked = 0
        self._kept: dict[int, tuple[int, int]] = {}
        """Of each dictionary: bytes unpacked, and bytes stored."""

    def allow(self, message: Message, size: int) -> None:
        """Refuse a message that unpacks to ``size`` bytes where that is too much."""
        held, stored = size, message.body
        for dictionary, (words, body) in self._kept.items():
            if message.dictionary != dictionary or message.delta:
                held, stored = held + words, stored + body
        if held > max(budget.MOST_AT_ONCE, budget.HELD_RATIO * stored):
            raise UnreadableData(
                f"{self._source.shown}: a batch unpacks to {held >> 20} MiB at once, "
                f"over {budget.HELD_RATIO} times what is stored",
                hint=f"Write batches of fewer rows: {budget.MOST_AT_ONCE >> 20} MiB are always allowed.",
            )
        if message.dictionary is not None:
            before = self._kept.get(message.dictionary, (0, 0)) if message.delta else (0, 0)
            self._kept[message.dictionary] = before[0] + size, before[1] + message.body
        self._unpacked += size
        self._budget.spend(0, self._unpacked)


class GuardedFile:
    """Looks at the messages of a file before they are read."""

    def __init__(self, file: VerifiedFile, unpacking: Unpacking) -> None:
        self._file = file
        self._unpacking = unpacking
        dictionaries, self._batches = file_blocks(file.size, self._bytes)
        for block in dictionaries:  # Arrow reads all of them with the first batch
            self._allow(block)

    def allow(self, number: int) -> None:
        """Refuse a batch that unpacks to too much."""
        self._allow(self._batches[number])

    def _allow(self, block: Block) -> None:
        start = block.offset + block.metadata
        metadata = self._bytes(block.offset, start)
        prefix, size = metadata_size(metadata)
        if prefix + size != block.metadata or len(metadata) < block.metadata:
            raise ValueError("the footer and a message differ in its size")
        message = parse_message(metadata[prefix:])
        size = unpacked_size(message, lambda offset: self._bytes(start + offset, start + offset + HEAD))
        self._unpacking.allow(message, size)

    def _bytes(self, start: int, stop: int) -> bytes:
        data: bytes = self._file.read_range(max(0, start), stop).to_pybytes()
        return data


class GuardedStream(io.RawIOBase):
    """Passes a stream on, message by message, each after it was looked at.

    What is cut off or ends the stream is passed on as it is, and nothing after it: Arrow says what is wrong with it.
    """

    def __init__(self, source: Any, unpacking: Unpacking) -> None:
        super().__init__()
        self._source = source
        self._unpacking = unpacking
        self._ready = deque[bytes]()
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next ``size`` bytes, fewer only at the end; Arrow asks for pieces as they are, which are not copied."""
        taken, missing = list[bytes](), size if size is not None and size >= 0 else None
        while missing != 0 and self._more():
            piece = self._ready.popleft()
            if missing is not None and len(piece) > missing:
                self._ready.appendleft(piece[missing:])
                piece = piece[:missing]
            taken.append(piece)
            missing = None if missing is None else missing - len(piece)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def close(self) -> None:
        """Close the stream below."""
        self._source.close()
        super().close()

    def _more(self) -> bool:
        while not self._ready and not self._ended:
            self._ended = not self._next_message()
        return bool(self._ready)

    def _next_message(self) -> bool:
        """Make the next message ready; whether another may follow."""
        if (start := self._take(4)) == CONTINUATION:
            start += self._take(4)
        self._ready.append(start)
        if len(start) < (8 if start.startswith(CONTINUATION) else 4):
            return False
        _, size = metadata_size(start)
        metadata = self._take(size) if size > 0 else b""
        if size <= 0 or len(metadata) < size:
            self._ready.append(metadata)
            return False
        message = parse_message(metadata)
        body = self._take(message.body)
        if complete := len(body) == message.body:
            self._unpacking.allow(message, unpacked_size(message, lambda offset: body[offset : offset + HEAD]))
        self._ready.extend((metadata, body))
        return complete

    def _take(self, size: int) -> bytes:
        pieces, missing = list[bytes](), size
        while missing and (piece := self._source.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
