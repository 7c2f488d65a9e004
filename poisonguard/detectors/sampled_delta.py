"""The sampled rows that a text check learns from: the new ones first, then the reference's.

1. Without a reference, the candidate's sample; every row counts as new.
2. With one, the delta's own sample, so that a burst in a small delta of a large set is seen whole, filled up with
   the reference's sample, which shows what is natural. Copies of the reference are no part of a delta.
3. Rows come in ascending order of their hash within each part; a prefix of a sample is a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.detectors.features_text import Hashes
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.sample import RowSample, sample_hashes

MOST_NEW = 0.5
"""Share of the rows that may be new where the reference has as many."""


@dataclass(frozen=True, slots=True)
class SampledDelta:
    """Some columns of sampled rows.

    Attributes:
        table: The rows.
        hashes: Their hashes, shape (rows,).
        is_new: Which of them the reference does not hold, shape (rows,); all without one.
        compared: Whether there is a reference.
    """

    table: pa.Table
    hashes: Hashes
    is_new: npt.NDArray[np.bool_]
    compared: bool

    @property
    def old_rows(self) -> int:
        """How many of them are the reference's."""
        return int((~self.is_new).sum())

    @staticmethod
    def needs(*, has_reference: bool) -> list[Sketch]:
        """The sketches behind it."""
        return [RowSample(), NewRows(RowSample())] if has_reference else [RowSample()]

    @classmethod
    def of(cls, evidence: Evidence, reference: Evidence | None, columns: Sequence[str], limit: int) -> SampledDelta:
        """At most ``limit`` rows."""
        if reference is None:
            own = evidence[RowSample()].slice(0, limit)
            return cls(own.select(list(columns)), sample_hashes(own), np.ones(own.num_rows, np.bool_), compared=False)
        old, new = reference[RowSample()], evidence[NewRows(RowSample())]
        wanted = min(new.num_rows, max(int(limit * MOST_NEW), limit - old.num_rows))
        new = new.slice(0, wanted)
        old = old.slice(0, limit - wanted)
        # Without new rows the delta's sample has no columns either.
        parts = [part.select(list(columns)) for part in (new, old) if part.num_rows]
        table = pa.concat_tables(parts, promote_options="permissive") if parts else old.select(list(columns))
        is_new = np.arange(new.num_rows + old.num_rows) < new.num_rows
        return cls(table, np.concatenate([sample_hashes(new), sample_hashes(old)]), is_new, compared=True)
