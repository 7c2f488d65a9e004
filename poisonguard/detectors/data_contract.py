"""Data contract: the steward's Great Expectations suite, or one derived from the approved reference.

Expectations that exact sketches decide run here, in the one pass over all rows; the few others run in GX on the
row sample, and the coverage says so. Rules: a contract that holds anything not allowed is refused as a whole
(``contract_suite``); data without rows are refused; what cannot be judged has failed.
Rows that break a broken expectation are named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from poisonguard.detectors.cells import Absent, Broken, Cell, CellScorer, NamedCell
from poisonguard.detectors.contract_derive import derive_suite
from poisonguard.detectors.contract_exact import SAMPLE, Verdict, judge_exact, mismatch, rule_of, sketches_for
from poisonguard.detectors.contract_suite import EXACT, SAMPLED, Expectation, parse_suite
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role, Roles
from poisonguard.domain.wording import count
from poisonguard.errors import NothingToScan
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.profile import ColumnProfile
from poisonguard.sketches.sample import sample_rows
from poisonguard.sketches.values import ValueCounts, ValueHashes

UNPROFILED = (Kind.NESTED, Kind.BINARY)

NAMED_BY = 32
"""Hex digits of its SHA-256 that name a contract: two of one name are 2^64 trials away."""


class DataContractParams(Params):
    """No parameters: the contract says everything."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An expectation and its verdict."""

    expectation: Expectation
    verdict: Verdict
    repeat: int
    """How many expectations of the same type and column stand before it."""


class DataContract(Check[DataContractParams]):
    """Flags every expectation of the contract that the data do not hold."""

    detector = "data-contract"
    params_model = DataContractParams

    _contract: tuple[Expectation, ...] | None = None
    _digest = ""
    _roles: Roles
    _latest: tuple[Evidence, Evidence | None, tuple[Judged, ...]] | None = None

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """The sketches that decide the contract; all profiles when it is to be derived.

        Raises:
            ConfigurationError: The contract is refused.
        """
        self._roles = context.roles
        if context.contract is not None:
            self._contract = parse_suite(context.contract)
            self._digest = hashlib.sha256(context.contract.encode()).hexdigest()[:NAMED_BY]
            return self._needs_of(self._contract, context)
        if not context.has_reference:
            return NotApplicable("no contract, and no reference to derive one from")
        columns = [column.name for column in context.columns if column.kind not in UNPROFILED]
        keys = [ValueHashes(name) for name in columns if context.roles.of(name) is Role.ID]
        return [SAMPLE, *map(ColumnProfile, columns), *map(ValueCounts, columns), *keys]

    @staticmethod
    def _needs_of(contract: Sequence[Expectation], context: Context) -> Sequence[Sketch]:
        sketches = [sketch for item in contract for sketch in sketches_for(item, context.columns)]
        sampled = any(item.type in SAMPLED for item in contract)
        return [*sketches, SAMPLE] if sampled else sketches

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding per broken expectation whose rows cannot be named.

        Raises:
            NothingToScan: There are no rows: every expectation would hold.
        """
        for item in self._judged(evidence, reference):
            if not item.verdict.held and _cell(item, evidence) is None:
                yield self._finding(item, reference)

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> CellScorer | None:
        """Scores the rows that break a broken expectation."""
        cells = []
        for item in self._judged(evidence, reference):
            cell = None if item.verdict.held else _cell(item, evidence)
            if cell is not None:
                cells.append(NamedCell(cell, 1.0, self._finding(item, reference)))
        return CellScorer(cells) if cells else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """How many expectations were judged, of which contract, and which of them on a sample.

        The note is part of the signed result: a contract that somebody widened has another digest.
        """
        judged = self._latest[2] if self._latest is not None else ()
        sampled = sorted({item.expectation.type for item in judged if item.verdict.sampled})
        origin = f"given (sha256 {self._digest})" if self._contract is not None else "derived from the reference"
        note = f"{count(len(judged), 'expectation')}, {origin}"
        if sampled:
            note += f"; judged on a sample of {evidence[SAMPLE].num_rows} rows: {', '.join(sampled)}"
        return evidence.rows, note

    def _judged(self, evidence: Evidence, reference: Evidence | None) -> tuple[Judged, ...]:
        """Judge, or recall the judgement of the same two versions: judge and scorer share it."""
        if self._latest is None or self._latest[0] is not evidence or self._latest[1] is not reference:
            self._latest = (evidence, reference, self._evaluate(evidence, reference))
        return self._latest[2]

    def _evaluate(self, evidence: Evidence, reference: Evidence | None) -> tuple[Judged, ...]:
        if not evidence.rows:
            raise NothingToScan("no rows to hold the contract against")
        contract = self._contract if self._contract is not None else self._derived(reference)
        verdicts = {item.number: judge_exact(item, evidence) for item in contract if item.type in EXACT}
        verdicts |= _by_great_expectations([item for item in contract if item.type in SAMPLED], evidence)
        subjects: list[str] = []
        judged = []
        for item in contract:
            judged.append(Judged(item, verdicts[item.number], subjects.count(item.subject)))
            subjects.append(item.subject)
        return tuple(judged)

    def _derived(self, reference: Evidence | None) -> tuple[Expectation, ...]:
        if reference is None:
            return ()
        return parse_suite(json.dumps(derive_suite(reference, self._roles, "derived")))

    def _finding(self, item: Judged, reference: Evidence | None) -> Finding:
        expectation, verdict = item.expectation, item.verdict
        terms = ", ".join(f"{name}={_shown(value)}" for name, value in expectation.arguments if name != "column")
        about = ", ".join(expectation.columns) or "the table"
        derived = self._contract is None and reference is not None
        return self.finding(
            subject=expectation.subject + (f"#{item.repeat + 1}" if item.repeat else ""),
            message=f"{expectation.type} on {about} ({terms}): {verdict.observed}.",
            confidence=1.0,
            level=min(self.card.level, expectation.level, key=lambda level: level.rank),
            compared_with=f"contract derived from {reference.name}"
            if derived and reference is not None
            else "the contract",
            column=expectation.column,
            row_count=verdict.unexpected,
            numbers={"unexpected": verdict.unexpected, "judged": verdict.judged, "expectation": expectation.number},
        )


def _by_great_expectations(expectations: Sequence[Expectation], evidence: Evidence) -> dict[int, Verdict]:
    """Verdicts by number; GX is imported only when there is something to ask it."""
    names = {column.name for column in evidence.columns}
    verdicts = {
        item.number: Verdict(held=False, observed="the column is missing")
        for item in expectations
        if not names.issuperset(item.columns)
    }
    asked = [item for item in expectations if item.number not in verdicts]
    if asked:
        from poisonguard.detectors.contract_gx import judge_sampled  # noqa: PLC0415 - GX takes seconds to load

        sample = evidence[SAMPLE]
        answers = judge_sampled(asked, sample_rows(sample), sampled=sample.num_rows < evidence.rows)
        verdicts |= {item.number: answer for item, answer in zip(asked, answers, strict=True)}
    return verdicts


def _cell(item: Judged, evidence: Evidence) -> Cell | None:
    """The rows that break an expectation, where a row breaks it by itself."""
    column = next((column for column in evidence.columns if column.name == item.expectation.column), None)
    if column is None or not item.verdict.unexpected:
        return None
    if item.expectation.type == "expect_column_values_to_not_be_null":
        return Absent(column.name)
    rule = rule_of(item.expectation)
    return None if rule is None or mismatch(rule, column) else Broken(rule)


def _shown(value: object) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - one line on a terminal
