"""A red team exercise as text, JSON and HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports.example_results import HOSTILE_HTML
from reports.test_html import Page, assert_inert

from poisonguard.domain.decision import Verdict
from poisonguard.domain.exercise import AttackSkipped, AttackTrials, Exercise, Notice, Trial
from poisonguard.domain.result import Assessment
from poisonguard.reports.exercise import document, headline, render_text
from poisonguard.reports.exercise_page import render


def trial(rows: int, recall: float, *checks: str) -> Trial:
    word = Assessment.SUSPICIOUS if checks else Assessment.CLEAN
    verdict = Verdict.FAILED if checks else Verdict.PASSED
    return Trial(rows / 1000, rows, f"'cf' in {rows} rows", recall, word, verdict, checks)


EXERCISE = Exercise(
    tool_version="1.2.3",
    dataset="reviews",
    rows=1000,
    total_rows=5000,
    seed=7,
    reference="reviews@3",
    pack="baseline",
    policy_digest="ab" * 32,
    clean=Assessment.CLEAN,
    clean_verdict=Verdict.PASSED,
    clean_checks=("PG-DUP-001",),
    attacks=(
        AttackTrials(
            "rare-token",
            "text classification",
            "Kurita, 2020",
            "1 % of the rows",
            (
                trial(5, 0.4, "PG-TEXT-001"),
                trial(10, 0.9, "PG-LABEL-001", "PG-TEXT-001"),
                trial(30, 1.0, "PG-TEXT-001"),
            ),
        ),
        AttackTrials("style", "text classification", "Qi, 2021", "20 % of the rows", (trial(200, 0.3, "PG-TEXT-001"),)),
        AttackTrials("claim-flooding", "documents", "Zhang, 2025", "0.1 %", (trial(1, 0.0), trial(20, 0.1))),
    ),
    skipped=(
        AttackSkipped("outliers", "tabular", "no numeric feature"),
        AttackSkipped("unit-drift", "tabular", "no numeric feature"),
    ),
)
HOSTILE = replace(
    EXERCISE,
    dataset=HOSTILE_HTML,
    reference=HOSTILE_HTML,
    attacks=(
        replace(
            EXERCISE.attacks[0], trials=tuple(replace(item, what=HOSTILE_HTML) for item in EXERCISE.attacks[0].trials)
        ),
    ),
    skipped=(AttackSkipped("outliers", "tabular", HOSTILE_HTML),),
    incomplete=(HOSTILE_HTML,),
)


def test_the_text_says_it_all() -> None:
    assert (
        render_text(EXERCISE)
        == """\
red team on reviews: a sample of 1,000 rows of 5,000, compared with reviews@3, seed 7
without an attack: clean, PASSED, with findings of PG-DUP-001

attack          rows   rate  recall  assessment  policy  seen     checks
-- text classification
rare-token         5  0.5 %    0.40  suspicious  FAILED  noticed  PG-TEXT-001
                  10    1 %    0.90  suspicious  FAILED  caught   PG-LABEL-001, PG-TEXT-001
                  30    3 %    1.00  suspicious  FAILED  caught   PG-TEXT-001
style            200   20 %    0.30  suspicious  FAILED  noticed  PG-TEXT-001
-- documents
claim-flooding     1  0.1 %    0.00  clean       PASSED  missed   none
                  20    2 %    0.10  clean       PASSED  missed   none

1 of 3 attacks caught, 1 noticed, 1 missed
smallest caught:
  rare-token  1 % (10 rows)
stays invisible: claim-flooding
not run:
  no numeric feature: outliers, unit-drift

recall: share of the poisoned rows that score above all but 1 % of the honest ones
policy: what it would have made of the copy; FAILED means that training would not have started
caught: a finding is about the attack and recall is at least 0.5; noticed: a finding, but less recall
"""
    )


def test_the_json_says_the_same() -> None:
    said = document(EXERCISE)
    assert said["schema"] == "poisonguard-redteam/v1"
    assert [attack["smallestRateCaught"] for attack in said["attacks"]] == [0.01, None, None]
    assert [attack["seen"] for attack in said["attacks"]] == ["caught", "noticed", "missed"]
    assert said["attacks"][0]["trials"][1] == {
        "rate": 0.01,
        "poisonedRows": 10,
        "plantedFiles": 0,
        "planted": "'cf' in 10 rows",
        "recallAt1PercentFpr": 0.9,
        "assessment": "suspicious",
        "verdict": "FAILED",
        "seen": "caught",
        "checks": ["PG-LABEL-001", "PG-TEXT-001"],
    }
    assert said["clean"] == {"assessment": "clean", "verdict": "PASSED", "checks": ["PG-DUP-001"]}
    assert said["skipped"][0] == {"attack": "outliers", "family": "tabular", "reason": "no numeric feature"}


def test_nothing_that_no_check_speaks_of_is_noticed_however_high_it_scores() -> None:
    assert trial(10, 1.0).notice is Notice.MISSED
    assert trial(10, 0.5, "PG-A-001").notice is Notice.CAUGHT
    assert headline(replace(EXERCISE, attacks=EXERCISE.attacks[:1])) == "1 of 1 attack caught, 0 noticed, 0 missed"


@pytest.mark.parametrize("exercise", [EXERCISE, HOSTILE], ids=["plain", "hostile"])
def test_the_page_is_inert_and_the_same_twice(exercise: Exercise) -> None:
    assert_inert(render(exercise))
    assert render(exercise) == render(exercise)


def test_the_page_names_every_attack_and_what_stays_invisible() -> None:
    words = " ".join(" ".join(Page(render(EXERCISE)).words).split())
    for told in ("rare-token", "claim-flooding", "no numeric feature", "1 % (10 rows)", "never", "Kurita, 2020"):
        assert told in words
    assert "Stays invisible: claim-flooding ." in words.replace("flooding.", "flooding .")
    assert "default-src &#39;none&#39;" not in render(EXERCISE)


def test_a_text_that_would_steer_a_terminal_does_not() -> None:
    assert "\x1b" not in render_text(replace(EXERCISE, dataset="a\x1b[2Jb"))
