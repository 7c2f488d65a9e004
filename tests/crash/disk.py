"""A disk that loses power: what a trace of system calls may leave behind, by what POSIX promises and no more.

Rules:

1. Data of a file are safe once the file was synced; before, any of its writes may be missing or torn at a sector.
2. A name that was made, moved or removed is safe once its directory was synced; before, any of these may be missing.
3. A rename is one step: never half of it.

Real file systems keep more order than this, and SQLite and our own writes must not need it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from tracing import Call

SECTOR = 512
Choose = Callable[[int], Sequence[int]]
"""How many unsynced steps there are, to which of them the disk kept."""

_FD = re.compile(r"^(\d+)<([^>]*)>")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RESULT = re.compile(r"= (-?\d+)")
_HEX = re.compile(r"\\x([0-9a-f]{2})")


@dataclass
class File:
    """Bytes on the disk, and the changes that are not synced yet."""

    content: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, data), or (length, nothing) for a truncation."""

    def sync(self) -> None:
        """Make everything safe."""
        self.content, self.pending = self.after(range(len(self.pending)), 0), []

    def after(self, kept: Sequence[int], torn: int) -> bytes:
        """What a power cut leaves when ``kept`` changes reached the disk, the last but for ``torn`` sectors."""
        data = bytearray(self.content)
        for number in kept:
            offset, written = self.pending[number]
            if written is None:
                data[:] = data[:offset].ljust(offset, b"\0")
                continue
            whole = written if number != kept[-1] else written[: len(written) - torn * SECTOR]
            data[:] = data.ljust(offset, b"\0")
            data[offset : offset + len(whole)] = whole
        return bytes(data)


@dataclass
class Folder:
    """Names on the disk, and the changes that are not synced yet."""

    names: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[dict[str, File | Folder | None]] = field(default_factory=list)

    @property
    def now(self) -> dict[str, File | Folder]:
        """The names as programs see them."""
        return self.after(range(len(self.pending)))

    def sync(self) -> None:
        """Make everything safe."""
        self.names, self.pending = self.now, []

    def after(self, kept: Sequence[int]) -> dict[str, File | Folder]:
        """The names that a power cut leaves when ``kept`` changes reached the disk."""
        names = dict(self.names)
        for number in kept:
            for name, item in self.pending[number].items():
                if item is None:
                    names.pop(name, None)
                else:
                    names[name] = item
        return names


