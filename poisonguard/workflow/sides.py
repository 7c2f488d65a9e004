"""Open one side of a comparison: data that lie somewhere, or a published version whose bytes may be gone.

Rules:

1. What exists as a path, and what looks like a URL or a pattern, is data; everything else is a version.
2. A version is believed only when its manifest is signed by somebody who may publish it.
3. Row digests of a version come from the profile of its last scan or from the cache of row digests; those of a unit
   are used only when they hash to the digest that the signed listing says of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

import numpy as np

from poisonguard.attest.inventory import Inventory
from poisonguard.dataset.chunktree import BLAKE3_TREE, tree_of
from poisonguard.dataset.manifest import Digests
from poisonguard.dataset.opening import Dataset
from poisonguard.domain.dataset import FileEntry, Unit
from poisonguard.domain.difference import Side
from poisonguard.engine.profile import load_profile
from poisonguard.engine.source import DigestColumn
from poisonguard.errors import UnknownVersion
from poisonguard.sketches.digests import RowDigests
from poisonguard.workflow.context import resolve_version, rules_in_force, scanned_profile, standing_of
from poisonguard.workflow.inspect import inspected
from poisonguard.workflow.row_cache import RowCache
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PlacedUnit:
    """A unit and where it is.

    Attributes:
        ordinal: Its number among all units of the version.
        file: Its file's number in the listing.
        entry: Its file.
        unit: The unit.
        start: Number of its first row among all rows of the version.
    """

    ordinal: int
    file: int
    entry: FileEntry
    unit: Unit
    start: int


class UnitRows(Protocol):
    """Row digests by unit."""

    def of(self, placed: PlacedUnit) -> Digests | None:
        """Digests of the unit's rows, shape (rows, 32); nothing when they are not here."""


@dataclass(frozen=True, slots=True)
class OpenSide:
    """One side, opened.

    Attributes:
        name: What the user called it.
        inventory: Its manifest and files.
        rows: Its row digests, as far as they are here.
        dataset: Its data, when they are here.
    """

    name: str
    inventory: Inventory
    rows: UnitRows
    dataset: Dataset | None

    def units(self) -> Iterator[PlacedUnit]:
        """Every unit, in order."""
        ordinal = start = 0
        for file, entry in enumerate(self.inventory.files):
            for unit in entry.units:
                yield PlacedUnit(ordinal, file, entry, unit, start)
                ordinal, start = ordinal + 1, start + unit.rows

    def facts(self) -> Side:
        """The side in numbers."""
        manifest = self.inventory.manifest
        units, formats = 0, set[str]()
        for entry in self.inventory.files:
            units += len(entry.units)
            formats.update([entry.format] if entry.units else [])
        return Side(
            name=self.name,
            version=self.inventory.version,
            files=manifest.file_count,
            size=manifest.size,
            units=units,
            rows=manifest.rows,
            columns=manifest.columns,
            rows_digest=manifest.rows_digest,
            formats=tuple(sorted(formats)),
        )


def is_location(text: str) -> bool:
    """Whether ``text`` names data, not a version."""
    # os.path answers no where Path raises: for a name that is too long.
    return os.path.exists(text) or "://" in text or any(sign in text for sign in "*?[")  # noqa: PTH110 - see above


def open_data(location: str, stack: ExitStack, *, workers: int, like: Inventory | None = None) -> OpenSide:
    """Data that lie somewhere, hashed as the version to compare with was.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
    """
    tree = BLAKE3_TREE if like is None else tree_of(like.manifest.hash_profile)
    found = stack.enter_context(inspected(location, workers=workers, tree=tree))
    return OpenSide(location, found.inventory, _Folded(found.digests), found.dataset)


def open_version(workspace: Workspace, text: str, stack: ExitStack, now: datetime) -> OpenSide:
    """A published version.

    Raises:
        UnknownVersion: There is none, or nobody who may published it.
        IntegrityError: The registry was altered.
    """
    reader = stack.enter_context(workspace.registry.read())
    named = resolve_version(reader, text)
    found = standing_of(reader, named, rules_in_force(workspace, reader, None, now))
    if found is None:
        raise UnknownVersion(
            f"{named.title} was published by nobody who may", hint="See 'poisonguard trust show' for the publishers."
        )
    manifest = found.manifest.document.manifest
    inventory = Inventory(manifest, reader.listing(named.version, manifest))
    cache = _Cached(RowCache(workspace.folder, named.dataset))
    rows = _Checked([cache, _Profile(workspace, named.title, now)])
    return OpenSide(named.title, inventory, rows, None)


class _Profile:
    """Digests of all rows out of the profile of the version's last scan, which is loaded when it is first asked."""

    def __init__(self, workspace: Workspace, title: str, now: datetime) -> None:
        self._workspace = workspace
        self._title = title
        self._now = now

    def of(self, placed: PlacedUnit) -> Digests | None:
        return None if self._digests is None else self._digests.of(placed.start, placed.unit.rows)

    @cached_property
    def _digests(self) -> DigestColumn | None:
        try:
            profiled = scanned_profile(self._workspace, self._title, now=self._now)
        except UnknownVersion:
            return None
        state = load_profile(profiled.profile, self._title).states.get(RowDigests().key)
        return None if state is None else DigestColumn(state)


@dataclass(frozen=True, slots=True)
class _Cached:
    """Digests of the rows of files that were read here before."""

    cache: RowCache

    def of(self, placed: PlacedUnit) -> Digests | None:
        return self.cache.unit(placed.entry.tree_root, placed.unit)


@dataclass(frozen=True, slots=True)
class _Folded:
    """Digests of all rows of a version, in order."""

    digests: DigestColumn | None

    def of(self, placed: PlacedUnit) -> Digests | None:
        if self.digests is None:
            return None
        return self.digests.of(placed.start, placed.unit.rows)


@dataclass(frozen=True, slots=True)
class _Checked:
    """The first of several sources whose digests are those that were signed."""

    sources: list[UnitRows]

    def of(self, placed: PlacedUnit) -> Digests | None:
        for source in self.sources:
            digests = source.of(placed)
            if digests is not None and _hex(digests) == placed.unit.digest:
                return digests
        return None


def _hex(digests: Digests) -> str:
    return hashlib.sha256(np.ascontiguousarray(digests).data).hexdigest()
