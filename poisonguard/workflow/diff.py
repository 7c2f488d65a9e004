"""Compare two versions, or data that lie somewhere, file by file, row group by row group, row by row.

Rules:

1. Equal means equal bytes of a file, or equal digests of a row or of a run of rows; nothing is sampled.
2. What cannot be compared, because the rows are not here, is said, never counted as zero.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from poisonguard.dataset.opening import Dataset
from poisonguard.dataset.roles import infer_roles
from poisonguard.domain.dataset import Column
from poisonguard.domain.difference import (
    Change,
    ColumnDifference,
    Difference,
    RowDifferences,
    RowPlace,
    RowsNotCompared,
    SchemaDifference,
    Side,
)
from poisonguard.domain.roles import Role
from poisonguard.errors import UsageError
from poisonguard.workflow.diff_files import compare_files
from poisonguard.workflow.diff_rows import cancel_units, compare_rows
from poisonguard.workflow.settings import find_settings, load_settings, overrides
from poisonguard.workflow.sides import OpenSide, is_location, open_data, open_version
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """What to compare.

    Attributes:
        before: A path, or a version: ``NAME@N``, ``NAME`` or ``pg1:...``.
        after: The same.
        key: Column that tells which rows are the same thing; the one with the role ``id`` when not given.
        workers: Threads.
    """

    before: str
    after: str
    key: str | None = None
    workers: int = 2


def diff(request: DiffRequest, now: datetime) -> Difference:
    """Everything that differs between the two.

    Raises:
        DataError: Data are not there or not readable as what they declare to be.
        UnknownVersion: There is no such version, or nobody who may published it.
        UsageError: There is no such key, or no workspace to find a version in.
    """
    with ExitStack() as stack:
        before, after = _open(request, stack, now)
        sides = before.facts(), after.facts()
        left = cancel_units(before, after, many=(sides[0].units, sides[1].units))
        rows: RowDifferences | RowsNotCompared
        key, without_key = _key(request.key, before, after)
        if sides[0].rows_digest == sides[1].rows_digest:
            rows = _same_rows(sides[0].rows, key)
        else:
            rows = compare_rows(before, after, left, key=key, without_key=without_key)
        files = compare_files(before.inventory.files, after.inventory.files)
        return Difference(*sides, files, left.counts, rows, _schema(*sides))


def _open(request: DiffRequest, stack: ExitStack, now: datetime) -> tuple[OpenSide, OpenSide]:
    texts = (request.before, request.after)
    versions = {text: _version(text, texts, stack, now) for text in dict.fromkeys(texts) if not is_location(text)}
    like = next((side.inventory for side in versions.values()), None)
    before, after = (versions.get(text) or open_data(text, stack, workers=request.workers, like=like) for text in texts)
    return before, after


def _version(text: str, texts: tuple[str, str], stack: ExitStack, now: datetime) -> OpenSide:
    data = next((item for item in texts if is_location(item)), None)
    return open_version(stack.enter_context(Workspace.required(data=data)), text, stack, now)


def _same_rows(rows: int, key: str | None) -> RowDifferences:
    nowhere: dict[Change, tuple[RowPlace, ...]] = dict.fromkeys((Change.ADDED, Change.REMOVED, Change.CHANGED), ())
    return RowDifferences(rows, 0, 0, 0, key, "", nowhere)


def _key(wanted: str | None, before: OpenSide, after: OpenSide) -> tuple[str | None, str]:
    """The column that tells which rows are the same thing; or why there is none."""
    held = [{column.name for column in side.inventory.manifest.columns} for side in (before, after)]
    if wanted is not None:
        for side, names in zip((before, after), held, strict=True):
            if wanted not in names:
                raise UsageError(f"{side.name} has no column {wanted!r}", hint=f"It has: {', '.join(sorted(names))}.")
    absent = [side.name for side in (before, after) if side.dataset is None]
    if absent:
        return None, f"the data of {absent[0]} are not here, so changed rows count as removed and added"
    if wanted is not None:
        return wanted, ""
    inferred = (
        _id_column(after.name, after.dataset) if after.dataset is not None and after.dataset.files.tables else None
    )
    if inferred is None or inferred not in held[0]:
        return None, "no column has the role id, so changed rows count as removed and added; name one with --key"
    return inferred, ""


def _id_column(location: str, dataset: Dataset) -> str | None:
    if not dataset.columns:
        return None
    own = load_settings(find_settings(location)).of(dataset.name)
    known = {column.name for column in dataset.columns}
    chosen = {name: role for name, role in overrides(own.columns, ()).items() if name in known}
    return infer_roles(dataset.columns, dataset.peek(), chosen).first(Role.ID)


def _schema(before: Side, after: Side) -> SchemaDifference:
    then, now = _by_name(before), _by_name(after)
    both = [name for name in then if name in now]
    names = [*then, *(name for name in now if name not in then)]
    columns = tuple(
        ColumnDifference(name, then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)
    )
    return SchemaDifference(columns, both != [name for name in now if name in then])


def _by_name(side: Side) -> dict[str, Column]:
    return {column.name: column for column in side.columns}
