"""The machine-readable report, ``poisonguard-report/v1``; described in docs/reference/json-report.md.

Keys and lists are sorted, no number is NaN or infinite, all characters are ASCII: the same result gives the
same bytes, and printing them is as safe as printing any other text of ours.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from numbers import Integral
from pathlib import Path
from typing import Any

from poisonguard.domain.decision import Decision
from poisonguard.domain.finding import Example, Level
from poisonguard.domain.outcome import Failed, Outcome, Ran, Skipped
from poisonguard.domain.result import ColumnSummary, Rule, ScanResult
from poisonguard.reports.escape import encodable
from poisonguard.reports.view import FindingView, finding_views

SCHEMA = "poisonguard-report/v1"
SCHEMA_FILE = Path(__file__).parent / "schemas" / "report-v1.schema.json"

MOST_ROWS = 1_000
"""Row numbers listed per finding; ``--flagged`` writes all of them."""


def render(result: ScanResult) -> str:
    """The result as JSON text."""
    text = json.dumps(_encodable(document(result)), indent=2, sort_keys=True, allow_nan=False)
    # DEL is the one control character JSON leaves alone; ``##`` may begin a command to a CI log.
    return text.replace("\x7f", "\\u007f").replace("##", "#\\u0023") + "\n"


def document(result: ScanResult) -> dict[str, Any]:
    """The result as JSON values."""
    views = finding_views(result)
    return {
        "schema": SCHEMA,
        "tool": {"name": "poisonguard", "version": result.tool_version},
        "dataset": result.dataset,
        "version": result.version,
        "reference": result.reference,
        "pack": result.pack,
        "packDigest": result.pack_digest,
        "policyDigest": result.policy_digest,
        "assessment": result.assessment.value,
        "decision": _decision(result.decision),
        "summary": _summary(result, views),
        "data": _data(result),
        "findings": [_finding(view, views) for view in views],
        "outcomes": [_outcome(outcome, views) for outcome in sorted(result.outcomes, key=lambda item: item.check)],
        "roles": [
            {"column": item.column, "role": item.role.value, "reason": item.reason} for item in result.roles.assignments
        ],
        "rules": [_rule(rule) for rule in sorted(result.rules, key=lambda item: item.id)],
        "columns": [_column(column) for column in result.columns],
        "notes": list(result.notes),
    }


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the report."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "exitCode": decision.exit_code,
        "reasons": [
            {"code": reason.code, "message": reason.message, "exitCode": reason.exit_code, "hint": reason.hint}
            for reason in decision.reasons
        ],
    }


def _summary(result: ScanResult, views: Sequence[FindingView]) -> dict[str, Any]:
    kinds = {"ran": Ran, "skipped": Skipped, "failed": Failed}
    return {
        "findings": {
            **{level.value: sum(v.finding.level is level and not v.waived for v in views) for level in Level},
            "waived": sum(view.waived for view in views),
        },
        "checks": {name: sum(isinstance(o, kind) for o in result.outcomes) for name, kind in kinds.items()},
    }


def _data(result: ScanResult) -> dict[str, Any]:
    manifest = result.manifest
    return {
        "files": manifest.file_count,
        "bytes": manifest.size,
        "rows": manifest.rows,
        "columns": [{"name": c.name, "kind": c.kind.value, "type": c.type} for c in manifest.columns],
        "hashProfile": manifest.hash_profile,
        "filesRoot": manifest.files_root,
        "rowsDigest": manifest.rows_digest,
    }


def _finding(view: FindingView, views: Sequence[FindingView]) -> dict[str, Any]:
    finding = view.finding
    return {
        "fingerprint": finding.fingerprint,
        "check": finding.check,
        "title": view.title,
        "level": finding.level.value,
        "signal": finding.signal.value,
        "confidence": _number(finding.confidence),
        "subject": finding.subject,
        "message": finding.message,
        "comparedWith": finding.compared_with,
        "column": finding.column,
        "path": finding.path,
        "highlight": finding.highlight,
        "numbers": _numbers(finding.numbers),
        "rows": [int(row) for row in finding.rows[:MOST_ROWS]],
        "rowCount": finding.row_count,
        "waived": view.waived,
        "cause": views[view.leader - 1].finding.fingerprint if view.follows else None,
        "examples": [_example(example) for example in finding.examples],
    }


def _example(example: Example) -> dict[str, Any]:
    return {
        "path": example.path,
        "row": int(example.row),
        "key": example.key,
        "values": [{"column": name, "value": value} for name, value in example.values],
        "highlight": None
        if example.highlight is None
        else {"column": example.highlight[0], "text": example.highlight[1]},
    }


def _outcome(outcome: Outcome, views: Sequence[FindingView]) -> dict[str, Any]:
    match outcome:
        case Ran():
            seen = outcome.coverage
            return {
                "check": outcome.check,
                "outcome": "ran",
                "coverage": {
                    "rowsSeen": seen.rows_seen,
                    "rowsTotal": seen.rows_total,
                    "full": seen.full,
                    "note": seen.note,
                },
                "findings": [v.finding.fingerprint for v in views if v.finding.check == outcome.check],
            }
        case Skipped():
            return {"check": outcome.check, "outcome": "skipped", "reason": outcome.reason}
        case Failed():
            return {"check": outcome.check, "outcome": "failed", "error": outcome.error}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level.value,
        "signal": rule.signal.value,
        "threats": list(rule.threats),
        "what": rule.what,
        "why": rule.why,
        "remediation": rule.remediation,
        "blindSpots": list(rule.blind_spots),
        "falsePositives": list(rule.false_positives),
        "references": list(rule.references),
    }


def _column(column: ColumnSummary) -> dict[str, Any]:
    return {
        "name": column.name,
        "role": column.role,
        "type": column.type,
        "numbers": [{"name": name, "text": text} for name, text in column.numbers],
        "bins": list(column.bins),
        "counts": [int(count) for count in column.counts],
        "referenceCounts": [int(count) for count in column.reference_counts],
    }


def _numbers(numbers: Mapping[str, float | int | str]) -> dict[str, float | int | str | None]:
    return {name: value if isinstance(value, str) else _number(value) for name, value in numbers.items()}


def _number(value: Any) -> float | int | None:
    """A JSON number, or null for what JSON cannot hold."""
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _encodable(value: Any) -> Any:
    """The same value without lone surrogates, which UTF-8 and strict JSON readers refuse."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value
