"""Two versions side by side: their row samples, and the rows of the candidate that the reference lacks.

Both samples are the rows with the smallest hashes. Up to the largest hash that the reference's sample reaches,
a row is in the reference exactly if it is in its sample: so the new rows of the sample are known exactly,
however much larger the data are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Block
from poisonguard.sketches.digests import DIGEST_BYTES, DIGEST_COLUMN, RowDigests
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.number_bins import Distribution, NumberBins, read_bins
from poisonguard.sketches.sample import RowSample, sample_hashes, sample_rows
from poisonguard.sketches.values import HashArray, ValueCounts

SAMPLE = RowSample()


MOST_KNOWN_ROWS = 20_000_000
"""Rows of a reference whose hashes are held in memory (8 bytes each) to tell new rows one by one."""

COARSE = 0.01
"""Error of a distribution counted in bins up to which a sample says no more."""

SAMPLE_ERROR = 1.63
"""A sample's distribution function is off by less than this over the root of its size, 99 times in 100 (Massart)."""


@dataclass(frozen=True)
class Versions:
    """A candidate and its reference."""

    candidate: Evidence
    reference: Evidence

    @cached_property
    def all_rows(self) -> pa.Table:
        """Sampled rows of the candidate."""
        return sample_rows(self.candidate[SAMPLE])

    @cached_property
    def old_rows(self) -> pa.Table:
        """Sampled rows of the reference."""
        return sample_rows(self.reference[SAMPLE])

    @cached_property
    def new_rows(self) -> pa.Table:
        """Sampled rows of the candidate that the reference does not hold."""
        known, hashes = sample_hashes(self.reference[SAMPLE]), sample_hashes(self.candidate[SAMPLE])
        return self.all_rows.filter(pa.array(~np.isin(hashes, known) & (hashes <= self._horizon)))

    def spread(self, column: str, *, new: bool) -> Distribution:
        """Numbers of the candidate's rows, or of its new ones: of all of them, of the sampled where that says more."""
        bins, rows = NumberBins(column), self.new_rows if new else self.all_rows
        sketch = NewRows(bins) if new else bins
        if sketch in self.candidate and bins in self.reference:
            return _finer(read_bins(self.candidate[sketch]), rows, column)
        return Distribution.of(numbers(rows, column))

    def old_spread(self, column: str) -> Distribution:
        """Numbers of the reference's rows, all of them or the sampled."""
        bins = NumberBins(column)
        if bins in self.reference:
            return _finer(read_bins(self.reference[bins]), self.old_rows, column)
        return Distribution.of(numbers(self.old_rows, column))

    def categories(self, column: str, *, new: bool) -> pa.Table:
        """Value counts of the candidate's rows, or of its new ones: of all of them, of the sampled where cut off."""
        counts = ValueCounts(column)
        sketch = NewRows(counts) if new else counts
        if sketch in self.candidate and self._counts_all(column):
            return self.candidate[sketch]
        return _sampled_counts(self.new_rows if new else self.all_rows, counts)

    def old_categories(self, column: str) -> pa.Table:
        """Value counts of the reference's rows, all of them or the sampled."""
        counts = ValueCounts(column)
        return self.reference[counts] if self._counts_all(column) else _sampled_counts(self.old_rows, counts)

    def _counts_all(self, column: str) -> bool:
        """Whether both versions count every value."""
        counts = ValueCounts(column)
        return all(counts in side and counts.is_complete(side[counts]) for side in (self.candidate, self.reference))

    @cached_property
    def new_share(self) -> float:
        """Share of the candidate's rows that the reference does not hold."""
        inside = int(np.count_nonzero(sample_hashes(self.candidate[SAMPLE]) <= self._horizon))
        return self.new_rows.num_rows / inside if inside else 1.0

    @cached_property
    def kept_share(self) -> float:
        """Share of the reference's rows that the candidate still holds."""
        known, hashes = sample_hashes(self.reference[SAMPLE]), sample_hashes(self.candidate[SAMPLE])
        reached = known[known <= _horizon(hashes, self.candidate.rows)]
        return float(np.isin(reached, hashes).mean()) if len(reached) else 0.0

    @cached_property
    def _horizon(self) -> np.uint64:
        return _horizon(sample_hashes(self.reference[SAMPLE]), self.reference.rows)

    @cached_property
    def known_hashes(self) -> HashArray | None:
        """Hashes of every row of the reference, sorted; nothing when it is too large or its rows are not known."""
        return every_hash(self.reference)

    @property
    def share_rows(self) -> bool:
        """Whether the versions have rows in common."""
        return self.new_share < 1


def _horizon(hashes: HashArray, rows: int) -> np.uint64:
    """Largest row hash up to which a sample of a version of so many rows is complete."""
    return np.uint64(hashes[-1] if 0 < len(hashes) < rows else 2**64 - 1)


def every_hash(version: Evidence) -> HashArray | None:
    """Hashes of every row of a version, sorted; nothing when it is too large or its rows are not known."""
    digests = RowDigests()
    if digests not in version or version.rows > MOST_KNOWN_ROWS:
        return None
    found = [digest_prefixes(chunk) for chunk in version[digests][DIGEST_COLUMN].chunks]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, np.uint64)


def approved_hashes(reference: Evidence, sample: RowSample) -> HashArray:
    """Sorted hashes of the reference's rows: all of them, or those of its sample where there are too many."""
    found = every_hash(reference)
    return sample_hashes(reference[sample]) if found is None else found


def digest_prefixes(digests: pa.FixedSizeBinaryArray) -> HashArray:
    """First 8 bytes of each digest, as ``Block.hashes`` reads them."""
    data = np.frombuffer(digests.buffers()[1], np.uint8).reshape(-1, DIGEST_BYTES)
    held = data[digests.offset : digests.offset + len(digests), :8]
    return np.ascontiguousarray(held).view(">u8").ravel().astype(np.uint64)


def _finer(counted: Distribution, rows: pa.Table, column: str) -> Distribution:
    """What is ``counted`` of all rows, or the sampled ``rows`` where bins have become too wide to tell a shift.

    Bins are as wide as the spread of all numbers asks for, so a few thousand numbers of every magnitude, planted among
    millions, would put all the others into one bin.
    """
    if counted.error <= COARSE:
        return counted
    sampled = Distribution.of(numbers(rows, column))
    return sampled if sampled.rows and SAMPLE_ERROR / np.sqrt(sampled.rows) < counted.error else counted


def _sampled_counts(rows: pa.Table, counts: ValueCounts) -> pa.Table:
    batches = rows.select([counts.column]).combine_chunks().to_batches()
    none = np.zeros((0, DIGEST_BYTES), np.uint8)
    return counts.finished(counts.merge([counts.fold(Block(0, 0, batch, none)) for batch in batches]))


def numbers(rows: pa.Table, column: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The finite numbers of a column, shape (present,)."""
    values = pc.cast(rows[column].drop_null(), pa.float64(), safe=False).to_numpy()
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def absent(rows: pa.Table, column: str) -> int:
    """Rows without a value: null or NaN."""
    return int(pc.sum(pc.is_null(rows[column], nan_is_null=True)).as_py() or 0)
