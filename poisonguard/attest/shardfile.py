"""Shards one after the other in a file or in memory: a spool while a listing is made, and the tail of a bundle."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from poisonguard.attest.listing import Shard
from poisonguard.errors import IntegrityError, UsageError

SPILL_BYTES = 8 << 20
"""Shards up to this size stay in memory; beyond, they go to a file without a name."""


class Span(Protocol):
    """Bytes that can be read at any place."""

    def read_at(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``; fewer only at the end."""


@dataclass(frozen=True, slots=True)
class HeldBytes:
    """Bytes in memory."""

    data: bytes

    def read_at(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``."""
        return self.data[offset : offset + size]


class OpenFile:
    """Bytes of an open file, closed when nobody holds it any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    def read_at(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``.

        Raises:
            UsageError: The file cannot be read.
        """
        parts, missing = [], size
        try:
            while part := os.pread(self._descriptor, missing, offset):
                parts.append(part)
                offset, missing = offset + len(part), missing - len(part)
        except OSError as error:
            raise UsageError(f"the listing of files cannot be read: {error.strerror}") from error
        return b"".join(parts)

    def write(self, data: bytearray) -> None:
        """Write all of ``data`` behind what was written before.

        Raises:
            OSError: There is no room for it.
        """
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                done += os.write(self._descriptor, view[done:])


@dataclass(frozen=True, slots=True)
class Place:
    """Where one shard is: its root, the offset of its lines, and the bytes of lines and leaves, which follow."""

    root: bytes
    offset: int
    lines: int
    leaves: int

    @property
    def end(self) -> int:
        """Where the next shard begins."""
        return self.offset + self.lines + self.leaves


@dataclass(frozen=True, slots=True)
class PlacedShards:
    """Shards at known places of a span; nothing is in memory until it is asked for."""

    span: Span
    places: tuple[Place, ...]

    @property
    def roots(self) -> Sequence[bytes]:
        """The root that each shard is listed under."""
        return tuple(place.root for place in self.places)

    def load(self, position: int) -> Shard:
        """The shard at ``position``.

        Raises:
            IntegrityError: The bytes end before it does.
        """
        place = self.places[position]
        data = self.span.read_at(place.offset, place.lines + place.leaves)
        if len(data) != place.lines + place.leaves:
            raise IntegrityError("the listing of files is cut off")
        return Shard(data[: place.lines], data[place.lines :])


def spool(shards: Iterable[Shard]) -> PlacedShards:
    """Keep shards as they come: in memory while they are few, otherwise in a temporary file without a name.

    Raises:
        UsageError: The temporary file cannot be written.
    """
    held, places, file, end = bytearray(), [], None, 0
    try:
        for shard in shards:
            place = Place(shard.root, end, len(shard.lines), len(shard.leaves))
            places.append(place)
            end = place.end
            held += shard.lines + shard.leaves
            if file is not None or len(held) > SPILL_BYTES:
                file = file or _unnamed()
                file.write(held)
                held.clear()
    except OSError as error:
        raise UsageError(f"the listing of files cannot be kept: {error.strerror}", hint="Check $TMPDIR.") from error
    return PlacedShards(file or HeldBytes(bytes(held)), tuple(places))


def _unnamed() -> OpenFile:
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)  # noqa: PTH108 - the name as mkstemp gave it
    return OpenFile(descriptor)
