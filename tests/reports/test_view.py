"""Words and numbers that all reports share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports.example_results import clean, drifted, suspicious

from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Level
from poisonguard.reports import view

FAILED = Decision(Verdict.FAILED, (Reason("findings", "x", 1),))


def test_only_the_findings_that_made_it_fail_fail() -> None:
    assert [item.fails for item in view.finding_views(suspicious())] == [True, True, False]
    assert not any(item.fails for item in view.finding_views(drifted()))


def test_warnings_fail_when_nothing_graver_did() -> None:
    result = replace(drifted(), decision=FAILED)
    assert view.fail_level(result) is Level.WARNING
    assert [item.fails for item in view.finding_views(result)] == [True, False, False]


def test_an_incomplete_scan_fails_no_finding() -> None:
    decision = Decision(Verdict.FAILED, (Reason("check-failed", "x", 4),))
    assert view.fail_level(replace(drifted(), decision=decision)) is None


def test_the_headline_admits_what_broke() -> None:
    assert view.headline(clean()) == "Nothing in this dataset looks poisoned or drifted."
    assert view.headline(suspicious()).endswith("1 check broke and said nothing.")


def test_counts() -> None:
    assert view.status_counts(view.check_views(suspicious())) == "4 ran (3 with findings), 1 skipped, 1 failed"
    assert view.level_counts(view.finding_views(drifted())) == "1 warning, 1 note, 1 waived"
    assert view.size(clean()) == "20,640 rows, 4 columns, 2 files, 2.4 MB"


@given(st.floats(0, 1))
def test_percent_never_rounds_to_all_or_nothing(share: float) -> None:
    text = view.percent(share)
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (12_345, "12,345"), (0.38124, "0.3812"), ("x", "x"), (float("nan"), "undefined")]
)
def test_figures(value: float | str, text: str) -> None:
    assert view.figure(value) == text


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (2e15, "2e+03 TB")]
)
def test_octets(number: int, text: str) -> None:
    assert view.octets(number) == text


@given(st.lists(st.integers(0, 100), min_size=1), st.data())
def test_moved_share_is_a_distance(mine: list[int], data: st.DataObject) -> None:
    theirs = data.draw(st.lists(st.integers(0, 100), min_size=len(mine), max_size=len(mine)))
    moved = view.moved_share(mine, theirs)
    assert moved == view.moved_share(theirs, mine)
    assert (moved is None) == (not sum(mine) or not sum(theirs))
    assert moved is None or 0 <= moved <= 1 + 1e-9
    assert not sum(mine) or view.moved_share(mine, mine) == 0
