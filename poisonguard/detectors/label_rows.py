"""The sampled rows that label models learn from and judge: the new ones, and the approved ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.detectors.features_tabular import numbers
from poisonguard.detectors.fold_ensemble import Mask
from poisonguard.detectors.labels import UNKNOWN, Classes, Codes
from poisonguard.sketches.sample import sample_hashes


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Sampled rows with labels.

    Attributes:
        table: Their features.
        hashes: Their hashes, shape (rows,).
        is_new: Which of them the reference does not hold, shape (rows,); all without one.
        classes: The labels that count.
        codes: Code of each row's label, shape (rows,).
    """

    table: pa.Table
    hashes: npt.NDArray[np.uint64]
    is_new: Mask
    classes: Classes
    codes: Codes

    @classmethod
    def of(cls, new: pa.Table, old: pa.Table | None, features: Sequence[str], classes: Classes) -> LabelledRows:
        """The rows of two samples."""
        # Without new rows the delta's sample has no columns either.
        parts = [part for part in (new, old) if part is not None and part.num_rows]
        columns = {name: _joined([part[name] for part in parts], name) for name in features}
        codes = np.concatenate([classes.codes(part) for part in parts])
        hashes = np.concatenate([sample_hashes(part) for part in parts])
        return cls(pa.table(columns), hashes, np.arange(len(codes)) < new.num_rows, classes, codes)

    @property
    def known(self) -> Mask:
        """Which rows carry a label that counts, shape (rows,)."""
        return np.asarray(self.codes != UNKNOWN)


def _joined(parts: Sequence[Any], name: str) -> Any:
    """One column of several samples; numbers of different types as floats."""
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(kinds) > 1 and all(pa.types.is_primitive(kind) for kind in kinds):
        return np.concatenate([numbers(pa.table({name: part}), name) for part in parts])
    chunks = [chunk for part in parts for chunk in part.chunks]
    if len(kinds) == 1:
        kind = kinds.pop()
        return pa.chunked_array([chunk if chunk.type == kind else chunk.cast(kind) for chunk in chunks], kind)
    tables = [pa.table({name: part}) for part in parts]
    return pa.concat_tables(tables, promote_options="permissive")[name]
