"""A classifier of pictures kept as files or lists: extremely randomised trees on a small grid of brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import ExtraTreesClassifier

from poisonguard.detectors.labels import Codes
from poisonguard.detectors.learners import SEED_RANGE, Forest
from poisonguard.kernels.pictures import shrunk
from poisonguard.sketches.pictures import PIXELS, PictureColumns
from poisonguard.sketches.sample import sample_hashes

SIDE = 16
"""Width and height of what the trees see."""

ADDED = "__pixels__"
"""Name of the column that samples of rows are given."""

UNREADABLE = -1.0
TREES = 100


@dataclass(frozen=True, slots=True)
class Pictures:
    """Trees on pixels; a picture that cannot be read is one of its own kind."""

    pictures: PictureColumns
    seed: int

    @property
    def columns(self) -> tuple[str, ...]:
        """None of the data's: it reads what ``with_pixels`` adds to a sample."""
        return ()

    def matrix(self, table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
        """Brightness of the rows of a sample, shape (rows, ``SIDE`` squared)."""
        result = np.full((table.num_rows, SIDE * SIDE), UNREADABLE, dtype=np.float32)
        read = _array(table)
        # By size: which one is the commonest must not depend on the block.
        for size in pc.unique(pc.binary_length(read).drop_null()).to_pylist():
            grids, places = self.pictures.grids(pc.if_else(pc.equal(pc.binary_length(read), size), read, None))
            result[places] = _fitted(grids)
        return result

    def fit(self, matrix: npt.NDArray[np.float32], codes: Codes) -> Forest:
        """Fit trees with at least 3 pictures per leaf."""
        model = ExtraTreesClassifier(
            n_estimators=TREES, min_samples_leaf=3, max_features="sqrt", n_jobs=1, random_state=self.seed % SEED_RANGE
        ).fit(matrix, codes)
        return Forest(tuple(item.tree_ for item in model.estimators_), model.classes_)


def with_pixels(rows: pa.Table, pictures: pa.Table) -> pa.Table:
    """A sample of rows with the pixels of a sample of their pictures, null where that does not reach."""
    wanted, held = sample_hashes(rows), sample_hashes(pictures)
    if not len(held):
        return rows.append_column(ADDED, pa.nulls(rows.num_rows, pa.binary()))
    place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    found = pa.array(place, mask=held[place] != wanted)
    return rows.append_column(ADDED, pictures[PIXELS].combine_chunks().take(found))


def _array(table: pa.Table | pa.RecordBatch) -> pa.Array:
    values = table[ADDED]
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _fitted(grids: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Pictures of any size brought to ``SIDE``, flat."""
    small = shrunk(grids, SIDE)
    down = np.arange(SIDE) * small.shape[1] // SIDE
    across = np.arange(SIDE) * small.shape[2] // SIDE
    return np.asarray(small[:, down][:, :, across].reshape(len(small), -1), dtype=np.float32)
