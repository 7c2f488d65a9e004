"""What one row's score and flag are made of: who accuses it, who merely names it, who is noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from fake_checks import Fake, Ramp, card_finding, outcomes_of

from poisonguard.domain.finding import Level, Signal
from poisonguard.engine import tails
from poisonguard.engine.fusing import ACCUSED_FROM, UNFIRED_WEIGHT
from poisonguard.engine.score import ACCUSING, FLAGGING, ScoreBook
from poisonguard.engine.tails import RowSet, Tail

ROWS, POISONED = 4_000, 60
NAMED = [3, 7]


def book_of(scores: dict[str, npt.NDArray[np.float64]], fired: tuple[str, ...]) -> ScoreBook:
    book = ScoreBook(ROWS)
    for card, column in scores.items():
        book.thresholds[card], book.scores[card] = 0.5, column.astype(np.float32)
    for card in fired:
        book.fire(card, [card_finding(1)])
    return book


def accuses(level: Level, signal: Signal) -> bool:
    return level is not Level.NOTE and signal in ACCUSING


def name(book: ScoreBook, card: int, rows: range, *, level: Level = Level.ERROR) -> None:
    """A finding that names rows."""
    book.remember(card_finding(card, rows=list(rows), row_count=len(rows), level=level))


def recall_at_one_percent(scores: npt.NDArray[np.float64]) -> float:
    """Share of the first ``POISONED`` rows above the score that 1 % of the others reach."""
    clean = np.sort(scores[POISONED:])[::-1]
    return float((scores[:POISONED] > clean[len(clean) // 100]).mean())


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("level", Level)
def test_a_scorer_accuses_and_flags_by_what_its_findings_speak_for(level: Level, signal: Signal) -> None:
    _, (score, flagged, checks) = outcomes_of([Fake(1, scorer=Ramp(level=level, signal=signal))])
    assert (np.diff(score) >= 0).all()
    assert (score.max() >= ACCUSED_FROM) == accuses(level, signal)
    assert (score[:90] <= UNFIRED_WEIGHT).all()
    assert flagged.sum() == (10 if level is not Level.NOTE and signal in FLAGGING else 0)
    assert [bool(names) for names in checks] == flagged.tolist()


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("level", Level)
def test_rows_that_a_finding_names_are_accused_and_flagged_alike(level: Level, signal: Signal) -> None:
    finding = card_finding(2, rows=NAMED, confidence=0.8, level=level, signal=signal)
    _, (score, flagged, _) = outcomes_of([Fake(2, judge=[finding])])
    assert score[NAMED[0]] == score[NAMED[1]] > np.delete(score, NAMED).max()
    assert (score[NAMED[0]] >= ACCUSED_FROM) == accuses(level, signal)
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


def test_a_large_finding_does_not_drown_a_small_one() -> None:
    book = book_of({}, fired=())
    name(book, 1, range(POISONED, 10 * POISONED))
    name(book, 2, range(POISONED))
    assert recall_at_one_percent(book.fused(0, ROWS)[0]) == 1.0


def test_a_finding_whose_rows_are_alike_does_not_drown_rows_that_are_in_order() -> None:
    """Both are larger than the budget; the one that cannot tell its rows apart is looked through as a whole."""
    ordered = np.r_[np.linspace(0.9, 0.5, 2 * POISONED), np.zeros(ROWS - 2 * POISONED)]
    book = book_of({"PG-GOOD-001": ordered}, fired=("PG-GOOD-001",))
    name(book, 1, range(1_000, 1_000 + 2 * POISONED - 1))
    score = book.fused(0, ROWS)[0]
    assert score[: 2 * POISONED - 1].min() > score[1_000 : 1_000 + POISONED].max()


def test_many_small_findings_of_one_check_do_not_drown_a_larger_one_of_another() -> None:
    book = book_of({}, fired=())
    for start in range(1_000, 1_200, 20):
        name(book, 1, range(start, start + 20))
    name(book, 2, range(POISONED))
    score = book.fused(0, ROWS)[0]
    assert (score[:POISONED].min() > score[1_000:1_200]).sum() >= 200 - POISONED


@pytest.mark.parametrize("seed", range(5))
def test_poison_does_not_end_at_the_threshold(seed: int) -> None:
    """The next rows in the order of the check that fired come before those of checks that named none."""
    rng = np.random.default_rng(seed)
    column = rng.uniform(0, 0.3, ROWS)
    column[:300] = rng.uniform(0.4, 0.6, 300)
    book = book_of({"PG-GOOD-001": column, "PG-NEAR-001": rng.uniform(0, 0.5, ROWS)}, fired=("PG-GOOD-001",))
    book.evidence["PG-NEAR-001"] = 0.45
    assert 100 < (column >= 0.5).sum() < 200
    score = book.fused(0, ROWS)[0]
    clean = np.sort(score[300:])[::-1]
    assert (score[:300] > clean[(ROWS - 300) // 100]).mean() > 0.95


def test_rows_of_a_sure_note_come_before_the_rest_of_what_accuses() -> None:
    fired = np.r_[np.full(20, 0.9), np.linspace(0.45, 0.0, ROWS - 20)]
    book = book_of({"PG-OTHER-001": fired}, fired=("PG-OTHER-001",))
    book.remember(card_finding(1, rows=list(range(3_000, 3_024)), row_count=24, level=Level.NOTE, confidence=0.9))
    score = book.fused(0, ROWS)[0]
    assert (score[20:] > score[3_000]).sum() < 30
    assert score[3_000] > score[100]


def test_what_two_checks_accuse_comes_before_what_one_does() -> None:
    book = book_of({}, fired=())
    name(book, 1, range(100))
    name(book, 2, range(50, 150))
    score = book.fused(0, ROWS)[0]
    assert score[50:100].min() > max(score[:50].max(), score[100:].max())


@pytest.mark.parametrize("seed", range(5))
def test_a_check_that_names_some_rows_orders_the_others_before_one_that_is_silent(seed: int) -> None:
    """Values far out are a note and no sign; the noise of a silent scorer does not hide those a little nearer."""
    rng = np.random.default_rng(seed)
    oddity = rng.beta(1, 8, ROWS) * 0.4
    oddity[:POISONED] = rng.uniform(0.3, 0.6, POISONED)
    silent = rng.uniform(0, 0.55, ROWS)
    book = book_of({"PG-FAKE-001": oddity, "PG-FAKE-002": silent}, fired=())
    book.evidence["PG-FAKE-002"] = 0.3
    name(book, 1, range(4), level=Level.NOTE)
    alone, found = recall_at_one_percent(oddity), recall_at_one_percent(book.fused(0, ROWS)[0])
    assert alone > 0.9
    assert found >= 0.85 * alone


@pytest.mark.parametrize("seed", range(5))
def test_a_silent_check_that_was_near_an_alarm_orders_the_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    near = rng.uniform(0, 0.4, ROWS)
    near[:POISONED] = rng.uniform(0.35, 0.45, POISONED)
    book = book_of({"PG-NEAR-001": near, "PG-NOISE-001": rng.uniform(0, 1, ROWS)}, fired=())
    book.evidence["PG-NEAR-001"] = 0.5
    assert recall_at_one_percent(book.fused(0, ROWS)[0]) >= 0.9 * recall_at_one_percent(near)


def test_scores_do_not_depend_on_how_rows_are_cut() -> None:
    rng = np.random.default_rng(3)
    book = book_of({"PG-FAKE-001": rng.uniform(0, 1, ROWS), "PG-FAKE-003": rng.uniform(0, 1, ROWS)}, ("PG-FAKE-001",))
    name(book, 2, range(100, 300))
    whole = book.fused(0, ROWS)[0]
    parts = [book.fused(start, min(start + 700, ROWS))[0] for start in range(0, ROWS, 700)]
    assert (np.concatenate(parts) == whole).all()


def test_a_finding_that_comes_late_counts() -> None:
    book = book_of({"PG-FAKE-001": np.linspace(0, 0.4, ROWS)}, fired=())
    before = book.fused(0, ROWS)[0]
    name(book, 2, range(3))
    assert (book.fused(0, ROWS)[0][:3] >= ACCUSED_FROM).all()
    assert before.max() <= UNFIRED_WEIGHT


def test_of_many_rows_the_order_is_kept_within_a_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    column = rng.uniform(0, 1, 200_000).astype(np.float32)
    exact = Tail.of(column).share(column)
    monkeypatch.setattr(tails, "EXACT_ROWS", 1_000)
    rounded = Tail.of(column).share(column)
    assert np.abs(exact - rounded).max() < 2e-4
    assert (rounded >= exact).all()


def test_rows_left_out_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    column, mask = rng.uniform(0, 1, 3_001).astype(np.float32), rng.uniform(0, 1, 3_001) < 0.2
    monkeypatch.setattr(tails, "PART_ROWS", 700)
    left_out = RowSet()
    for start in range(0, len(mask), 700):
        left_out.append(mask[start : start + 700])
    assert left_out.count == mask.sum()
    exact = Tail.of(column[~mask]).share(column)
    assert (Tail.of(column, left_out).share(column) == exact).all()
    monkeypatch.setattr(tails, "EXACT_ROWS", 1_000)
    assert np.abs(Tail.of(column, left_out).share(column) - exact).max() < 2e-3


def test_where_every_row_is_accused_no_place_is_left() -> None:
    book = book_of({"PG-FAKE-001": np.linspace(0.5, 1, ROWS), "PG-FAKE-002": np.zeros(ROWS)}, ("PG-FAKE-001",))
    score = book.fused(0, ROWS)[0]
    assert (np.diff(score) > 0).all()
    assert score.min() >= ACCUSED_FROM


def test_a_score_of_nothing_has_no_place_in_the_order() -> None:
    column = np.array([0.0, 0.5, 0.5, 1.0], dtype=np.float32)
    assert Tail.of(column).share(column).tolist() == [np.inf, 0.75, 0.75, 0.25]
    assert book_of({"PG-FAKE-001": np.zeros(ROWS)}, fired=()).fused(0, ROWS)[0].max() == 0.0
