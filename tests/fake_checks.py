"""Checks that behave as they are told, and what the engine makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from harness import TableSource, evidence_of, roles_of

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Outcome
from poisonguard.engine.executor import local
from poisonguard.engine.fold import fold
from poisonguard.engine.judge import judge
from poisonguard.engine.plan import plan
from poisonguard.engine.progress import Silent
from poisonguard.engine.score import Scoring
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
    level: Level = Level.ERROR
    signal: Signal = Signal.POISONING
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
            yield card_finding(1, rows=np.sort(rows), row_count=scored.flagged, level=self.level, signal=self.signal)


def card_finding(number: int, **rest: Any) -> Finding:
    fields: dict[str, Any] = {
        "subject": "s",
        "message": "m",
        "compared_with": "c",
        "confidence": 0.5,
        "level": Level.ERROR,
        "signal": Signal.POISONING,
    }
    return Finding(check=f"PG-FAKE-{number:03d}", **(fields | rest))


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
