"""Where downloads, tables, cases and results are kept: one folder per kind, named by what made them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "POISONGUARD_BENCHMARK_CACHE"
HERE = Path(__file__).parent
PROJECT = HERE.parent.parent


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder that may be deleted at any time."""

    root: Path

    def folder(self, *names: str) -> Path:
        """The folder ``names`` below the root, made when missing."""
        path = self.root.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path


def default_cache() -> Cache:
    """The cache that the environment names, else one in the user's cache folder."""
    named = os.environ.get(VARIABLE)
    return Cache(Path(named) if named else Path.home() / ".cache" / "poisonguard-benchmark")


def digest_of(*parts: Any) -> str:
    """Short digest of JSON-like values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_digest(paths: Iterable[Path]) -> str:
    """Short digest of source files: what they say, wherever they stand."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def write_json(path: Path, value: Any) -> None:
    """Write ``value``; the file appears complete or not at all."""
    part = path.with_name(path.name + f".{os.getpid()}")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(path)
