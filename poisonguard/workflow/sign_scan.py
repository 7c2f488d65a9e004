"""Sign a scan and publish it.

Rules:

1. What can be refused is refused before the scan, which may take hours: a table in memory, a dataset's name, a
   missing workspace or log key, a wrong passphrase or PIN, a key without the role.
2. The key plays the role of scanner; and that of publisher, unless a published version has the same files by name
   and size, so that the data may be that version. What is published is checked once more when it is signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from poisonguard.attest.keys import Signer
from poisonguard.attest.trust import RoleName
from poisonguard.dataset.discover import Tree, discover
from poisonguard.dataset.opening import dataset_name
from poisonguard.errors import UsageError
from poisonguard.store.registry import Reader
from poisonguard.workflow.candidates import is_of, published_manifests
from poisonguard.workflow.keys import load_key
from poisonguard.workflow.publish import Publication, Published, Scanned, check_name, publish, require_role
from poisonguard.workflow.signers import prove
from poisonguard.workflow.workspace import Workspace

if TYPE_CHECKING:
    from poisonguard.workflow.scan import Scan, ScanRequest


def signers_of(
    request: ScanRequest, keys: Sequence[Path], passphrase_file: Path | None, now: datetime
) -> Sequence[Signer]:
    """The keys that are to sign the scan that is asked for.

    Raises:
        UsageError: A rule of this module is broken.
        NothingToScan: There are no data.
        IntegrityError: The registry or the trust root is not what was written.
        GateFailed: The trust root has expired.
    """
    location = _location(request)
    with Workspace.required(data=location) as workspace:
        workspace.checkpoint_signer()
        signers = [load_key(key, passphrase_file) for key in keys]
        _check_roles(workspace, request, location, signers, now)
        for signer in signers:
            prove(signer)
    return signers


def publish_scan(finished: Scan, request: ScanRequest, signers: Sequence[Signer], now: datetime) -> Published:
    """Publish a scan that is still open.

    Raises:
        UsageError: The key does not play the roles.
        IntegrityError: The registry or the trust root is not what was written.
    """
    from poisonguard.reports.json_v1 import render  # noqa: PLC0415 - only a signed scan pays for it

    result = finished.result
    scanned = Scanned(result=result, report=render(result).encode(), profile=finished.profile())
    with Workspace.required(data=_location(request)) as workspace:
        publication = Publication(result.dataset, result.manifest, finished.files, scanned)
        return publish(workspace, publication, signers, now, finished.policy)


def _location(request: ScanRequest) -> str:
    if not isinstance(request.data, str):
        raise UsageError("a table in memory cannot be published", hint="Write it to a file and scan that.")
    return request.data


def _check_roles(
    workspace: Workspace, request: ScanRequest, location: str, signers: Sequence[Signer], now: datetime
) -> None:
    tree = discover(location)
    name = request.name or dataset_name(location, tree)
    check_name(name)
    with workspace.registry.read() as reader:
        root = workspace.trusted(reader, now).root
        require_role(root, signers, RoleName.SCANNER, name)
        if not _may_be_published(reader, name, tree):
            require_role(root, signers, RoleName.PUBLISHER, name)


def _may_be_published(reader: Reader, name: str, tree: Tree) -> bool:
    return any(is_of(reader, document, tree.files) for document in published_manifests(reader, name))
