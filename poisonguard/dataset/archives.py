"""ZIP and tar archives, member by member, nothing written anywhere.

Told as odd: names that leave the folder, links and devices, encrypted members, names that occur twice, members that
overlap or expand beyond reason, bytes in front of the first member.
"""

from __future__ import annotations

import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

from poisonguard.domain.filefact import FileKind

MOST_DIRECTORY = 16 << 20
"""Bytes of a ZIP's directory: about 200,000 members."""
MOST_MEMBER = 64 << 20
"""Bytes of one member that are ever read."""
LARGEST_RATIO = 250
FREE_ALLOWANCE = 256 << 20
ESCAPES = re.compile(r"(?:^|[\\/])\.\.(?:[\\/]|$)|^[\\/]|^[A-Za-z]:|\x00")
MACROS = re.compile(r"(?:^|/)vbaProject\.bin$")
EOCD = struct.Struct("<4s4H2LH")

Oddity = tuple[FileKind, str]


class UnsafeArchiveError(ValueError):
    """An archive that cannot be looked through."""


class BoundReachedError(UnsafeArchiveError):
    """What is looked through has no end within our bounds; there is nothing odd about that by itself."""


DAMAGE = (
    UnsafeArchiveError,
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)
"""What a damaged or unusual archive makes its readers raise."""


class Content(Protocol):
    """Bytes that can be opened as often as needed."""

    def open(self) -> IO[bytes]:
        """From the start."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes in memory."""

    data: bytes

    def open(self) -> IO[bytes]:
        """From the start."""
        return io.BytesIO(self.data)


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One member of a ZIP, decompressed as far as it is read."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self) -> IO[bytes]:
        """From the start."""
        return self.archive.open(self.info)


@dataclass(frozen=True, slots=True)
class Entry:
    """A member, or the archive as a whole (no name, no content).

    Attributes:
        name: Its name.
        odd: What is odd about it.
        content: Its bytes; nothing for folders, links and what is encrypted.
    """

    name: str
    odd: tuple[Oddity, ...]
    content: Content | None = None


def zip_entries(file: IO[bytes]) -> Iterator[Entry]:
    """The archive, then its members, by its directory.

    Raises:
        UnsafeArchiveError: Its directory is missing or too large; readers raise others of ``DAMAGE``, too.
    """
    size = file.seek(0, io.SEEK_END)
    _refuse_directory(file, size)
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        yield Entry("", tuple(_odd_archive(infos, size)))
        for info in infos:
            readable = not info.is_dir() and not info.flag_bits & 1
            yield Entry(info.filename, tuple(_odd_member(info)), ZipMember(archive, info) if readable else None)


def _odd_archive(infos: Sequence[zipfile.ZipInfo], size: int) -> Iterator[Oddity]:
    twice = [name for name, times in Counter(info.filename for info in infos).items() if times > 1]
    if twice:
        yield FileKind.POLYGLOT, f"{twice[0]} occurs twice: readers differ in which one they take"
    expanded, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if packed > size or expanded > max(FREE_ALLOWANCE, LARGEST_RATIO * size):
        yield FileKind.BOMB, f"{expanded >> 20:,} MiB from {size >> 10:,} KiB"
    first = min((info.header_offset for info in infos), default=0)
    if first > 0:
        yield FileKind.POLYGLOT, f"{first:,} bytes in front of the first member"


def _odd_member(info: zipfile.ZipInfo) -> Iterator[Oddity]:
    if ESCAPES.search(info.orig_filename):
        yield FileKind.ESCAPE, f"{info.orig_filename} leaves its folder"
    if stat.S_ISLNK(info.external_attr >> 16):
        yield FileKind.ESCAPE, f"{info.filename} is a link"
    if info.flag_bits & 1:
        yield FileKind.ENCRYPTED, f"{info.filename} is encrypted"
    if MACROS.search(info.filename):
        yield FileKind.MACRO, info.filename


def tar_entries(file: IO[bytes]) -> Iterator[Entry]:
    """The members, read once from front to back."""
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            odd = []
            if ESCAPES.search(info.name):
                odd.append((FileKind.ESCAPE, f"{info.name} leaves its folder"))
            if info.issym() or info.islnk() or info.isdev():
                odd.append((FileKind.ESCAPE, f"{info.name} is a link or a device"))
            inside = archive.extractfile(info) if info.isreg() else None
            content = None if inside is None else Held(inside.read(MOST_MEMBER))
            yield Entry(info.name, tuple(odd), content)


def _refuse_directory(file: IO[bytes], size: int) -> None:
    """``zipfile`` reads the whole directory into memory."""
    file.seek(max(0, size - (1 << 16) - EOCD.size))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    file.seek(0)
    if place < 0 or len(tail) - place < EOCD.size:
        raise UnsafeArchiveError("a ZIP archive without its directory")
    if EOCD.unpack_from(tail, place)[5] > MOST_DIRECTORY:
        raise UnsafeArchiveError("a ZIP archive with too large a directory")
