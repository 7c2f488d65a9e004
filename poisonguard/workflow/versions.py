"""List published versions and where each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poisonguard.errors import UnknownVersion
from poisonguard.policy.model import Policy
from poisonguard.store.registry import Reader
from poisonguard.workflow.context import NamedVersion, rules_in_force, standings
from poisonguard.workflow.standing import Standing, State
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version in a list; texts are raw.

    Attributes:
        dataset: Name of the dataset.
        number: Version number.
        version: Name of the manifest, ``pg1:...``.
        created: When it was published; empty when its manifest is not trusted.
        by: Who published it.
        assessment: The gravest word of its scans, if there is one.
        approvals: How many people approve and did not reject it since.
        needed: How many must.
        state: One word.
    """

    dataset: str
    number: int
    version: str
    created: str
    by: tuple[str, ...]
    assessment: str | None
    approvals: int
    needed: int
    state: State

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of the table."""
        return (
            f"{self.dataset}@{self.number}",
            self.created or "-",
            ", ".join(self.by) or "-",
            self.assessment or "-",
            f"{self.approvals}/{self.needed}" if self.needed else "-",
            self.state,
            self.version[:20],
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "dataset": self.dataset,
            "number": self.number,
            "version": self.version,
            "created": self.created or None,
            "by": list(self.by),
            "assessment": self.assessment,
            "approvals": self.approvals,
            "needed": self.needed,
            "state": str(self.state),
        }


def list_versions(workspace: Workspace, dataset: str | None, policy: Policy, now: datetime) -> tuple[VersionRow, ...]:
    """The versions of one dataset, or of all by name, newest first.

    Raises:
        UnknownVersion: Nothing is published under that name.
    """
    with workspace.registry.read() as reader:
        rules = rules_in_force(workspace, reader, policy, now)
        names = (dataset,) if dataset is not None else reader.datasets()
        rows = tuple(_row(named, found) for name in names for named, found in standings(reader, name, rules))
        if dataset is not None and not rows:
            raise UnknownVersion(f"no version of {dataset!r} is published", hint=_known(reader))
    return rows


def _row(named: NamedVersion, found: Standing | None) -> VersionRow:
    if found is None:
        return VersionRow(
            dataset=named.dataset,
            number=named.number,
            version=named.version,
            created="",
            by=(),
            assessment=None,
            approvals=0,
            needed=0,
            state=State.UNTRUSTED,
        )
    return VersionRow(
        dataset=named.dataset,
        number=named.number,
        version=named.version,
        created=found.manifest.document.release.created,
        by=found.manifest.people,
        assessment=str(found.assessment) if found.assessment else None,
        approvals=len(found.consenting),
        needed=found.needed,
        state=found.state,
    )


def _known(reader: Reader) -> str:
    names = reader.datasets()
    return f"Published: {', '.join(names[:10])}." if names else "Publish one with 'poisonguard scan DATA --sign KEY'."
