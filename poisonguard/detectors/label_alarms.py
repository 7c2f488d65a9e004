"""What makes contradicted labels suspicious: dataset-level tests, and what they say in a sentence.

Without a reference a plateau of contradictions alarms (``label_plateau``): labels that ignore the row, more of them
than honest labels were seen to hold. With one, an excess among the new rows does (``label_excess``). It is

- poison in a corner of the features where the label changed while the rest stayed (``label_regions``);
- drift where models that know the new rows agree with most of them: a rule changed;
- poison otherwise: labels that follow no rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.contradiction import ALLOWED_FALSE_FLAGS, margins, natural_cut
from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.label_excess import SURE, Excess, Judged, excesses
from poisonguard.detectors.label_models import LabelModels
from poisonguard.detectors.label_plateau import Contradictions
from poisonguard.detectors.label_regions import Corners
from poisonguard.domain.finding import Signal
from poisonguard.plugin.check import Params

FLIP_SHARE = 0.75
"""Share of a plateau that is taken for flips when rows are named: honest labels hold the rest."""

MOST = 0.5
"""Share of an excess that corners must hold, or a rule explain, to be what happened."""

MIN_OTHERS = 200
"""Fewer approved rows than this cannot tell a rule from noise."""


class LabelNoiseParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=20_000, ge=200)
    folds: int = Field(default=5, ge=2)
    min_class_rows: int = Field(default=10, ge=5)
    min_plateau: float = Field(default=0.025, ge=0, le=1, description="Contradictions however sure models of two are.")
    min_foreign: float = Field(default=0.0025, ge=0, le=1, description="Labels not even second best, of more classes.")
    min_faded: float = Field(default=0.5, ge=0, le=1, description="Error of the surest fifth, over that of all rows.")
    max_error: float = Field(default=0.35, gt=0, le=1, description="Models that err more often say nothing.")
    min_excess: float = Field(default=0.005, ge=0, le=1, description="Excess over the approved rows' rate.")
    chance: float = Field(default=2e-3, gt=0, lt=1, description="Family-wise level of the test against approved rows.")


@dataclass(frozen=True, slots=True)
class Alarm:
    """A dataset-level test that fired.

    Attributes:
        message: What was found, without the full stop.
        compared_with: What it was compared with.
        numbers: The figures behind it.
        signal: What it is a sign of.
        code: The label whose rows are meant; nothing for rows of any.
        corners: Where labels changed, if that is what happened.
        random_share: Share of the rows whose labels are taken for changed at random, where a plateau says so.
    """

    message: str
    compared_with: str
    numbers: dict[str, float | int | str]
    signal: Signal = Signal.POISONING
    code: int | None = None
    corners: Corners | None = None
    random_share: float = 0.0


def blind_alarm(models: LabelModels, params: LabelNoiseParams) -> Alarm | None:
    """Contradictions that do not fade out where the models are sure."""
    known = models.rows.known
    seen = Contradictions.of(models.first[known], models.rows.codes[known])
    if seen.error > params.max_error:
        return None
    numbers: dict[str, float | int | str] = {
        "contradictions in all rows": round(seen.error, 4),
        "contradictions among the surest fifth": round(seen.surest, 4),
        "plateau of contradictions": seen.plateau.share,
    }
    least, compared = params.min_foreign if seen.only_foreign else params.min_plateau, "models of the other rows"
    if seen.plateau.lowest >= least:
        which = "is not even the second best" if seen.only_foreign else "the rest of the row contradicts"
        message = (
            f"However sure the models are, about {seen.plateau.share:.1%} (at least {seen.plateau.lowest:.1%}) of "
            f"{seen.rows:,} sampled rows carry a label that {which}; honest mistakes fade out there"
        )
        numbers |= {"lower bound of the plateau": seen.plateau.lowest, "threshold": least}
        return Alarm(message, compared, numbers, random_share=FLIP_SHARE * seen.plateau.share)
    if seen.surest_at_least >= max(params.min_plateau, params.min_faded * seen.error):
        message = (
            f"Models contradict the label of {seen.surest:.1%} of the sampled rows that they are surest of, and of "
            f"{seen.error:.1%} of all {seen.rows:,}; honest mistakes are rarer where models are sure"
        )
        return Alarm(message, compared, numbers, random_share=FLIP_SHARE * seen.surest)
    return None


def reference_alarm(
    models: LabelModels, params: LabelNoiseParams, encoder: TableEncoder, reference: str
) -> Alarm | None:
    """Contradictions among new rows that neither other rows nor other label frequencies explain."""
    known = models.rows.known
    judged = Judged.of(models.first[known], models.rows.codes[known], models.rows.is_new[known])
    excess = _least_likely(judged, params)
    if excess is None:
        return None
    corners = _explaining(excess, models, encoder, judged)
    numbers: dict[str, float | int | str] = {
        "contradicted labels among new rows": excess.wrong,
        "expected from the reference": round(excess.expected, 1),
        "p": float(f"{excess.chance:.2g}"),
    }
    if corners is not None:
        return Alarm(_in_corners(models, corners), reference, numbers, corners=corners)
    name = "" if excess.code is None else f" labelled {models.rows.classes.names[excess.code]}"
    message = (
        f"Models of the reference contradict {excess.wrong:,} of {excess.rows:,} sampled new rows{name}: another label "
        f"is at least four times as likely. The approved rows, of the same labels and as hard to tell, hold "
        f"{excess.expected:,.0f} of so many"
    )
    if _is_rule(models, excess):
        message += "; models that know the new rows agree with them, so the labels follow another rule than before"
        return Alarm(message, reference, numbers, Signal.DRIFT)
    return Alarm(message, reference, numbers, code=excess.code)


def _explaining(excess: Excess, models: LabelModels, encoder: TableEncoder, judged: Judged) -> Corners | None:
    """Corners of the features that hold most of the excess; nothing when it is spread."""
    known = models.rows.known
    table = models.rows.table.filter(known)
    corners = Corners.of(encoder, table, models.rows.hashes[known], judged)
    held = corners.holds(table, judged.codes) & judged.is_new & (models.margin[known] > 0)
    return corners if corners.found and held.sum() >= MOST * (excess.wrong - excess.expected) else None


def _least_likely(judged: Judged, params: LabelNoiseParams) -> Excess | None:
    """The least likely excess that is large enough, after Bonferroni's correction."""
    tests = excesses(judged)
    level = params.chance / max(1, len(tests))
    fired = [item for item in tests if item.chance <= level and item.share >= params.min_excess]
    return min(fired, key=lambda item: item.chance, default=None)


