"""Hash a dataset and publish its manifest, without a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poisonguard.attest.keys import Signer
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE
from poisonguard.dataset.discover import discover
from poisonguard.dataset.opening import dataset_name
from poisonguard.workflow.incremental import reuse_of
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.oms import check_target, write_oms
from poisonguard.workflow.publish import Publication, Published, check_name, publish
from poisonguard.workflow.signers import prove
from poisonguard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SignedDataset:
    """What was published, and what a reader should know of the data."""

    published: Published
    files: int
    rows: int
    notes: tuple[str, ...]


def sign(  # noqa: PLR0913 - each is one thing the caller alone knows
    workspace: Workspace,
    location: str,
    signers: Sequence[Signer],
    now: datetime,
    *,
    name: str | None = None,
    oms: Path | None = None,
    fips: bool = False,
    full: bool = False,
    parents: tuple[str, ...] = (),
) -> SignedDataset:
    """Publish the data at ``location`` under ``name``, or under the last part of its path.

    With ``oms``, an OpenSSF Model Signing bundle of the same bytes is written there too, signed by the first key.
    With ``fips``, the files are bound by trees of SHA-256 instead of BLAKE3, which is another version of the same data.
    ``parents`` name the published versions that the data were made from; without any, it is the last approved one.
    Unless ``full``, what the last trusted version proves of unchanged files is taken over (``workflow.incremental``).

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: A key does not play the role of publisher, or the bundle cannot be written.
    """
    if oms is not None:
        check_target(oms, signers[0], location)
    listed = discover(location)
    dataset = name or dataset_name(location, listed)
    check_name(dataset)
    for signer in signers:
        prove(signer)
    tree = FIPS_TREE if fips else BLAKE3_TREE
    reuse = reuse_of(workspace, dataset, now, hash_profile=tree.hash_profile, full=full)
    inventory, notes = inspect(location, listed=listed, tree=tree, reuse=reuse)
    manifest = inventory.manifest
    published = publish(workspace, Publication(dataset, manifest, inventory.files, parents=parents), signers, now)
    if oms is not None:
        notes += write_oms(oms, signers[0], location, inventory)
    return SignedDataset(published, manifest.file_count, manifest.rows, notes)
