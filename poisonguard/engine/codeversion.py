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
import zoneinfo
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from poisonguard.errors import InternalError
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows

PACKAGES = ("dataset", "domain", "engine", "kernels", "sketches")
LIBRARIES = (
    "blake3",
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "pillow",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "tzdata",
)
"""What reads, hashes and counts rows, here and on the nodes of a cluster. Some are optional: to be without one must be
the same, too."""
JUDGING_PACKAGES = ("attest", "detectors", "embedders", "plugin", "policy", "store", "workflow")
"""What judges, or decides what it is given, beside what folds."""
JUDGING_LIBRARIES = (
    "great-expectations",
    "joblib",
    "model2vec",
    "onnxruntime",
    "pydantic",
    "sentence-transformers",
    "threadpoolctl",
    "tokenizers",
    "torch",
    "transformers",
)
MISSING = "not installed"
COVERED = "poisonguard.sketches."


@cache
def code_version() -> str:
    """32 hex digits for the code of this process."""
    return version_of(Path(__file__).parents[1])


@cache
def judging_version() -> str:
    """The same, for what judges, too."""
    package = Path(__file__).parents[1]
    return version_of(package, (*PACKAGES, *JUDGING_PACKAGES), (*LIBRARIES, *JUDGING_LIBRARIES))


def version_of(package: Path, folders: Sequence[str] = PACKAGES, names: Sequence[str] = LIBRARIES) -> str:
    """The digest over folders of a package and this interpreter's libraries.

    Raises:
        InternalError: The folder holds no source.
    """
    digest = hashlib.sha256()
    for line in (sys.version, platform.machine(), *(f"{name} {version}" for name, version in libraries(names))):
        digest.update(f"{line}\n".encode())
    files = [path for name in folders for path in sorted((package / name).rglob("*")) if _counts(path)]
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


def libraries(names: Sequence[str] = LIBRARIES) -> Iterator[tuple[str, str]]:
    """Name and version of each library, and of the system's time zones: local times are read by them."""
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, MISSING
    yield "time zones", zone_rules(zoneinfo.TZPATH)


def zone_rules(places: Iterable[str]) -> str:
    """Version of the first zone rules in ``places``; a digest of all of them where they name none."""
    for place in map(Path, places):
        if not place.is_dir():
            continue
        for named in (place / "tzdata.zi", place / "+VERSION"):
            if named.is_file():
                with named.open(encoding="ascii", errors="replace") as file:
                    return file.readline(80).strip()
        digest = hashlib.sha256()
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(place)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()[:16]
    return MISSING
