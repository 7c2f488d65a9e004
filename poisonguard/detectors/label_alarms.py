"""What makes contradicted labels suspicious: dataset-level tests, and what they say in a sentence.

Without a reference a plateau of contradictions alarms (``label_plateau``): labels that ignore the row, more of them
than honest labels were seen to hold; or a crowd of them along a border (``label_border``); or rows of one label that
carry another at random (``label_pairs``). With a reference, an excess among the new rows does (``label_excess``). It is

- poison in a corner of the features where the label changed while the rest stayed (``label_regions``), and drift
  where labels are distributed otherwise in the rest, too: another population has its own corners;
- drift where models that know the new rows agree with most of them: a rule changed;
- poison otherwise: labels that follow no rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from poisonguard.detectors.contradiction import ALLOWED_FALSE_FLAGS, MIN_MARGIN, margins, natural_cut
from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.label_border import DISTANCE, Border, crowded_border
from poisonguard.detectors.label_excess import SURE, Excess, Judged, excesses
from poisonguard.detectors.label_models import LabelModels
from poisonguard.detectors.label_pairs import HIGHEST_AREA, mixed_labels
from poisonguard.detectors.label_plateau import Contradictions
from poisonguard.detectors.label_regions import Corners
from poisonguard.domain.finding import Signal
from poisonguard.plugin.check import Params

FEWEST = 8
"""Rows that the lower bound of a plateau must stand for, or that must be contradicted among the surest: fewer changed
labels than these and a few honest freaks of the models look the same."""

FLIP_SHARE = 0.75
"""Share of a plateau that is taken for flips when rows are named: honest labels hold the rest."""

MOST = 0.5
"""Share of an excess that corners must hold, or a rule explain, to be what happened."""

TINY_CHANCE = 1e-300
MOST_MOVED = 0.1
"""Total variation of the labels outside the corners from which the population is another one."""

MOST_BY_COUNT = 0.001
"""Chance of as many contradicted labels as are told, above which how much the models contradict them is no alarm: the
models of one version are surer of their own rows than of another population's."""

MIN_OTHERS = 200
"""Fewer approved rows than this cannot tell a rule from noise."""


class LabelNoiseParams(Params):
    """Parameters of the check."""

    limit: int = Field(default=20_000, ge=200)
    folds: int = Field(default=5, ge=2)
    min_class_rows: int = Field(default=10, ge=5)
    min_plateau: float = Field(default=0.025, ge=0, le=1, description="Contradictions however sure models of two are.")
    min_foreign: float = Field(default=0.0025, ge=0, le=1, description="Labels not even second best, of more classes.")
    min_surest: float = Field(default=0.015, ge=0, le=1, description="Least error of the surest fifth.")
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
        place: Where labels changed, if that is what happened: corners, or a band along a border.
        least: Margin from which rows there are named.
        random_share: Share of the rows whose labels are taken for changed at random, where a plateau says so.
        changed: Rows with the label ``code`` that are taken for changed to it, where a pair of labels says so.
    """

    message: str
    compared_with: str
    numbers: dict[str, float | int | str]
    signal: Signal = Signal.POISONING
    code: int | None = None
    place: Corners | Border | None = None
    least: float = MIN_MARGIN
    random_share: float = 0.0
    changed: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the dataset-level tests say.

    Attributes:
        alarm: The alarm, if there is one.
        evidence: How far they went towards one, from 0 to 1.
    """

    alarm: Alarm | None
    evidence: float = 0.0


def blind_verdict(models: LabelModels, params: LabelNoiseParams, encoder: TableEncoder | None = None) -> Verdict:
    """Contradictions that do not fade out where the models are sure, or that crowd along a border."""
    known = models.rows.known
    seen = Contradictions.of(models.first[known], models.rows.codes[known])
    if seen.error > params.max_error:
        return Verdict(None)
    alarm = _blind_alarm(seen, params) or _border_alarm(models, encoder) or _pair_alarm(models)
    return Verdict(alarm, _blind_evidence(seen, params))


