"""Which scans must pass: laws of superseding."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

from evidence_world import NOW, ZERO, World, clean_scan
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.scan_v1 import FindingRecord, ScanDocument
from poisonguard.domain.dataset import Release
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Coverage, Failed, Outcome, Ran, Skipped
from poisonguard.policy.decide import decide_scan
from poisonguard.policy.scans import choose, supersedes

WORLD = World()
MANIFEST = ManifestDocument(Release("reviews", 3, WORLD.version, (), "2026-04-01T00:00:00Z"), WORLD.content)

Scan = Signed[ScanDocument]
FINDINGS = tuple(FindingRecord(name, "A", Level.NOTE, Signal.DRIFT, name, 1) for name in "fg")

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
        findings=tuple(draw(st.lists(st.sampled_from(FINDINGS), max_size=2, unique=True))),
    )
    return Signed(document, ZERO, ("ci",))


some = st.lists(scans(), max_size=6)


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
    assert ran(chosen.current) >= ran(chosen.superseded)


@given(some)
def test_a_complete_scan_is_never_superseded(made: list[Scan]) -> None:
    for scan in choose(WORLD.policy, MANIFEST, made, NOW).superseded:
        decision = decide_scan(WORLD.policy, scan.document.outcomes, (), packs=scan.document.packs)
        assert decision.exit_code == 4


@given(some)
def test_the_order_in_the_log_does_not_matter(made: list[Scan]) -> None:
    chosen = choose(WORLD.policy, MANIFEST, made, NOW)
    again = choose(WORLD.policy, MANIFEST, made[::-1], NOW)
    assert sorted(map(repr, chosen.current)) == sorted(map(repr, again.current))


def test_the_order_of_packs_does_not_matter_and_their_names_do() -> None:
    at = [NOW - timedelta(hours=hours) for hours in (3, 2, 1)]
    packs = ("baseline+text", "text+baseline", "baseline")
    made = [
        Signed(clean_scan(WORLD.version, "reviews", WORLD.policy, scanned=when, pack=pack, outcomes=()), ZERO, ("ci",))
        for when, pack in zip(at, packs, strict=True)
    ]
    assert [over(newer, older) for older, newer in pairwise(made)] == [True, False]


def test_a_scan_from_the_future_is_said_so() -> None:
    future = clean_scan(WORLD.version, "reviews", WORLD.policy, scanned=NOW + timedelta(hours=1))
    chosen = choose(WORLD.policy, MANIFEST, [Signed(future, ZERO, ("ci",))], NOW)
    assert [(reason.code, reason.exit_code) for reason in chosen.reasons] == [("clock-behind", 5)]


def over(newer: Scan, older: Scan) -> bool:
    return supersedes(WORLD.policy, newer.document, older.document)


def found(made: Iterable[Scan]) -> set[str]:
    return {item.fingerprint for scan in made for item in scan.document.findings}


def ran(made: Iterable[Scan]) -> set[str]:
    return {item.check for scan in made for item in scan.document.outcomes if isinstance(item, Ran)}
