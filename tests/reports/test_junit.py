"""JUnit XML: a case per check and one for the decision."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from reports.example_results import RESULTS, clean, drifted, steeped, suspicious
from reports.hostile_text import TEXT

from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.result import ScanResult
from poisonguard.reports import junit


def cases(result: ScanResult) -> dict[str, list[str]]:
    """What is inside each test case, by the first word of its name."""
    root = ET.fromstring(junit.render(result))  # noqa: S314 - our own text, a moment old
    return {case.get("name", "").split()[0]: [child.tag for child in case] for case in root.iter("testcase")}


def test_findings_that_fail_the_policy_are_failures() -> None:
    assert cases(suspicious()) == {
        "PG-CONTRACT-001": ["error"],
        "PG-DRIFT-001": [],
        "PG-DUP-001": ["system-out"],
        "PG-LABEL-002": ["failure"],
        "PG-OUTLIER-001": ["skipped"],
        "PG-TEXT-003": ["failure"],
        "policy": ["failure"],
    }


def test_nothing_fails_when_the_policy_passes() -> None:
    assert {tag for tags in cases(drifted()).values() for tag in tags} == {"system-out", "skipped"}


def test_a_decision_may_fail_although_no_finding_does() -> None:
    result = replace(clean(), decision=Decision(Verdict.FAILED, (Reason("coverage-too-low", "too little", 4),)))
    assert [name for name, tags in cases(result).items() if "failure" in tags] == ["policy"]


@pytest.mark.parametrize("name", RESULTS)
def test_the_counts_are_the_counts(name: str) -> None:
    root = ET.fromstring(junit.render(RESULTS[name]))  # noqa: S314 - our own text, a moment old
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(attribute, "-1")) == len(list(root.iter(tag)))


@given(TEXT)
@settings(max_examples=20, deadline=None)
def test_any_text_is_well_formed(text: str) -> None:
    assert cases(steeped(text))["policy"] == ["failure"]
