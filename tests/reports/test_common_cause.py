"""Findings about the same rows point at each other in every report, and are advised on once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from reports.example_results import suspicious

from poisonguard.domain.result import ScanResult
from poisonguard.reports import console, html, json_v1, markdown, sarif


@pytest.fixture
def result() -> ScanResult:
    """Three findings, the second about the rows of the first."""
    found = suspicious()
    rows = tuple(range(120))
    first, second, *rest = found.findings
    same = [replace(item, rows=rows, row_count=len(rows)) for item in (first, second)]
    return replace(found, findings=(*same, *(replace(item, rows=()) for item in rest)))


def test_a_terminal_shows_rows_and_advice_of_one_cause_once(result: ScanResult) -> None:
    text = console.render(result)
    assert "same rows as   finding 1, so probably of one cause" in text
    assert text.count("what to do") == len(result.findings) - 1
    assert console.render(result, verbose=True).count("what to do") == len(result.findings)


def test_json_names_the_leader_by_its_fingerprint(result: ScanResult) -> None:
    found = json.loads(json_v1.render(result))["findings"]
    assert [item["cause"] for item in found] == [None, result.findings[0].fingerprint, None]


def test_other_reports_say_the_rank(result: ScanResult) -> None:
    assert "same rows as: finding 1" in markdown.render(result)
    assert "<dt>Same rows as<dd>finding 1" in html.render(result)
    properties = [item["properties"] for item in json.loads(sarif.render(result))["runs"][0]["results"]]
    assert [item.get("sameRowsAs") for item in properties] == [None, 1, None]
