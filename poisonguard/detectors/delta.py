"""The delta in samples: which sampled rows the reference does not hold.

Bottom-k samples by row hash make this exact: where both samples reach, a row of one version that is missing from
the other's sample is missing from the other version.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]


def new_rows(candidate: Hashes, reference: Hashes, *, reference_complete: bool) -> npt.NDArray[np.bool_]:
    """Which sampled rows are surely not in the reference, shape (rows,)."""
    if not len(reference):
        return np.ones(len(candidate), dtype=np.bool_)
    reached = np.ones(len(candidate), dtype=np.bool_) if reference_complete else candidate <= reference.max()
    return np.asarray(reached & ~np.isin(candidate, reference))
