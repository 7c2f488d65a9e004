"""What a policy says of a scan, word for word: people act on these lines, and scripts on their codes."""

from dataclasses import replace
from itertools import permutations

import pytest

from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran, Skipped
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.model import WaiverRule

POLICY = replace(default_policy(), required=("A",), minimum_coverage=50, packs=("text",))
FULL = Ran("A", Coverage(10, 10), ())
PACKS = ["text"]


def finding(level: Level, fingerprint: str, check: str) -> FindingRecord:
    return FindingRecord(fingerprint, check, level, Signal.QUALITY, "source=7", 3)


NOTE, ERROR = finding(Level.NOTE, "n1", "N"), finding(Level.ERROR, "e1", "E")
OTHER, THIRD = finding(Level.ERROR, "e2", "D"), finding(Level.ERROR, "e3", "C")


def reasons(outcomes: list[Outcome], packs: list[str] | None = None) -> tuple[Reason, ...]:
    return decide_scan(POLICY, outcomes, [], packs=PACKS if packs is None else packs).reasons


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        (
            [FULL, Failed("B", "broke")],
            Reason("check-failed", "check B failed: broke", 4, "Mend the cause and scan again."),
        ),
        (
            [Ran("B", Coverage(9, 9), ())],
            Reason("check-missing", "required check A was not planned", 4, "Run its pack."),
        ),
        (
            [Skipped("A", "no label"), Ran("B", Coverage(9, 9), ())],
            Reason(
                "check-skipped",
                "required check A was skipped: no label",
                4,
                "Give it what it lacks and scan again, or take it out of the policy's required checks.",
            ),
        ),
        (
            [Ran("A", Coverage(9, 10), ())],
            Reason("coverage-too-low", "check A looked at 9 of 10 rows", 4, "Scan without a sample."),
        ),
        (
            [FULL, Ran("B", Coverage(0, 1), ())],
            Reason("coverage-too-low", "check B looked at 0 of 1 rows", 4, "Scan without a sample."),
        ),
    ],
)
def test_what_is_incomplete_is_said(outcomes: list[Outcome], reason: Reason) -> None:
    assert reasons(outcomes) == (reason,)


def test_nothing_looked_at_is_said() -> None:
    hint = "Name the columns' roles, or choose another pack."
    assert reasons([Skipped("A", "why")])[0] == Reason("no-check-ran", "no check ran", 4, hint)


def test_a_pack_that_was_not_run_is_said() -> None:
    assert reasons([FULL], []) == (Reason("pack-missing", "pack 'text' was not run", 4, "Scan with --pack text."),)


def test_findings_are_said_together_by_check() -> None:
    hint = "Look at the rows named in the report; mend the data, or let stewards waive the finding."
    for found, count, checks in (([ERROR], "1 finding", "E"), ([ERROR, OTHER, THIRD], "3 findings", "C, D, E")):
        decision = decide_scan(POLICY, [FULL], found, packs=PACKS)
        text = f"{count} that the policy does not let pass, not waived: {checks}"
        assert decision == Decision(Verdict.FAILED, (Reason("findings", text, 1, hint),))
        assert decision.exit_code == 1


def test_the_order_of_findings_hides_none() -> None:
    """A note before an error, a waived one before one that is not: the error always stands in the way."""
    for found in permutations([NOTE, ERROR, OTHER]):
        decision = decide_scan(POLICY, [FULL], found, waived={"e2"}, packs=PACKS)
        assert {item.code for item in decision.reasons} == {"findings", "finding-waived"}
        assert decision.exit_code == 1


def test_a_waived_finding_is_named() -> None:
    decision = decide_scan(POLICY, [FULL], [ERROR], waived={"e1"}, packs=PACKS)
    assert decision == Decision(Verdict.PASSED, (Reason("finding-waived", "finding e1 (E, source=7) is waived", 0),))


def test_a_waiver_that_is_not_allowed_is_named() -> None:
    strict = replace(POLICY, waivers=WaiverRule(("Z",), 1, POLICY.waivers.max_age))
    decision = decide_scan(strict, [FULL], [ERROR], waived={"e1"}, packs=PACKS)
    text = "finding e1 (E, source=7) may not be waived under this policy"
    assert decision == Decision(Verdict.FAILED, (Reason("waiver-not-allowed", text, 1),))
