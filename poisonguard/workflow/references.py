"""Find what a candidate is compared with: a path, a named version, or the last approved version."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.dataset.views import Views
from poisonguard.domain.dataset import Column
from poisonguard.errors import UnknownVersion
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Sketch


@dataclass(frozen=True, slots=True)
class OpenReference:
    """Reference data that lie somewhere and can be read."""

    name: str
    dataset: Dataset

    @property
    def columns(self) -> tuple[Column, ...]:
        """The reference's columns, made ones too."""
        return (*self.dataset.columns, *Views.of(self.dataset.schema).columns)


@dataclass(frozen=True, slots=True)
class StoredReference:
    """Evidence that was kept when a version was scanned and signed; its bytes may be gone."""

    name: str
    evidence: Evidence

    @property
    def columns(self) -> tuple[Column, ...]:
        """The reference's columns."""
        return self.evidence.columns


@dataclass(slots=True)
class KeptReference:
    """Reference data for several scans: what one of them folded, the next need not fold again.

    Attributes:
        opened: The data.
        evidence: What was folded so far; nothing before the first scan.
    """

    opened: OpenReference
    evidence: Evidence | None = None

    @property
    def name(self) -> str:
        """The data's name."""
        return self.opened.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """The data's columns, made ones too."""
        return self.opened.columns

    def missing(self, sketches: Sequence[Sketch]) -> list[Sketch]:
        """Those of ``sketches`` that were not folded yet."""
        return [sketch for sketch in sketches if self.evidence is None or sketch not in self.evidence]

    def keep(self, found: Evidence) -> Evidence:
        """Everything that is known, with what was folded now."""
        known = {} if self.evidence is None else self.evidence.states
        self.evidence = replace(found, states={**known, **found.states})
        return self.evidence


Reference = OpenReference | StoredReference | KeptReference


def kept(reference: Reference | None) -> KeptReference | StoredReference | None:
    """The reference in a form that several scans can share."""
    return KeptReference(reference) if isinstance(reference, OpenReference) else reference


def find_reference(  # noqa: PLR0913 - each is one thing the caller alone knows
    wanted: str | pa.Table | KeptReference | StoredReference | None,
    dataset: str,
    *,
    data: str,
    compare: bool,
    stack: ExitStack,
    workers: int,
) -> Reference | None:
    """The reference asked for, or the last approved version of ``dataset``, or nothing.

    Args:
        wanted: A path, a version, a table, or what was found before; nothing means the last approved version.
        dataset: Name of the dataset.
        data: Where the candidate lies; no workspace inside of it is believed.
        compare: Whether to compare at all.
        stack: Closes what is opened.
        workers: Threads.

    Raises:
        UnknownVersion: ``wanted`` is neither a path nor a version that was scanned and signed.
    """
    if not compare:
        return None
    if isinstance(wanted, KeptReference | StoredReference):
        return wanted
    if isinstance(wanted, pa.Table):
        return OpenReference("the reference table", stack.enter_context(open_table(wanted, "reference")))
    if wanted is not None and _is_location(wanted):
        return OpenReference(wanted, stack.enter_context(open_dataset(wanted, workers=workers)))
    return _from_registry(wanted, dataset, data)


def _is_location(text: str) -> bool:
    return Path(text).exists() or "://" in text or any(sign in text for sign in "*?[")


def _from_registry(wanted: str | None, dataset: str, data: str) -> Reference | None:
    # The registry is loaded only when a version is asked for or a workspace is there.
    from poisonguard.workflow.context import last_approved, scanned_profile  # noqa: PLC0415 - see above
    from poisonguard.workflow.past import with_past  # noqa: PLC0415 - see above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - see above

    workspace = Workspace.find(data=data)
    if workspace is None:
        if wanted is None:
            return None
        raise UnknownVersion(
            f"{wanted}: neither a path nor a version", hint="No .poisonguard folder was found from here upwards."
        )
    with workspace:
        found = scanned_profile(workspace, wanted) if wanted else last_approved(workspace, dataset)
        if found is None:
            return None
        return StoredReference(found.title, with_past(workspace, found))
