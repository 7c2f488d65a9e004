"""Compare the rows of two versions by digest, in bounded memory.

Units (row groups, blocks) of equal digests cancel first: their rows are the same, in the same order, and are never
looked at. What is left is a difference of multisets of row digests, which is exact: a row of which one side has two
more copies is two rows. Of the rows that are left over, those of one key on both sides are changed rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.dataset.manifest import Digests
from poisonguard.dataset.matching import DIGEST, Matching, Records, placed
from poisonguard.dataset.opening import Dataset
from poisonguard.dataset.partitions import Batch, Partition
from poisonguard.dataset.rows import row_digests
from poisonguard.domain.difference import Change, RowDifferences, RowPlace, RowsNotCompared, UnitDifferences
from poisonguard.kernels.heaps import Heaps
from poisonguard.workflow.sides import OpenSide, PlacedUnit

MOST_EXAMPLES = 5
"""Rows of each kind whose places are told."""
GROUP = 4096
UNIT = np.dtype([(DIGEST, "V32"), ("place", "<i8"), ("rows", "<i8")])
ROW = np.dtype([(DIGEST, "V32"), ("place", "<i8"), ("key", "V32")])

Ordinals = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class UnitsLeft:
    """Which units of each side did not cancel, by their ordinal."""

    before: Ordinals
    after: Ordinals
    counts: UnitDifferences


def cancel_units(before: OpenSide, after: OpenSide, *, many: tuple[int, int]) -> UnitsLeft:
    """Cancel the units that both sides have; ``many`` says how many each of them has."""
    left = [np.zeros(count, dtype=np.bool_) for count in many]
    total = dict.fromkeys(("same", "added", "removed", "same_rows", "added_rows", "removed_rows"), 0)
    with Matching(UNIT) as matching:
        _add_units(matching.before, before)
        _add_units(matching.after, after)
        for found in matching:
            left[0][found.only_before["place"]] = True
            left[1][found.only_after["place"]] = True
            for name, units in (("same", found.after), ("added", found.only_after), ("removed", found.only_before)):
                total[name] += len(units)
                total[f"{name}_rows"] += int(units["rows"].sum())
    return UnitsLeft(left[0], left[1], UnitDifferences(**total))


def compare_rows(
    before: OpenSide, after: OpenSide, left: UnitsLeft, *, key: str | None, without_key: str
) -> RowDifferences | RowsNotCompared:
    """Rows that differ.

    Args:
        before: The one side.
        after: The other.
        left: The units to look at.
        key: Column that tells which rows are the same thing, which both sides have and whose data are here.
        without_key: Why there is no key.
    """
    counts = left.counts
    if not (counts.added and counts.removed):
        # One side is left over as a whole: nothing of it can match.
        examples = {
            Change.ADDED: _places(after, _first_rows(after, left.after)),
            Change.REMOVED: _places(before, _first_rows(before, left.before)),
            Change.CHANGED: (),
        }
        return RowDifferences(counts.same_rows, counts.added_rows, counts.removed_rows, 0, key, "", examples)
    with Matching(ROW) as matching:
        for heaps, side, chosen in ((matching.before, before, left.before), (matching.after, after, left.after)):
            if not _add_rows(heaps, side, chosen, key):
                return RowsNotCompared(f"the data of {side.name} are not here; give the path of its data")
        return _matched(matching, before, after, counts.same_rows, key, without_key)


def _matched(  # noqa: PLR0913, PLR0917 - what the result is made of
    matching: Matching, before: OpenSide, after: OpenSide, same: int, key: str | None, without_key: str
) -> RowDifferences:
    gone, new, changed = _First(), _First(), _First()
    with Matching() as keyed:
        for found in matching:
            same += len(found.after)
            if key is None:
                gone.add(found.only_before["place"])
                new.add(found.only_after["place"])
            else:
                keyed.before.add(_by_key(found.only_before))
                keyed.after.add(_by_key(found.only_after))
        for pair in keyed:
            changed.add(pair.after["place"])
            gone.add(pair.only_before["place"])
            new.add(pair.only_after["place"])
    examples = {
        Change.ADDED: _places(after, new.places),
        Change.REMOVED: _places(before, gone.places),
        Change.CHANGED: _places(after, changed.places),
    }
    number = None if key is None else changed.count
    return RowDifferences(same, new.count, gone.count, number, key, without_key, examples)


def _add_units(heaps: Heaps, side: OpenSide) -> None:
    held: list[PlacedUnit] = []
    for item in side.units():
        held.append(item)
        if len(held) == GROUP:
            heaps.add(_unit_records(held))
            held = []
    heaps.add(_unit_records(held))


def _unit_records(units: list[PlacedUnit]) -> Records:
    records = np.empty(len(units), dtype=UNIT)
    digests = b"".join(bytes.fromhex(item.unit.digest) for item in units)
    records[DIGEST] = np.frombuffer(digests, dtype="V32")
    records["place"] = [item.ordinal for item in units]
    records["rows"] = [item.unit.rows for item in units]
    return records


def _add_rows(heaps: Heaps, side: OpenSide, chosen: Ordinals, key: str | None) -> bool:
    """Add the rows of the chosen units; whether all of them are here."""
    if key is not None and side.dataset is not None:
        for start, digests, keys in _keyed(side, side.dataset, chosen, key):
            heaps.add(_row_records(digests, start, keys))
        return True
    for item in side.units():
        if chosen[item.ordinal]:
            found = side.rows.of(item)
            if found is None:
                return False
            heaps.add(_row_records(found, item.start, np.zeros_like(found)))
    return True


def _row_records(digests: Digests, start: int, keys: Digests) -> Records:
    records = np.empty(len(digests), dtype=ROW)
    records[DIGEST] = np.ascontiguousarray(digests).view("V32").ravel()
    records["place"] = np.arange(start, start + len(digests))
    records["key"] = np.ascontiguousarray(keys).view("V32").ravel()
    return records


def _by_key(records: Records) -> Records:
    return placed(np.ascontiguousarray(records["key"]).view(np.uint8).reshape(-1, 32), records["place"])


def _keyed(side: OpenSide, dataset: Dataset, chosen: Ordinals, key: str) -> Iterator[tuple[int, Digests, Digests]]:
    """Row digests and key digests of the rows of the chosen units, with the number of the first row.

    The key column alone is read, in blocks of its own, which are cut along the units.
    """
    for file, units in groupby(side.units(), lambda item: item.file):
        wanted = [item for item in units if chosen[item.ordinal]]
        for batch in _batches(dataset, dataset.partitions_of(file), wanted, key):
            keys, present = row_digests(batch.table), _present(batch.table.column(0))
            for item in wanted:
                rows = _rows_in_common(item, batch.first_row, len(keys))
                digests = side.rows.of(item) if rows else None
                if digests is not None:
                    start = rows.start - item.unit.first_row
                    own = digests[start : start + len(rows)]
                    read = slice(rows.start - batch.first_row, rows.stop - batch.first_row)
                    # A row without a key is like no other: it gets its own digest for a key.
                    yield item.start + start, own, np.where(present[read, None], keys[read], own)


def _batches(dataset: Dataset, parts: Iterable[Partition], wanted: Sequence[PlacedUnit], key: str) -> Iterator[Batch]:
    """The key column of those partitions of a file that hold rows of the units wanted."""
    for part in parts:
        if any(_rows_in_common(item, part.first_row, part.rows) for item in wanted):
            yield from dataset.read(part, [key])


def _present(column: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _rows_in_common(item: PlacedUnit, first: int, rows: int | None) -> range:
    """Rows of the file that are in the unit and among the ``rows`` from ``first``; nothing means to the end."""
    last = item.unit.first_row + item.unit.rows
    return range(max(first, item.unit.first_row), last if rows is None else min(last, first + rows))


class _First:
    """Counts rows, and keeps the places of the first."""

    def __init__(self) -> None:
        self.count = 0
        self.places: list[int] = []

    def add(self, places: npt.NDArray[np.int64]) -> None:
        """Add rows by their number."""
        self.count += len(places)
        self.places = sorted([*self.places, *np.sort(places)[:MOST_EXAMPLES].tolist()])[:MOST_EXAMPLES]


def _first_rows(side: OpenSide, chosen: Ordinals) -> list[int]:
    rows = (item.start + row for item in side.units() if chosen[item.ordinal] for row in range(item.unit.rows))
    return list(islice(rows, MOST_EXAMPLES))


def _places(side: OpenSide, rows: list[int]) -> tuple[RowPlace, ...]:
    """Where rows are, by their ascending numbers among all rows."""
    places: list[RowPlace] = []
    start = 0
    for entry in side.inventory.files:
        while len(places) < len(rows) and rows[len(places)] < start + entry.rows:
            places.append(RowPlace(entry.path, rows[len(places)] - start))
        if len(places) == len(rows):
            break
        start += entry.rows
    return tuple(places)
