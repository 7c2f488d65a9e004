"""Compare the bytes at a location with a manifest; the gate's last step.

Rules:

1. Every file of the manifest is there, with the same size and chunk tree.
2. Every file that is there is in the manifest, hidden and empty ones too; and so that nothing hides in it, no
   ``.poisonguard/`` lies in the data, which a listing would leave out.
3. A location that cannot be listed or read is a mismatch, never a pass; all mismatches are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poisonguard.dataset.discover import WORKSPACE, Found, Tree, discover
from poisonguard.dataset.hashing import FileDigests, hash_files
from poisonguard.dataset.names import shown
from poisonguard.domain.dataset import FileEntry
from poisonguard.errors import DataError, NothingToScan


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between the data and the manifest."""

    path: str
    problem: str


def verify_files(location: str, files: Sequence[FileEntry], *, workers: int = 2) -> tuple[Mismatch, ...]:
    """Every difference between the files at ``location`` and the manifest's, sorted by path; none means equal."""
    if not files:
        return (Mismatch(shown(location), "the manifest lists no files"),)
    try:
        tree = discover(location)
    except NothingToScan as error:
        return (Mismatch(shown(location), error.message), *(Mismatch(item.path, "missing") for item in files))
    except DataError as error:
        return (Mismatch(shown(location), error.message),)
    problems = _listing_problems(tree.files, files)
    problems.update(_content_problems(tree, [item for item in files if item.path not in problems], workers))
    problems.update(_late_problems(location, tree))
    if tree.notes:
        problems[WORKSPACE] = (
            "not in the approved version, and a scan leaves it out: move the workspace out of the data"
        )
    return tuple(Mismatch(path, problems[path]) for path in sorted(problems))


def _listing_problems(found: Sequence[Found], files: Sequence[FileEntry]) -> dict[str, str]:
    """Missing, extra and resized files, by path."""
    sizes = {item.path: item.size for item in found}
    problems = dict.fromkeys(sizes.keys() - {item.path for item in files}, "not in the approved version")
    for entry in files:
        if entry.path not in sizes:
            problems[entry.path] = "missing"
        elif sizes[entry.path] != entry.size:
            problems[entry.path] = f"changed: {sizes[entry.path]} bytes, approved were {entry.size}"
    return problems


def _content_problems(tree: Tree, entries: Sequence[FileEntry], workers: int) -> dict[str, str]:
    """Files whose bytes differ, by path."""
    problems: dict[str, str] = {}
    wanted = [(entry.path, entry.size) for entry in entries]
    results = hash_files(tree.storage, wanted, workers=workers, sha256=False)
    for entry, result in zip(entries, results, strict=True):
        if not isinstance(result, FileDigests):
            problems[entry.path] = result.message
        elif (result.size, result.tree_root) != (entry.size, entry.tree_root):
            problems[entry.path] = "changed: the bytes differ from the approved version"
    return problems


def _late_problems(location: str, tree: Tree) -> dict[str, str]:
    """Files that came, went or were resized while the others were read."""
    try:
        now = discover(location)
    except DataError as error:
        return {shown(location): error.message}
    changed = set(now.files) ^ set(tree.files)
    return {item.path: "changed while the data were verified" for item in changed}
