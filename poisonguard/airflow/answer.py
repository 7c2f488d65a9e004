"""What poisonguard answered to a task: an exit code and what its report says, and what they mean to Airflow.

Rules:

1. Exit code 0 with a report that says PASSED lets the next task run; nothing else does.
2. 1, 4, 5 and 6 are refusals: the same data would be refused again, so that a retry makes no sense.
3. Every other code is an operational problem (settings, missing files, a bug): a retry may help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from poisonguard.domain.decision import Reason
from poisonguard.domain.wording import count
from poisonguard.errors import InternalError, PoisonguardError

REFUSING = frozenset({1, 4, 5, 6})
MOST_FINDINGS = 20
"""Findings in the log and in XCom; the report has all of them."""

FINDING_KEYS = ("check", "title", "level", "signal", "subject", "message", "rowCount", "fingerprint")


class Meaning(StrEnum):
    """What an answer means to a pipeline."""

    PASSED = "PASSED"
    REFUSED = "REFUSED"
    BROKEN = "NO ANSWER"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of ``scan`` or ``gate``.

    Attributes:
        exit_code: As the command line documents it.
        verdict: What the report says; empty without a report.
        reasons: The reasons of the decision; the problem when there is no report.
        dataset: Name of the dataset, if known.
        version: Name of the version, if known.
        assessment: ``clean``, ``drifted`` or ``suspicious``, if known.
        findings: The findings of a scan that no waiver excuses.
        notes: What a reader should know besides: files ignored, or what the gate could not remember.
    """

    exit_code: int
    verdict: str
    reasons: tuple[Reason, ...]
    dataset: str | None = None
    version: str | None = None
    assessment: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of_report(cls, exit_code: int, report: Mapping[str, Any]) -> Answer:
        """The answer in a JSON report of ``scan`` (whose decision stands apart) or of ``gate``."""
        decision = report.get("decision", report)
        return cls(
            exit_code=exit_code,
            verdict=decision.get("verdict", ""),
            reasons=tuple(_reason(item) for item in decision.get("reasons", ())),
            dataset=report.get("dataset"),
            version=report.get("version"),
            assessment=report.get("assessment"),
            findings=tuple(item for item in report.get("findings", ()) if not item.get("waived")),
            notes=tuple(str(note) for note in report.get("notes", ())),
        )

    @classmethod
    def of_error(cls, error: PoisonguardError) -> Answer:
        """The answer that an error is."""
        return cls(error.exit_code, "", (Reason(error.slug, error.message, error.exit_code, error.hint),))

    @classmethod
    def of_problem(cls, problem: str, exit_code: int = InternalError.exit_code) -> Answer:
        """The answer of a command that gave none."""
        return cls(exit_code, "", (Reason("no-report", problem, exit_code),))

    @property
    def meaning(self) -> Meaning:
        """Passed, refused or broken; an answer that contradicts itself is broken."""
        if self.exit_code in REFUSING:
            return Meaning.REFUSED
        return Meaning.PASSED if self.exit_code == 0 and self.verdict == "PASSED" else Meaning.BROKEN

    @property
    def why(self) -> str:
        """The reasons against the data in one line."""
        said = "; ".join(reason.message for reason in self.reasons if reason.exit_code)
        return said or f"exit code {self.exit_code} and verdict {self.verdict or 'none'}"

    def summary(self) -> dict[str, Any]:
        """The answer for XCom: small, plain values. For people and dashboards; the gate never reads it."""
        return {
            "dataset": self.dataset,
            "version": self.version,
            "verdict": "PASSED" if self.meaning is Meaning.PASSED else "FAILED",
            "assessment": self.assessment,
            "exit_code": self.exit_code,
            "reasons": [asdict(reason) for reason in self.reasons],
            "findings": [{key: finding.get(key) for key in FINDING_KEYS} for finding in self.findings[:MOST_FINDINGS]],
            "notes": list(self.notes),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The answer for the task log: (level, line)."""
        about = filter(None, (self.dataset, self.version, self.assessment))
        yield "info" if self.meaning is Meaning.PASSED else "error", " · ".join([self.meaning.value, *about])
        for reason in self.reasons:
            yield "error" if reason.exit_code else "info", _reason_line(reason)
        for note in self.notes:
            yield "warning", f"note: {note}"
        for finding in self.findings[:MOST_FINDINGS]:
            yield str(finding.get("level")), _finding_line(finding)
        if len(self.findings) > MOST_FINDINGS:
            yield "info", f"... and {count(len(self.findings) - MOST_FINDINGS, 'more finding')}"


def _reason(item: Mapping[str, Any]) -> Reason:
    exit_code = item.get("exitCode", InternalError.exit_code)
    return Reason(str(item.get("code", "")), str(item.get("message", "")), int(exit_code), str(item.get("hint", "")))


def _reason_line(reason: Reason) -> str:
    return f"{reason.code}: {reason.message}" + (f" ({reason.hint})" if reason.hint else "")


def _finding_line(finding: Mapping[str, Any]) -> str:
    return f"{finding.get('check')} {finding.get('level')} [{finding.get('subject')}] {finding.get('message')}"
