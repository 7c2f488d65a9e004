"""SARIF keeps the official schema and says what the module promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft4Validator
from reports.example_results import RESULTS, drifted, steeped, suspicious
from reports.hostile_text import TEXT

from poisonguard.reports import sarif

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER)


def run(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text)["runs"][0]
    return loaded


@pytest.mark.parametrize("name", RESULTS)
def test_logs_keep_the_official_schema(name: str) -> None:
    VALIDATOR.validate(json.loads(sarif.render(RESULTS[name])))


@given(TEXT.filter(bool))
@settings(max_examples=10, deadline=None)
def test_any_text_keeps_the_official_schema(text: str) -> None:
    VALIDATOR.validate(json.loads(sarif.render(steeped(text))))


def test_every_planned_check_is_a_rule() -> None:
    rules = run(sarif.render(RESULTS["clean"]))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(rule.id for rule in RESULTS["clean"].rules)


def test_one_result_per_finding_with_its_fingerprint() -> None:
    results = run(sarif.render(suspicious()))["results"]
    assert [item["partialFingerprints"][sarif.FINGERPRINT] for item in results] == [
        finding.fingerprint for finding in suspicious().findings
    ]


def test_rule_indexes_point_at_their_rules() -> None:
    log = run(sarif.render(suspicious()))
    rules = log["tool"]["driver"]["rules"]
    assert all(rules[item["rule"]["index"]]["id"] == item["ruleId"] for item in log["results"])


def test_waived_findings_are_suppressed() -> None:
    results = run(sarif.render(drifted()))["results"]
    assert [[item["status"] for item in result["suppressions"]] for result in results] == [[], ["accepted"], []]


def test_a_broken_check_is_no_success() -> None:
    invocation = run(sarif.render(suspicious()))["invocations"][0]
    assert invocation["executionSuccessful"] is False
    broken = [item for item in invocation["toolExecutionNotifications"] if item["level"] == "error"]
    assert [item["associatedRule"]["id"] for item in broken] == ["PG-CONTRACT-001"]
    skipped = invocation["toolConfigurationNotifications"]
    assert [item["associatedRule"]["id"] for item in skipped] == ["PG-OUTLIER-001"]


def test_a_check_that_saw_too_little_says_so() -> None:
    invocation = run(sarif.render(RESULTS["clean"]))["invocations"][0]
    assert invocation["executionSuccessful"] is True
    texts = [item["message"]["text"] for item in invocation["toolExecutionNotifications"]]
    assert texts == ["PG-OUTLIER-001 looked at 10000 of 20640 rows"]


def test_files_are_relative_and_encoded() -> None:
    log = run(sarif.render(suspicious()))
    uris = {item["location"]["uri"] for item in log["artifacts"]}
    assert uris == {"part-2.csv", "part-%3Cscript%3Ealert%281%29%3C/script%3E%E2%80%AEgnp.csv"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[click](http://evil)", "\\[click\\](http://evil)"),
        ("{0} of {12}", "{{0}} of {{12}}"),
        ("a\u202eb", "a<U+202E>b"),
        ("a[0] and {x}", "a[0] and {x}"),
    ],
)
def test_messages_hold_no_links_or_placeholders(text: str, shown: str) -> None:
    assert sarif.message(text) == {"text": shown}
