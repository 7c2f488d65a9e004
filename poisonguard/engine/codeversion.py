"""What code makes a state: a digest that changes when anything changes that can alter one.

It is taken over every file of the packages that read, hash and fold, and over the versions of the libraries that they
are built on. It is coarse on purpose: a comment that changes costs one more fold, a change that is missed costs a
wrong result. Sketches of other distributions are not covered, so their states are never kept.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from poisonguard.errors import InternalError
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows

PACKAGES = ("dataset", "domain", "engine", "kernels", "sketches")
LIBRARIES = ("blake3", "llvmlite", "numba", "numpy", "pillow", "pyarrow", "scipy")
COVERED = "poisonguard.sketches."


@cache
def code_version() -> str:
    """32 hex digits for the code of this process."""
    return version_of(Path(__file__).parents[1])


def version_of(package: Path) -> str:
    """The digest over a package's folder and this interpreter's libraries.

    Raises:
        InternalError: The folder holds no source.
    """
    digest = hashlib.sha256()
    for line in (sys.version, platform.machine(), *_libraries()):
        digest.update(f"{line}\n".encode())
    files = [path for name in PACKAGES for path in sorted((package / name).rglob("*")) if _counts(path)]
    if not files:
        raise InternalError("the code of the sketches is not to be found", hint="Scan with --no-cache.")
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(package).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:32]


def is_covered(sketch: Sketch) -> bool:
    """Whether the version says everything about the code of this sketch."""
    inner = sketch.inner if isinstance(sketch, NewRows) else sketch
    return type(inner).__module__.startswith(COVERED)


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".pyc", ".nbi", ".nbc"}


def _libraries() -> Iterator[str]:
    for name in LIBRARIES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"{name} -"
