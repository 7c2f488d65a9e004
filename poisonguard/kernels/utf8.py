"""UTF-8 as Arrow holds it: buffers without a copy, code points one by one, and whether all of them are of a kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

ASCII = 0x80
"""Bytes below are characters of their own."""

_FOUR_BYTES, _THREE_BYTES, _TWO_BYTES = 0xF0, 0xE0, 0xC0
_REPLACEMENT, _LAST_CODE_POINT = 0xFFFD, 0x10FFFF


def utf8_buffers(texts: pa.Array) -> tuple[Bytes, Offsets]:
    """Bytes and offsets of a large_string or large_binary array, without a copy; a null is empty.

    Both are read-only, whatever the array's own memory is: compiled loops tell the two apart by type.
    """
    data, offsets = _buffers(texts)
    data.flags.writeable = offsets.flags.writeable = False
    return data, offsets


def _buffers(texts: pa.Array) -> tuple[Bytes, Offsets]:
    if texts.null_count:
        texts = texts.fill_null("" if pa.types.is_large_string(texts.type) else b"")
    if not len(texts):
        return np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    _, offsets, data = texts.buffers()
    numbers = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, dtype=np.uint8) if data else np.empty(0, dtype=np.uint8), numbers


@compiled
def decode(data: Bytes, place: int, stop: int) -> tuple[int, int]:
    """Code point at ``place``, and its length in bytes.

    Never reads at or past ``stop``: a hostile file may hold invalid UTF-8, which counts as U+FFFD.
    """
    lead = int(data[place])
    if lead < ASCII:
        return lead, 1
    length = 2 if lead < _THREE_BYTES else 3 if lead < _FOUR_BYTES else 4
    if lead < _TWO_BYTES or place + length > stop:
        return _REPLACEMENT, 1
    code = lead & (0x7F >> length)
    for step in range(1, length):
        code = code << 6 | (int(data[place + step]) & 0x3F)
    return (code, length) if code <= _LAST_CODE_POINT else (_REPLACEMENT, length)


@compiled
def all_among(data: Bytes, offsets: Offsets, known: npt.NDArray[np.bool_], out: npt.NDArray[np.bool_]) -> None:
    """Whether every character of each text is one of those that ``known`` has, into ``out``."""
    for row in range(offsets.size - 1):
        place, stop, held = offsets[row], offsets[row + 1], True
        while held and place < stop:
            code, size = decode(data, place, stop)
            held = known[code]
            place += size
        out[row] = held
