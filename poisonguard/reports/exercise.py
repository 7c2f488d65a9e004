"""A red team exercise as text for a person and as JSON (``poisonguard-redteam/v1``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from poisonguard.domain.exercise import AttackTrials, Exercise, Notice, Trial
from poisonguard.domain.wording import count
from poisonguard.reports.escape import terminal
from poisonguard.reports.view import percent

SCHEMA = "poisonguard-redteam/v1"
HEADINGS = ("attack", "rows", "rate", "recall", "assessment", "policy", "seen", "checks")
TO_THE_RIGHT = frozenset({"rows", "rate", "recall"})
LEGEND = (
    "recall: share of the poisoned rows that score above all but 1 % of the honest ones",
    "policy: what it would have made of the copy; FAILED means that training would not have started",
    "caught: a finding is about the attack and recall is at least 0.5; noticed: a finding, but less recall",
)


def render_text(exercise: Exercise) -> str:
    """The exercise as text, raw values escaped for a terminal."""
    lines = [*_title(exercise), "", *_table(exercise), "", *_summary(exercise), *_skipped(exercise), "", *LEGEND]
    return "".join(f"{line}\n" for line in lines)


def document(exercise: Exercise) -> dict[str, Any]:
    """The exercise as JSON values; texts are raw."""
    return {
        "schema": SCHEMA,
        "toolVersion": exercise.tool_version,
        "dataset": exercise.dataset,
        "rows": exercise.rows,
        "totalRows": exercise.total_rows,
        "seed": exercise.seed,
        "reference": exercise.reference,
        "pack": exercise.pack,
        "policyDigest": exercise.policy_digest,
        "clean": {
            "assessment": str(exercise.clean),
            "verdict": str(exercise.clean_verdict),
            "checks": list(exercise.clean_checks),
        },
        "attacks": [_attack_to_json(attack) for attack in exercise.attacks],
        "skipped": [{"attack": item.name, "family": item.family, "reason": item.reason} for item in exercise.skipped],
        "incomplete": list(exercise.incomplete),
    }


def headline(exercise: Exercise) -> str:
    """How many attacks were seen how well, in one sentence."""
    counts = {notice: len(exercise.seen(notice)) for notice in Notice}
    return (
        f"{counts[Notice.CAUGHT]} of {count(len(exercise.attacks), 'attack')} caught, "
        f"{counts[Notice.NOTICED]} noticed, {counts[Notice.MISSED]} missed"
    )


def size(exercise: Exercise) -> str:
    """How many rows each copy has, and of how many."""
    rows = count(exercise.rows, "row")
    return rows if exercise.rows == exercise.total_rows else f"a sample of {rows} of {exercise.total_rows:,}"


def strength(trial: Trial) -> str:
    """How much was poisoned."""
    return f"{percent(trial.rate)} ({count(trial.poisoned, trial.unit)})"


def clean_words(exercise: Exercise) -> str:
    """What the scan said without an attack."""
    fired = f", with findings of {', '.join(exercise.clean_checks)}" if exercise.clean_checks else ""
    return f"{exercise.clean}, {exercise.clean_verdict}{fired}"


def _title(exercise: Exercise) -> Iterator[str]:
    compared = f"compared with {terminal(exercise.reference)}" if exercise.reference else "no reference"
    yield f"red team on {terminal(exercise.dataset)}: {size(exercise)}, {compared}, seed {exercise.seed}"
    yield f"without an attack: {clean_words(exercise)}"
    yield from (f"incomplete: {terminal(item)}" for item in exercise.incomplete)


def _table(exercise: Exercise) -> Iterator[str]:
    rows = [_cells(attack.name, trial) for attack in exercise.attacks for trial in attack.trials]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    yield _line(HEADINGS, widths)
    lines = iter(rows)
    for family, attacks in groupby(exercise.attacks, key=lambda attack: attack.family):
        yield f"-- {family}"
        for attack in attacks:
            for trial in attack.trials:
                cells = next(lines)
                yield _line(cells if trial is attack.trials[0] else ("", *cells[1:]), widths)


def _cells(name: str, trial: Trial) -> tuple[str, ...]:
    checks = ", ".join(trial.checks) or "none"
    many = f"{trial.poisoned:,}" if trial.unit == "row" else count(trial.poisoned, trial.unit)
    shown = (name, many, percent(trial.rate), f"{trial.recall:.2f}")
    return (*shown, str(trial.assessment), str(trial.verdict), str(trial.notice), checks)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if heading in TO_THE_RIGHT else cell.ljust(width)
        for cell, width, heading in zip(cells, widths, HEADINGS, strict=True)
    )
    return "  ".join(padded).rstrip()


def _summary(exercise: Exercise) -> Iterator[str]:
    yield headline(exercise)
    caught = exercise.seen(Notice.CAUGHT)
    width = max((len(attack.name) for attack in caught), default=0)
    if caught:
        yield "smallest caught:"
    for attack in caught:
        trial = attack.smallest_caught
        yield f"  {attack.name.ljust(width)}  {strength(trial) if trial else ''}"
    missed = exercise.seen(Notice.MISSED)
    if missed:
        yield f"stays invisible: {', '.join(attack.name for attack in missed)}"


def _skipped(exercise: Exercise) -> Iterator[str]:
    if exercise.skipped:
        yield "not run:"
    reasons = sorted({item.reason for item in exercise.skipped})
    for reason in reasons:
        names = ", ".join(item.name for item in exercise.skipped if item.reason == reason)
        yield f"  {terminal(reason)}: {names}"


def _attack_to_json(attack: AttackTrials) -> dict[str, Any]:
    caught = attack.smallest_caught
    return {
        "attack": attack.name,
        "family": attack.family,
        "reference": attack.reference,
        "published": attack.published,
        "seen": str(attack.best),
        "smallestRateCaught": caught.rate if caught else None,
        "trials": [
            {
                "rate": trial.rate,
                "poisonedRows": trial.poisoned if trial.unit == "row" else 0,
                "plantedFiles": trial.poisoned if trial.unit == "file" else 0,
                "planted": trial.what,
                "recallAt1PercentFpr": trial.recall,
                "assessment": str(trial.assessment),
                "verdict": str(trial.verdict),
                "seen": str(trial.notice),
                "checks": list(trial.checks),
            }
            for trial in attack.trials
        ],
    }
