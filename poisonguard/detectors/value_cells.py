"""Combinations of values that stand with one label more often than their values by themselves explain.

1. *Pairs*: within each class, how many rows hold both values, against independence and against how the two values
   attract each other in the other classes (a three-way interaction).
2. *Closure*: what else nearly all rows of the pair share joins the pattern; a trigger of many values is one pattern.
3. *Copies*: what rows share that agree in all columns but one (``copied_rows``).
4. *Neighbourhood*: the pattern holds more rows than the rows around it lead to expect: near numbers, other
   categories. Dense natural cells have dense neighbours, a planted one stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pyarrow as pa

from poisonguard.detectors.calibration import Floats
from poisonguard.detectors.copied_rows import copied_rows
from poisonguard.detectors.value_codes import NONE, CodedColumn, Integers, Mask, Value

WORK = 20_000_000
"""Row visits of the pair search; with many columns, fewer rows are searched."""

FEWEST_ROWS = 2_000
PAIR_PURITY = 0.6
PAIR_EVIDENCE = 4.0
"""Orders of magnitude of a pair's excess from which it is looked at."""

MAX_PAIRS = 400
SHARED = 0.85
"""Share of a pair's rows that must hold a value for it to join the pattern."""

DEPENDENCE = 5.0
"""Factor granted to the expected number of rows, because values of one row depend on each other."""

FEW_OTHERS = 3
"""A code with fewer rows than this outside the pattern is what defines the pattern."""

FEW_VALUES = 3
"""Values of a pattern from which a row that lacks one of them is a relative."""

COPIED = 5
"""Values from which a pattern of more than half of the columns is a copied row, not a combination."""

PRIOR = 4.0
"""Rows that the base rate counts for where a value's own rows speak."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A combination of values that goes with a label.

    Attributes:
        values: The values, in the columns' order.
        label: Code of the label.
        rows: Which sampled rows hold it, shape (rows,).
        matching: How many of them carry the label.
        expected: Rows that the neighbourhood leads to expect.
        main: What the values say about the label, each by itself.
        copied: Whether its rows agree in all columns but one, also in those whose values are too common for a trigger.
    """

    values: tuple[Value, ...]
    label: int
    rows: Mask
    matching: int
    expected: float
    main: float
    copied: bool = False

    @property
    def count(self) -> int:
        """Rows that hold it."""
        return int(self.rows.sum())

    @property
    def purity(self) -> float:
        """Share of its rows with the label."""
        return self.matching / max(1, self.count)

    @property
    def crowding(self) -> float:
        """Orders of magnitude by which it holds more rows than expected (Chernoff)."""
        return float(poisson_evidence(np.array([self.count]), np.array([DEPENDENCE * self.expected]))[0])

    @property
    def promise(self) -> float:
        """How much there is to be verified: too many rows, and purer than the values by themselves explain."""
        return min(self.crowding, self.evidence(self.main))

    def __str__(self) -> str:
        """The values, as people write them."""
        return ", ".join(map(str, self.values))

    def is_copy(self, columns: int) -> bool:
        """Whether its rows are copies of one row, of so many columns, and no combination that strangers hold."""
        return self.copied or is_wide(len(self.values), columns)

    def evidence(self, probability: float) -> float:
        """Orders of magnitude against its labels being drawn with ``probability``."""
        share, chance = self.purity, float(np.clip(probability, 0.01, 0.999))
        if share <= chance:
            return 0.0
        rest = 0.0 if share == 1 else (1 - share) * np.log((1 - share) / (1 - chance))
        return float(self.count * (share * np.log(share / chance) + rest) / np.log(10))


