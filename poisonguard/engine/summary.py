"""Column profiles for people: a few numbers and one small histogram per column, from the row sample."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.result import ColumnSummary
from poisonguard.domain.roles import Roles
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.sample import RowSample, sample_rows

BARS = 24
CATEGORIES = 12
SAMPLE = RowSample()
NUMERIC = (Kind.INTEGER, Kind.FLOAT)


def summarise(evidence: Evidence, reference: Evidence | None, roles: Roles) -> tuple[ColumnSummary, ...]:
    """One summary per column, in schema order; bars beside the reference's where it has the column."""
    rows = sample_rows(evidence[SAMPLE])
    base = sample_rows(reference[SAMPLE]) if reference is not None and SAMPLE in reference else None
    known = {item.column: item.role.value for item in roles.assignments}
    return tuple(_summary(column, rows, base, known.get(column.name, "")) for column in evidence.columns)


def _summary(column: Column, rows: pa.Table, base: pa.Table | None, role: str) -> ColumnSummary:
    if column.name not in rows.column_names:
        # What holds bytes is not sampled.
        return ColumnSummary(column.name, role, column.type, ())
    values = rows[column.name]
    other = base[column.name] if base is not None and column.name in base.column_names else None
    bins, counts, reference_counts = _bars(column, values, other)
    return ColumnSummary(column.name, role, column.type, _numbers(column, values), bins, counts, reference_counts)


def _numbers(column: Column, values: pa.ChunkedArray) -> tuple[tuple[str, str], ...]:
    rows = max(1, len(values))
    numbers = [("null", f"{values.null_count / rows:.1%}")]
    if column.kind in NUMERIC:
        found = _finite(values)
        if len(found):
            middle = np.quantile(_tame(found), 0.5)
            numbers += [("min", f"{found.min():.4g}"), ("median", f"{middle:.4g}"), ("max", f"{found.max():.4g}")]
    elif column.kind is Kind.STRING:
        lengths = pc.utf8_length(values.cast(pa.large_string())).drop_null().to_numpy()
        numbers.append(("distinct", str(len(pc.unique(values.drop_null())))))
        if len(lengths):
            numbers.append(("median length", f"{np.median(lengths):.0f}"))
    return tuple(numbers)


Bars = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]


def _bars(column: Column, values: pa.ChunkedArray, other: pa.ChunkedArray | None) -> Bars:
    if column.kind in NUMERIC:
        return _numeric_bars(_finite(values), None if other is None else _finite(other))
    if column.kind in (Kind.STRING, Kind.BOOLEAN):
        return _category_bars(values, other)
    return (), (), ()


def _finite(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    try:
        found = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy()
    except pa.ArrowException:
        # The reference's column of that name is no number: nothing to lay beside.
        return np.zeros(0)
    return np.asarray(found[np.isfinite(found)], dtype=np.float64)


def _tame(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values whose differences are finite: the few that are not bars of their own lie at the ends anyway."""
    limit = np.finfo(np.float64).max / 4
    return np.clip(values, -limit, limit)


def _numeric_bars(found: npt.NDArray[np.float64], other: npt.NDArray[np.float64] | None) -> Bars:
    both = _tame(found if other is None else np.concatenate([found, other]))
    if not len(both):
        return (), (), ()
    # Bars span the bulk; the few values beyond fall into the first and last bar.
    low, high = np.quantile(both, [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1.0, BARS + 1)
    labels = tuple(f"{left:.4g} to {right:.4g}" for left, right in pairwise(edges))
    return labels, _histogram(found, edges), () if other is None else _histogram(other, edges)


def _histogram(values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> tuple[int, ...]:
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)[0]
    return tuple(int(count) for count in counts)


def _category_bars(values: pa.ChunkedArray, other: pa.ChunkedArray | None) -> Bars:
    mine = _counted(values)
    theirs = Counter() if other is None else _counted(other)
    names = [name for name, _ in sorted((mine + theirs).items(), key=lambda item: (-item[1], item[0]))[:CATEGORIES]]
    counts = tuple(mine[name] for name in names)
    return tuple(names), counts, () if other is None else tuple(theirs[name] for name in names)


def _counted(values: pa.ChunkedArray) -> Counter[str]:
    counts = pc.value_counts(values.drop_null())
    return Counter({str(item["values"].as_py())[:80]: item["counts"].as_py() for item in counts})
