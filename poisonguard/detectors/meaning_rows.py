"""Sampled rows as vectors of an embedding model: what it is shown, and how that becomes a table to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.detectors.features_text import column_texts
from poisonguard.detectors.labels import Codes
from poisonguard.detectors.library_models import logistic_regression, neighbours
from poisonguard.plugin.embedder import PictureEmbedder, TextEmbedder, Vectors
from poisonguard.sketches.pictures import COLOURS, LABEL, PIXELS, SIDE, PictureColumns, PictureSample, Shape
from poisonguard.sketches.sample import HASH_COLUMN, RowSample

VECTOR = "__vector__"
NEIGHBOURS = 15

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Texts:
    """One column of texts, out of the sample that all checks share."""

    column: str
    label: str
    embedder: TextEmbedder

    @property
    def sample(self) -> RowSample:
        """What is folded."""
        return RowSample()

    def vectors(self, rows: pa.Table) -> tuple[Places, Vectors]:
        """(places of the rows that hold a text, their vectors)."""
        texts = column_texts(rows, self.column)
        places = np.array([place for place, text in enumerate(texts) if text], dtype=np.int64)
        return places, self.embedder.texts([texts[place] for place in places.tolist()])


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures, out of the sample that the checks of pictures share."""

    columns: PictureColumns
    given: str
    embedder: PictureEmbedder

    @property
    def column(self) -> str:
        """How to call the pictures."""
        return self.columns.subject

    @property
    def label(self) -> str:
        """What the sample calls the label."""
        return LABEL

    @property
    def sample(self) -> PictureSample:
        """What is folded."""
        return PictureSample(self.columns, self.given)

    def vectors(self, rows: pa.Table) -> tuple[Places, Vectors]:
        """(places of the rows whose picture can be read, their vectors)."""
        pixels = rows[PIXELS].combine_chunks()
        if self.columns.shape is Shape.BYTES:
            places = np.flatnonzero(np.asarray(pixels.is_valid()))
            data = b"".join(pixels.take(pa.array(places)).to_pylist())
            return places, self.embedder.pictures(np.frombuffer(data, np.uint8).reshape(-1, SIDE, SIDE, COLOURS))
        grids, places = self.columns.grids(pixels)
        if not len(grids):
            return places, np.zeros((0, 0), np.float32)
        grey = (grids - grids.min()) / max(float(np.ptp(grids)), 1e-9) * 255
        return places, self.embedder.pictures(np.repeat(grey.astype(np.uint8)[..., None], COLOURS, axis=3))


def embedded(values: Texts | Pictures, state: pa.Table, limit: int) -> pa.Table:
    """The first ``limit`` rows by hash, those that can be embedded: hash, label, vector."""
    rows = state.slice(0, limit)
    # Without new rows the delta's sample has no columns either.
    places, vectors = values.vectors(rows) if rows.num_rows else (np.zeros(0, np.int64), np.zeros((0, 0)))
    kept = np.flatnonzero(np.any(vectors != 0, axis=1)) if len(vectors) else np.zeros(0, np.int64)
    if not len(kept):
        return pa.table({HASH_COLUMN: pa.array([], pa.uint64()), LABEL: pa.array([], pa.string())})
    held = pa.array(places[kept])
    flat = pa.array(vectors[kept].ravel(), pa.float32())
    vector = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return pa.table({HASH_COLUMN: rows[HASH_COLUMN].take(held), LABEL: rows[values.label].take(held), VECTOR: vector})


@dataclass(frozen=True, slots=True)
class Linear:
    """Logistic regression on the vectors."""

    columns: tuple[str, ...] = (VECTOR,)

    def matrix(self, table: pa.Table | pa.RecordBatch) -> Vectors:
        """Shape (rows, dimensions)."""
        return _matrix(table)

    def fit(self, matrix: Vectors, codes: Codes) -> Any:
        """A fitted model."""
        return logistic_regression(C=10.0, max_iter=300, tol=1e-4).fit(matrix, codes)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Votes of the nearest vectors."""

    columns: tuple[str, ...] = (VECTOR,)

    def matrix(self, table: pa.Table | pa.RecordBatch) -> Vectors:
        """Shape (rows, dimensions)."""
        return _matrix(table)

    def fit(self, matrix: Vectors, codes: Codes) -> Any:
        """A fitted model; between vectors of length one, Euclidean distance orders as the angle does."""
        return neighbours(n_neighbors=min(NEIGHBOURS, len(codes)), algorithm="brute").fit(matrix, codes)


def _matrix(table: pa.Table | pa.RecordBatch) -> Vectors:
    values = table[VECTOR]
    held = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return np.asarray(held.flatten(), dtype=np.float32).reshape(len(held), -1)