def _is_rule(models: LabelModels, excess: Excess) -> bool:
    """Whether models that all rows teach would give most of the contradicted rows the very label that they carry.

    What such models have learnt, each from folds without the row, is a rule and not noise.
    """
    rows = models.rows
    if (rows.known & ~rows.is_new).sum() < MIN_OTHERS:
        return False
    meant = rows.known & rows.is_new if excess.code is None else rows.is_new & (rows.codes == excess.code)
    contradicted = meant & (margins(models.first, rows.codes) >= SURE)
    agreed = contradicted & (margins(models.among_themselves(), rows.codes) < 0)
    return bool(agreed.sum() >= MOST * (excess.wrong - excess.expected))


def _in_corners(models: LabelModels, corners: Corners) -> str:
    """The clearest corner in a sentence."""
    first, name = corners.found[0], models.rows.classes.names
    others = len(corners.found) - 1
    more = f" (and {others:,} more such {'corner' if others == 1 else 'corners'})" if others else ""
    return (
        f"New rows with {corners.describe(first)} are labelled {name[first.code]} in {first.share:.0%} of "
        f"{first.rows:,} sampled cases, approved ones in {first.known:.0%}{more}; most of the excess lies there"
    )


def cut_of(models: LabelModels, alarm: Alarm | None) -> float:
    """Margin where honest contradictions end: by the approved rows, as many of each label as there are new ones."""
    rows, known = models.rows, models.rows.known
    new, old = known & rows.is_new, known & ~rows.is_new
    if not old.any():
        weight = np.ones(int(known.sum()))
        random = 0.0 if alarm is None else alarm.random_share
        return natural_cut(models.margin[known], weight, allowed=ALLOWED_FALSE_FLAGS * len(weight), random_share=random)
    classes = len(rows.classes.names)
    before, now = (np.bincount(rows.codes[mask], minlength=classes) for mask in (old, new))
    weight = (now / np.maximum(before, 1))[rows.codes[old]]
    return natural_cut(models.margin[old], weight, allowed=ALLOWED_FALSE_FLAGS * int(new.sum()))
