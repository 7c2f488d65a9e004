"""What the policy says of a scan. Pure: outcomes, findings and waivers in, decision out.

Codes of reasons, stable:

====================== ==== =====================================================================
code                   exit meaning
====================== ==== =====================================================================
``no-check-ran``       4    nothing was looked at: empty means refuse
``check-failed``       4    a check broke
``check-missing``      4    a check that the policy requires was not planned
``check-skipped``      4    a check that the policy requires was skipped
``coverage-too-low``   4    a check looked at fewer rows than the policy asks for
``pack-missing``       4    a pack that the policy asks for was not run
``findings``           1    a finding at or above the policy's level for its signal, not waived
``waiver-not-allowed`` 1    a waived finding that the policy does not let anybody waive
``finding-waived``     0    a finding that a waiver excuses, for information
====================== ==== =====================================================================

Incompleteness never hides findings: every reason is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran, Skipped
from poisonguard.domain.wording import count
from poisonguard.policy.model import FULL, Policy

INCOMPLETE = 4
FINDINGS = 1


class Judged(Protocol):
    """What a decision needs to know of a finding; reports and statements both have it."""

    @property
    def fingerprint(self) -> str:
        """Stable name."""

    @property
    def check(self) -> str:
        """Card id."""

    @property
    def level(self) -> Level:
        """How serious."""

    @property
    def signal(self) -> Signal:
        """What it speaks for."""

    @property
    def subject(self) -> str:
        """What it is about."""


def decide_scan(
    policy: Policy,
    outcomes: Sequence[Outcome],
    findings: Iterable[Judged],
    waived: Collection[str] = frozenset(),
    *,
    packs: Collection[str] | None = None,
) -> Decision:
    """What ``policy`` says of a scan.

    Args:
        policy: The policy.
        outcomes: One per check planned.
        findings: Every finding.
        waived: Fingerprints that somebody entitled waived; who that is, is not decided here.
        packs: Names of the packs that were run; when not given, the caller vouches for them.
    """
    reasons = (
        *_missing_packs(policy, packs),
        *_incomplete(policy, outcomes),
        *_judge_findings(policy, findings, waived),
    )
    failed = any(reason.exit_code for reason in reasons)
    return Decision(Verdict.FAILED if failed else Verdict.PASSED, reasons)


def _missing_packs(policy: Policy, packs: Collection[str] | None) -> Iterator[Reason]:
    for pack in policy.packs if packs is not None else ():
        if pack not in packs:  # type: ignore[operator]  # the loop is empty when there is no answer
            yield _incompleteness("pack-missing", f"pack {pack!r} was not run", f"Scan with --pack {pack}.")


def _incomplete(policy: Policy, outcomes: Sequence[Outcome]) -> Iterator[Reason]:
    if not any(isinstance(outcome, Ran) for outcome in outcomes):
        yield _incompleteness("no-check-ran", "no check ran", "Name the columns' roles, or choose another pack.")
    planned = {outcome.check for outcome in outcomes}
    for check in policy.required:
        if check not in planned:
            yield _incompleteness("check-missing", f"required check {check} was not planned", "Run its pack.")
    for outcome in outcomes:
        yield from _incomplete_check(policy, outcome)


def _incomplete_check(policy: Policy, outcome: Outcome) -> Iterator[Reason]:
    required = outcome.check in policy.required
    match outcome:
        case Failed(check, error):
            yield _incompleteness("check-failed", f"check {check} failed: {error}", "Mend the cause and scan again.")
        case Skipped(check, reason) if required:
            hint = "Give it what it lacks and scan again, or take it out of the policy's required checks."
            yield _incompleteness("check-skipped", f"required check {check} was skipped: {reason}", hint)
        case Ran(check, coverage) if not _covers(coverage, FULL if required else policy.minimum_coverage):
            seen = f"{coverage.rows_seen} of {coverage.rows_total} rows"
            yield _incompleteness("coverage-too-low", f"check {check} looked at {seen}", "Scan without a sample.")
        case _:
            return


def _covers(coverage: Coverage, percent: int) -> bool:
    if coverage.rows_total and not coverage.rows_seen:
        return False
    return coverage.rows_seen * FULL >= coverage.rows_total * percent


def _judge_findings(policy: Policy, findings: Iterable[Judged], waived: Collection[str]) -> Iterator[Reason]:
    blocking: list[Judged] = []
    for finding in findings:
        if finding.level.rank < policy.level_for(finding.signal).rank:
            continue
        if finding.fingerprint not in waived:
            blocking.append(finding)
        elif policy.waivers.allows(finding.check):
            yield Reason("finding-waived", f"{_name(finding)} is waived", 0)
        else:
            yield Reason("waiver-not-allowed", f"{_name(finding)} may not be waived under this policy", FINDINGS)
    if blocking:
        yield _blocked(blocking)


def _blocked(blocking: Sequence[Judged]) -> Reason:
    checks = ", ".join(sorted({finding.check for finding in blocking}))
    return Reason(
        "findings",
        f"{count(len(blocking), 'finding')} that the policy does not let pass, not waived: {checks}",
        FINDINGS,
        "Look at the rows named in the report; mend the data, or let stewards waive the finding.",
    )


def _name(finding: Judged) -> str:
    return f"finding {finding.fingerprint} ({finding.check}, {finding.subject})"


def _incompleteness(code: str, message: str, hint: str) -> Reason:
    return Reason(code, message, INCOMPLETE, hint)