def _blind_evidence(seen: Contradictions, params: LabelNoiseParams) -> float:
    """The likeliest plateau where its lower bound should be, or the surest rows' error, whichever is nearer."""
    plateau = seen.plateau.share / (params.min_foreign if seen.only_foreign else params.min_plateau)
    surest = seen.surest_at_least / max(params.min_surest, params.min_faded * seen.error)
    return float(np.clip(max(plateau, surest), 0.0, 1.0))


def _blind_alarm(seen: Contradictions, params: LabelNoiseParams) -> Alarm | None:
    numbers: dict[str, float | int | str] = {
        "contradictions in all rows": round(seen.error, 4),
        "contradictions among the surest fifth": round(seen.surest, 4),
        "plateau of contradictions": seen.plateau.share,
    }
    least, compared = params.min_foreign if seen.only_foreign else params.min_plateau, "models of the other rows"
    if seen.plateau.lowest >= least and seen.plateau.lowest * seen.rows >= FEWEST:
        which = "is not even the second best" if seen.only_foreign else "the rest of the row contradicts"
        message = (
            f"However sure the models are, about {seen.plateau.share:.1%} (at least {seen.plateau.lowest:.1%}) of "
            f"{seen.rows:,} sampled rows carry a label that {which}; honest mistakes fade out there"
        )
        numbers |= {"lower bound of the plateau": seen.plateau.lowest, "threshold": least}
        return Alarm(message, compared, numbers, random_share=FLIP_SHARE * seen.plateau.share)
    enough = seen.surest * seen.surest_rows >= FEWEST
    if enough and seen.surest_at_least >= max(params.min_surest, params.min_faded * seen.error):
        message = (
            f"Models contradict the label of {seen.surest:.1%} of the sampled rows that they are surest of, and of "
            f"{seen.error:.1%} of all {seen.rows:,}; honest mistakes are rarer where models are sure"
        )
        return Alarm(message, compared, numbers, random_share=FLIP_SHARE * seen.surest)
    return None


def reference_verdict(models: LabelModels, params: LabelNoiseParams, encoder: TableEncoder, reference: str) -> Verdict:
    """Contradictions among new rows that neither other rows nor other label frequencies explain."""
    known = models.rows.known
    judged = Judged.of(models.first[known], models.rows.codes[known], models.rows.is_new[known])
    tests = excesses(judged)
    level = params.chance / max(1, len(tests))
    enough = [item for item in tests if item.share >= params.min_excess and item.by_count <= MOST_BY_COUNT]
    excess = min(enough, key=lambda item: item.chance, default=None)
    if excess is None:
        return Verdict(None)
    evidence = float(np.clip(np.log(max(excess.chance, TINY_CHANCE)) / np.log(level), 0.0, 1.0))
    fired = excess.chance <= level
    return Verdict(_reference_alarm(excess, models, encoder, judged, reference) if fired else None, evidence)


def _border_alarm(models: LabelModels, encoder: TableEncoder | None) -> Alarm | None:
    """Labels flipped where classes meet."""
    if encoder is None or not encoder.columns:
        return None
    known = models.rows.known
    table, codes = models.rows.table.filter(known), models.rows.codes[known]
    border = crowded_border(encoder, table, models.first[known], codes)
    if border is None:
        return None
    message = (
        f"Of the {border.rows:,} sampled rows that lie nearest to a border between classes, the models contradict the "
        f"label of {border.wrong:.0%}; their own doubt and their errors farther out let expect {border.expected:.0%}"
    )
    numbers: dict[str, float | int | str] = {
        "rows at the border": border.rows,
        "contradictions there": round(border.wrong, 4),
        "expected there": round(border.expected, 4),
        "distance": round(float(border.distance), 2),
        "threshold": DISTANCE,
    }
    margin = models.margin[known][border.holds(table, codes)]
    allowed = ALLOWED_FALSE_FLAGS * len(codes)
    least = natural_cut(margin, np.ones(len(margin)), allowed=allowed, random_share=FLIP_SHARE * border.flipped)
    return Alarm(message, "models of the other rows", numbers, place=border, least=least)


