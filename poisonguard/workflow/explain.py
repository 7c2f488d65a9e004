"""Say everything there is to say of one finding, or of one check.

A finding is named by its fingerprint, or by the beginning of one. It is looked for in a JSON report, or in the reports
of the scans that trusted people published in this workspace, the newest version first. A check is named by its id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poisonguard.errors import UnreadableData, UsageError
from poisonguard.plugin.card import Card, shipped_cards
from poisonguard.reports.json_v1 import SCHEMA
from poisonguard.store.registry import Reader
from poisonguard.workflow.context import NamedVersion, resolve_version, rules_in_force, standing_of, standings
from poisonguard.workflow.folder import read_small
from poisonguard.workflow.standing import Standing
from poisonguard.workflow.workspace import Workspace

FINGERPRINT = re.compile(r"[0-9a-f]{4,16}")
LARGEST_REPORT = 256 << 20
"""Bytes of a report file that are read."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A check, and a finding of it.

    Attributes:
        card: The check's card.
        finding: The finding as the JSON report holds it; nothing when a check was asked for.
        version: The version it was found in, ``NAME@N`` or the digest in the report; empty for a check.
    """

    card: Card
    finding: Record | None = None
    version: str = ""


def explain(asked: str, *, report: Path | None = None, version: str | None = None) -> Explanation:
    """The check or the finding that ``asked`` names.

    Args:
        asked: Id of a check, or the first four or more digits of a fingerprint.
        report: JSON report to look in; the workspace's registry when not given.
        version: Only the scans of this version.

    Raises:
        UsageError: There is no such check or finding, or several fit.
        UnreadableData: The report is none.
    """
    card = shipped_cards().get(asked.upper())
    if card is not None:
        return Explanation(card)
    if not FINGERPRINT.fullmatch(asked.lower()):
        raise UsageError(
            f"{asked!a} is neither a check nor a fingerprint",
            hint="Fingerprints stand in the report of a scan; see also `poisonguard checks list`.",
        )
    if report is not None:
        return _only(asked, [(_title(held), held) for held in [_read(report)]], report.name)
    with Workspace.required() as workspace, workspace.registry.read() as reader:
        return _only(asked, _published(workspace, reader, version), "the registry")


def _only(asked: str, reports: Sequence[tuple[str, Record]] | Iterator[tuple[str, Record]], place: str) -> Explanation:
    """The finding that fits, in the first report that holds one."""
    for title, held in reports:
        fitting = [item for item in held["findings"] if item["fingerprint"].startswith(asked.lower())]
        if len(fitting) > 1:
            names = ", ".join(item["fingerprint"] for item in fitting[:5])
            raise UsageError(f"{asked} fits several findings of {title}: {names}")
        if fitting:
            return Explanation(_card(fitting[0]), fitting[0], title)
    raise UsageError(f"no finding {asked} in {place}", hint="Name the report: --report REPORT.json.")


def _card(finding: Record) -> Card:
    card = shipped_cards().get(finding["check"])
    if card is None:
        raise UsageError(
            f"this poisonguard has no check {finding['check']}", hint="Use the version that made the report."
        )
    return card


def _read(path: Path) -> Record:
    return _checked(read_small(path, LARGEST_REPORT, what="the JSON report of a scan"), path.name)


def _checked(content: bytes, name: str) -> Record:
    """A report, as far as it is looked at here."""
    try:
        held = json.loads(content)
        whole = held["schema"] == SCHEMA and all(map(_is_finding, held["findings"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise UnreadableData(
            f"{name} is no JSON report of a scan", hint="Write one: poisonguard scan DATA -f json -o FILE."
        )
    return held  # type: ignore[no-any-return]  # a JSON object, as just seen


def _is_finding(item: Record) -> bool:
    """Whether a finding holds what is told of it, in the types that the report's schema names."""
    texts = isinstance(item["fingerprint"], str) and isinstance(item["check"], str)
    counts = isinstance(item.get("rowCount", 0), int) and isinstance(item.get("numbers") or {}, dict)
    return texts and counts and all(map(_is_example, item.get("examples") or ()))


def _is_example(item: Record) -> bool:
    mark = item.get("highlight") or {}
    cells = all({"column", "value"} <= cell.keys() for cell in item["values"])
    return cells and isinstance(item["path"], str) and isinstance(item["row"], int) and isinstance(mark, dict)


def _title(held: Record) -> str:
    return str(held.get("version", ""))


def _published(workspace: Workspace, reader: Reader, version: str | None) -> Iterator[tuple[str, Record]]:
    """Title and report of each trusted scan, newest version and newest scan first."""
    rules = rules_in_force(workspace, reader, None, datetime.now(UTC))
    if version is not None:
        named = resolve_version(reader, version)
        found: Iterator[tuple[NamedVersion, Standing | None]] = iter([(named, standing_of(reader, named, rules))])
    else:
        found = (item for dataset in reader.datasets() for item in standings(reader, dataset, rules))
    for named, standing in found:
        scans = () if standing is None else (*standing.older, *standing.scans)
        for scan in sorted(scans, key=lambda item: item.document.scanned, reverse=True):
            if reader.has_blob(scan.document.report_digest):
                yield named.title, _checked(reader.blob(scan.document.report_digest), f"the report of {named.title}")
