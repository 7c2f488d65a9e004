"""A broken check is an outcome; the others still stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from harness import TableSource, evidence_of, roles_of

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Failed, Outcome, Ran, Skipped
from poisonguard.engine.executor import local
from poisonguard.engine.fold import fold
from poisonguard.engine.judge import judge
from poisonguard.engine.plan import plan
from poisonguard.engine.progress import Silent
from poisonguard.engine.score import UNFIRED_WEIGHT, Scoring
from poisonguard.engine.source import DigestColumn, RowIndex
from poisonguard.engine.spool import Spool
from poisonguard.plugin.card import Card
from poisonguard.plugin.check import (
    Block,
    Check,
    Context,
    Evidence,
    MissingEvidence,
    NotApplicable,
    Params,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.sample import RowSample

Fused = tuple[Scores, npt.NDArray[np.bool_], list[str]]
TABLE = pa.table({"x": np.arange(100, dtype=np.float64)})


def card(number: int) -> Card:
    text = "A sentence that is long enough to pass."
    return Card(
        id=f"PG-FAKE-{number:03d}",
        title="A check for tests",
        detector="fake",
        level=Level.ERROR,
        signal=Signal.POISONING,
        status="stable",
        threats=("AML.T0020",),
        what=text,
        why=text,
        formula=text,
        remediation=text,
        blind_spots=("all",),
        false_positives=("all",),
    )


class Fake(Check[Params]):
    """Behaves as told."""

    detector = "fake"
    params_model = Params

    def __init__(self, number: int, **behaviour: Any) -> None:
        super().__init__(card(number), Params())
        self.behaviour = behaviour

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        del context
        return self._do("needs", [RowSample()])

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        if reference is not None and self.behaviour.get("wants_reference"):
            raise MissingEvidence("the reference holds no X")
        del evidence
        return self._do("judge", ())

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        del evidence, reference
        return self._do("scorer", None)

    def _do(self, step: str, default: Any) -> Any:
        result = self.behaviour.get(step, default)
        if isinstance(result, Exception):
            raise result
        return result


@dataclass
class Ramp(RowScorer):
    """Scores each row by ``x``."""

    check: Fake | None = None
    scale: float = 0.01
    fires: bool = True
    threshold: float = 0.9
    seen: list[int] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("x",)

    def score(self, block: Block) -> Scores:
        self.seen.append(block.table.num_rows)
        return block.table["x"].to_numpy() * self.scale

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        if self.fires:
            rows = scored.rows
            yield card_finding(1, rows=np.sort(rows), row_count=scored.flagged)


def card_finding(number: int, **rest: Any) -> Finding:
    defaults = {"subject": "s", "message": "m", "compared_with": "c", "confidence": 0.5}
    return Finding(check=f"PG-FAKE-{number:03d}", level=Level.ERROR, signal=Signal.POISONING, **(defaults | rest))


def outcomes_of(
    checks: list[Fake], cuts: Sequence[int] = (), workers: int = 1, *, with_reference: bool = False
) -> tuple[list[Outcome], Fused]:
    source = TableSource(TABLE, cuts=cuts)
    planned = plan(checks, Context(source.columns, roles_of(source, {}), with_reference), always=[RowDigests()])
    with Spool() as spool:
        executor = local(workers)
        folded = fold(source, planned.sketches, executor, spool, Silent())
        evidence = evidence_of(source, folded)
        digests = DigestColumn(folded.states[RowDigests().key])
        scoring = Scoring(source, RowIndex(folded.runs, ["t"]), digests, executor, spool, Silent())
        judged, book = judge(planned.checks, evidence, evidence if with_reference else None, scoring)
        fused = book.fused(0, TABLE.num_rows)
    return [*planned.outcomes, *judged], fused


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
    assert score[99] == pytest.approx(0.99)
    assert checks[99] == "PG-FAKE-001"
    assert checks[0] == ""


def test_scores_that_did_not_fire_never_outrank_those_that_did() -> None:
    _, fused = outcomes_of([Fake(1, scorer=Ramp(fires=False))])
    score, flagged, _ = fused
    assert not flagged.any()
    assert score.max() <= UNFIRED_WEIGHT
    assert (np.diff(score) > 0).all(), "they still order the rows"


def test_rows_that_a_finding_names_carry_its_confidence() -> None:
    _, fused = outcomes_of([Fake(2, judge=[card_finding(2, rows=[3, 7], confidence=0.8)])])
    score, flagged, checks = fused
    assert np.flatnonzero(score == 0.8).tolist() == [3, 7]
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
