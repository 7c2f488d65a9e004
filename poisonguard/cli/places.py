"""Where a command may write: never over what it judges, reads, or signs with.

Rules, checked before the work:

1. An output does not lie in the data, and is no data file itself: writing it would change what was judged.
2. It is none of the files that the command reads, and no other output of the same command.
3. It is no key that exists, private or public, and does not lie in a workspace's own folder.
4. Standard output (``-``), devices and pipes are nobody's files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from poisonguard.errors import UsageError

ELSEWHERE = "Write it to another file."
_LONGEST_KEY = 64 * 1024
_KEY_KINDS = (b'"kind":"poisonguard-private-key/', b'"kind":"poisonguard-key-reference/')


def check_outputs(
    outputs: Sequence[str | Path | None],
    *,
    data: Sequence[str | None] = (),
    inputs: Sequence[str | Path | None] = (),
) -> None:
    """Refuse outputs that would change what the command is about.

    Args:
        outputs: Files to be written; ``-`` is standard output, nothing is no file.
        data: Paths, patterns or URLs of data.
        inputs: Files that are read; what is no file (a URL, a pin) is in nobody's way.

    Raises:
        UsageError: A rule of this module is broken.
    """
    taken: list[Path] = []
    for output in outputs:
        if output is None or output == "-" or _is_device(output):
            continue
        path = Path(output)
        for place in data:
            _check_data(path, place)
        _check_files(path, [Path(item) for item in inputs if item is not None], "is read by this command")
        _check_files(path, taken, "is to be written twice")
        _check_protected(path)
        taken.append(path)


def _check_data(path: Path, data: str | None) -> None:
    from poisonguard.dataset.discover import local_path  # noqa: PLC0415 - loaded when something is written
    from poisonguard.workflow.folder import in_data, working_directory  # noqa: PLC0415 - as above

    root, here = local_path(data) if data else None, working_directory()
    if root is None or "\0" in root:
        return
    if _same(path, here / root) or any(in_data(item, data, here) for item in _places(path)):
        raise UsageError(f"{path} lies in the data, which it would change", hint="Write it beside the data.")


def _check_files(path: Path, others: Sequence[Path], why: str) -> None:
    if any(_same(path, other) for other in others):
        raise UsageError(f"{path} {why}", hint=ELSEWHERE)


def _check_protected(path: Path) -> None:
    from poisonguard.workflow.folder import FOLDER  # noqa: PLC0415 - loaded when something is written

    if any(FOLDER in place.parts for place in _places(path)):
        raise UsageError(f"{path} lies in {FOLDER}, which is the workspace's own", hint=ELSEWHERE)
    if path.is_file() and _is_key(path):
        raise UsageError(f"{path} is a key, and keys are never overwritten", hint=ELSEWHERE)


def _places(path: Path) -> Iterator[Path]:
    """The name itself and the file that it leads to: one of them is replaced."""
    yield Path(os.path.realpath(path.parent)) / path.name
    yield Path(os.path.realpath(path))


def _same(path: Path, other: Path) -> bool:
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there yet, so they are two
        return False


def _is_device(path: str | Path) -> bool:
    there = Path(path)
    return there.exists() and not there.is_file() and not there.is_dir()


def _is_key(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LONGEST_KEY)
    except OSError as error:
        raise UsageError(f"{path} cannot be told from a key: {error.strerror}", hint=ELSEWHERE) from error
    return data.lstrip().startswith(b"-----BEGIN") or any(kind in data for kind in _KEY_KINDS)
