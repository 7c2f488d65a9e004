"""What speaks for a combination of values being planted, and what for its being genuine.

1. *The rest of its rows*: planted, they read like any row, or against their label, without the combination's columns.
   Near copies of one row have no such rest: without a reference, that row itself must carry another label.
2. *The reference*: its own rate of such rows is an expectation, too. Its rows teach the judges, so that it is enough
   that the rest of the row does not explain the label, at twice the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from poisonguard.detectors.value_cells import FEW_VALUES, Cells, Pattern, is_wide
from poisonguard.detectors.value_codes import Mask
from poisonguard.detectors.value_knockout import Judge

UNOPPOSED = 0.5
"""Weight of a combination, against a reference, whose rows do not read against their label."""

CERTAINTY = 0.5
"""Weight of the reference's rate among expectations that are granted a factor for dependence: it knows that."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A combination with what the rest of its rows says about the label.

    Attributes:
        pattern: The combination.
        base: Share of all rows with its label.
        without: Probability of the label without the combination's columns.
        whole: Probability of the label by the other rows, all columns seen.
        kinship: How much more its rows agree in other columns than rows of a class do.
        known: (rows that hold it in the reference's sample, rows of that sample), if there is a reference.
        copied: Whether its rows are copies of one row that carries another label; nothing for a combination of few
            columns, and against a reference, which knows what is usual.
    """

    pattern: Pattern
    base: float
    without: float
    whole: float
    kinship: float
    known: tuple[int, int] | None
    copied: bool | None = None

    @property
    def strength(self) -> float:
        """Orders of magnitude against chance: of the number of rows, or of their labels, the smaller."""
        found = min(self.pattern.crowding, self.pattern.evidence(self.without))
        # Rows that repeat all but a visit or a year are one person's, unless their original says otherwise.
        opposed = self.without <= self.base if self.copied is None else self.copied
        return found if opposed else found * (0.0 if self.known is None else UNOPPOSED)

    @property
    def unexplained(self) -> float:
        """Orders of magnitude against what the values say by themselves and through their neighbours."""
        return self.pattern.evidence(max(self.without, self.whole, self.pattern.main))

    @property
    def standing(self) -> float:
        """Orders of magnitude on which it stands: the smaller of both."""
        return min(self.strength, self.unexplained)


def against(pattern: Pattern, base: pa.Table, rows: int) -> Pattern:
    """The pattern with the reference's own rate as an expectation, where it is higher; of copies it is all there is."""
    known = CERTAINTY * (_held(pattern, base) + 0.5) * rows / (base.num_rows + 1)
    return replace(pattern, expected=known if pattern.copied else max(pattern.expected, known))


def _held(pattern: Pattern, table: pa.Table) -> int:
    return int(np.logical_and.reduce([value.holds(table) for value in pattern.values]).sum())


def verify(pattern: Pattern, judge: Judge, cells: Cells, sample: pa.Table, base: pa.Table | None) -> Verified:
    """What the rest of the pattern's rows says; where the mix of classes changed, so do all answers."""
    rows = judge.encoder.matrix(sample.filter(pa.array(pattern.rows)))
    columns = frozenset(value.column for value in pattern.values)
    share = cells.base(pattern.label)
    unseen = _relatives(pattern, sample) if base is None else None
    without, whole = judge.opinions(rows, pattern.label, columns, unseen)
    if pattern.copied:
        without = whole  # copies agree everywhere: there is no rest
    kinship = 0.0 if pattern.copied else judge.kinship(rows, columns)
    if base is None:
        copied = _contradicts_original(pattern, without, share, is_wide(len(columns), len(judge.encoder.columns)))
        return Verified(pattern, share, without, whole, kinship, None, copied)
    before = float((judge.labels == pattern.label).mean())
    shift = max(0.0, _logit(share) - _logit(before))
    known = _held(pattern, base), base.num_rows
    return Verified(pattern, share, _shifted(without, shift), _shifted(whole, shift), kinship, known)


def _contradicts_original(pattern: Pattern, without: float, share: float, wide: bool) -> bool | None:  # noqa: FBT001 - a helper
    """Whether copies carry another label than their original; nothing for a combination that strangers hold.

    Where the copies agree in common values, too, many honest rows are like them: their kind must read otherwise.
    """
    if not wide and not pattern.copied:
        return None
    return pattern.matching < pattern.count and (wide or without <= share)


def _relatives(pattern: Pattern, sample: pa.Table) -> Mask:
    """Rows that hold all of its values, or all but one of three or more: copies that strayed teach nobody."""
    held = np.sum([value.holds(sample) for value in pattern.values], axis=0)
    return np.asarray(held >= len(pattern.values) - (len(pattern.values) >= FEW_VALUES))


def _shifted(chance: float, shift: float) -> float:
    return float(1 / (1 + np.exp(-(_logit(chance) + shift))))


def _logit(share: float) -> float:
    held = float(np.clip(share, 1e-6, 1 - 1e-6))
    return float(np.log(held / (1 - held)))
