"""Compare the bytes at a location with a manifest; the gate's last step.

Rules:

1. Every file of the manifest is there, with the same size and chunk tree.
2. Every file that is there is in the manifest, hidden and empty ones too; and so that nothing hides in it, no
   ``.poisonguard/`` lies in the data, which a listing would leave out.
3. A location that cannot be listed or read is a mismatch, never a pass.
4. All mismatches are counted; the first by path are named, so that memory does not grow with them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.discover import WORKSPACE, Tree, changed_paths, discover
from poisonguard.dataset.hashing import FileDigests, Hashing, hash_files
from poisonguard.dataset.names import shown
from poisonguard.dataset.pairing import pairs
from poisonguard.domain.dataset import FileEntry
from poisonguard.domain.wording import count
from poisonguard.errors import DataError, NothingToScan

MOST_NAMED = 1000
"""Mismatches that are named; as many as the gate tells."""

Files = Iterable[tuple[FileEntry, bytes]]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between the data and the manifest."""

    path: str
    problem: str


class Mismatches(Sequence[Mismatch]):
    """All that differs: as long as there are differences, but only the first ``MOST_NAMED`` by path are held."""

    def __init__(self, named: Sequence[Mismatch], count: int) -> None:
        self._named = tuple(named)
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Mismatch: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Mismatch, ...]: ...
    def __getitem__(self, index: int | slice) -> Mismatch | tuple[Mismatch, ...]:
        return self._named[index]


def verify_files(location: str, files: Files, *, tree: ChunkTree, workers: int = 2, content: bool = True) -> Mismatches:
    """Every difference between the files at ``location`` and those approved; none means equal.

    Args:
        location: Where the data are.
        files: Approved files in order of their paths, each with the leaves of its chunk tree, which may be left out
            (empty) for a file of one chunk. Errors of this iterator are passed on.
        tree: How the approved files were hashed.
        workers: Threads.
        content: Whether the bytes are read; otherwise names and sizes are compared, and whoever reads must check.
    """
    problems = _Problems()
    try:
        listed = discover(location)
    except DataError as error:
        problems.add(shown(location), error.message)
        if isinstance(error, NothingToScan):
            for entry, _ in files:
                problems.add(entry.path, "missing")
        return problems.mismatches()
    comparison = _Comparison(listed, tree, problems)
    if content:
        comparison.run(files, workers)
    else:
        comparison.run_names(files)
    for path, problem in _late_problems(location, listed):
        problems.add(path, problem)
    if listed.notes:
        problems.add(
            WORKSPACE, "not in the approved version, and a scan leaves it out: move the workspace out of the data"
        )
    return problems.mismatches()


class _Problems:
    """The first problems by path, and how many more there are."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._unnamed = 0

    def add(self, path: str, problem: str) -> None:
        """Note a problem; a later one of the same path replaces an earlier one."""
        self._first[path] = problem
        if len(self._first) > 2 * MOST_NAMED:
            self._shorten()

    def mismatches(self) -> Mismatches:
        """All that was noted."""
        self._shorten()
        named = [Mismatch(path, problem) for path, problem in self._first.items()]
        return Mismatches(named, len(named) + self._unnamed)

    def _shorten(self) -> None:
        ordered = sorted(self._first.items())
        self._first = dict(ordered[:MOST_NAMED])
        self._unnamed += len(ordered[MOST_NAMED:])


@dataclass(frozen=True, slots=True)
class _Approved:
    entry: FileEntry
    leaves: bytes

    @property
    def path(self) -> str:
        return self.entry.path


class _Comparison:
    """Two sorted lists side by side; what is in both is hashed as the comparison goes on."""

    def __init__(self, listed: Tree, tree: ChunkTree, problems: _Problems) -> None:
        self._listed = listed
        self._hashing = Hashing(sha256=False, tree=tree)
        self._problems = problems
        self._waiting: deque[_Approved] = deque()
        self._approved = 0

    def run(self, files: Files, workers: int) -> None:
        """Note every problem."""
        hashed = hash_files(self._listed.storage, self._to_hash(files), self._hashing, workers=workers)
        for result in hashed:
            self._check(self._waiting.popleft(), result)
        self._refuse_nothing()

    def run_names(self, files: Files) -> None:
        """Note the problems that show without reading."""
        for _ in self._to_hash(files):
            self._waiting.clear()
        self._refuse_nothing()

    def _refuse_nothing(self) -> None:
        if not self._approved:
            self._problems.add(shown(self._listed.root), "the approved version lists no files")

    def _to_hash(self, files: Files) -> Iterator[tuple[str, int]]:
        approved = (_Approved(entry, leaves) for entry, leaves in files)
        for path, wanted, here in pairs(approved, self._listed.files):
            self._approved += wanted is not None
            if wanted is None:
                self._problems.add(path, "not in the approved version")
            elif here is None:
                self._problems.add(path, "missing")
            elif here.size != wanted.entry.size:
                self._problems.add(path, f"changed: {count(here.size, 'byte')}, approved were {wanted.entry.size:,}")
            else:
                self._waiting.append(wanted)
                yield path, here.size

    def _check(self, approved: _Approved, result: FileDigests | DataError) -> None:
        entry, leaves = approved.entry, approved.leaves
        if not isinstance(result, FileDigests):
            self._problems.add(entry.path, result.message)
        elif (result.size, result.tree_root) != (entry.size, entry.tree_root):
            self._problems.add(entry.path, "changed: the bytes differ from the approved version")
        elif leaves and leaves != result.leaves:
            self._problems.add(entry.path, "the listing holds other chunk leaves than the file has")


def _late_problems(location: str, tree: Tree) -> Iterator[tuple[str, str]]:
    """Files that came, went or were resized while the others were read."""
    try:
        for path in changed_paths(tree):
            yield path, "changed while the data were verified"
    except DataError as error:
        yield shown(location), error.message
