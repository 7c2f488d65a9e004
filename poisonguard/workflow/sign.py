"""Hash a dataset and publish its manifest, without a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from poisonguard.attest.keys import Signer
from poisonguard.dataset.discover import discover
from poisonguard.dataset.opening import dataset_name
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.publish import Publication, Published, check_name, publish
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SignedDataset:
    """What was published, and what a reader should know of the data."""

    published: Published
    files: int
    rows: int
    notes: tuple[str, ...]


def sign(
    workspace: Workspace, location: str, signers: Sequence[Signer], now: datetime, *, name: str | None = None
) -> SignedDataset:
    """Publish the data at ``location`` under ``name``, or under the last part of its path.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: A key does not play the role of publisher.
    """
    dataset = name or dataset_name(location, discover(location))
    check_name(dataset)
    manifest, notes = inspect(location)
    published = publish(workspace, Publication(dataset, manifest), signers, now)
    return SignedDataset(published, len(manifest.files), manifest.rows, notes)
