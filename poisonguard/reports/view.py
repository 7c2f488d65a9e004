"""What every report says of a result, in the same words: names, places, counts, sentences. No markup here.

Texts that hold anything from the data are raw; the surface that prints them escapes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from numbers import Integral
from typing import Any

from poisonguard.domain.cause import causes
from poisonguard.domain.decision import Verdict
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.outcome import Failed, Outcome, Ran, Skipped
from poisonguard.domain.result import Assessment, Rule, ScanResult
from poisonguard.domain.wording import count

FINDINGS_EXIT = 1
"""The exit code of a reason that speaks of findings (see ``domain.decision``)."""

_HEADLINES = {
    Assessment.CLEAN: "Nothing in this dataset looks poisoned or drifted.",
    Assessment.DRIFTED: "The data changed; nothing in them looks poisoned.",
    Assessment.SUSPICIOUS: "Something in this dataset looks poisoned.",
}


class Status(StrEnum):
    """What became of a check, in the order in which a reader should see it."""

    FAILED = "failed"
    FOUND = "found"
    PASSED = "passed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with its rank, its card and whether a waiver excuses it.

    ``leader`` is the rank of the gravest finding with the same cause; its own when it is that one itself.
    """

    rank: int
    finding: Finding
    rule: Rule | None
    waived: bool
    fails: bool
    leader: int

    @property
    def follows(self) -> bool:
        """Whether a graver finding names the same rows."""
        return self.leader != self.rank

    @property
    def title(self) -> str:
        """The card's title."""
        return self.rule.title if self.rule else self.finding.check


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check with what became of it in words."""

    id: str
    title: str
    status: Status
    outcome: Outcome
    findings: tuple[FindingView, ...]
    detail: str

    @property
    def gravest(self) -> Level | None:
        """The gravest level that no waiver excuses."""
        return max(
            (view.finding.level for view in self.findings if not view.waived), key=lambda x: x.rank, default=None
        )

    @property
    def coverage(self) -> float | None:
        """Share of the rows that were looked at, or nothing when the check did not run."""
        if not isinstance(self.outcome, Ran):
            return None
        seen = self.outcome.coverage
        return min(1.0, seen.rows_seen / seen.rows_total) if seen.rows_total else 1.0


def finding_views(result: ScanResult) -> tuple[FindingView, ...]:
    """Every finding in its rank."""
    rules = {rule.id: rule for rule in result.rules}
    lowest = fail_level(result)
    leaders = causes(result.findings)
    return tuple(
        FindingView(
            rank,
            finding,
            rules.get(finding.check),
            finding.fingerprint in result.waived,
            lowest is not None and finding.level.rank >= lowest.rank and finding.fingerprint not in result.waived,
            leaders[rank - 1] + 1,
        )
        for rank, finding in enumerate(result.findings, start=1)
    )


def check_views(result: ScanResult) -> tuple[CheckView, ...]:
    """Every check in the order of its id."""
    titles = {rule.id: rule.title for rule in result.rules}
    found: dict[str, list[FindingView]] = {}
    for view in finding_views(result):
        found.setdefault(view.finding.check, []).append(view)
    return tuple(
        _check_view(outcome, titles.get(outcome.check, outcome.check), tuple(found.get(outcome.check, ())))
        for outcome in sorted(result.outcomes, key=lambda item: item.check)
    )


def _check_view(outcome: Outcome, title: str, findings: tuple[FindingView, ...]) -> CheckView:
    match outcome:
        case Failed():
            status, detail = Status.FAILED, outcome.error
        case Skipped():
            status, detail = Status.SKIPPED, outcome.reason
        case Ran():
            status = Status.FOUND if findings else Status.PASSED
            detail = "; ".join(filter(None, (level_counts(findings), outcome.coverage.note)))
    return CheckView(outcome.check, title, status, outcome, findings, detail)


def fail_level(result: ScanResult) -> Level | None:
    """The lowest level of findings that made the decision fail, or nothing when findings did not.

    Findings at error level always count; lower ones only when the policy failed without any error.
    """
    if result.decision.verdict is Verdict.PASSED:
        return None
    if all(reason.exit_code != FINDINGS_EXIT for reason in result.decision.reasons):
        return None
    levels = {finding.level for finding in result.findings if finding.fingerprint not in result.waived}
    return max(levels, key=lambda level: level.rank, default=None)


def headline(result: ScanResult) -> str:
    """One sentence on the dataset, honest about what was not looked at."""
    broken = sum(isinstance(outcome, Failed) for outcome in result.outcomes)
    sentence = _HEADLINES[result.assessment]
    return f"{sentence} {count(broken, 'check')} broke and said nothing." if broken else sentence


def level_counts(findings: Sequence[FindingView]) -> str:
    """How many findings there are at each level, gravest first; waived ones apart."""
    parts = [
        count(sum(view.finding.level is level and not view.waived for view in findings), level.value)
        for level in reversed(Level)
    ]
    waived = sum(view.waived for view in findings)
    return ", ".join(
        [*(part for part in parts if not part.startswith("0 ")), *([f"{waived} waived"] if waived else [])]
    )


def status_counts(checks: Sequence[CheckView]) -> str:
    """How many checks ended in each way."""
    ran = sum(isinstance(check.outcome, Ran) for check in checks)
    found = sum(check.status is Status.FOUND for check in checks)
    skipped = sum(check.status is Status.SKIPPED for check in checks)
    failed = sum(check.status is Status.FAILED for check in checks)
    return f"{ran} ran ({found} with findings), {skipped} skipped, {failed} failed"


def where(finding: Finding) -> str:
    """The file, the column and the rows a finding speaks of."""
    parts = [
        f"file {finding.path}" if finding.path else "",
        f"column {finding.column}" if finding.column else "",
        count(finding.row_count, "row") if finding.row_count else "",
    ]
    return ", ".join(filter(None, parts)) or "the dataset as a whole"


def place(path: str, row: int, key: str | None) -> str:
    """One row's place: its file, its number counted from 0, and its key."""
    return f"{path} row {row:,}" + (f" (key {key})" if key is not None else "")


def size(result: ScanResult) -> str:
    """How much was scanned."""
    manifest = result.manifest
    return (
        ", ".join(
            (count(manifest.rows, "row"), count(len(manifest.columns), "column"), count(manifest.file_count, "file"))
        )
        + f", {octets(manifest.size)}"
    )


def octets(number: int) -> str:
    """Bytes in the unit that reads best (powers of 1,000)."""
    value, units = float(number), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:  # noqa: PLR2004 - the SI step
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}" if units[0] != "bytes" else f"{number} bytes"


def figure(value: Any) -> str:
    """One number of the evidence, as people read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if math.isnan(value):
        return "undefined"
    return f"{float(value):.4g}" if math.isfinite(value) else "infinite"


def percent(share: float) -> str:
    """A share in percent; only nothing reads as 0 %, and only everything as 100 %."""
    if 0 < share < 0.001:  # noqa: PLR2004 - the last digit shown
        return "< 0.1 %"
    text = f"{share:.1%}" if share >= 1 else f"{min(share, 0.999):.1%}"
    return text.replace(".0%", "%").replace("%", " %")


def moved_share(counts: Sequence[int], reference: Sequence[int]) -> float | None:
    """Share of rows that would have to move bars to turn one histogram into the other (total variation), in [0, 1].

    Nothing when either is unknown or empty.
    """
    if len(counts) != len(reference) or not sum(counts) or not sum(reference):
        return None
    mine, theirs = sum(counts), sum(reference)
    return sum(abs(a / mine - b / theirs) for a, b in zip(counts, reference, strict=True)) / 2
