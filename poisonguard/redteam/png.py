"""PNG pictures as arrays and back: 8 bits a channel, no palette, not interlaced; nothing but the standard library.

Only what an attack needs to draw on a picture; other PNG kinds are left alone. Sizes are checked before anything
is unpacked. Source: PNG specification, third edition, sections 5 (chunks), 9 (filters) and 11 (headers).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""Channels of a colour type: grey, colour, grey with alpha, colour with alpha."""
COLOUR_TYPES = {channels: kind for kind, channels in CHANNELS.items()}
DEPTH = 8
MOST_PIXELS = 1 << 24
HEADER = struct.Struct(">IIBBBBB")

Pixels = npt.NDArray[np.uint8]
"""A picture, shape (height, width, channels)."""


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    channels: int

    @property
    def stride(self) -> int:
        return self.width * self.channels


def decode(data: bytes) -> Pixels | None:
    """The picture; nothing when the bytes are no PNG of the kinds that are read."""
    try:
        chunks = list(_chunks(data))
        header = _header(chunks[0][1]) if chunks and chunks[0][0] == b"IHDR" else None
        if header is None:
            return None
        size = header.height * (header.stride + 1)
        unpacked = zlib.decompressobj().decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"), size)
    except (struct.error, zlib.error):
        return None
    return _unfiltered(unpacked, header) if len(unpacked) == size else None


def encode(picture: Pixels) -> bytes:
    """A picture of 1 to 4 channels as PNG; every line is stored as its difference from the line above."""
    height, width, channels = picture.shape
    above = np.vstack([np.zeros((1, width, channels), np.uint8), picture[:-1]])
    lines = (picture - above).reshape(height, width * channels)
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), lines])
    header = HEADER.pack(width, height, DEPTH, COLOUR_TYPES[channels], 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6)) + _chunk(b"IEND", b"")
    return SIGNATURE + body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each chunk up to the end of the picture or of the bytes."""
    place = len(SIGNATURE) if data.startswith(SIGNATURE) else len(data)
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind = data[place + 4 : place + 8]
        yield kind, data[place + 8 : place + 8 + length]
        if kind == b"IEND":
            return
        place += 12 + length


def _header(body: bytes) -> _Header | None:
    width, height, depth, colour, _, _, interlaced = HEADER.unpack(body)
    known = depth == DEPTH and colour in CHANNELS and not interlaced
    return _Header(width, height, CHANNELS[colour]) if known and 0 < width * height <= MOST_PIXELS else None


def _unfiltered(unpacked: bytes, header: _Header) -> Pixels | None:
    lines = np.frombuffer(unpacked, np.uint8).reshape(header.height, header.stride + 1)
    above = np.zeros(header.stride, np.uint8)
    picture = np.empty((header.height, header.stride), np.uint8)
    for number, line in enumerate(lines):
        restored = _line(int(line[0]), line[1:], above, header.channels)
        if restored is None:
            return None
        picture[number] = above = restored
    return picture.reshape(header.height, header.width, header.channels)


def _line(kind: int, line: Pixels, above: Pixels, channels: int) -> Pixels | None:
    """One line without its filter: 0 none, 1 left, 2 above, 3 their mean, 4 Paeth."""
    match kind:
        case 0:
            return line
        case 1:
            return np.add.accumulate(line.reshape(-1, channels), axis=0, dtype=np.uint8).reshape(-1)
        case 2:
            return line + above
        case 3 | 4:
            return _predicted(line, above, channels, mean=kind == 3)  # noqa: PLR2004 - the filter's number
        case _:
            return None


def _predicted(line: Pixels, above: Pixels, channels: int, *, mean: bool) -> Pixels:
    held, upper = line.tolist(), above.tolist()
    for place in range(len(held)):
        left = held[place - channels] if place >= channels else 0
        corner = upper[place - channels] if place >= channels else 0
        guess = (left + upper[place]) // 2 if mean else _paeth(left, upper[place], corner)
        held[place] = (held[place] + guess) & 255
    return np.array(held, dtype=np.uint8)


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda value: abs(estimate - value))