class Disk:
    """A folder and everything in it, fed with the calls of a trace."""

    def __init__(self, folder: Path) -> None:
        self.top = folder
        self.root = _loaded(folder)
        self._places: dict[int, int] = {}

    def feed(self, call: Call) -> None:
        """Do what the call did, if it succeeded and was about this folder."""
        result = _RESULT.search(call.text.rpartition(")")[2])
        if result is None or int(result[1]) < 0:
            return
        handler = getattr(self, f"_{call.name}", None)
        if handler is not None:
            handler(call.text, int(result[1]))

    def states(self, rng: random.Random, count: int) -> Iterator[Disk]:
        """What a power cut may leave now: nothing unsynced, everything, and ``count`` random mixtures."""
        yield self._cut(lambda _steps: (), rng, torn=False)
        yield self._cut(range, rng, torn=False)
        for _ in range(count):
            likelihood = rng.random()
            yield self._cut(lambda steps: _some(rng, steps, likelihood), rng, torn=True)  # noqa: B023 # called at once

    def write(self, to: Path) -> None:
        """Put everything that is safe into a real folder."""
        _written(self.root, to)

    @property
    def unsynced(self) -> int:
        """How many changes a power cut may take."""
        return sum(len(item.pending) for item in _items(self.root))

    def _cut(self, choose: Choose, rng: random.Random, *, torn: bool) -> Disk:
        left = deepcopy(self)
        _lose(left.root, choose, rng, torn=torn)
        return left

    # System calls

    def _openat(self, text: str, descriptor: int) -> None:
        self._places[descriptor] = 0
        name = _strings(text)[0]
        found = self._find(name)
        if found is None:
            return
        folder, last = found
        if "O_CREAT" in text and last not in folder.now:
            folder.pending.append({last: File()})
        if "O_TRUNC" in text and isinstance(item := folder.now.get(last), File):
            item.pending.append((0, None))

    def _write(self, text: str, count: int) -> None:
        descriptor = int(text.partition("<")[0])
        place = self._places.get(descriptor, 0)
        self._places[descriptor] = place + count
        self._put(text, place, count)

    def _pwrite64(self, text: str, count: int) -> None:
        self._put(text, int(text.rpartition(")")[0].rpartition(",")[2]), count)

    def _put(self, text: str, place: int, count: int) -> None:
        item = self._open_item(text)
        if isinstance(item, File):
            data = _bytes(_STRING.findall(text)[0])
            assert len(data) >= count, "strace cut the data short"
            item.pending.append((place, data[:count]))

    def _ftruncate(self, text: str, _result: int) -> None:
        item = self._open_item(text)
        if isinstance(item, File):
            item.pending.append((int(text.rpartition(")")[0].rpartition(",")[2]), None))

    def _fsync(self, text: str, _result: int) -> None:
        item = self._open_item(text)
        if item is not None:
            item.sync()

    _fdatasync = _fsync

    def _unlink(self, text: str, _result: int) -> None:
        found = self._find(_strings(text)[0])
        if found is not None:
            found[0].pending.append({found[1]: None})

    def _rename(self, text: str, _result: int) -> None:
        old, new = (self._find(name) for name in _strings(text)[:2])
        if old is None and new is None:
            return
        assert old is not None, text
        assert new is not None, text
        assert old[0] is new[0], "a rename within one folder"
        old[0].pending.append({new[1]: old[0].now[old[1]], old[1]: None})

    def _mkdir(self, text: str, _result: int) -> None:
        found = self._find(_strings(text)[0])
        if found is not None:
            found[0].pending.append({found[1]: Folder()})

    # Names

    def _find(self, name: str) -> tuple[Folder, str] | None:
        """The folder of a path, and its last part; nothing for what lies elsewhere."""
        path = Path(name) if name.startswith("/") else self.top / name
        if path == self.top or not path.is_relative_to(self.top):
            return None
        folder = self.root
        *above, last = path.relative_to(self.top).parts
        for part in above:
            below = folder.now[part]
            assert isinstance(below, Folder), name
            folder = below
        return folder, last

    def _open_item(self, text: str) -> File | Folder | None:
        held = _FD.match(text)
        assert held is not None, text
        name = _bytes(held[2]).decode()
        if name == str(self.top):
            return self.root
        found = self._find(name) if name.startswith("/") else None
        return None if found is None else found[0].now.get(found[1])


def _lose(folder: Folder, choose: Choose, rng: random.Random, *, torn: bool) -> None:
    folder.names, folder.pending = folder.after(choose(len(folder.pending))), []
    for item in folder.names.values():
        if isinstance(item, Folder):
            _lose(item, choose, rng, torn=torn)
        else:
            kept = choose(len(item.pending))
            item.content = item.after(kept, rng.randrange(9) if torn and rng.random() < 0.3 else 0)
            item.pending = []


def _some(rng: random.Random, steps: int, likelihood: float) -> Sequence[int]:
    return [number for number in range(steps) if rng.random() < likelihood]


def _items(folder: Folder) -> Iterator[File | Folder]:
    yield folder
    for item in folder.now.values():
        if isinstance(item, Folder):
            yield from _items(item)
        else:
            yield item


def _loaded(folder: Path) -> Folder:
    names: dict[str, File | Folder] = {}
    for path in folder.iterdir():
        names[path.name] = _loaded(path) if path.is_dir() else File(path.read_bytes())
    return Folder(names)


def _written(folder: Folder, to: Path) -> None:
    to.mkdir()
    for name, item in folder.names.items():
        if isinstance(item, Folder):
            _written(item, to / name)
        else:
            (to / name).write_bytes(item.content)
            (to / name).chmod(0o600 if name.endswith(".key") else 0o644)


def _strings(text: str) -> list[str]:
    return [_bytes(item).decode() for item in _STRING.findall(text)]


def _bytes(text: str) -> bytes:
    """What strace wrote in hexadecimal; anything else as it stands."""
    if "\\x" not in text:
        return text.encode()
    return bytes.fromhex("".join(_HEX.findall(text)))
