"""Rows that agree in all columns but one, with one label: copies of a row, each changed a little.

Tables of few codes, and several rows for each person, are full of such groups. Where there are many, they are
nothing special, and none is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.value_codes import CodedColumn, Integers, Value

FEWEST_COLUMNS = 6
"""Columns of a table in which rows that agree in all but one are copies."""

MOST_GROUPS = 20
SPREAD = np.uint64(0x9E3779B97F4A7C15)
Keys = npt.NDArray[np.uint64]


def copied_rows(
    columns: Sequence[CodedColumn], labels: Integers, min_rows: int, min_purity: float
) -> list[tuple[tuple[tuple[int, Value], ...], int]]:
    """The values that the rows of each group share, with their columns' places, and the label that most carry.

    Args:
        columns: The columns.
        labels: Code of each row's label, shape (rows,); negative without one.
        min_rows: Rows of a group, at least.
        min_purity: Share of them with the label.
    """
    if len(columns) < FEWEST_COLUMNS:
        return []
    held = np.flatnonzero(labels >= 0)
    terms = [_terms(column, place)[held] for place, column in enumerate(columns)]
    groups: dict[bytes, tuple[tuple[tuple[int, Value], ...], int]] = {}
    for place, rows in _groups(terms, min_rows):
        counts = np.bincount(labels[held[rows]])
        if counts.max() < min_purity * len(rows):
            continue
        shared = tuple(
            (other, value)
            for other, column in enumerate(columns)
            if other != place and (value := _value(column, int(held[rows[0]]))) is not None
        )
        # A group without any change shows up once for every column.
        groups.setdefault(np.sort(rows).tobytes(), (shared, int(counts.argmax())))
        if len(groups) > MOST_GROUPS:
            return []
    return list(groups.values())


def _groups(terms: Sequence[Keys], min_rows: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """(column left out, rows that agree in all others)."""
    whole = np.add.reduce(terms)
    for place, own in enumerate(terms):
        rest = whole - own
        order = np.argsort(rest, kind="stable")
        starts = np.flatnonzero(np.append(True, np.diff(rest[order]) != 0))
        sizes = np.diff(np.append(starts, len(order)))
        for start, size in zip(starts[sizes >= min_rows], sizes[sizes >= min_rows], strict=True):
            yield place, order[start : start + size].astype(np.int64)


def _terms(column: CodedColumn, place: int) -> Keys:
    """A hash of each row's value, shape (rows,); the sum over columns names a row."""
    codes = column.codes if column.is_text else np.unique(column.numbers, return_inverse=True)[1]
    # The column's own number stands above all codes: equal codes of two columns are different terms.
    mixed = (codes.astype(np.uint64) + np.uint64((place + 1) << 40)) * SPREAD
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(32)))


def _value(column: CodedColumn, row: int) -> Value | None:
    """The value of one row; nothing for a category that has no code."""
    if column.is_text:
        code = int(column.codes[row])
        return column.values[code] if code >= 0 else None
    number = float(column.numbers[row])
    return Value(column.values[0].column, number, number)
