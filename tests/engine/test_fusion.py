"""What one row's score and flag are made of: who accuses it, who merely names it, who is noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from fake_checks import Fake, Ramp, card_finding, outcomes_of

from poisonguard.domain.finding import Level, Signal
from poisonguard.engine.score import ACCUSING, FLAGGING, UNFIRED_WEIGHT, ScoreBook

ROWS, POISONED = 4_000, 60
NAMED = [3, 7]


def book_of(scores: dict[str, npt.NDArray[np.float64]], fired: tuple[str, ...]) -> ScoreBook:
    book = ScoreBook(ROWS)
    for card, column in scores.items():
        book.thresholds[card], book.scores[card] = 0.5, column.astype(np.float32)
    for card in fired:
        book.fire(card, [card_finding(1)])
    return book


def weight_of(level: Level, signal: Signal) -> float:
    """What a score counts for where there is no other."""
    return 1.0 if level is not Level.NOTE and signal in ACCUSING else UNFIRED_WEIGHT


def recall_at_one_percent(scores: npt.NDArray[np.float64]) -> float:
    """Share of the first ``POISONED`` rows above the score that 1 % of the others reach."""
    clean = np.sort(scores[POISONED:])[::-1]
    return float((scores[:POISONED] > clean[len(clean) // 100]).mean())


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("level", Level)
def test_a_scorer_accuses_and_flags_by_what_its_findings_speak_for(level: Level, signal: Signal) -> None:
    _, (score, flagged, checks) = outcomes_of([Fake(1, scorer=Ramp(level=level, signal=signal))])
    assert score.max() == pytest.approx(0.99 * weight_of(level, signal))
    assert flagged.sum() == (10 if level is not Level.NOTE and signal in FLAGGING else 0)
    assert [bool(names) for names in checks] == flagged.tolist()


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("level", Level)
def test_rows_that_a_finding_names_are_accused_and_flagged_alike(level: Level, signal: Signal) -> None:
    finding = card_finding(2, rows=NAMED, confidence=0.8, level=level, signal=signal)
    _, (score, flagged, _) = outcomes_of([Fake(2, judge=[finding])])
    assert score[NAMED].tolist() == pytest.approx([0.8 * weight_of(level, signal)] * 2)
    assert np.flatnonzero(flagged).tolist() == (NAMED if level is not Level.NOTE and signal in FLAGGING else [])


def test_drift_beside_a_sign_of_poisoning_neither_hides_it_nor_joins_it() -> None:
    drift = card_finding(2, rows=list(range(50)), confidence=1.0, signal=Signal.DRIFT)
    _, (score, flagged, checks) = outcomes_of([Fake(1, scorer=Ramp()), Fake(2, judge=[drift])])
    assert np.flatnonzero(flagged).tolist() == list(range(90, 100))
    assert score[:50].max() < score[90:].min()
    assert set(checks) == {"", "PG-FAKE-001"}


def test_rows_with_secrets_are_flagged_and_are_not_under_suspicion() -> None:
    secrets = card_finding(2, rows=NAMED, confidence=1.0, level=Level.WARNING, signal=Signal.QUALITY)
    _, (score, flagged, checks) = outcomes_of([Fake(2, judge=[secrets])])
    assert np.flatnonzero(flagged).tolist() == NAMED
    assert score.max() <= UNFIRED_WEIGHT
    assert checks[3] == "PG-FAKE-002"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sure", [0.05, 0.3, 0.9])
def test_fusing_keeps_what_the_best_scorer_found(seed: int, sure: float) -> None:
    """A scorer that fired and ranks perfectly, however low its scores, beside three that are noise and did not."""
    rng = np.random.default_rng(seed)
    perfect = rng.uniform(0, sure / 2, ROWS)
    perfect[:POISONED] = rng.uniform(sure / 2, sure, POISONED)
    noise = {f"PG-NOISE-{number:03d}": rng.uniform(0, 1, ROWS) for number in range(3)}
    book = book_of({"PG-GOOD-001": perfect, **noise}, fired=("PG-GOOD-001",))
    assert recall_at_one_percent(perfect) == 1.0
    assert recall_at_one_percent(book.fused(0, ROWS)[0]) > 0.98


@pytest.mark.parametrize("seed", range(5))
def test_fusing_keeps_it_beside_scorers_that_fired_for_something_else(seed: int) -> None:
    """Every check that fires flags few clean rows: three of them leave the ranking its budget of 1 %."""
    rng = np.random.default_rng(seed)
    perfect = rng.uniform(0, 0.5, ROWS)
    perfect[:POISONED] = rng.uniform(0.5, 1.0, POISONED)
    others = {f"PG-OTHER-{number:03d}": np.minimum(1.0, rng.beta(1, 30, ROWS) * 2.5) for number in range(3)}
    assert sum(float((column >= 0.5).mean()) for column in others.values()) < 0.01
    book = book_of({"PG-GOOD-001": perfect, **others}, fired=("PG-GOOD-001", *others))
    assert recall_at_one_percent(book.fused(0, ROWS)[0]) > 0.98


def test_what_nobody_accuses_keeps_the_order_of_the_others() -> None:
    rng = np.random.default_rng(1)
    silent = rng.uniform(0, 1, ROWS)
    score = book_of({"PG-NOISE-000": silent}, fired=()).fused(0, ROWS)[0]
    assert (np.argsort(score) == np.argsort(silent.astype(np.float32))).all()
    assert score.max() <= UNFIRED_WEIGHT


def test_rows_that_a_check_names_at_once_are_accused_though_its_scorer_found_nothing() -> None:
    check = Fake(1, judge=[card_finding(1, rows=NAMED, confidence=0.8)], scorer=Ramp(fires=False))
    _, (score, flagged, _) = outcomes_of([check])
    assert np.flatnonzero(flagged).tolist() == NAMED
    assert sorted(np.argsort(score)[-2:].tolist()) == NAMED
