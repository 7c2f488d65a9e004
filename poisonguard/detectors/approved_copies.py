"""How strong the groups of copied rows are that the reference holds by itself: what every version brings is no sign.

A table of entities, such as one firm's branches that all carry the firm's figures, holds groups of rows that agree in
nearly everything, and each new version brings its own. The same search among the reference's rows, as if nothing were
known of them, tells how strong such groups get where nobody planted any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa

from poisonguard.detectors.value_cells import Cells, Pattern
from poisonguard.detectors.value_codes import CodedColumn, Integers
from poisonguard.detectors.value_knockout import Judge
from poisonguard.detectors.value_verdict import Verified, verify

Promising = Callable[[Sequence[Pattern], int], list[Pattern]]


def strongest_copies(  # noqa: PLR0913, PLR0917 - two versions
    columns: Sequence[CodedColumn], labels: Integers, judge: Judge, new: Cells, base: pa.Table, promising: Promising
) -> float:
    """On how much the strongest group of copies of the reference would stand, had it come with the new rows.

    Args:
        columns: The reference's coded columns.
        labels: Code of the label of each of its rows, shape (rows,).
        judge: Taught by them; it does not see the rows that it is asked about.
        new: The search among the new rows, whose limits hold here, too.
        base: The reference's rows.
        promising: Which patterns, of so many columns, are verified.
    """
    cells = replace(new, columns=tuple(columns), labels=labels, known=base.slice(0, 0))
    copies = [item for item in cells.patterns() if item.is_copy(len(columns))]
    found = [verify(item, judge, cells, base, None) for item in promising(copies, len(columns))]
    return max((_as_new(item, base.num_rows).standing for item in found), default=0.0)


def _as_new(item: Verified, rows: int) -> Verified:
    """As if a reference of so many rows had been there, which held none of it."""
    return replace(item, known=(0, rows), copied=None)
