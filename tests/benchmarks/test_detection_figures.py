"""Figures of the detection benchmark: groups of attacks, the ratio to the oracle, fusing, flags of the peers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.detection.cache import Cache
from benchmarks.detection.cases import POISON, REPORTED, Case, Kind, all_cases
from benchmarks.detection.dataset import Modality, Split
from benchmarks.detection.figures import against_oracle, best_peer, can_be_seen, flags_on_clean, fusing
from benchmarks.detection.groups import Group, group_of
from benchmarks.detection.report import markdown
from benchmarks.detection.run import Measured
from benchmarks.detection.summary import summary

FLIPS = Case(
    name="tabular/somewhere/random-flips",
    modality=Modality.TABULAR,
    dataset="magic",
    split=Split.TUNING,
    kind=Kind.POISONED,
    what="random-flips",
    rate=0.03,
    reference=False,
    expected=("suspicious",),
)
CLEAN = replace(FLIPS, name="tabular/somewhere/clean", kind=Kind.CLEAN, what="clean", rate=0.0, expected=("clean",))
SECRETS = replace(FLIPS, name="documents/somewhere/secrets", what="secrets", flagged_by=REPORTED["secrets"])


def measured(case: Case, **result: Any) -> Measured:
    """A result as the harness stores it."""
    common = {"rows": 100, "poisoned": 10, "recall": None, "precision": 0.5, "flagged_clean": 0.0}
    return Measured(case, {**common, "flagged_poison": 0.5, "seconds": 1.0, "assessment": "suspicious", **result})


def test_every_attack_of_the_benchmark_stands_in_one_group() -> None:
    groups = {case.what: group_of(case) for case in all_cases(every=True) if case.kind in POISON}
    assert set(groups.values()) == set(Group)
    assert groups["source-flips"] is groups["targeted-flips"] is Group.LABELS
    assert groups["value-backdoor"] is groups["rare-token"] is groups["gibberish"] is Group.PLANTED
    assert groups["outliers"] is groups["site-takeover"] is Group.OTHER


def test_the_ratio_leaves_out_what_the_oracle_cannot_see() -> None:
    cases = [
        measured(FLIPS, recall=0.6, ceiling=0.8),
        measured(FLIPS, recall=0.2, ceiling=0.2),
        measured(FLIPS, recall=0.0, ceiling=0.01),
        measured(FLIPS, recall=0.9, ceiling=None),
    ]
    found = against_oracle(cases)
    assert found is not None
    assert found.cases == 2
    assert [found.ours, found.oracle] == pytest.approx([0.4, 0.5])
    assert found.ratio == pytest.approx(0.8)
    assert against_oracle(cases[2:]) is None


def test_poison_can_be_seen_when_anybody_sees_it() -> None:
    peers = {"one": {"recall": 0.3}, "other": {"error": "no labels"}}
    assert can_be_seen(measured(FLIPS, recall=0.0, peers=peers))
    assert can_be_seen(measured(FLIPS, recall=0.0, ceiling=0.5))
    assert can_be_seen(measured(FLIPS, recall=0.25))
    assert not can_be_seen(measured(FLIPS, recall=0.1, ceiling=0.2, peers={}))
    assert best_peer(measured(FLIPS, recall=0.0, peers=peers)) == ("one", 0.3)


def test_cases_are_named_where_one_check_finds_more_than_all_of_them_together() -> None:
    better = measured(FLIPS, recall=0.5, single={"PG-A-001": 0.7, "PG-B-001": None})
    equal = measured(FLIPS, recall=0.9, single={"PG-A-001": 0.92})
    found = fusing([better, equal, measured(CLEAN, single={"PG-A-001": None})])
    assert found is not None
    assert (found.cases, found.behind) == (2, (better,))
    assert [found.fused, found.single] == pytest.approx([0.7, 0.81])
    assert any("PG-A-001 0.70, fused 0.50" in text for text in summary([better, equal]))


def test_flags_on_clean_data_stand_beside_those_of_the_peers() -> None:
    noisy = measured(CLEAN, flagged_clean=0.01, peers={"peer": {"flagged_clean": 0.1}, "silent": {}})
    unjudged = measured(CLEAN, flagged_clean=0.9)
    found = flags_on_clean([noisy, unjudged, measured(FLIPS, recall=1.0, peers={"peer": {"flagged_clean": 0.5}})])
    assert found == {"poisonguard": (1, 0.01, 0.01), "peer": (1, 0.1, 0.1)}


def test_a_right_assessment_without_a_planted_row_is_named() -> None:
    lucky = replace(FLIPS, name="tabular/elsewhere/random-flips")
    found = summary([measured(FLIPS, recall=0.5), measured(lucky, recall=0.0, flagged_poison=0.0)])
    assert f"called suspicious, but not one planted row flagged: {lucky.name}" in list(found)


def test_planted_secrets_are_right_when_their_check_flags_them_whatever_the_assessment() -> None:
    found = {REPORTED["secrets"]: [3, 9]}
    assert measured(SECRETS, recall=1.0, assessment="clean", flags_by_check=found).is_right
    assert not measured(SECRETS, recall=1.0, flags_by_check={REPORTED["secrets"]: [0, 8]}).is_right
    assert not measured(SECRETS, recall=1.0, flags_by_check={"PG-DOC-002": [0, 10]}).is_right


def test_the_page_hides_nothing_and_states_its_rules(tmp_path: Path) -> None:
    unseen = measured(FLIPS, recall=0.01, ceiling=0.03, assessment="clean", single={"PG-A-001": 0.3})
    alarm = measured(CLEAN, flagged_clean=0.02)
    page = markdown([unseen, alarm], Cache(tmp_path), date(2026, 1, 2))
    assert f"| {CLEAN.name} | 2.00 % | suspicious | clean |" in page
    assert "| labels | 1 | 0.01 | not measured | 0.50 | 0 of 1 | 0 of 0 |" in page
    assert f"| {FLIPS.name} | 10 of 100 | 0.01 |  | 0.03 | clean, wrong |" in page
    assert "our own scores find at least 25 % of it" in page
    assert f"| {FLIPS.name} | 0.01 | 0.30 PG-A-001 |" in page
