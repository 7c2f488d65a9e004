"""The approved versions before a reference: what a candidate has moved away from little by little.

Rules:

1. A version counts that was approved, by the rules in force, when it was approved: approvals end and scans age, and
   data that moved slowly moved for longer than that. One that was revoked or rejected since does not count, nor does
   one whose profile is not kept here.
2. The first of all, the anchor, never changes; beside it stand the latest, up to ``MOST`` in all.
3. A profile is read when it is looked at, and of it only what drift is seen by (``COMPARED``).
4. What was told to who approved a version is what the scans say that the approval rests on.

Nothing here decides whether a version may be used: that is for the gate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from poisonguard.domain.finding import Level
from poisonguard.engine.profile import load_profile
from poisonguard.plugin.check import Evidence, History
from poisonguard.policy.judgement import Rules
from poisonguard.sketches.number_bins import NumberBins
from poisonguard.sketches.profile import ColumnProfile
from poisonguard.sketches.values import ValueCounts
from poisonguard.store.registry import Reader
from poisonguard.workflow.context import Profiled, kept_profile, rules_in_force
from poisonguard.workflow.standing import Standing, once_approved
from poisonguard.workflow.workspace import Workspace

MOST = 12
COMPARED = (ColumnProfile, NumberBins, ValueCounts)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An approved version.

    Attributes:
        title: ``NAME@N``.
        number: Version number.
        profile: Hex SHA-256 of its profile.
        told: Card and subject of each warning that who approved it was given.
    """

    title: str
    number: int
    profile: str
    told: frozenset[tuple[str, str]]


def with_past(workspace: Workspace, found: Profiled) -> Evidence:
    """The evidence of a version that is compared with, and the approved versions before it.

    Raises:
        IntegrityError: Registry, trust root or profile are not what was written.
        GateFailed: The trust root has expired.
    """
    dataset = found.title.rpartition("@")[0]
    with workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, None, datetime.now(UTC))
        earlier = earlier_versions(reader, dataset, found.number, rules)
        own = next(_approved(reader, dataset, (found.number,), rules), None)
    told = frozenset() if own is None else own.told
    evidence = load_profile(found.profile, found.title)
    identity = _identity(evidence.identity, told, earlier)
    return replace(evidence, told=told, history=_history(workspace.folder, earlier), identity=identity)


def earlier_versions(reader: Reader, dataset: str, before: int, rules: Rules) -> tuple[Earlier, ...]:
    """The approved versions with lower numbers than ``before``: the first of all and the latest, oldest first."""
    latest = [*islice(_approved(reader, dataset, range(before - 1, 0, -1), rules), MOST - 1)]
    oldest = latest[-1].number if latest else 0
    first = islice(_approved(reader, dataset, range(1, oldest), rules), 1)
    return (*first, *reversed(latest))


def _approved(reader: Reader, dataset: str, numbers: range | tuple[int, ...], rules: Rules) -> Iterator[Earlier]:
    for number in numbers:
        stored = reader.find_manifest(dataset, number)
        if stored is None:  # numbers have gaps where a bundle brought only some versions
            continue
        found = once_approved(reader.statements(dataset=dataset, version=stored.version), number, rules)
        profile = None if found is None else kept_profile(reader, found)
        if found is not None and profile is not None:
            yield Earlier(found.title, number, profile, _told(found))


def _told(found: Standing) -> frozenset[tuple[str, str]]:
    findings = (finding for scan in found.scans for finding in scan.document.findings)
    return frozenset((item.check, item.subject) for item in findings if item.level is not Level.NOTE)


def _history(folder: Path, earlier: tuple[Earlier, ...]) -> History:
    def read(place: int) -> Evidence:
        version = earlier[place]
        with Workspace(folder) as workspace, workspace.registry.read() as reader:
            content = reader.blob(version.profile)
        return replace(load_profile(content, version.title, COMPARED), told=version.told)

    return History(tuple(item.title for item in earlier), read, is_broken=len(earlier) == MOST)


def _identity(own: str, told: frozenset[tuple[str, str]], earlier: tuple[Earlier, ...]) -> str:
    """A name for all that a check can learn of the reference: of its past, too."""
    facts = [own, sorted(told), [[item.title, item.profile, sorted(item.told)] for item in earlier]]
    return f"past:{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"
