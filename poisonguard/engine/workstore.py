"""The work store: states of sketches, put by whoever folded them, believed only with a proof.

A *unit* is one object: Arrow IPC streams one after the other (never pickle), an index that says what they are, how
long, and with which BLAKE3 digest, and an HMAC-SHA-256 over the index and the unit's name. Rules:

1. The key of the code lies outside of the store: who can write there, but has not the key, can forge no state.
2. What is handed out was compared with its digest; a unit whose code or digest is wrong is an error, never a miss. In
   a store where nobody but the user writes, who asked for it then deletes it, makes it anew, and says so.
3. Units made under another key are not seen at all: their folder is named by the key.
4. The receipt (digests and lengths) is the unit's end: it comes with the unit or not at all.
5. A *private* store, a folder that only this process knows and that vanishes with it, proves nothing to itself.
6. Of a *shared* store nothing is taken on trust: digests are of what is written, not of what lies there afterwards;
   what this process put there a moment ago is compared like all else; and what is compared is a copy, for a mapped
   file may be changed after it was compared.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
from blake3 import blake3

from poisonguard.engine.objects import LocalObjects, Objects
from poisonguard.errors import IntegrityError

FORMAT = "poisonguard-unit/v1"
KEY_BYTES = 32
CODE_BYTES = 32
LENGTH_BYTES = 8
MOST_INDEX_BYTES = 64 << 20
TAIL_BYTES = 64 << 10
"""Of a unit that is fetched in parts, what is fetched first: the index of some hundred streams."""
FORGED = "Somebody else wrote there, or the disk is damaged: find out, empty the store, or scan with --no-cache."


@dataclass(frozen=True, slots=True)
class Member:
    """One stream of a unit."""

    key: str
    start: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A unit whose index is proven; its streams are compared with it when they are asked for."""

    name: str
    _read: Callable[[int, int], pa.Buffer]
    _members: Mapping[str, Member]
    _trusted: bool
    _copied: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """What is in it."""
        return frozenset(self._members)

    def table(self, key: str) -> pa.Table:
        """One state; it lies in the mapped unit, or in memory where others can write to that.

        Raises:
            IntegrityError: Its bytes are not those that were put.
        """
        member = self._members[key]
        data = self._read(member.start, member.start + member.size)
        if self._copied:
            data = pa.py_buffer(data.to_pybytes())
        if not self._trusted and blake3(data).hexdigest() != member.digest:
            raise IntegrityError(f"work store: {self.name}: the bytes of a state were changed", hint=FORGED)
        return pa.ipc.open_stream(data).read_all()


@dataclass(frozen=True, slots=True)
class WorkStore:
    """Units in one place under one key.

    Attributes:
        objects: Where they are.
        key: What proves them; empty for a private store.
        shared: Whether others may have put units: they are audited.
    """

    objects: Objects
    key: bytes = b""
    shared: bool = False

    @property
    def mends(self) -> bool:
        """Whether a unit that is wrong is made anew: only where nobody but the user and the disk can have spoilt it."""
        return not self.shared

    @classmethod
    def private(cls, folder: Path) -> WorkStore:
        """A store in a folder that only this process knows."""
        return cls(LocalObjects(str(folder.absolute()), lasting=False))

    def get(self, name: str, *, own: bool = False) -> Unit | None:
        """One unit, or nothing; one's ``own`` was put by this very process a moment ago, and is not read twice.

        Raises:
            IntegrityError: It is not what was put there under this key.
        """
        data = self.objects.get(self._place(name))
        if data is None:
            return None
        shown = f"{self.objects.shown}/{self._place(name)}"
        index, code, end = _parts(shown, data)
        if self.key and not hmac.compare_digest(self._code(name, index), code):
            raise IntegrityError(f"work store: {shown}: not put there by who has the key", hint=FORGED)
        trusted = not self.key or (own and not self.shared)
        copied = self.shared and isinstance(self.objects, LocalObjects)
        whole = partial(_between, data)
        return Unit(shown, whole, _members(shown, index, end), trusted, copied)

    def opened(self, name: str) -> Unit | None:
        """One unit of which few states are needed: each is fetched when it is asked for, where that costs less.

        Raises:
            IntegrityError: It is not what was put there under this key.
        """
        place = self._place(name)
        if isinstance(self.objects, LocalObjects):
            return self.get(name)
        size = self.objects.size(place)
        if size is None:
            return None
        shown, read = f"{self.objects.shown}/{place}", partial(self.objects.part, place)
        tail = _tail(read, size)
        index, code, end = _parts(shown, tail)
        if not hmac.compare_digest(self._code(name, index), code):
            raise IntegrityError(f"work store: {shown}: not put there by who has the key", hint=FORGED)
        return Unit(shown, read, _members(shown, index, size - tail.size + end), not self.key)

    def names(self, folder: str) -> list[str]:
        """Names of the units right below ``folder``, sorted."""
        place = self._place(folder)
        return [f"{folder}/{name.rpartition('/')[2]}" for name in self.objects.names(place)]

    def remove(self, name: str) -> None:
        """Forget a unit; none need be there."""
        self.objects.remove(self._place(name))

    def put(self, name: str, states: Mapping[str, pa.Table]) -> None:
        """Put states as one unit."""
        with self.unit(name) as unit:
            for key, state in states.items():
                unit.add(key, [state])

    @contextmanager
    def unit(self, name: str) -> Iterator[UnitWriter]:
        """A unit to be filled; it is put when the context ends without an error."""
        with self.objects.writing(self._place(name)) as path:
            writer = UnitWriter(path, hashed=bool(self.key))
            try:
                yield writer
            except BaseException:  # an interrupt too
                writer.abandon()
                raise
            index = writer.index()
            writer.finish(index, self._code(name, index))

    def _place(self, name: str) -> str:
        return f"units/{hashlib.sha256(b'place:' + self.key).hexdigest()[:16]}/{name}" if self.key else name

    def _code(self, name: str, index: bytes) -> bytes:
        return hmac.digest(self.key, f"{FORMAT}\n{name}\n".encode() + index, "sha256")


