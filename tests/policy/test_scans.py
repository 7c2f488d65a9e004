"""Which scans must pass: laws of superseding, and every reason word for word."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from evidence_world import ZERO, World, clean_scan
from hypothesis import given
from hypothesis import strategies as st
from simulator import NOW

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.scan_v1 import FindingRecord, ScanDocument
from poisonguard.domain.dataset import Release
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran, Skipped
from poisonguard.domain.result import Assessment
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.model import policy_digest
from poisonguard.policy.scans import choose, gravest, scan_reasons, supersedes

WORLD = World()
MANIFEST = ManifestDocument(Release("reviews", 3, WORLD.version, (), "2026-04-01T00:00:00Z"), WORLD.content.manifest)

Scan = Signed[ScanDocument]
FINDINGS = tuple(
    FindingRecord(name, "A", level, Signal.DRIFT, name, 1) for name in "fg" for level in (Level.NOTE, Level.ERROR)
)
ODD = Reason("odd-rows", "rows look odd", 1)
HALF = Reason("half-done", "a check broke", 4)

outcomes = st.builds(Ran, st.sampled_from("AB"), st.builds(Coverage, st.integers(0, 2), st.just(2)), st.just(()))
others: st.SearchStrategy[Outcome] = st.one_of(
    outcomes, st.builds(Failed, st.sampled_from("AB"), st.just("x")), st.builds(Skipped, st.just("A"), st.just("y"))
)


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    document = clean_scan(
        WORLD.version,
        draw(st.sampled_from(("reviews", "reviews", "prices"))),
        WORLD.policy,
        scanned=NOW - timedelta(hours=draw(st.integers(0, 4))),
        reference=draw(st.sampled_from((None, "reviews@2"))),
        pack=draw(st.sampled_from(("baseline+text", "text+baseline", "strict"))),
        outcomes=tuple(draw(st.lists(others, max_size=2, unique_by=lambda item: item.check))),
        findings=tuple(draw(st.lists(st.sampled_from(FINDINGS), max_size=2, unique_by=lambda item: item.fingerprint))),
        assessment=draw(st.sampled_from(tuple(Assessment))),
        decision=Decision(Verdict.FAILED, tuple(draw(st.lists(st.sampled_from((ODD, HALF)), max_size=2)))),
    )
    return Signed(document, ZERO, ("ci",))


some = st.lists(scans(), max_size=6)


def made(*, hours: int = 1, **changes: Any) -> Scan:
    """A scan of this version, by default a clean one of an hour ago."""
    document = clean_scan(WORLD.version, "reviews", WORLD.policy, scanned=NOW - timedelta(hours=hours))
    return Signed(replace(document, **changes), ZERO, ("ci",))


def changed(scan: Scan, **changes: Any) -> Scan:
    return replace(scan, document=replace(scan.document, **changes))


def aside(dataset: str, version: str = "") -> str:
    return f"a scan of {dataset} {f'pg1:{version}'[:16] if version else WORLD.version[:16]} does not count"


def test_the_order_of_packs_does_not_matter_and_their_names_do() -> None:
    at = [NOW - timedelta(hours=hours) for hours in (3, 2, 1)]
    packs = ("baseline+text", "text+baseline", "baseline")
    made = [
        Signed(clean_scan(WORLD.version, "reviews", WORLD.policy, scanned=when, pack=pack, outcomes=()), ZERO, ("ci",))
        for when, pack in zip(at, packs, strict=True)
    ]
    assert [over(newer, older) for older, newer in pairwise(made)] == [True, False]


# ------------------------------------------------------------------------------------------- what does not do it over

GRAVE = FindingRecord("f", "A", Level.WARNING, Signal.POISONING, "f", 1)
BROKE = made(
    hours=5,
    outcomes=(Ran("A", Coverage(2, 3), ()), Failed("B", "out of memory"), Skipped("C", "no text")),
    findings=(GRAVE,),
    assessment=Assessment.DRIFTED,
    decision=Decision(Verdict.FAILED, (Reason("check-failed", "B broke", 4), Reason("findings", "1", 1), ODD)),
)
WHOLE = made(
    hours=4,
    outcomes=(Ran("A", Coverage(2, 3), ()), Ran("B", Coverage(0, 0), ()), Skipped("C", "no text")),
    findings=(GRAVE,),
    assessment=Assessment.DRIFTED,
    decision=Decision(Verdict.FAILED, (Reason("findings", "1", 1), ODD)),
)
A, B = WHOLE.document.outcomes[:2]


def test_a_whole_scan_that_says_all_of_it_does_a_broken_one_over() -> None:
    assert over(WHOLE, BROKE)
    assert not over(BROKE, WHOLE)


@pytest.mark.parametrize(
    "change",
    [
        {"findings": (replace(GRAVE, level=Level.ERROR),)},
        {"findings": (GRAVE, replace(GRAVE, fingerprint="g"))},
        {"findings": (replace(GRAVE, row_count=0, subject="g"),)},
        {"outcomes": (Ran("A", Coverage(3, 4), ()), B)},
        {"assessment": Assessment.SUSPICIOUS},
        {"decision": Decision(Verdict.FAILED, (Reason("findings", "1", 1), ODD, replace(ODD, code="odder")))},
        {"tool_version": "9", "report_digest": "1" * 64, "profile_digest": "1" * 64},
    ],
)
def test_so_does_one_that_says_more(change: dict[str, Any]) -> None:
    assert over(changed(WHOLE, **change), BROKE)


@pytest.mark.parametrize(
    "change",
    [
        {"findings": ()},
        {"findings": (replace(GRAVE, level=Level.NOTE),)},
        {"findings": (replace(GRAVE, signal=Signal.DRIFT),)},
        {"findings": (replace(GRAVE, check="B"),)},
        {"findings": (replace(GRAVE, fingerprint="g"),)},
        {"outcomes": (A,)},
        {"outcomes": (A, Skipped("B", "no such role"))},
        {"outcomes": (A, Failed("B", "out of memory"), Ran("C", Coverage(3, 3), ()))},
        {"outcomes": (Ran("A", Coverage(1, 3), ()), B)},
        {"outcomes": (Ran("A", Coverage(2, 2), ()), B)},
        {"outcomes": (Failed("A", "broke"), B)},
        {"outcomes": (B,)},
        {"assessment": Assessment.CLEAN},
        {"decision": Decision(Verdict.FAILED, (Reason("findings", "1", 1),))},
        {"decision": Decision(Verdict.FAILED, (Reason("findings", "1", 1), replace(ODD, exit_code=0)))},
        {"decision": Decision(Verdict.FAILED, (Reason("findings", "1", 1), replace(ODD, exit_code=4)))},
        {"reference": "reviews@2"},
        {"pack": "text"},
        {"pack_digest": "1" * 64},
        {"scanned": BROKE.document.scanned},
        {"scanned": BROKE.document.scanned - timedelta(seconds=1)},
    ],
)
def test_a_weaker_scan_never_hides_a_broken_one(change: dict[str, Any]) -> None:
    weaker = changed(WHOLE, **change)
    assert not over(weaker, BROKE)
    chosen = choose(WORLD.policy, MANIFEST, [BROKE, weaker], NOW)
    assert chosen.current == (BROKE, weaker)


@pytest.mark.parametrize("level", Level)
def test_no_finding_is_too_mild_to_be_kept(level: Level) -> None:
    findings = (replace(GRAVE, level=level),)
    before = changed(BROKE, findings=findings)
    assert over(changed(WHOLE, findings=findings), before)
    assert not over(changed(WHOLE, findings=()), before)


def test_what_only_informed_may_be_gone() -> None:
    informed = Decision(Verdict.FAILED, (*BROKE.document.decision.reasons, replace(ODD, code="note", exit_code=0)))
    assert over(WHOLE, changed(BROKE, decision=informed))


# ------------------------------------------------------------------------------------------------------------ words

AGAIN = "Scan again under the gate's policy."
NONE = Reason(
    "scan-missing",
    "no trusted, current scan of this version under this policy",
    5,
    "Scan the version with --sign and a scanner's key, under the gate's policy.",
)
DIGEST = policy_digest(WORLD.policy)[:12]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dataset": "prices"}, Reason("scan-other-version", aside("prices"), 5, "Scan this version.")),
        ({"version": f"pg1:{ZERO}"}, Reason("scan-other-version", aside("reviews", ZERO), 5, "Scan this version.")),
        (
            {"policy_digest": "1" * 64},
            Reason("scan-other-policy", f"a scan under policy 111111111111 does not count under {DIGEST}", 5, AGAIN),
        ),
        (
            {"scanned": NOW - WORLD.policy.scan_max_age},
            Reason("scan-expired", "the scan of 2026-04-01T12:00:00Z is too old", 5, "Scan again."),
        ),
    ],
)
def test_a_scan_that_does_not_count_is_named(change: dict[str, Any], reason: Reason) -> None:
    good, odd = made(hours=1), made(**{"hours": 1, **change})
    alone = choose(WORLD.policy, MANIFEST, [odd], NOW)
    assert (alone.current, alone.superseded, alone.reasons) == ((), (), (reason, NONE))
    beside = choose(WORLD.policy, MANIFEST, [odd, good], NOW)
    assert (beside.current, beside.reasons) == ((good,), (replace(reason, exit_code=0),))


def test_nothing_was_scanned() -> None:
    assert choose(WORLD.policy, MANIFEST, [], NOW).reasons == (NONE,)


def test_a_scan_counts_until_its_last_second() -> None:
    age = WORLD.policy.scan_max_age
    scan = made(scanned=NOW - age + timedelta(seconds=1))
    assert choose(WORLD.policy, MANIFEST, [scan], NOW).reasons == ()


def test_a_scan_that_was_done_over_is_named_after_those_that_do_not_count() -> None:
    chosen = choose(WORLD.policy, MANIFEST, [BROKE, WHOLE, made(dataset="prices")], NOW)
    assert (chosen.current, chosen.superseded) == ((WHOLE,), (BROKE,))
    what = "the scan of 2026-05-01T07:00:00Z (drifted) was done over"
    assert chosen.reasons == (
        Reason("scan-other-version", aside("prices"), 0, "Scan this version."),
        Reason("scan-superseded", what, 0),
    )


def test_a_scan_from_the_future_is_said_so() -> None:
    now, future = made(scanned=NOW), made(scanned=NOW + timedelta(hours=1))
    chosen = choose(WORLD.policy, MANIFEST, [now, future], NOW)
    assert chosen.current == (now, future)
    what = "the scan is of 2026-05-01T13:00:00Z, after now"
    assert chosen.reasons == (Reason("clock-behind", what, 5, "Set the clock."),)


def test_the_gravest_word_is_the_scanners_or_that_of_the_findings() -> None:
    clean, drifted = made(), made(assessment=Assessment.DRIFTED)
    found = made(findings=(GRAVE,))
    assert gravest(()) is None
    assert gravest((clean,)) == "clean"
    assert gravest((drifted, clean)) == gravest((clean, drifted)) == "drifted"
    assert gravest((found, drifted)) == gravest((drifted, found)) == "suspicious"
    assert gravest((made(assessment=Assessment.SUSPICIOUS), drifted)) == "suspicious"


def test_what_the_scanner_said_holds_beside_what_the_policy_sees() -> None:
    said = (Reason("findings", "2", 1), ODD, HALF, replace(ODD, code="note", exit_code=0))
    scan = made(outcomes=(Ran("A", Coverage(1, 1), ()),), decision=Decision(Verdict.FAILED, said)).document
    assert list(scan_reasons(WORLD.policy, scan, ())) == [ODD, HALF], "findings are in the document itself"
    broken = replace(scan, outcomes=(*scan.outcomes, Failed("B", "x")))
    again = replace(broken, decision=Decision(Verdict.FAILED, (*said, Reason("check-failed", "B broke", 4))))
    assert [item.code for item in scan_reasons(WORLD.policy, again, ())] == ["check-failed", "odd-rows", "half-done"]
    assert list(scan_reasons(WORLD.policy, again, ())) == list(scan_reasons(WORLD.policy, broken, ())), "said once"


def test_a_scan_without_a_pack_that_the_policy_asks_for_is_incomplete() -> None:
    assert WORLD.policy.packs == ("baseline",)
    (reason,) = scan_reasons(WORLD.policy, made(pack="text").document, ())
    assert (reason.code, reason.exit_code) == ("pack-missing", 4)
    assert list(scan_reasons(WORLD.policy, made(pack="text+baseline").document, ())) == []


def test_waived_findings_only_inform() -> None:
    scan = made(findings=(GRAVE,)).document
    assert [item.exit_code for item in scan_reasons(WORLD.policy, scan, ())] == [1]
    assert [item.exit_code for item in scan_reasons(WORLD.policy, scan, {"f"})] == [0]


# ----------------------------------------------------------------------------------------------------------------- laws


@given(scans(), scans(), scans())
def test_superseding_is_a_strict_order(one: Scan, two: Scan, three: Scan) -> None:
    assert not over(one, one)
    assert not (over(one, two) and over(two, one))
    if over(one, two) and over(two, three):
        assert over(one, three)


@given(some)
def test_every_scan_that_counts_must_pass_or_is_done_over_by_one_that_must(made: list[Scan]) -> None:
    chosen = choose(WORLD.policy, MANIFEST, made, NOW)
    counting = [scan for scan in made if scan.document.dataset == "reviews"]
    assert sorted(map(repr, (*chosen.current, *chosen.superseded))) == sorted(map(repr, counting))
    assert all(any(over(scan, old) for scan in chosen.current) for old in chosen.superseded)
    assert bool(chosen.current) == bool(counting)


@given(some)
def test_no_finding_and_no_coverage_is_lost_by_superseding(made: list[Scan]) -> None:
    chosen = choose(WORLD.policy, MANIFEST, made, NOW)
    assert found(chosen.current) == found((*chosen.current, *chosen.superseded))
    assert looked(chosen.current) >= looked(chosen.superseded)
    assert gravest(chosen.current) == gravest((*chosen.current, *chosen.superseded))
    kept = {reason for scan in chosen.current for reason in scan_reasons(WORLD.policy, scan.document, ())}
    lost = {reason for scan in chosen.superseded for reason in scan_reasons(WORLD.policy, scan.document, ())}
    assert {reason.code for reason in kept} >= {reason.code for reason in lost if reason.exit_code != 4}


@given(some)
def test_a_complete_scan_is_never_superseded(made: list[Scan]) -> None:
    for scan in choose(WORLD.policy, MANIFEST, made, NOW).superseded:
        decision = decide_scan(WORLD.policy, scan.document.outcomes, (), packs=scan.document.packs)
        assert decision.exit_code == 4 or HALF in scan.document.decision.reasons


@given(some)
def test_the_order_in_the_log_does_not_matter(made: list[Scan]) -> None:
    chosen = choose(WORLD.policy, MANIFEST, made, NOW)
    again = choose(WORLD.policy, MANIFEST, made[::-1], NOW)
    assert sorted(map(repr, chosen.current)) == sorted(map(repr, again.current))


def over(newer: Scan, older: Scan) -> bool:
    return supersedes(WORLD.policy, newer.document, older.document)


def found(scans: Iterable[Scan]) -> set[tuple[str, Level]]:
    """Findings, each at its level and at every milder one."""
    records = [item for scan in scans for item in scan.document.findings]
    return {(item.fingerprint, level) for item in records for level in Level if level.rank <= item.level.rank}


def looked(scans: Iterable[Scan]) -> set[str]:
    """Checks that ran or broke."""
    return {item.check for scan in scans for item in scan.document.outcomes if not isinstance(item, Skipped)}
