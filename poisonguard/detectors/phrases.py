"""Phrases tied to one label by more than the rest of their rows explains: knock-out.

1. A candidate is an n-gram of 1 to 4 tokens in at least ``min_rows`` rows, nearly all of one label.
2. Its own words, and every word that comes along with it almost always, are taken out of the content model.
3. It stands out when what is left reads no more like the label than any row does, while the rows say
   otherwise: the chance of that (Chernoff's bound on a sum of independent rows) survives the false-discovery
   rate over all phrases tried.
4. Where phrases are looked for in new rows only, these are measured by their own mix of labels: a new period or source
   brings other labels along, whatever its texts say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.association import SCATTERED, Association, chernoff
from poisonguard.detectors.chances import binomial_tail, discovery_rates
from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import MAX_NGRAM, Integers
from poisonguard.detectors.knock_out import KnockOut, candidates
from poisonguard.detectors.occurrences import Occurrences
from poisonguard.detectors.study import Labelling, Study

MAX_CANDIDATES = 4_000
"""Candidates per label and length that are examined, strongest first."""

PURE_BEYOND = 0.01
"""A phrase purer than this chance allows is worth a look."""

FIRST_LOOK = 3.0
"""Orders of magnitude that a phrase must reach without companions to be examined, where its rows agree."""

FILLING, FEWEST_PLAIN = 0.2, 50
"""A phrase in a larger share of the new rows is no sign of what labels they bring; nor are fewer rows."""

BURST_CHANCE = 1e-4
BURST_RATIO = 10.0
"""A planted phrase is new; a new period uses old phrases up to eight times as often (speeches, 2026-11)."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What makes a phrase suspicious."""

    min_rows: int
    min_purity: float
    fdr: float
    agreeing: bool = False
    """Look for phrases whose rows agree with the label, but not as strongly as the label goes with the phrase."""

    @property
    def lengths(self) -> range:
        """Tokens per phrase; single words that agree with their label are what labels are about."""
        return range(2 if self.agreeing else 1, MAX_NGRAM + 1)


def associations(study: Study, limits: Thresholds) -> tuple[Association, ...]:
    """Phrases that the rest of their rows does not explain, most surprising first."""
    given = study.labelling
    held = [study.held(length, limits.min_rows) for length in limits.lengths]
    found: list[Association] = []
    for label in range(given.labels if given.among.any() else 0):
        positive = given.codes == label
        pure = [_pure(item, given, positive, limits) for item in held]
        if any(len(chosen) for chosen in pure):
            measured = given.among if limits.agreeing else _measured(given, held, pure)
            base = float(positive[measured].mean())
            model = study.model(label).shifted(measured)
            knock_out = KnockOut(study.tokens, model, label, base, _pure_words(study, positive, limits))
            for item, chosen in zip(held, pure, strict=True):
                found += _examined(knock_out, item, chosen, limits, compared=given.compared)
    found.sort(key=lambda item: (item.chance, -len(item.words), item.words))
    tried = sum(len(item.hashes) for item in held) * given.labels
    kept = _survivors([item.chance for item in found], tried, limits.fdr)
    telling = (item for item, keep in zip(found, kept, strict=True) if keep or (limits.agreeing and item.scattered))
    return tuple(telling)


def _pure_words(study: Study, positive: npt.NDArray[np.bool_], limits: Thresholds) -> npt.NDArray[np.bool_]:
    """Words that live in the label, shape (words,).

    None where the rest may agree with the label, and none beside a reference: a new topic is words of one label.
    """
    matrix = study.matrix
    if limits.agreeing or study.labelling.compared:
        return np.zeros(len(matrix.documents), dtype=np.bool_)
    inside = np.repeat(positive, np.diff(matrix.weights.indptr))
    matching = np.bincount(matrix.weights.indices, weights=inside, minlength=len(matrix.documents))
    return (matrix.documents >= limits.min_rows) & (matching >= limits.min_purity * matrix.documents)


def _survivors(chances: list[float], tried: int, fdr: float) -> npt.NDArray[np.bool_]:
    """Benjamini-Hochberg over everything tried; what was not examined counts as chance 1."""
    if not chances:
        return np.zeros(0, dtype=np.bool_)
    padded = np.ones(max(tried, len(chances)))
    padded[: len(chances)] = chances
    return np.asarray(discovery_rates(padded)[: len(chances)] <= fdr)


def _measured(given: Labelling, held: list[Occurrences], pure: list[Integers]) -> npt.NDArray[np.bool_]:
    """Rows by whose labels phrases are measured: new ones without phrases that fill the delta, or else all rows."""
    plain = given.among.copy()
    for item, chosen in zip(held, pure, strict=True):
        filling = chosen[item.rows[chosen] > FILLING * given.among.sum()]
        plain[item.row[np.isin(item.phrase, filling)]] = False
    return plain if given.compared and plain.sum() >= FEWEST_PLAIN else np.ones_like(plain)


def _pure(held: Occurrences, given: Labelling, positive: npt.NDArray[np.bool_], limits: Thresholds) -> Integers:
    """Indices of the phrases that live in one label, beyond chance, strongest first; of bursts with a reference."""
    rows = held.rows
    matching = np.bincount(held.phrase, weights=positive[held.row], minlength=len(rows))
    eligible = (rows >= limits.min_rows) & (matching >= limits.min_purity * rows)
    if given.compared:
        eligible &= has_burst(rows, int(given.among.sum()), held.known, int((~given.among).sum()))
    chosen = np.flatnonzero(eligible)
    base = min(float(positive[given.among].mean()), float(positive.mean()))
    chance = binomial_tail(matching[chosen], rows[chosen], base)
    order = np.argsort(chance, kind="stable")[:MAX_CANDIDATES]
    return np.asarray(np.sort(chosen[order[chance[order] < PURE_BEYOND]]), dtype=np.int64)


def has_burst(rows: Integers, new: int, known: Integers, old: int) -> npt.NDArray[np.bool_]:
    """Which phrases, in ``rows`` of ``new`` rows and in ``known`` of ``old`` ones of the reference, are all but new."""
    rate = np.minimum((known + 0.5) / (old + 1), 1.0)
    return np.asarray((rows >= BURST_RATIO * rate * new) & (binomial_tail(rows, new, rate) < BURST_CHANCE))


def _examined(
    knock_out: KnockOut, held: Occurrences, chosen: Integers, limits: Thresholds, *, compared: bool
) -> list[Association]:
    """The candidates that stand out when they are knocked out.

    A first look without companions drops most natural phrases.
    """
    every = compared and limits.agreeing
    looked = zip(candidates(knock_out.tokens, held, chosen), knock_out.first_look(held, chosen), strict=True)
    found = [
        knock_out.association(item)
        for item, left in looked
        if every or _is_worth(left, knock_out.model.positive[item.rows], knock_out.base, agreeing=limits.agreeing)
    ]
    return [item for item in found if (item.overdone if limits.agreeing else item.unexplained)]


def _is_worth(left: Floats, positive: npt.NDArray[np.bool_], base: float, *, agreeing: bool) -> bool:
    """Whether a phrase that was knocked out without its companions deserves the whole look."""
    if not agreeing:
        return float(left.mean()) <= (1 + base) / 2
    purity, rows = float(positive.mean()), len(left)
    return (
        chernoff(purity, float(left.mean()), rows) <= 10**-FIRST_LOOK or chernoff(purity, base, rows) <= 10**-SCATTERED
    )
