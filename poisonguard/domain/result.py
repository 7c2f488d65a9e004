"""Everything a scan says, ready to render or to sign."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from poisonguard.domain.dataset import FileEntry, Manifest
from poisonguard.domain.decision import Decision
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Outcome
from poisonguard.domain.roles import Roles


class Assessment(StrEnum):
    """One word for the dataset."""

    CLEAN = "clean"
    DRIFTED = "drifted"
    SUSPICIOUS = "suspicious"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reader of a report needs to know of a card."""

    id: str
    title: str
    level: Level
    signal: Signal
    threats: tuple[str, ...]
    what: str
    why: str
    remediation: str
    blind_spots: tuple[str, ...]
    false_positives: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """Profile of one column for reports. Histogram counts share ``edges``/``categories`` with the reference.

    ``numbers`` holds (name, text) pairs such as ("null rate", "0.3 %"), in display order.
    ``bins`` are the labels of the bars; ``counts`` and ``reference_counts`` line up with them (empty if unknown).
    """

    name: str
    role: str
    type: str
    numbers: tuple[tuple[str, str], ...]
    bins: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    reference_counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """Everything a scan says.

    Attributes:
        tool_version: Version of poisonguard.
        dataset: Name of the dataset.
        version: Name of the manifest (``pg1:<sha256>``).
        manifest: What was scanned.
        files: Its files, in order of their paths.
        reference: Name of the version or path compared with, or nothing.
        pack: Names of the packs, joined by ``+``.
        pack_digest: Hex SHA-256 of the resolved cards and parameters.
        policy_digest: Hex SHA-256 of the policy's canonical form.
        roles: Column roles with reasons.
        rules: The cards of every check planned, sorted by id.
        outcomes: One per check planned, sorted by check id.
        findings: Every finding of every outcome, ranked: gravest first.
        waived: Fingerprints of findings that a waiver excuses.
        assessment: One word.
        decision: What the policy says of it.
        columns: Column profiles, in schema order.
        notes: Things a reader should know (ignored files, samples taken).
    """

    tool_version: str
    dataset: str
    version: str
    manifest: Manifest
    files: Collection[FileEntry]
    reference: str | None
    pack: str
    pack_digest: str
    policy_digest: str
    roles: Roles
    rules: tuple[Rule, ...]
    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    waived: frozenset[str]
    assessment: Assessment
    decision: Decision
    columns: tuple[ColumnSummary, ...] = ()
    notes: tuple[str, ...] = ()


class Assessed(Protocol):
    """What an assessment needs to know of a finding; findings and their signed records both have it."""

    @property
    def level(self) -> Level:
        """How serious."""

    @property
    def signal(self) -> Signal:
        """What it speaks for."""


def assess(findings: Iterable[Assessed]) -> Assessment:
    """Sum the findings up in one word.

    A sign of poisoning at warning level or above is suspicious; a change without one is drift;
    a note never changes the word.
    """
    grave = [finding for finding in findings if finding.level is not Level.NOTE]
    if any(finding.signal is Signal.POISONING for finding in grave):
        return Assessment.SUSPICIOUS
    if any(finding.signal is Signal.DRIFT for finding in grave):
        return Assessment.DRIFTED
    return Assessment.CLEAN
