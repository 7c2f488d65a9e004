"""The JSON report keeps its schema, and the reference page describes every key."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from reports.example_results import HOSTILE_ANSI, RESULTS, steeped, suspicious
from reports.hostile_text import TEXT

from poisonguard.reports import json_v1

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json-report.md"
VALIDATOR = Draft202012Validator(json_v1.schema())


def loaded(text: str) -> dict[str, Any]:
    """The document, refusing NaN and repeated keys."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    document: dict[str, Any] = json.loads(text, object_pairs_hook=unique, parse_constant=pytest.fail)
    return document


@pytest.mark.parametrize("name", RESULTS)
def test_documents_keep_the_schema(name: str) -> None:
    VALIDATOR.validate(loaded(json_v1.render(RESULTS[name])))


@given(TEXT)
@settings(max_examples=30, deadline=None)
def test_any_text_keeps_the_schema(text: str) -> None:
    VALIDATOR.validate(loaded(json_v1.render(steeped(text))))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_v1.schema())


def test_values_arrive_exactly() -> None:
    document = loaded(json_v1.render(suspicious()))
    errors = [item["error"] for item in document["outcomes"] if item["outcome"] == "failed"]
    assert errors == [f"ValueError: no such column {HOSTILE_ANSI}"]
    assert document["assessment"] == "suspicious"
    assert document["decision"]["exitCode"] == 4


def test_what_json_cannot_hold_is_null() -> None:
    numbers = loaded(json_v1.render(suspicious()))["findings"][0]["numbers"]
    assert numbers["ratio"] is None


def test_numbers_of_numpy_are_numbers() -> None:
    result = suspicious()
    numbers: Any = {"i": np.int64(3), "f": np.float32(0.5), "n": np.float64("nan")}
    finding = replace(
        result.findings[0],
        numbers=numbers,
        rows=np.arange(5_000),  # type: ignore[arg-type]  # a sequence of integers all the same
    )
    document = loaded(json_v1.render(replace(result, findings=(finding,))))
    assert document["findings"][0]["numbers"] == {"i": 3, "f": 0.5, "n": None}
    assert document["findings"][0]["rows"] == list(range(json_v1.MOST_ROWS))


def test_waived_findings_are_counted_apart() -> None:
    document = loaded(json_v1.render(RESULTS["drifted"]))
    assert document["summary"]["findings"] == {"error": 0, "note": 1, "waived": 1, "warning": 1}
    assert [finding["waived"] for finding in document["findings"]] == [False, True, False]


def test_keys_are_sorted() -> None:
    document = json.loads(json_v1.render(suspicious()))
    assert json.dumps(document) == json.dumps(document, sort_keys=True)


def test_the_reference_page_names_every_key_and_no_other() -> None:
    described = set(re.findall(r"^\| `([A-Za-z]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert described == set(_keys(json_v1.schema()))


def _keys(schema: Any) -> set[str]:
    """Every property name anywhere in a schema."""
    if isinstance(schema, list):
        return set().union(*map(_keys, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {}))
    return own.union(*(_keys(value) for value in schema.values()))