@dataclass(frozen=True, slots=True)
class Cells:
    """Coded rows with labels: where patterns are looked for.

    Attributes:
        columns: The coded columns.
        labels: Code of each row's label, shape (rows,); negative without one.
        classes: Number of labels.
        min_rows: Rows that a pattern needs.
        min_purity: Share of them with the label.
        known: Rows of the reference, if there is one.
    """

    columns: tuple[CodedColumn, ...]
    labels: Integers
    classes: int
    min_rows: int
    min_purity: float
    known: pa.Table | None = None

    def patterns(self) -> list[Pattern]:
        """Patterns with too many rows and too pure for what their values say, the strongest first, each once."""
        found: dict[tuple[str, ...], Pattern] = {}
        for first, second, codes, label in self._pairs():
            self._add(found, self._closure((first, second), codes, label), label)
        for copied, label in copied_rows(self.columns, self.labels, self.min_rows, self.min_purity):
            self._add(found, copied, label, copied=True)
        kept = [item for item in found.values() if item.count >= self.min_rows and item.purity >= self.min_purity]
        return sorted(kept, key=lambda item: (-round(item.promise, 6), str(item)))

    def _add(
        self,
        found: dict[tuple[str, ...], Pattern],
        values: tuple[tuple[int, Value], ...],
        label: int,
        *,
        copied: bool = False,
    ) -> None:
        key = (*(str(value) for _, value in values), str(label))
        if key not in found:
            whole, fewer = self._pattern(values, label), self._carrying(values)
            part = whole if copied or len(fewer) == len(values) else self._pattern(fewer, label)
            found[key] = part if part.promise > whole.promise else whole
        if copied:
            found[key] = replace(found[key], copied=True)

    def _carrying(self, values: tuple[tuple[int, Value], ...]) -> tuple[tuple[int, Value], ...]:
        """The values that rows outside hold, too, if these alone make the pattern; else all.

        A code that only the pattern holds defines it, and would explain its label; a combination needs no such code.
        """
        if is_wide(len(values), len(self.columns)):
            return values
        held = [self._holding(place, value) for place, value in values]
        rows = np.logical_and.reduce(held)
        kept = [
            place
            for place, own in enumerate(held)
            if (own & ~rows).sum() >= FEW_OTHERS or (own & ~rows).sum() + self._approved(values[place][1]) >= FEW_OTHERS
        ]
        if not 1 < len(kept) < len(values):
            return values
        alone = np.logical_and.reduce([held[place] for place in kept])
        return tuple(values[place] for place in kept) if rows.sum() >= SHARED * alone.sum() else values

    def base(self, label: int) -> float:
        """Share of all rows with the label."""
        return float((self.labels == label).mean()) if len(self.labels) else 0.0

    def _pairs(self) -> list[tuple[int, int, tuple[int, int], int]]:
        """The pairs of codes with the most surprising excess in one class."""
        pairs = list(combinations(range(len(self.columns)), 2))
        rows = np.flatnonzero(self.labels >= 0)
        rows = rows[: max(FEWEST_ROWS, WORK // max(1, len(pairs)))]
        labels = self.labels[rows]
        codes = [column.codes[rows] for column in self.columns]
        margins = [self._margin(place, codes[place], labels) for place in range(len(codes))]
        scored: list[tuple[float, int, int, tuple[int, int], int]] = []
        for first, second in pairs:
            both = _joint((codes[first], codes[second]), labels, (margins[first], margins[second]), self.min_rows)
            scored += [(item[0], first, second, item[1], item[2]) for item in both]
        scored.sort(key=lambda item: (-round(item[0], 6), item[1:]))
        return [item[1:] for item in scored[:MAX_PAIRS]]

    def _margin(self, place: int, codes: Integers, labels: Integers) -> Floats:
        """Rows of each code and label, shape (codes, labels)."""
        size = len(self.columns[place].values)
        held = codes != NONE
        flat = np.bincount(codes[held] * self.classes + labels[held], minlength=size * self.classes)
        return flat.reshape(size, self.classes).astype(np.float64)

    def _closure(self, pair: tuple[int, int], codes: tuple[int, int], label: int) -> tuple[tuple[int, Value], ...]:
        """The pair's values and those that nearly all of its rows with the label share."""
        rows = self.labels == label
        for place, code in zip(pair, codes, strict=True):
            rows = rows & (self.columns[place].codes == code)
        values = []
        for place, column in enumerate(self.columns):
            if place in pair:
                values.append((place, column.values[codes[pair.index(place)]]))
                continue
            held = column.codes[rows]
            counts = np.bincount(held[held != NONE], minlength=1)
            best = int(np.argmax(counts))
            if counts[best] >= SHARED * rows.sum():
                values.append((place, column.values[best]))
        return tuple(values)

    def _pattern(self, values: Sequence[tuple[int, Value]], label: int) -> Pattern:
        """The pattern with what its neighbourhood leads to expect, of rows and of labels."""
        held = [self._holding(place, value) for place, value in values]
        rows = np.logical_and.reduce(held)
        rest = ~rows
        others = [own & rest for own in held]
        windows = [self.columns[place].window(value) & rest for place, value in values]
        near = float(np.logical_and.reduce(windows).sum())
        shares = [(own.sum() + 0.5) / (window.sum() + 1) for own, window in zip(others, windows, strict=True)]
        is_label = self.labels == label
        matching = int((rows & is_label).sum())
        return Pattern(
            tuple(value for _, value in values),
            label,
            rows,
            matching,
            expected=(near + 1) * float(np.prod(shares)),
            main=self._main(values, (rows, others, windows), is_label),
        )

    def _main(
        self,
        values: Sequence[tuple[int, Value]],
        masks: tuple[Mask, Sequence[Mask], Sequence[Mask]],
        is_label: Mask,
    ) -> float:
        """What the values say by themselves, through near numbers and the other rows of a category.

        A code that hardly occurs outside the pattern defines it, and explains its own label; but not in a copied row,
        in which some value is always rare. With a reference, codes that it holds defined nothing there, and what the
        values say together is known from it (``value_knockout``): the product of what each says overshoots. What all
        values but one say together, in more rows than the pattern has, explains it in any case.
        """
        rows, others, windows = masks
        columns = [self.columns[place] for place, _ in values]
        sides = [
            own if column.is_text else window for column, own, window in zip(columns, others, windows, strict=True)
        ]
        main = _together(float(is_label.mean()), [is_label[side] for side in sides])
        if is_wide(len(columns), len(self.columns)):
            return main
        # A school's number says what its other rows say, whatever the numbers of other schools are near it.
        exact = [
            own if column.is_coded and own.sum() >= FEW_OTHERS else side
            for column, own, side in zip(columns, others, sides, strict=True)
        ]
        main = max(main, _together(float(is_label.mean()), [is_label[side] for side in exact]))
        defining = [
            float(is_label[rows | own].mean())
            for column, own, (_, value) in zip(columns, others, values, strict=True)
            if column.is_coded and own.sum() < FEW_OTHERS and own.sum() + self._approved(value) < FEW_OTHERS
        ]
        return max(
            [
                main if self.known is None else float(is_label.mean()),
                *defining,
                *_but_one(others, is_label, int(rows.sum())),
            ]
        )

    def _approved(self, value: Value) -> int:
        """Rows of the reference that hold a value."""
        return 0 if self.known is None else int(value.holds(self.known).sum())

    def _holding(self, place: int, value: Value) -> Mask:
        column = self.columns[place]
        if value.text is not None:
            return np.asarray(column.codes == column.values.index(value))
        if np.isnan(value.low):
            return np.isnan(column.numbers)
        return np.asarray((column.numbers >= value.low) & (column.numbers <= value.high))


def _joint(
    codes: tuple[Integers, Integers], labels: Integers, margins: tuple[Floats, Floats], min_rows: int
) -> Iterator[tuple[float, tuple[int, int], int]]:
    """(evidence, codes, label) of the pairs of values with a surprising excess in one class."""
    classes, size = margins[0].shape[1], len(margins[1])
    held = (codes[0] != NONE) & (codes[1] != NONE)
    keys, counts = np.unique((codes[0][held] * size + codes[1][held]) * classes + labels[held], return_counts=True)
    enough = counts >= min_rows
    if not enough.any():
        return
    cell, starts = np.unique(keys // classes, return_index=True)
    totals = np.add.reduceat(counts, starts)
    keys, mine = keys[enough], counts[enough].astype(np.float64)
    total = totals[np.searchsorted(cell, keys // classes)]
    label, first, second = keys % classes, keys // classes // size, keys // classes % size
    rows = np.bincount(labels, minlength=classes).astype(np.float64)
    # The cell itself is left out: a trigger may be most of a rare class.
    own = margins[0][first, label] - mine, margins[1][second, label] - mine
    expected = (own[0] + 0.5) * (own[1] + 0.5) / (rows[label] - mine + 1)
    others = (
        margins[0].sum(axis=1)[first] - margins[0][first, label],
        margins[1].sum(axis=1)[second] - margins[1][second, label],
    )
    attraction = (total - mine + 0.5) / (others[0] * others[1] / np.maximum(len(labels) - rows[label], 1) + 0.5)
    evidence = poisson_evidence(mine, expected * np.maximum(attraction, 1))
    for place in np.flatnonzero((evidence >= PAIR_EVIDENCE) & (mine >= PAIR_PURITY * total)).tolist():
        yield float(evidence[place]), (int(first[place]), int(second[place])), int(label[place])


def is_wide(values: int, columns: int) -> bool:
    """Whether a pattern leaves too few columns to judge its rows by: they are copies of one row."""
    return values >= columns or (values >= COPIED and 2 * values > columns)


def poisson_evidence(count: Floats, expected: Floats) -> Floats:
    """Orders of magnitude against ``count`` or more where ``expected`` are due (Chernoff), 0 below."""
    due = np.maximum(expected, 1e-9)
    return np.where(count > due, (count * np.log(np.maximum(count, 1e-9) / due) - (count - due)) / np.log(10), 0.0)


def _together(base: float, sides: Sequence[Mask]) -> float:
    """Probability of a label, given what each value says by itself (naive Bayes)."""
    start = float(np.clip(base, 1e-6, 1 - 1e-6))
    shares = [(float(side.sum()) + PRIOR * start) / (len(side) + PRIOR) for side in sides]
    odds = _logit(start) + sum(_logit(share) - _logit(start) for share in shares)
    return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def _but_one(others: Sequence[Mask], is_label: Mask, enough: int) -> list[float]:
    """Share of the label where rows hold all values but one, of ``enough`` such rows: a rule outnumbers its cases.

    Args:
        others: Which rows outside the pattern hold each of its values.
        is_label: Which rows carry the label.
        enough: Rows from which they speak; what strays of a planted pattern is less than its bulk.
    """
    if len(others) < FEW_VALUES:
        return []  # single values have spoken
    near = np.sum(others, axis=0) == len(others) - 1
    sides = [near & ~own for own in others]
    base = float(is_label.mean())
    return [_together(base, [is_label[side]]) for side in sides if side.sum() >= enough]


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