class _Stream:
    """What Arrow writes one stream into: counts and hashes it on its way to the file."""

    closed = False

    def __init__(self, file: pa.NativeFile, *, hashed: bool) -> None:
        self._file = file
        self._hash = blake3() if hashed else None
        self.start = self.stop = file.tell()

    def write(self, data: pa.Buffer | bytes) -> int:
        """Pass it on."""
        size = memoryview(data).nbytes
        if self._hash is not None:
            self._hash.update(data)
        self._file.write(data)
        self.stop += size
        return size

    def flush(self) -> None:
        """Nothing waits here."""

    def digest(self) -> str:
        """BLAKE3 of all of it; empty where nothing is hashed."""
        return "" if self._hash is None else self._hash.hexdigest()


class UnitWriter:
    """Writes one unit, stream by stream."""

    def __init__(self, path: Path, *, hashed: bool) -> None:
        self._path = path
        self._hashed = hashed
        self._file = pa.OSFile(str(path), "wb")
        self._members: list[tuple[str, int, int, str]] = []
        self._open: tuple[str, _Stream, Any] | None = None

    def add(self, key: str, tables: Iterable[pa.Table]) -> None:
        """Add one whole stream; all tables have one schema."""
        for table in tables:
            self.append(key, table)
        self._close_stream()

    def append(self, key: str, table: pa.Table) -> None:
        """Add to the stream that is being written, or begin it."""
        if self._open is None or self._open[0] != key:
            self._close_stream()
            stream = _Stream(self._file, hashed=self._hashed)
            self._open = (key, stream, pa.ipc.new_stream(stream, table.schema))
        self._open[2].write_table(table)

    def index(self) -> bytes:
        """What is in the unit; nothing can be added after it."""
        self._close_stream()
        self._file.close()
        return json.dumps({"format": FORMAT, "members": self._members}, separators=(",", ":")).encode()

    def finish(self, index: bytes, code: bytes) -> None:
        """Write the index, its code and its length."""
        with self._path.open("ab") as file:
            file.write(index + code + len(index).to_bytes(LENGTH_BYTES, "little"))

    def abandon(self) -> None:
        """Close the file; nothing will come of it."""
        self._file.close()

    def _close_stream(self) -> None:
        if self._open is not None:
            key, stream, writer = self._open
            writer.close()
            self._members.append((key, stream.start, stream.stop - stream.start, stream.digest()))
            self._open = None


def _between(data: pa.Buffer, start: int, stop: int) -> pa.Buffer:
    return data.slice(start, stop - start)


def _tail(read: Callable[[int, int], pa.Buffer], size: int) -> pa.Buffer:
    """The end of a unit with all of its index, as long as it says to be; nothing of it is proven yet."""
    tail = read(max(0, size - TAIL_BYTES), size)
    length = int.from_bytes(tail.slice(max(0, tail.size - LENGTH_BYTES)).to_pybytes(), "little")
    needed = length + CODE_BYTES + LENGTH_BYTES
    return read(size - needed, size) if tail.size < needed <= min(size, MOST_INDEX_BYTES) else tail


def _parts(name: str, data: pa.Buffer) -> tuple[bytes, bytes, int]:
    """Index and code of a unit, and where its streams end; nothing of it is proven yet.

    Raises:
        IntegrityError: It is no unit.
    """
    stop = max(0, data.size - LENGTH_BYTES)
    length = int.from_bytes(data.slice(stop).to_pybytes(), "little")
    first = stop - CODE_BYTES - length
    # The index is read before it is proven: a sparse file of somebody else's may promise any length.
    if first < 0 or length > MOST_INDEX_BYTES:
        raise _no_unit(name)
    index = data.slice(first, stop - CODE_BYTES - first).to_pybytes()
    return index, data.slice(stop - CODE_BYTES, CODE_BYTES).to_pybytes(), first


def _members(name: str, index: bytes, end: int) -> dict[str, Member]:
    """What an index says.

    Raises:
        IntegrityError: It is none, or not all that it says lies before ``end``.
    """
    try:
        said = json.loads(index)
        members = [Member(*item) for item in said["members"]]
        fit = all(0 <= item.start <= item.start + item.size <= end for item in members)
    except (ValueError, KeyError, TypeError) as error:
        raise _no_unit(name) from error
    if not fit or said["format"] != FORMAT:
        raise _no_unit(name)
    return {item.key: item for item in members}


def _no_unit(name: str) -> IntegrityError:
    return IntegrityError(f"work store: {name}: not a unit, or a damaged one", hint=FORGED)
