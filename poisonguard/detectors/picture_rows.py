"""The sampled pictures of a candidate, joined with the sample of those that the reference does not hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.plugin.check import Evidence
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.pictures import PictureSample
from poisonguard.sketches.sample import sample_hashes


def sampled_pictures(evidence: Evidence, sample: PictureSample) -> pa.Table:
    """The sample, and what the sample of new rows holds beyond it, in order of their hashes."""
    state = evidence[sample]
    if NewRows(sample) not in evidence:
        return state
    new = evidence[NewRows(sample)]
    more = ~np.isin(sample_hashes(new), sample_hashes(state))
    joined = pa.concat_tables([state, new.filter(pa.array(more))], promote_options="permissive")
    return joined.take(pa.array(np.argsort(sample_hashes(joined), kind="stable")))


def new_among(rows: pa.Table, evidence: Evidence, sample: PictureSample) -> npt.NDArray[np.bool_]:
    """Which of the sampled pictures the reference does not hold; all, where there is none."""
    if NewRows(sample) not in evidence:
        return np.ones(rows.num_rows, dtype=np.bool_)
    return np.isin(sample_hashes(rows), sample_hashes(evidence[NewRows(sample)]))
