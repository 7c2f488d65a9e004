"""What a policy says of a scan: each code, one test."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.domain.decision import Decision, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran, Skipped
from poisonguard.domain.result import Assessment
from poisonguard.errors import ConfigurationError
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.model import Policy, WaiverRule, policy_digest

POLICY = replace(default_policy(), required=("A",), minimum_coverage=50)
FULL = Ran("A", Coverage(10, 10), ())


def finding(level: Level = Level.ERROR, fingerprint: str = "f1", check: str = "A") -> FindingRecord:
    return FindingRecord(fingerprint, check, level, Signal.POISONING, "source=7", 3)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_a_clean_complete_scan_passes() -> None:
    decision = decide_scan(POLICY, [FULL], [], packs=["baseline", "text"])
    assert (decision.verdict, decision.exit_code, decision.reasons) == (Verdict.PASSED, 0, ())


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], "no-check-ran"),
        ([Skipped("B", "why")], "no-check-ran"),
        ([FULL, Failed("B", "broke")], "check-failed"),
        ([Ran("B", Coverage(10, 10), ())], "check-missing"),
        ([Skipped("A", "no label"), Ran("B", Coverage(10, 10), ())], "check-skipped"),
        ([Ran("A", Coverage(9, 10), ())], "coverage-too-low"),
        ([FULL, Ran("B", Coverage(4, 10), ())], "coverage-too-low"),
    ],
)
def test_what_is_incomplete_is_never_a_pass(outcomes: list[Outcome], code: str) -> None:
    decision = decide_scan(POLICY, outcomes, [])
    assert code in codes(decision)
    assert (decision.verdict, decision.exit_code) == (Verdict.FAILED, 4)


def test_a_check_that_is_not_required_may_be_skipped_or_sampled() -> None:
    assert decide_scan(POLICY, [FULL, Skipped("B", "why"), Ran("C", Coverage(5, 10), ())], []).exit_code == 0


def test_a_sample_of_nothing_is_too_small_for_every_policy() -> None:
    anything = replace(POLICY, required=(), minimum_coverage=0)
    assert decide_scan(anything, [Ran("B", Coverage(1, 10**9), ())], []).exit_code == 0
    assert codes(decide_scan(anything, [Ran("B", Coverage(0, 10**9), ())], [])) == ["coverage-too-low"]
    assert decide_scan(anything, [Ran("B", Coverage(0, 0), ())], []).exit_code == 0


def test_packs_that_were_not_run() -> None:
    decision = decide_scan(POLICY, [FULL], [], packs=["text"])
    assert (codes(decision), decision.exit_code) == (["pack-missing"], 4)
    assert decide_scan(POLICY, [FULL], []).exit_code == 0


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("fail_on", list(Level))
def test_findings_at_or_above_the_level_stand_in_the_way(level: Level, fail_on: Level) -> None:
    policy = replace(POLICY, fail_on=fail_on, fail_on_poisoning=Level.ERROR)
    decision = decide_scan(policy, [FULL], [finding(level)])
    assert decision.exit_code == (1 if level.rank >= fail_on.rank else 0)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("signal", list(Signal))
def test_signs_of_poisoning_have_a_level_of_their_own(level: Level, signal: Signal) -> None:
    policy = replace(POLICY, fail_on=Level.ERROR, fail_on_poisoning=Level.WARNING)
    decision = decide_scan(policy, [FULL], [replace(finding(level), signal=signal)])
    wanted = Level.WARNING if signal is Signal.POISONING else Level.ERROR
    assert decision.exit_code == (1 if level.rank >= wanted.rank else 0)


def test_the_level_for_poisoning_never_softens_the_policy() -> None:
    policy = replace(POLICY, fail_on=Level.NOTE, fail_on_poisoning=Level.ERROR)
    assert policy.level_for(Signal.POISONING) is Level.NOTE


def test_incompleteness_is_graver_and_hides_no_finding() -> None:
    decision = decide_scan(POLICY, [FULL, Failed("B", "broke")], [finding()])
    assert (codes(decision), decision.exit_code) == (["check-failed", "findings"], 4)


def test_a_waived_finding_is_said_and_does_not_fail() -> None:
    decision = decide_scan(POLICY, [FULL], [finding()], {"f1"})
    assert (codes(decision), decision.exit_code) == (["finding-waived"], 0)
    other = decide_scan(POLICY, [FULL], [finding(), finding(fingerprint="f2")], {"f1"})
    assert (codes(other), other.exit_code) == (["finding-waived", "findings"], 1)


def test_a_waiver_that_the_policy_does_not_allow() -> None:
    strict = replace(POLICY, waivers=replace(POLICY.waivers, checks=("PG-DUP-*",)))
    decision = decide_scan(strict, [FULL], [finding(), finding(check="PG-DUP-001", fingerprint="f2")], {"f1", "f2"})
    assert sorted(codes(decision)) == ["finding-waived", "waiver-not-allowed"]
    assert decision.exit_code == 1


OUTCOMES = st.one_of(
    st.builds(Ran, st.sampled_from("ABC"), st.builds(Coverage, st.integers(0, 9), st.integers(0, 9)), st.just(())),
    st.builds(Skipped, st.sampled_from("ABC"), st.just("why")),
    st.builds(Failed, st.sampled_from("ABC"), st.just("broke")),
)
FINDINGS = st.builds(finding, st.sampled_from(list(Level)), st.sampled_from(["f1", "f2"]), st.sampled_from("ABC"))


@given(st.lists(OUTCOMES, max_size=5), st.lists(FINDINGS, max_size=4), FINDINGS)
def test_another_finding_never_turns_a_failure_into_a_pass(
    outcomes: list[Outcome], findings: list[FindingRecord], another: FindingRecord
) -> None:
    before, after = decide_scan(POLICY, outcomes, findings), decide_scan(POLICY, outcomes, [*findings, another])
    assert not (before.verdict is Verdict.FAILED and after.verdict is Verdict.PASSED)


@given(st.lists(OUTCOMES, max_size=5), st.sampled_from("ABC"))
def test_a_check_that_broke_is_never_a_pass(outcomes: list[Outcome], check: str) -> None:
    assert decide_scan(POLICY, [*outcomes, Failed(check, "broke")], []).exit_code == 4


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": ""}, "no name"),
        ({"packs": ()}, "empty means refuse"),
        ({"packs": ("b", "a")}, "packs: not sorted"),
        ({"required": ("A", "A")}, "required: not sorted"),
        ({"required": ("",)}, "required: not sorted"),
        ({"minimum_coverage": 101}, "percent"),
        ({"minimum_coverage": -1}, "percent"),
        ({"approvers": {}}, "fewer than one approver"),
        ({"approvers": dict.fromkeys(Assessment, 0)}, "fewer than one approver"),
        ({"approvers": {Assessment.CLEAN: 1, Assessment.DRIFTED: 1}}, "fewer than one approver"),
        ({"waivers": WaiverRule((), 0, timedelta(days=1))}, "fewer than one approver"),
        ({"scan_max_age": timedelta(0)}, "an age"),
        ({"approval_max_age": timedelta(days=40_000)}, "an age"),
        ({"waivers": WaiverRule((), 1, timedelta(milliseconds=1))}, "an age"),
    ],
)
def test_a_policy_that_would_let_things_through_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        replace(default_policy(), **change)


def variants() -> list[Policy]:
    base = default_policy()
    return [
        base,
        replace(base, name="other"),
        replace(base, packs=("strict",)),
        replace(base, required=("A",)),
        replace(base, fail_on=Level.WARNING),
        replace(base, fail_on_poisoning=Level.ERROR),
        replace(base, minimum_coverage=1),
        replace(base, approvers=dict.fromkeys(Assessment, 2)),
        replace(base, scan_max_age=timedelta(days=1)),
        replace(base, approval_max_age=timedelta(days=1)),
        replace(base, waivers=replace(base.waivers, checks=())),
        replace(base, waivers=replace(base.waivers, approvers=3)),
        replace(base, waivers=replace(base.waivers, max_age=timedelta(days=1))),
    ]


def test_every_member_of_a_policy_is_in_its_digest() -> None:
    assert len({policy_digest(policy) for policy in variants()}) == len(variants())
    assert policy_digest(default_policy()) == policy_digest(default_policy())
