"""How much do sources differ by nature, and how far does each stand from that?

1. Hits among the rows of a source are beta-binomial: its rate scatters around what is expected of it. What is expected
   is one rate for all, or, where the source has a past, its own rate then (drawn to the others' then, the more the
   fewer rows tell it), moved on the logit scale by as much as all sources moved.
2. Common rate (or movement) and scatter are those of greatest likelihood over the sources, whatever their shape: where
   every source holds one label only, the scatter says so, and one more such source is nothing.
3. A source is judged by a fit without it, and without those that were found guilty before it. What few sources say
   about their scatter is widened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
from scipy import special
from scipy.optimize import minimize

from poisonguard.detectors.statistics_tests import Counts, Floats

LEAST_SCATTER = 1e-3
"""Intra-class correlation that honest sources are granted whatever the fit says."""

FEW_SOURCES = 8.0
"""With few sources the scatter is poorly known: it is widened by a factor 1 + FEW_SOURCES / sources."""

MOST_FITTED = 500
"""Sources that a fit looks at; of more, every n-th."""

REFITTED = 12
UNUSUAL = 2.4
"""Sources, those furthest out, that are judged by a fit without them, and how many honest ones would be as far out.
Without the others the fit would be the same."""

SURELY = 1e-3
"""Chance, over all sources, below which one is left out when the next ones are judged ..."""

MOST_HONEST = 0.8
"""... as long as so many of them stay."""

LOGIT = 9.0
STRENGTH = (-3.0, 7.0)
"""Bounds of a fit: logit of the rate, natural logarithm of the strength."""

START = 4.0
PULL = 2.0
"""Logarithm of the strength that a fit starts from. Movements are drawn to it with so many standard errors: sources
that stay as pure as they were say nothing about how far others may move."""

WEAK = 1e-3
"""A strength below which nothing is known."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Group:
    """Sources of one kind, all shapes (sources,).

    Attributes:
        hits: Rows that count.
        rows: Rows of the source, positive.
        offset: Logit of the rate that its past says; 0 where none does.
        known: How many rows' worth is known of that; infinite where one rate is expected of all.
    """

    hits: Counts
    rows: Counts
    offset: Floats
    known: Floats

    @classmethod
    def alike(cls, hits: Counts, rows: Counts) -> Group:
        """Sources of which one rate is expected."""
        return cls(hits, rows, np.zeros(len(rows)), np.full(len(rows), np.inf))

    @classmethod
    def with_past(cls, hits: Counts, rows: Counts, hits_before: Counts, rows_before: Counts) -> Group:
        """Sources with rows before, of which their own rate then is expected."""
        before = Spread.of(cls.alike(hits_before, rows_before))
        drawn = (before.rate * before.strength + hits_before) / (before.strength + rows_before)
        offset: Floats = np.asarray(special.logit(np.clip(drawn, 1e-4, 1 - 1e-4)), dtype=np.float64)
        known: Floats = np.asarray(before.strength + rows_before, dtype=np.float64)
        return cls(hits, rows, offset, known)

    def take(self, chosen: Indices | npt.NDArray[np.bool_]) -> Group:
        """Some of the sources."""
        return Group(self.hits[chosen], self.rows[chosen], self.offset[chosen], self.known[chosen])


@dataclass(frozen=True, slots=True)
class Spread:
    """What is usual for a group.

    Attributes:
        movement: Logit of the common rate, or how far all moved.
        strength: Rows' worth of likeness: 1 / scatter - 1.
    """

    movement: float
    strength: float

    @classmethod
    def of(cls, group: Group) -> Spread:
        """The greatest likelihood."""
        few = group.take(np.arange(0, len(group.rows), -(-len(group.rows) // MOST_FITTED)))
        rate = (few.hits.sum() + 0.5) / (few.rows.sum() + 1)
        start = (special.logit(rate) - float(np.average(few.offset, weights=few.rows)), START)
        bounds = ((-LOGIT, LOGIT), STRENGTH)
        found = minimize(_loss, np.clip(start, *np.transpose(bounds)), (few,), "L-BFGS-B", jac=True, bounds=bounds)
        # Four decimals: the last bits of an optimiser differ between builds of the library, the fit need not.
        movement, strength = np.rint(found.x * 1e4) / 1e4
        scatter = 1 / (1 + float(np.exp(strength))) * (1 + FEW_SOURCES / len(group.rows))
        scatter = min(max(scatter, LEAST_SCATTER), 1 - WEAK)
        return cls(float(movement), 1 / scatter - 1)

    @property
    def rate(self) -> float:
        """The common rate, where there is one."""
        return float(special.expit(self.movement))

    def expected(self, group: Group) -> Floats:
        """The rate expected of each source."""
        return np.asarray(special.expit(group.offset + self.movement), dtype=np.float64)

    def tails(self, group: Group) -> Floats:
        """Chance that an honest source has at least so many hits, shape (sources,)."""
        rate, strength = self.expected(group), 1 / (1 / self.strength + 1 / group.known)
        tails = scipy.stats.betabinom.sf(group.hits - 1, group.rows, rate * strength, (1 - rate) * strength)
        return np.clip(np.asarray(tails, dtype=np.float64), 0.0, 1.0)


def tails_beside_others(group: Group) -> tuple[Floats, Floats]:
    """Chance of so many hits in an honest source, and the rate expected of it, shapes (sources,).

    Args:
        group: Three sources or more.
    """
    spread = Spread.of(group)
    tails, expected = spread.tails(group), spread.expected(group)
    kept = np.ones(len(tails), dtype=np.bool_)
    furthest = np.argsort(tails, kind="stable")[:REFITTED]
    for place in furthest[tails[furthest] * len(tails) <= UNUSUAL].tolist():
        alone = np.arange(len(tails)) == place
        without = Spread.of(group.take(kept & ~alone))
        tails[alone], expected[alone] = without.tails(group.take(alone)), without.expected(group.take(alone))
        # What surely is no honest source must not hide the next one.
        kept[place] = tails[place] * len(tails) > SURELY or kept.sum() <= len(tails) * MOST_HONEST
    return tails, expected


def _loss(place: Floats, group: Group) -> tuple[float, Floats]:
    """Negative log-likelihood, up to a constant, and its slope."""
    rate, common = special.expit(group.offset + place[0]), float(np.exp(place[1]))
    strength = 1 / (1 / common + 1 / group.known)
    first, second = np.maximum(rate * strength, 1e-9), np.maximum((1 - rate) * strength, 1e-9)
    hits, misses = group.hits, group.rows - group.hits
    value = special.betaln(hits + first, misses + second) - special.betaln(first, second)
    both = special.digamma(strength) - special.digamma(group.rows + strength)
    by_first = special.digamma(hits + first) - special.digamma(first) + both
    by_second = special.digamma(misses + second) - special.digamma(second) + both
    by_rate = (by_first - by_second) * strength * rate * (1 - rate)
    by_strength = (by_first * rate + by_second * (1 - rate)) * (strength / common) ** 2 * common
    far = (place[1] - START) / PULL if np.isfinite(group.known).all() else 0.0
    return far * far / 2 - float(value.sum()), np.array([-by_rate.sum(), far / PULL - by_strength.sum()])
