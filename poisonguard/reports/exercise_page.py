"""A red team exercise as one HTML page, in the look and under the rules of ``html``: no script, nothing loaded."""

from __future__ import annotations

from itertools import groupby

from markupsafe import Markup

from poisonguard.domain.exercise import Exercise, Notice
from poisonguard.reports.exercise import LEGEND, clean_words, headline, size, strength
from poisonguard.reports.html import POLICY, environment

TONES = {Notice.CAUGHT: "clean", Notice.NOTICED: "drifted", Notice.MISSED: "suspicious"}
"""How the report's colours and signs for good, half and bad speak of a notice."""
LEVELS = {Notice.CAUGHT: "passed", Notice.NOTICED: "warning", Notice.MISSED: "error"}


def render(exercise: Exercise) -> str:
    """The exercise as one HTML page."""
    by_family = groupby(exercise.attacks, key=lambda attack: attack.family)
    return (
        environment()
        .get_template("exercise.html.j2")
        .render(
            exercise=exercise,
            policy=Markup(POLICY),  # noqa: S704 - a constant; its quotes must stay quotes
            headline=headline(exercise),
            tone=_tone(exercise),
            clean=clean_words(exercise),
            size=size(exercise),
            strength=strength,
            families=[(family, list(attacks)) for family, attacks in by_family],
            seen={notice: exercise.seen(notice) for notice in Notice},
            notices=list(Notice),
            signs=LEVELS,
            legend=LEGEND,
            # The report's style sheet writes one rule for each of these; this page has its own filters.
            statuses=list(Notice),
            levels=[],
        )
    )


def _tone(exercise: Exercise) -> str:
    """The colour of the verdict: the worst that any attack was seen, where every attack counts."""
    worst = [notice for notice in Notice if exercise.seen(notice)]
    return TONES[worst[-1]] if worst else TONES[Notice.MISSED]
