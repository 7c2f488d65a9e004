"""Compare the files at a location with what an OMS statement says of them.

Rules:

1. Every file of the statement is there and has the bytes that were signed, to its last one.
2. Every file that is there is in the statement, hidden and empty ones too, or under a path that the statement leaves
   out; those are named. The bundle itself, when it lies in the data, is no part of them (§6.2). A statement in shards
   cannot list an empty file, so every empty file is one that it leaves out.
3. A symbolic link, a special file, a name that is not allowed, a file that changes meanwhile: a mismatch, never a pass,
   also where the statement leaves out and also where it says that links were followed.
4. Names count, though OMS' root digest does not bind them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from poisonguard.attest.oms import SINGLE, Hash, Method, OmsStatement, Piece
from poisonguard.dataset.discover import WORKSPACE, Found, Tree, discover
from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import Handle
from poisonguard.dataset.verify import Mismatch
from poisonguard.errors import DataError, NothingToScan

BUFFER = 1 << 20
BATCH = 4096
"""Files that are handed to the threads at a time."""
MISSING = "missing"
CHANGED = "changed: the bytes differ from what was signed"
UNSIGNED = "not signed"
MOVED = "changed while the data were verified"


class _Hasher(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


HASHERS: dict[Hash, Callable[[], _Hasher]] = {
    Hash.SHA256: hashlib.sha256,
    Hash.BLAKE2B: hashlib.blake2b,
    Hash.BLAKE3: blake3,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and what nobody signed.

    Attributes:
        mismatches: Every difference, sorted by path; none means equal.
        uncovered: Files, and our workspace folder, that the statement leaves out, sorted.
        files: Files that are there and listed.
        size: Their bytes.
    """

    mismatches: tuple[Mismatch, ...]
    uncovered: tuple[str, ...]
    files: int
    size: int


def compare(location: str, statement: OmsStatement, *, bundle: Path, workers: int) -> Comparison:
    """Compare the data at ``location`` with ``statement``, whose bundle is the file ``bundle``."""
    try:
        tree = discover(location)
    except NothingToScan as error:
        found = [Mismatch(shown(location), error.message), *(Mismatch(path, MISSING) for path in statement.files)]
        return Comparison(tuple(found), (), 0, 0)
    except DataError as error:
        return Comparison((Mismatch(shown(location), error.message),), (), 0, 0)
    listed = _listed(tree, statement)
    present = {item.path: item for item in tree.files if item.path != _inside(tree, bundle) or item.path in listed}
    problems = dict.fromkeys(listed.keys() - present.keys(), MISSING)
    extra = [item for item in present.values() if item.path not in listed]
    uncovered = [item.path for item in extra if _is_left_out(item, statement)]
    problems.update(dict.fromkeys({item.path for item in extra} - set(uncovered), UNSIGNED))
    if tree.notes:  # the listing left out our workspace folder
        uncovered += [WORKSPACE] if statement.leaves_out(WORKSPACE) else []
        problems.update({} if statement.leaves_out(WORKSPACE) else {WORKSPACE: UNSIGNED})
    covered = [item for path, item in present.items() if path in listed]
    problems.update(_content_problems(tree, covered, listed, statement.hash_type, workers))
    problems.update(_late_problems(location, tree))
    mismatches = tuple(Mismatch(path, problems[path]) for path in sorted(problems))
    return Comparison(mismatches, tuple(sorted(uncovered)), len(covered), sum(item.size for item in covered))


def _listed(tree: Tree, statement: OmsStatement) -> dict[str, tuple[Piece, ...]]:
    """The statement's files by the paths they have here."""
    if tree.single and statement.files.keys() == {SINGLE}:
        return {tree.files[0].path: statement.files[SINGLE]}
    return statement.files


def _is_left_out(item: Found, statement: OmsStatement) -> bool:
    return statement.leaves_out(item.path) or (statement.method is Method.SHARDS and item.size == 0)


def _inside(tree: Tree, bundle: Path) -> str | None:
    """Path of the bundle in the data, when it lies there."""
    root, file = os.path.realpath(tree.root), os.path.realpath(bundle)
    return os.path.relpath(file, root) if file.startswith(f"{root.rstrip('/')}/") else None


def _content_problems(
    tree: Tree, files: list[Found], listed: dict[str, tuple[Piece, ...]], hash_type: Hash, workers: int
) -> Iterator[tuple[str, str]]:
    """Files whose bytes differ, with what is wrong."""

    def check(item: Found) -> str:
        return _problem(tree, item, listed[item.path], hash_type)

    waiting = iter(files)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        while batch := list(islice(waiting, BATCH)):
            for item, problem in zip(batch, pool.map(check, batch), strict=True):
                if problem:
                    yield item.path, problem


def _problem(tree: Tree, item: Found, pieces: tuple[Piece, ...], hash_type: Hash) -> str:
    """What is wrong with the bytes of one file; empty when nothing is."""
    try:
        handle = tree.storage.open(item.path)
        try:
            before = handle.stamp()
            equal = _has(handle, pieces, hash_type)
            return MOVED if handle.stamp() != before or handle.size != item.size else "" if equal else CHANGED
        finally:
            handle.close()
    except DataError as error:
        return error.message


def _has(handle: Handle, pieces: tuple[Piece, ...], hash_type: Hash) -> bool:
    """Whether the file consists of exactly these pieces; read once, no further than the first that differs."""
    start = 0
    for piece in pieces:
        end = handle.size if piece.end is None else piece.end
        if _digest(handle, start, end, hash_type) != piece.digest:
            return False
        start = end
    return start == handle.size


def _digest(handle: Handle, start: int, end: int, hash_type: Hash) -> str:
    """Hex digest of the bytes from ``start`` to ``end``; empty when the file is shorter."""
    hasher = HASHERS[hash_type]()
    if end > handle.size:
        return ""
    buffer = memoryview(bytearray(min(BUFFER, end - start)))
    for offset in range(start, end, BUFFER):
        part = buffer[: end - offset]
        if handle.read_into(offset, part) != len(part):
            return ""
        hasher.update(part)
    return hasher.hexdigest()


def _late_problems(location: str, tree: Tree) -> dict[str, str]:
    """Files that came, went or were resized while the others were read."""
    try:
        now = discover(location)
    except DataError as error:
        return {shown(location): error.message}
    return {item.path: MOVED for item in set(now.files) ^ set(tree.files)}
