"""How far a column has come over the approved versions: from each of them to the candidate, and from each to the next.

Versions are compared as far as their kept profiles go: numbers by what is counted of them in bins, categories where
every value is counted, every column by its share of absent values. A version is read once, laid beside the candidate
and beside the version after it, and let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from poisonguard.detectors.drift_columns import Compared, Measure
from poisonguard.detectors.statistics_tests import (
    Counts,
    Share,
    Test,
    distribution_distance,
    share_difference,
    total_variation,
)
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.number_bins import NumberBins, read_bins
from poisonguard.sketches.profile import ColumnProfile, read_profile
from poisonguard.sketches.values import ValueCounts

NUMBERS = "Kolmogorov-Smirnov"
CATEGORIES = "total variation"
ABSENT = "absent values"


@dataclass(frozen=True, slots=True)
class Way:
    """How one figure of a column has moved, over all versions that were looked at: oldest first, the reference last.

    Attributes:
        column: The column.
        test: What its versions are compared by.
        steps: From the version before to each; nothing for the first, and where one of them says nothing.
        since: From each to the candidate; nothing where one of them says nothing.
        told: Whether who approved each was warned that the column has moved.
    """

    column: str
    test: str
    steps: list[Test | None] = field(default_factory=list)
    since: list[Test | None] = field(default_factory=list)
    told: list[bool] = field(default_factory=list)


def ways(
    columns: Sequence[Compared], candidate: Evidence, versions: Iterable[Evidence], warnings: Sequence[str]
) -> list[Way]:
    """How every figure of every column has moved; ``warnings`` are the cards that tell of it."""
    found = [Way(column.column, test) for column in columns for test in _tests_of(column)]
    before: Evidence | None = None
    for version in versions:
        for way in found:
            way.steps.append(None if before is None else _apart(way, version, before))
            way.since.append(_apart(way, candidate, version))
            way.told.append(any((card, f"column={way.column}") in version.told for card in warnings))
        before = version
    return found


def _tests_of(column: Compared) -> tuple[str, ...]:
    own = {Measure.NUMBER: (NUMBERS,), Measure.CATEGORY: (CATEGORIES,)}
    return (*own.get(column.measure, ()), ABSENT)


def _apart(way: Way, now: Evidence, then: Evidence) -> Test | None:
    return _COMPARE[way.test](way.column, now, then)


def _numbers_apart(column: str, now: Evidence, then: Evidence) -> Test | None:
    bins = NumberBins(column)
    if bins not in now or bins not in then:
        return None
    return distribution_distance(read_bins(now[bins]), read_bins(then[bins]))


def _categories_apart(column: str, now: Evidence, then: Evidence) -> Test | None:
    if not _counts_all(column, now) or not _counts_all(column, then):
        return None
    _, new, old = _side_by_side(column, now, then)
    return total_variation(new, old)


def _counts_all(column: str, version: Evidence) -> bool:
    counts = ValueCounts(column)
    return counts in version and counts.is_complete(version[counts])


def _side_by_side(column: str, now: Evidence, then: Evidence) -> tuple[pa.Array, Counts, Counts]:
    """Values of both versions, and how often each occurs in one and in the other."""
    tables = [version[ValueCounts(column)] for version in (now, then)]
    held = pa.concat_tables(tables).combine_chunks()
    hashes, first = np.unique(held["hash"], return_index=True)
    found = np.zeros((2, len(hashes)), dtype=np.int64)
    for counts, table in zip(found, tables, strict=True):
        counts[np.searchsorted(hashes, table["hash"])] = table["count"]
    return held["value"].combine_chunks().take(pa.array(first)), found[0], found[1]


def _absent_apart(column: str, now: Evidence, then: Evidence) -> Test | None:
    sketch = ColumnProfile(column)
    if sketch not in now or sketch not in then:
        return None
    shares = [_absent_share(column, version) for version in (now, then)]
    return share_difference(*shares) if any(share.hits for share in shares) else Test(0.0, 1.0)


def _absent_share(column: str, version: Evidence) -> Share:
    profile = read_profile(version[ColumnProfile(column)])
    return Share(profile.rows - profile.present, profile.rows)


_COMPARE = {NUMBERS: _numbers_apart, CATEGORIES: _categories_apart, ABSENT: _absent_apart}


def moved(way: Way, now: Evidence, then: Evidence) -> str:
    """What has moved, in words that go on from the column's name."""
    return _SAY[way.test](way.column, now, then)


def _numbers_moved(column: str, now: Evidence, then: Evidence) -> str:
    middles = [read_bins(version[NumberBins(column)]).median() for version in (then, now)]
    return "its values have moved: median {:.4g} then, {:.4g} now".format(*middles)


def _categories_moved(column: str, now: Evidence, then: Evidence) -> str:
    values, new, old = _side_by_side(column, now, then)
    shares = old / old.sum(), new / new.sum()
    most = int(np.argmax(np.abs(shares[1] - shares[0])))
    value = values[most].as_py()[:40]
    return f"its categories have moved: {value!r} {shares[0][most]:.1%} then, {shares[1][most]:.1%} now"


def _absent_moved(column: str, now: Evidence, then: Evidence) -> str:
    shares = [_absent_share(column, version).rate for version in (then, now)]
    return "{:.2%} of its values were absent then, {:.2%} are now".format(*shares)


_SAY = {NUMBERS: _numbers_moved, CATEGORIES: _categories_moved, ABSENT: _absent_moved}
