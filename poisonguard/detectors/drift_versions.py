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
from poisonguard.sketches.digests import DIGEST_BYTES, DIGEST_COLUMN, RowDigests
from poisonguard.sketches.sample import RowSample, sample_hashes, sample_rows
from poisonguard.sketches.values import HashArray

SAMPLE = RowSample()


MOST_KNOWN_ROWS = 20_000_000
"""Rows of a reference whose hashes are held in memory (8 bytes each) to tell new rows one by one."""


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


def numbers(rows: pa.Table, column: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The finite numbers of a column, shape (present,)."""
    values = pc.cast(rows[column].drop_null(), pa.float64(), safe=False).to_numpy()
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def absent(rows: pa.Table, column: str) -> int:
    """Rows without a value: null or NaN."""
    return int(pc.sum(pc.is_null(rows[column], nan_is_null=True)).as_py() or 0)
