"""Look at a file by its content: what it would run, hide or break out of, told without running or unpacking it.

1. Names are not believed; they only tell scripts from prose.
2. Every byte comes through verified reading. What lies inside archives and compressed files is looked at too, down to
   ``DEEPEST`` levels, with bounds on members, bytes and time; what lies beyond a bound is a fact of its own.
3. A pickle is never data: what it imports decides how grave it is.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, cast

from poisonguard.dataset.archives import (
    DAMAGE,
    MOST_MEMBER,
    BoundReachedError,
    Content,
    Entry,
    Held,
    UnsafeArchiveError,
    tar_entries,
    zip_entries,
)
from poisonguard.dataset.filecontent import trailing_after, written_as
from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.pickles import MOST_BYTES, Story, begins_pickle, follow, is_pickle
from poisonguard.dataset.sniff import COMPRESSION_OF, HEAD_BYTES, PICKLE, sniff
from poisonguard.dataset.streams import Stream, decompressor
from poisonguard.domain.filefact import FileFact, FileKind
from poisonguard.errors import UnreadableData

DEEPEST = 3
"""Archives inside archives that are looked into."""
MOST_MEMBERS = 10_000
MOST_READ = 1 << 30
"""Bytes that are read of what lies inside one file."""
MOST_PICKLES = 64
MOST_NAMES = 8
"""Imports of a pickle that are told."""
NUMPY, ZIP, TAR, DOS = "application/x-npy", "application/zip", "application/x-tar", "application/x-dosexec"
PROGRAMS = {"application/x-elf": "an ELF program", DOS: "a Windows program"}
ARCHIVES = {ZIP, TAR}
CLOSED = {"application/x-7z-compressed", "application/vnd.rar"}
PROTO = 0x80
"""The opcode that a pickle of protocol 2 or later begins with."""
OBJECTS = re.compile(r"""['"][|<>=]?O""")
"""A field of Python objects in the header of a NumPy file."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """The file itself."""

    source: Source

    def open(self) -> IO[bytes]:
        return cast("IO[bytes]", self.source.open())


@dataclass(frozen=True, slots=True)
class _Compressed:
    """A compressed file, decompressed."""

    source: Source
    compression: str

    def open(self) -> IO[bytes]:
        return cast("IO[bytes]", Stream(self.source.path, self.source.open(), self.compression))


@dataclass(frozen=True, slots=True)
class _Spending:
    """A file whose reading is counted."""

    file: IO[bytes]
    spend: Callable[[int], None]

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size)
        self.spend(len(data))
        return data


Told = tuple[FileKind, str]


def look(source: Source, head: bytes, *, table: bool) -> tuple[FileFact, ...]:
    """What stands out about one hashed file.

    Args:
        source: The file.
        head: Its first ``HEAD_BYTES``.
        table: Whether it was opened as a table: then only what hides behind the table is looked for.
    """
    found = list(_behind(source, head))
    if not table:
        found += _Look().content("", head, _Whole(source), 0)
    return tuple(FileFact(source.path, kind, detail) for kind, detail in dict.fromkeys(found))


def look_inside(head: bytes, data: bytes, most: int) -> tuple[Told, ...]:
    """What bytes in memory are, and what they hold; at most ``most`` bytes of it are read."""
    return tuple(dict.fromkeys(_Look(left=most).content("", head, Held(data), 0)))


def _behind(source: Source, head: bytes) -> Iterator[Told]:
    """A second file behind the first."""
    kind = sniff(head)
    if kind in ARCHIVES or not head:
        return
    tail = head
    if source.size > len(head):
        with source.open() as file:
            file.seek(max(0, source.size - HEAD_BYTES))
            tail = file.read(HEAD_BYTES)
    behind = trailing_after(kind, tail)
    if behind is not None:
        yield behind


@dataclass(slots=True)
class _Look:
    """A look at one file and all that is in it, within bounds."""

    members: int = field(default=MOST_MEMBERS)
    left: int = field(default=MOST_READ)
    pickles: int = field(default=MOST_PICKLES)

    def content(self, name: str, head: bytes, content: Content, depth: int) -> Iterator[Told]:
        """What the bytes are, and what they hold."""
        try:
            yield from self._by_kind(name, head, content, depth)
        except BoundReachedError as error:
            yield FileKind.UNFINISHED, _within(name, str(error))
        except (UnreadableData, *DAMAGE) as error:
            yield (FileKind.BOMB if "bomb" in str(error) else FileKind.UNSEEN), _within(name, str(error))

    def _by_kind(self, name: str, head: bytes, content: Content, depth: int) -> Iterator[Told]:
        kind = sniff(head)
        if kind == PICKLE or (kind not in KNOWN and begins_pickle(head)):
            yield from self._maybe_pickle(name, head, content)
        elif kind == NUMPY:
            yield from self._array(name, head, content)
        elif kind in PROGRAMS and (kind != DOS or b"\0" in head[:64]):
            yield FileKind.EXECUTABLE, _within(name, PROGRAMS[kind])
        elif kind in CLOSED:
            yield FileKind.UNSEEN, _within(name, f"{kind} is not looked into")
        elif kind in COMPRESSION_OF:
            yield from self._compressed(name, COMPRESSION_OF[kind], content, depth)
        elif kind in ARCHIVES:
            yield from self._archive(name, kind, content, depth)
        else:
            yield from self._written(name, head, content)

    def _written(self, name: str, head: bytes, content: Content) -> Iterator[Told]:
        path = name or (content.source.path if isinstance(content, _Whole) else "")
        said = written_as(path, head)
        if said is not None:
            yield said[0], _within(name, said[1])

    def _maybe_pickle(self, name: str, head: bytes, content: Content) -> Iterator[Told]:
        """A pickle; without magic it may be prose that begins like one."""
        data = self._start(content, MOST_BYTES)
        story = self._followed(data)
        behind = data[story.size :] if story.complete else b""
        # "N. Smith" is prose, though its first two bytes are a pickle.
        more = bool(story.imports) or not behind or _begun(behind)
        if head[0] == PROTO or (is_pickle(story) and more):
            yield judged(name, story)
            yield from self._further(name, behind)
        else:
            yield from self._written(name, head, content)

    def _further(self, name: str, data: bytes) -> Iterator[Told]:
        """Pickles one behind the other, as older PyTorch writes them."""
        while data and _begun(data):
            story = self._followed(data)
            yield judged(name, story)
            data = data[story.size :] if story.complete else b""

    def _followed(self, data: bytes) -> Story:
        self.pickles -= 1
        if self.pickles < 0:
            raise BoundReachedError(f"more than {MOST_PICKLES} pickles")
        return follow(data)

    def _array(self, name: str, head: bytes, content: Content) -> Iterator[Told]:
        """A NumPy file: objects in it are a pickle behind the header."""
        width = 2 if head[6:7] == b"\x01" else 4
        stop = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
        try:
            header = ast.literal_eval(head[8 + width : stop].decode("latin-1").strip())
            kind = repr(header["descr"])
        except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:
            raise UnsafeArchiveError("a NumPy file without a readable header") from error
        if OBJECTS.search(kind):
            yield judged(name, self._followed(self._start(content, stop + MOST_BYTES)[stop:]))

    def _compressed(self, name: str, compression: str, content: Content, depth: int) -> Iterator[Told]:
        if depth >= DEEPEST:
            raise UnsafeArchiveError(f"compressed more than {DEEPEST} times")
        inside: Content
        if isinstance(content, _Whole):
            inside = _Compressed(content.source, compression)
        else:
            inside = self._unpacked(compression, content)
        yield from self.content(_below(name, compression), self._start(inside, HEAD_BYTES), inside, depth + 1)

    def _unpacked(self, compression: str, content: Content) -> Held:
        """What lies compressed inside something else, in memory."""
        packed = decompressor(io.BytesIO(self._start(content, MOST_MEMBER)), compression)
        parts: list[bytes] = []
        size = 0
        try:
            while data := packed.read(1 << 20):
                parts.append(data)
                size += len(data)
                self._spend(len(data))
                if size > MOST_MEMBER:
                    raise BoundReachedError(f"{compression} inside an archive holds more than {MOST_MEMBER >> 20} MiB")
        except OSError as error:  # what gzip, bz2 and Arrow say of damaged bytes
            raise UnsafeArchiveError(f"{compression} inside an archive is damaged: {error}") from error
        return Held(b"".join(parts))

    def _archive(self, name: str, kind: str, content: Content, depth: int) -> Iterator[Told]:
        if depth >= DEEPEST:
            raise UnsafeArchiveError(f"archives inside archives, deeper than {DEEPEST} levels")
        # A ZIP is read from its end: what lies in another archive must be in memory.
        whole = kind == TAR or isinstance(content, _Whole)
        with content.open() if whole else io.BytesIO(self._start(content, MOST_MEMBER)) as file:
            entries = zip_entries(file) if kind == ZIP else tar_entries(cast("IO[bytes]", _Spending(file, self._spend)))
            for entry in entries:
                yield from self._entry(name, entry, depth)

    def _entry(self, name: str, entry: Entry, depth: int) -> Iterator[Told]:
        self.members -= 1
        if self.members < 0:
            raise BoundReachedError(f"more than {MOST_MEMBERS:,} members")
        yield from ((kind, _within(name, detail)) for kind, detail in entry.odd)
        if entry.content is not None:
            inside = _below(name, entry.name)
            try:
                head = self._start(entry.content, HEAD_BYTES)
            except BoundReachedError as error:
                yield FileKind.UNFINISHED, _within(inside, str(error))
                return
            except DAMAGE as error:
                yield FileKind.UNSEEN, _within(inside, str(error))
                return
            yield from self.content(inside, head, entry.content, depth + 1)

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise BoundReachedError(f"more than {MOST_READ >> 20:,} MiB inside")

    def _start(self, content: Content, size: int) -> bytes:
        parts: list[bytes] = []
        with content.open() as file:
            while size and (data := file.read(min(size, 1 << 20))):
                parts.append(data)
                size -= len(data)
                self._spend(len(data))
        return b"".join(parts)


KNOWN = {NUMPY, *PROGRAMS, *ARCHIVES, *CLOSED, *COMPRESSION_OF}


def _begun(data: bytes) -> bool:
    """Whether bytes begin a pickle, perhaps."""
    return data[0] == PROTO or begins_pickle(data[:HEAD_BYTES])


def judged(name: str, story: Story) -> Told:
    """How grave a pickle is."""
    if story.harmless:
        return FileKind.DATA_PICKLE, _within(name, f"imports {_listed(story.imports) or 'nothing'}")
    if story.strangers:
        return FileKind.CODE_PICKLE, _within(name, f"imports {_listed(story.strangers)}")
    return FileKind.CODE_PICKLE, _within(name, f"cannot be followed beyond byte {story.size:,}")


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _below(name: str, inside: str) -> str:
    return f"{name}/{inside}" if name else inside


def _within(name: str, detail: str) -> str:
    return f"{name}: {detail}" if name else detail
