"""How strongly the rest of a row contradicts its label, and how many such rows are natural.

The *margin* of a row is the log-odds of the best other label against the one it carries: positive where the
models would have given another one. Honest mistakes crowd where the models are unsure; labels that were flipped
anywhere leave contradictions also where they are surest. So the error rate among the surest fifth (the *floor*)
tells flips from honest disagreement. Measured on 22 clean sets (2026-11): floor 0 to 6 %, and above 3 % only
where more than 18 % of all labels contradict the models; with 5 % random flips 5 to 11 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from poisonguard.detectors.fold_ensemble import Probabilities
from poisonguard.detectors.labels import UNKNOWN, Codes

SUREST_SHARE = 0.2
ALLOWED_FALSE_FLAGS = 0.003
"""Share of the rows that may be flagged although their labels are honest; at 0.005, up to 0.8 % were."""

FLIP_SHARE = 0.75
"""Share of what the floor exceeds natural mistakes by that is taken for flips. Of the whole floor, up to 2.1 % of
honest rows were named without a reference; of the excess at most 0.5 % on seven text sets, measured 2026-11."""

AGREEING = 0.25
"""Highest score of a row whose label the models agree with."""

STRATA = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Quantiles of the reference's sureness: contradictions count in the surer half only."""

MIN_GROUP = 50
TINY = 1e-6
MIN_MARGIN = 0.7
"""Never flag a row whose other label is less than twice as likely (log 2)."""

Floats = npt.NDArray[np.float64]


def margins(probabilities: Probabilities, codes: Codes) -> Floats:
    """Log-odds of the best other label against the given one; minus infinity without a label, shape (rows,)."""
    rows = np.arange(len(codes))
    others = probabilities.copy()
    given = np.log(others[rows, codes] + TINY)
    others[rows, codes] = 0.0
    margin = np.log(others.max(axis=1, initial=0.0) + TINY) - given
    return np.asarray(np.where(codes == UNKNOWN, -np.inf, margin))


@dataclass(frozen=True, slots=True)
class Judged:
    """Labelled rows as models see them; rows without a label are left out.

    Attributes:
        predicted: Code of the likeliest label.
        sure: Log-odds of that label against the next, whatever the row carries.
        wrong: Whether the row carries another label.
    """

    predicted: Codes
    sure: Floats
    wrong: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, probabilities: Probabilities, codes: Codes) -> Judged:
        """Judge the rows by their probabilities."""
        known = np.flatnonzero(codes != UNKNOWN)
        top = np.sort(probabilities[known], axis=1)[:, -2:]
        predicted = probabilities[known].argmax(axis=1).astype(np.int64)
        sure = np.log(top[:, 1] + TINY) - np.log(top[:, 0] + TINY)
        return cls(predicted, sure, predicted != codes[known])

    def where(self, chosen: npt.NDArray[np.bool_]) -> Judged:
        """Some of the rows."""
        return Judged(self.predicted[chosen], self.sure[chosen], self.wrong[chosen])


@dataclass(frozen=True, slots=True)
class Floor:
    """Contradictions among the rows that the models are surest of.

    Attributes:
        rows: The surest labelled rows.
        wrong: How many of them carry another label.
        share: Error rate among them.
        overall: Error rate among all rows.
    """

    rows: int
    wrong: int
    share: float
    overall: float

    @classmethod
    def of(cls, judged: Judged) -> Floor:
        """The floor of the labelled rows."""
        surest = judged.sure >= np.quantile(judged.sure, 1 - SUREST_SHARE)
        rows, wrong = int(surest.sum()), int(judged.wrong[surest].sum())
        return cls(rows, wrong, wrong / rows, float(judged.wrong.mean()))

    def lowest(self, errors: float) -> float:
        """The share minus that many standard errors."""
        return self.share - errors * float(np.sqrt(self.share * (1 - self.share) / self.rows))


@dataclass(frozen=True, slots=True)
class Excess:
    """Contradictions in new rows against those of reference rows that the models are as sure of.

    Comparing like with like keeps an honest change of population apart from changed labels: where new rows are
    harder, the models are less sure. One-sided Cochran-Mantel-Haenszel test over strata of sureness.

    Attributes:
        name: Which rows.
        rows: New rows.
        wrong: Contradictions among the surer half of them.
        expected: As many as the reference's rows would hold there.
        share: Excess over that, as a share of the new rows.
        chance: One-sided p.
    """

    name: str
    rows: int
    wrong: int
    expected: float
    share: float
    chance: float

    @classmethod
    def of(cls, name: str, new: Judged, own: Judged) -> Excess:
        """Test one group of rows."""
        if len(new.sure) < MIN_GROUP or len(own.sure) < MIN_GROUP:
            return cls(name, len(new.sure), 0, 0.0, 0.0, 1.0)
        edges = np.quantile(own.sure, STRATA)
        rows, wrong = _strata(new, edges)
        base_rows, base_wrong = _strata(own, edges)
        total, both = rows + base_rows, wrong + base_wrong
        mean = rows * both / np.maximum(total, 1)
        spread = mean * (1 - both / np.maximum(total, 1)) * base_rows / np.maximum(total - 1, 1)
        deviation = (wrong.sum() - mean.sum() - 0.5) / np.sqrt(max(float(spread.sum()), 1e-9))
        expected = float((rows * (base_wrong + 0.5) / (base_rows + 1)).sum())
        excess = (int(wrong.sum()) - expected) / len(new.sure)
        return cls(name, len(new.sure), int(wrong.sum()), expected, excess, float(norm.sf(deviation)))


def _strata(judged: Judged, edges: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(rows, contradictions) in each stratum above the first edge."""
    place = np.searchsorted(edges, judged.sure, side="right")
    rows = np.bincount(place, minlength=len(edges) + 1)[1:]
    return rows, np.bincount(place[judged.wrong], minlength=len(edges) + 1)[1:]


def natural_cut(judged: Judged, floor: float) -> float:
    """The smallest sureness above which honest contradictions are at most ``ALLOWED_FALSE_FLAGS`` of the rows.

    Of the contradictions that the models are so sure of, ``floor`` times the rows that sure are taken for flips.
    """
    wrong, sure = np.sort(judged.sure[judged.wrong]), np.sort(judged.sure)
    if not len(wrong):
        return MIN_MARGIN
    above = len(wrong) - np.arange(len(wrong))
    as_sure = len(sure) - np.searchsorted(sure, wrong)
    allowed = above - FLIP_SHARE * floor * as_sure <= ALLOWED_FALSE_FLAGS * len(sure)
    cut = wrong[int(np.argmax(allowed))] if allowed.any() else wrong[-1] + TINY
    return max(float(cut), MIN_MARGIN)


def scores(margin: Floats, cut: float) -> Floats:
    """Margins as scores in [0, 1): 0 without a label, ``AGREEING`` at margin 0, 0.5 at ``cut``."""
    agrees = AGREEING * np.exp(np.minimum(margin, 0))
    against = np.maximum(margin, 0)
    return np.asarray(np.where(margin > 0, AGREEING + (1 - AGREEING) * against / (against + 2 * cut), agrees))
