"""A broken check is an outcome; the others still stand."""

import numpy as np
import pytest
from fake_checks import Fake, Ramp, card_finding, outcomes_of

from poisonguard.domain.outcome import Failed, Ran, Skipped
from poisonguard.engine.fusing import UNFIRED_WEIGHT
from poisonguard.plugin.check import NotApplicable


@pytest.mark.parametrize("step", ["needs", "judge", "scorer"])
def test_a_check_that_raises_has_failed_and_the_other_ran(step: str) -> None:
    broken, sound = Fake(1, **{step: ZeroDivisionError("by zero\nsecond line")}), Fake(2, judge=[card_finding(2)])
    outcomes, _ = outcomes_of([broken, sound])
    by_check = {outcome.check: outcome for outcome in outcomes}
    assert by_check["PG-FAKE-001"] == Failed("PG-FAKE-001", "ZeroDivisionError: by zero")
    ran = by_check["PG-FAKE-002"]
    assert isinstance(ran, Ran)
    assert len(ran.findings) == 1


def test_a_check_that_does_not_apply_is_skipped_with_its_reason() -> None:
    outcomes, _ = outcomes_of([Fake(1, needs=NotApplicable("no label column"))])
    assert outcomes == [Skipped("PG-FAKE-001", "no label column")]


@pytest.mark.parametrize("scale", [0.02, float("nan"), -1.0])
def test_scores_outside_zero_to_one_are_a_broken_check(scale: float) -> None:
    outcomes, _ = outcomes_of([Fake(1, scorer=Ramp(scale=scale)), Fake(2)])
    assert isinstance(outcomes[0], Failed)
    assert "outside [0, 1]" in outcomes[0].error
    assert isinstance(outcomes[1], Ran)


def test_evidence_that_the_reference_lacks_is_said_and_judged_without_it() -> None:
    outcomes, _ = outcomes_of([Fake(1, wants_reference=True, judge=[card_finding(1)])], with_reference=True)
    ran = outcomes[0]
    assert isinstance(ran, Ran)
    assert len(ran.findings) == 1
    assert ran.coverage.note == "judged without the reference: the reference holds no X"


def test_scores_that_fired_count_in_full_and_flag_their_rows() -> None:
    outcomes, fused = outcomes_of([Fake(1, scorer=Ramp())])
    score, flagged, checks = fused
    assert isinstance(outcomes[0], Ran)
    assert outcomes[0].findings[0].row_count == 10
    assert np.flatnonzero(flagged).tolist() == list(range(90, 100))
    assert score.argmax() == 99
    assert score[90:].min() > 0.5 > score[:90].max()
    assert checks[99] == "PG-FAKE-001"
    assert checks[0] == ""


def test_scores_that_did_not_fire_never_outrank_those_that_did() -> None:
    _, fused = outcomes_of([Fake(1, scorer=Ramp(fires=False))])
    score, flagged, _ = fused
    assert not flagged.any()
    assert score.max() <= UNFIRED_WEIGHT
    assert (np.diff(score) > 0).all(), "they still order the rows"


def test_rows_that_a_finding_names_are_accused() -> None:
    _, fused = outcomes_of([Fake(2, judge=[card_finding(2, rows=[3, 7], confidence=0.8)])])
    score, flagged, checks = fused
    assert np.flatnonzero(score > 0.5).tolist() == [3, 7]
    assert np.flatnonzero(flagged).tolist() == [3, 7]
    assert checks[3] == "PG-FAKE-002"


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("cuts", [(), (1, 50, 99), tuple(range(0, 100, 7))])
def test_outcomes_do_not_depend_on_cuts_or_workers(cuts: tuple[int, ...], workers: int) -> None:
    whole, fused = outcomes_of([Fake(1, scorer=Ramp())])
    cut, cut_fused = outcomes_of([Fake(1, scorer=Ramp())], cuts, workers)
    assert repr(cut) == repr(whole)
    assert (cut_fused[0] == fused[0]).all()
    assert cut_fused[2] == fused[2]
