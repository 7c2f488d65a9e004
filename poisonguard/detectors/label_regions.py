"""Corners of the features where new rows carry a label that approved rows do not.

An attack on one subpopulation relabels rows that lie close together. A regression tree on the excess of one label over
what the models of the approved rows expect finds such corners. Half of the new rows grow the tree, the other half
judge its leaves, and the other way round: a corner must hold the label far more often than the models expect and than
the approved rows in it do, beyond chance after Bonferroni's correction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.detectors.chances import binomial_tail
from poisonguard.detectors.contradiction import Floats
from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.fold_ensemble import Mask
from poisonguard.detectors.label_excess import Judged
from poisonguard.detectors.library_models import tree_regressor

LEAVES = 8
LEAF_ROWS = 10
MIN_HELD_OUT = 8
"""Fewer rows of the judging half, or of the approved ones, say nothing about a corner."""

MIN_EFFECT = 0.35
"""How much larger than expected the share of the label must be."""

CHANCE = 1e-3
SPARE_BITS = np.uint64(24)
"""The lowest bits of a hash choose the fold; these choose the half."""

ABSENT = -1e30


@dataclass(frozen=True, slots=True)
class Corner:
    """One box of the encoded features.

    Attributes:
        code: The label that is too frequent in it.
        low: Exclusive lower bounds, shape (columns,).
        high: Inclusive upper bounds, shape (columns,).
        rows: New rows in it that did not help to find it.
        share: Share of them that carry the label.
        known: Share of the approved rows in it that do.
        chance: Probability of so many by chance, before correction.
    """

    code: int
    low: Floats
    high: Floats
    rows: int
    share: float
    known: float
    chance: float

    def holds(self, matrix: Floats) -> Mask:
        """Which encoded rows lie in it, shape (rows,)."""
        return np.asarray(((matrix > self.low) & (matrix <= self.high)).all(axis=1))


@dataclass(frozen=True, slots=True)
class Corners:
    """All that were found, most significant first, with the encoding that they speak of."""

    encoder: TableEncoder
    found: tuple[Corner, ...]

    @classmethod
    def of(cls, encoder: TableEncoder, table: pa.Table, hashes: npt.NDArray[np.uint64], judged: Judged) -> Corners:
        """Look for corners of every label among ``table``'s rows, which were ``judged``."""
        if not encoder.columns:
            return cls(encoder, ())
        matrix = encoded(encoder, table)
        half = (hashes >> SPARE_BITS) % np.uint64(2) == 0
        found: list[Corner] = []
        for code in range(judged.probabilities.shape[1]):
            for growing in (half, ~half):
                found.extend(_corners(matrix, judged, code, growing))
        return cls(encoder, tuple(sorted(found, key=lambda corner: (corner.chance, corner.code))))

    def holds(self, table: pa.Table | pa.RecordBatch, codes: npt.NDArray[np.int64]) -> Mask:
        """Which rows lie in a corner and carry its label, shape (rows,)."""
        held = np.zeros(len(codes), np.bool_)
        matrix = encoded(self.encoder, table) if self.found else np.zeros((len(codes), 0))
        for corner in self.found:
            held |= corner.holds(matrix) & (codes == corner.code)
        return held

    def around(self, table: pa.Table | pa.RecordBatch) -> Mask:
        """Which rows lie in a corner, whatever their label, shape (rows,)."""
        matrix = encoded(self.encoder, table)
        held = np.zeros(len(matrix), np.bool_)
        for corner in self.found:
            held |= corner.holds(matrix)
        return held

    def describe(self, corner: Corner) -> str:
        """The bounds of a corner in words."""
        columns = self.encoder.columns
        words = [
            _bounds(columns[place], corner.low[place], corner.high[place])
            for place in range(len(self.encoder.numeric))
            if np.isfinite(corner.low[place]) or np.isfinite(corner.high[place])
        ]
        for place, item in enumerate(self.encoder.categorical, start=len(self.encoder.numeric)):
            if np.isfinite(corner.low[place]) or np.isfinite(corner.high[place]):
                words.append(_members(item.column, item.names, corner.low[place], corner.high[place]))
        return " and ".join(words)


def encoded(encoder: TableEncoder, table: pa.Table | pa.RecordBatch) -> Floats:
    """The matrix of the rows as the tree sees it: single precision, null far below every number."""
    matrix = np.clip(np.nan_to_num(encoder.matrix(table), nan=ABSENT), ABSENT, -ABSENT)
    return matrix.astype(np.float32).astype(np.float64)


def _corners(matrix: Floats, judged: Judged, code: int, growing: Mask) -> Iterator[Corner]:
    """Leaves of one tree that stand in the other half of the new rows."""
    carried: Mask = np.asarray(judged.codes == code)
    expected = judged.adjusted[:, code]
    grow, hold = np.flatnonzero(judged.is_new & growing), np.flatnonzero(judged.is_new & ~growing)
    if len(grow) < 2 * LEAF_ROWS or not carried[grow].any():
        return
    tree = tree_regressor(max_leaf_nodes=LEAVES, min_samples_leaf=LEAF_ROWS, random_state=0)
    tree.fit(matrix[grow], carried[grow] - expected[grow])
    tests = 2 * LEAVES * judged.probabilities.shape[1]
    for low, high in _boxes(tree.tree_, matrix.shape[1]):
        inside: Mask = np.asarray(((matrix > low) & (matrix <= high)).all(axis=1))
        new, old = hold[inside[hold]], np.flatnonzero(inside & ~judged.is_new)
        if len(new) < MIN_HELD_OUT or len(old) < MIN_HELD_OUT:
            continue
        held, known = int(carried[new].sum()), float(carried[old].mean())
        usual = max(float(expected[new].mean()), known, 1 / len(old))
        chance = float(binomial_tail(held, len(new), usual))
        if held / len(new) - usual >= MIN_EFFECT and chance * tests <= CHANCE:
            yield Corner(code, low, high, len(new), held / len(new), known, chance)


def _boxes(tree: object, columns: int) -> Iterator[tuple[Floats, Floats]]:
    """(exclusive lower, inclusive upper bounds) of every leaf."""
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined] # a compiled class without stubs
    stack = [(0, np.full(columns, -np.inf), np.full(columns, np.inf))]
    while stack:
        node, low, high = stack.pop()
        if left[node] < 0:
            yield low, high
            continue
        feature, edge = int(tree.feature[node]), float(tree.threshold[node])  # type: ignore[attr-defined] # the same
        below, above = high.copy(), low.copy()
        below[feature], above[feature] = min(high[feature], edge), max(low[feature], edge)
        stack += [(int(right[node]), above, high), (int(left[node]), low, below)]


def _bounds(name: str, low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"{name} ≤ {high:.4g}"
    if not np.isfinite(high):
        return f"{name} > {low:.4g}"
    return f"{low:.4g} < {name} ≤ {high:.4g}"


def _members(name: str, names: Sequence[str], low: float, high: float) -> str:
    """The categories whose codes lie within the bounds."""
    inside = [text for code, text in enumerate(names) if low < code <= high]
    if len(names) > low and len(names) <= high:
        inside.append("any rarer one")
    shown = ", ".join(inside[:5]) + (", …" if len(inside) > 5 else "")  # noqa: PLR2004 - a sentence, not a list
    return f"{name} in {{{shown}}}" if inside else f"{name} missing"
