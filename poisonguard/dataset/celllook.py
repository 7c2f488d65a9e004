"""Look at the bytes of one table cell: a pickle, a program or an archive that is kept among the data.

1. The rules are those of files (``filelook``), without names and without what is ordinary in cells: notebooks, pages,
   compressed bytes that cannot be looked through.
2. A cell may hold any bytes, digests and packed numbers too, and there are millions: what two bytes of magic say must
   be borne out. A pickle ends, or names what it would call; a Windows program points to its header.
3. Compressed cells are decompressed from their start, at most ``MOST_OPENED`` bytes; of an archive no more is read than
   ``LARGEST_RATIO`` times what the cell holds.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

from poisonguard.dataset.archives import LARGEST_RATIO
from poisonguard.dataset.filecontent import trailing_after
from poisonguard.dataset.filelook import ARCHIVES, DOS, PROTO, Told, judged, look_inside
from poisonguard.dataset.pickles import MOST_BYTES, begins_pickle, calls_names, follow
from poisonguard.dataset.sniff import COMPRESSION_OF, HEAD_BYTES, PICKLE, sniff
from poisonguard.domain.filefact import FileKind

MOST_OPENED = 1 << 20
DICTIONARY = 64 << 20
"""Bytes of memory that decompressing a cell may take."""

TOLD = frozenset(
    {
        FileKind.CODE_PICKLE,
        FileKind.EXECUTABLE,
        FileKind.ESCAPE,
        FileKind.BOMB,
        FileKind.POLYGLOT,
        FileKind.DATA_PICKLE,
        FileKind.SCRIPT,
        FileKind.MACRO,
        FileKind.ACTIVE_IMAGE,
    }
)
PLACE_OF_HEADER = 0x3C
"""Where a Windows program says where its header is."""

_OPENED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: zlib.decompressobj(wbits=31).decompress(data, MOST_OPENED),
    "bzip2": lambda data: bz2.BZ2Decompressor().decompress(data, MOST_OPENED),
    "xz": lambda data: lzma.LZMADecompressor(memlimit=DICTIONARY).decompress(data, MOST_OPENED),
}


def look_in_cell(data: bytes) -> Told | None:
    """The gravest thing that the bytes are or hold, and what shows it."""
    found = [told for told in _told(data, opened=False) if told[0] in TOLD]
    return min(found, key=lambda told: list(FileKind).index(told[0])) if found else None


def _told(data: bytes, *, opened: bool) -> tuple[Told, ...]:
    head = data[:HEAD_BYTES]
    kind = sniff(head)
    if kind == PICKLE or begins_pickle(head):
        return _pickle(data)
    if kind == DOS and not _points_to_header(data):
        return ()
    if kind in COMPRESSION_OF:
        return () if opened else _told(_decompressed(COMPRESSION_OF[kind], data), opened=True)
    behind = None if kind in ARCHIVES or not data else trailing_after(kind, data[-HEAD_BYTES:])
    # A few bytes may stand for very many, and there are millions of cells: work grows with what a cell holds.
    most = max(MOST_OPENED, LARGEST_RATIO * len(data))
    return (*look_inside(head, data, most), *([behind] if behind else []))


def _pickle(data: bytes) -> tuple[Told, ...]:
    """A pickle, if it is no accident."""
    story, begun = follow(data[:MOST_BYTES]), data[0] == PROTO
    ends = story.complete and story.size == len(data)
    imports = bool(story.imports) and (ends or (begun and story.complete))
    return (judged("", story),) if (begun and ends) or imports or calls_names(story) else ()


def _points_to_header(data: bytes) -> bool:
    place = int.from_bytes(data[PLACE_OF_HEADER : PLACE_OF_HEADER + 4], "little")
    return data[place : place + 4] == b"PE\0\0"


def _decompressed(compression: str, data: bytes) -> bytes:
    """The first bytes; none where the cell only looks compressed."""
    try:
        return _OPENED[compression](data) if compression in _OPENED else b""
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError):
        return b""
