"""SARIF 2.1.0 (OASIS standard, errata 01): one result per finding, for code-scanning pages and SIEMs.

Rules:

1. Every planned check is declared as a rule, also when it found nothing.
2. A finding's stable fingerprint is in ``partialFingerprints``, so that the same finding is not discussed twice.
3. A waived finding is kept, as suppressed.
4. A check that broke makes ``executionSuccessful`` false and is a tool execution notification; a check that was
   skipped is a tool configuration notification. Silence is not an outcome.
5. No time, machine or absolute path: files are relative to the base ``DATASET``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from poisonguard.domain.dataset import FileEntry
from poisonguard.domain.finding import Example
from poisonguard.domain.outcome import Failed, Ran, Skipped
from poisonguard.domain.result import Rule, ScanResult
from poisonguard.reports.escape import prose, visible
from poisonguard.reports.view import FindingView, finding_views, headline, place

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "poisonguardFinding/v1"
BASE = "DATASET"
MOST_PLACES = 20
"""Evidence rows listed per result, as in the HTML report."""
LONGEST_MARK = 160

_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LINK = re.compile(r"[\[\]](?=[^\[\]]*\]\(|\()")


def render(result: ScanResult) -> str:
    """The result as a SARIF log."""
    log = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [_run(result)]}
    text = json.dumps(log, indent=2, sort_keys=True, allow_nan=False)
    return text.replace("\x7f", "\\u007f").replace("##", "#\\u0023") + "\n"


def message(text: str) -> dict[str, str]:
    """A plain-text message: literal braces and brackets cannot become placeholders (3.11.5) or links (3.11.6)."""
    shown = re.sub(r"\\u\{([0-9A-F]+)\}", r"<U+\1>", visible(text))
    shown = _PLACEHOLDER.sub(r"{{\1}}", shown)
    return {"text": _LINK.sub(r"\\\g<0>", shown)}


def _run(result: ScanResult) -> dict[str, Any]:
    rules = sorted(result.rules, key=lambda rule: rule.id)
    index = {rule.id: number for number, rule in enumerate(rules)}
    views = finding_views(result)
    return {
        "tool": {"driver": _driver(result, rules)},
        "automationDetails": {"id": f"poisonguard/{quote(result.dataset, safe='', errors='surrogatepass')}/"},
        "originalUriBaseIds": {BASE: {"description": message("The root of the scanned dataset.")}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(result, index)],
        "artifacts": [_artifact(entry) for entry in _named_files(result)],
        "results": [_result(view, index, result) for view in views],
        "properties": _run_properties(result),
    }


def _driver(result: ScanResult, rules: Sequence[Rule]) -> dict[str, Any]:
    return {
        "name": "poisonguard",
        "version": result.tool_version,
        "shortDescription": message("Training-data integrity scanner."),
        "rules": [_rule(rule) for rule in rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    fields = {
        "Blind spots": rule.blind_spots,
        "Ordinary causes": rule.false_positives,
        "References": rule.references,
    }
    more = [f"{name}: {' '.join(map(prose, texts))}" for name, texts in fields.items() if texts]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in re.findall(r"\w+", rule.title)),
        "shortDescription": message(prose(rule.title)),
        "fullDescription": message(f"{prose(rule.what)} {prose(rule.why)}"),
        "help": message("\n\n".join([prose(rule.remediation), *more]).replace("\n\n", " ")),
        "defaultConfiguration": {"level": rule.level.value},
        "properties": {"tags": sorted({rule.signal.value, *rule.threats}), "signal": rule.signal.value},
    }


def _invocation(result: ScanResult, index: Mapping[str, int]) -> dict[str, Any]:
    failed = [outcome for outcome in result.outcomes if isinstance(outcome, Failed)]
    skipped = [outcome for outcome in result.outcomes if isinstance(outcome, Skipped)]
    partial = [outcome for outcome in result.outcomes if isinstance(outcome, Ran) and not outcome.coverage.full]
    seen = {item.check: f"looked at {item.coverage.rows_seen} of {item.coverage.rows_total} rows" for item in partial}
    return {
        "executionSuccessful": not failed,
        "exitCode": result.decision.exit_code,
        "exitCodeDescription": str(visible(f"{result.decision.verdict}: {headline(result)}")),
        "toolExecutionNotifications": [
            *(_notification(item.check, f"{item.check} broke: {item.error}", "error", index) for item in failed),
            *(_notification(check, f"{check} {text}", "note", index) for check, text in sorted(seen.items())),
        ],
        "toolConfigurationNotifications": [
            _notification(item.check, f"{item.check} was skipped: {item.reason}", "note", index) for item in skipped
        ],
    }


def _notification(check: str, text: str, level: str, index: Mapping[str, int]) -> dict[str, Any]:
    return {"level": level, "message": message(text), "associatedRule": _reference(check, index)}


def _reference(check: str, index: Mapping[str, int]) -> dict[str, Any]:
    return {"id": check, "index": index[check]} if check in index else {"id": check}


def _result(view: FindingView, index: Mapping[str, int], result: ScanResult) -> dict[str, Any]:
    finding = view.finding
    return {
        "ruleId": finding.check,
        "rule": _reference(finding.check, index),
        "kind": "fail",
        "level": finding.level.value,
        "message": message(f"{finding.message} Compared with {finding.compared_with}."),
        "rank": round(100 * min(1.0, max(0.0, float(finding.confidence))), 1),
        "locations": [_location(view, result)],
        "relatedLocations": [_place(number, item) for number, item in enumerate(finding.examples[:MOST_PLACES])],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "suppressions": [_SUPPRESSED] if view.waived else [],
        "properties": {
            "signal": finding.signal.value,
            "subject": str(visible(finding.subject)),
            "comparedWith": str(visible(finding.compared_with)),
            "rowCount": finding.row_count,
            **({"sameRowsAs": view.leader} if view.follows else {}),
        },
    }


_SUPPRESSED = {"kind": "external", "status": "accepted", "justification": "A signed waiver excuses this finding."}


def _location(view: FindingView, result: ScanResult) -> dict[str, Any]:
    """Where the finding is shown: its file, or the first evidence row's, or the dataset's first."""
    finding = view.finding
    evidence = [example.path for example in finding.examples]
    path = next(iter([*filter(None, [finding.path]), *evidence, *(entry.path for entry in result.files)]), ".")
    location: dict[str, Any] = {"physicalLocation": _physical(path)}
    if finding.column is not None:
        location["logicalLocations"] = [{"name": str(visible(finding.column)), "kind": "column"}]
    return location


def _place(number: int, example: Example) -> dict[str, Any]:
    text = place(example.path, example.row, example.key)
    if example.highlight:
        column, marked = example.highlight
        text = f"{text}, column {column}: {marked[:LONGEST_MARK]}"
    return {
        "id": number + 1,
        "physicalLocation": _physical(example.path),
        "logicalLocations": [{"name": f"row {example.row}", "kind": "row"}],
        "message": message(text),
    }


def _physical(path: str) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(path), "uriBaseId": BASE}}


def _uri(path: str) -> str:
    return quote(path, safe="/", errors="surrogatepass")


def _named_files(result: ScanResult) -> list[FileEntry]:
    """The files that results name; a manifest may hold a million others."""
    named = {finding.path for finding in result.findings}
    named |= {example.path for finding in result.findings for example in finding.examples}
    return [entry for entry in result.files if entry.path in named]


def _artifact(entry: FileEntry) -> dict[str, Any]:
    return {
        "location": {"uri": _uri(entry.path), "uriBaseId": BASE},
        "length": entry.size,
        "hashes": {"sha-256": entry.sha256},
        "roles": ["analysisTarget"],
    }


def _run_properties(result: ScanResult) -> dict[str, Any]:
    return {
        "assessment": result.assessment.value,
        "verdict": result.decision.verdict.value,
        "reasons": [str(visible(reason.message)) for reason in result.decision.reasons],
        "dataset": str(visible(result.dataset)),
        "version": result.version,
        "reference": None if result.reference is None else str(visible(result.reference)),
        "pack": result.pack,
        "packDigest": result.pack_digest,
        "policyDigest": result.policy_digest,
        "notes": [str(visible(note)) for note in result.notes],
    }