def _pair_alarm(models: LabelModels) -> Alarm | None:
    """One label given to rows of another at random."""
    known, names = models.rows.known, models.rows.classes.names
    mixed = mixed_labels(models.first[known], models.rows.codes[known])
    if mixed is None:
        return None
    message = (
        f"{mixed.carried:,} of {mixed.rows:,} sampled rows that look like {names[mixed.looks]} are labelled "
        f"{names[mixed.given]}, and no doubt of the models tells which; honest mistakes lie where rows are in between"
    )
    numbers: dict[str, float | int | str] = {
        "rows that look like the one label": mixed.rows,
        "rows of them with the other": mixed.carried,
        "area under the ROC curve of the models' doubt": round(mixed.area, 3),
        "its upper bound": round(mixed.bound, 3),
        "threshold": HIGHEST_AREA,
    }
    return Alarm(message, "models of the other rows", numbers, code=mixed.given, changed=FLIP_SHARE * mixed.carried)


def _reference_alarm(
    excess: Excess, models: LabelModels, encoder: TableEncoder, judged: Judged, reference: str
) -> Alarm:
    """What the least likely excess means."""
    corners = _explaining(excess, models, encoder, judged)
    numbers: dict[str, float | int | str] = {
        "contradicted labels among new rows": excess.wrong,
        "expected from the reference": round(excess.expected, 1),
        "p": float(f"{excess.chance:.2g}"),
    }
    if corners is not None:
        return _corner_alarm(models, corners, numbers, reference)
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


def _corner_alarm(
    models: LabelModels, corners: Corners, numbers: dict[str, float | int | str], reference: str
) -> Alarm:
    """Poison, unless labels moved everywhere."""
    message, moved = _in_corners(models, corners), _moved_elsewhere(models, corners)
    numbers |= {"change of label frequencies elsewhere": round(moved, 4)}
    if moved <= MOST_MOVED:
        return Alarm(message, reference, numbers, place=corners)
    message += f"; elsewhere labels are distributed otherwise, too (total variation {moved:.2f})"
    return Alarm(message, reference, numbers, Signal.DRIFT)


def _moved_elsewhere(models: LabelModels, corners: Corners) -> float:
    """Total variation between the labels of new and of approved rows that lie in no corner."""
    rows, size = models.rows, len(models.rows.classes.names)
    rest = rows.known & ~corners.around(rows.table)
    new, old = (np.bincount(rows.codes[rest & side], minlength=size) for side in (rows.is_new, ~rows.is_new))
    return 0.5 * float(np.abs(new / max(1, new.sum()) - old / max(1, old.sum())).sum())


def _explaining(excess: Excess, models: LabelModels, encoder: TableEncoder, judged: Judged) -> Corners | None:
    """Corners of the features that hold most of the excess; nothing when it is spread."""
    known = models.rows.known
    table = models.rows.table.filter(known)
    corners = Corners.of(encoder, table, models.rows.hashes[known], judged)
    held = corners.holds(table, judged.codes) & judged.is_new & (models.margin[known] > 0)
    return corners if corners.found and held.sum() >= MOST * (excess.wrong - excess.expected) else None


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
        if alarm is not None and alarm.changed:
            margin = models.margin[known & (rows.codes == alarm.code)]
            allowed = alarm.changed + ALLOWED_FALSE_FLAGS * len(weight)
            return natural_cut(margin, np.ones(len(margin)), allowed=allowed)
        random = 0.0 if alarm is None else alarm.random_share
        return natural_cut(models.margin[known], weight, allowed=ALLOWED_FALSE_FLAGS * len(weight), random_share=random)
    classes = len(rows.classes.names)
    before, now = (np.bincount(rows.codes[mask], minlength=classes) for mask in (old, new))
    weight = (now / np.maximum(before, 1))[rows.codes[old]]
    return natural_cut(models.margin[old], weight, allowed=ALLOWED_FALSE_FLAGS * int(new.sum()))
