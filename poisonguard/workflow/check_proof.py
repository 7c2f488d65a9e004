"""Check, offline, that one file is in a version that somebody who may has published.

Rules, each one refusal:

1. The trust root follows from the one that is pinned, and has not expired.
2. The manifest's statement is in the log, by its proof and the log's signed checkpoint.
3. Where the trust root names revokers, a trusted list of revocations that has not expired comes with it.
4. It was signed by somebody who may publish the dataset, by a key that is not revoked in that list, and the list does
   not revoke the version.
5. The file's entry leads to the manifest's root.
6. The file, when one is given, has the entry's size, SHA-256 and tree root.

It says nothing of scans and approvals: whether data may be used is for the gate to say.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from poisonguard.attest.evidence import Signed, Statements
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.trust import TrustRoot, establish
from poisonguard.dataset.chunktree import tree_of
from poisonguard.dataset.hashing import hash_file
from poisonguard.dataset.names import shown
from poisonguard.dataset.storage import LocalStorage
from poisonguard.domain.dataset import FileEntry, Release
from poisonguard.domain.decision import Reason
from poisonguard.errors import GateFailed, IntegrityError, UsageError
from poisonguard.policy.revoked import list_reasons, newest, version_reasons
from poisonguard.store import file_proof
from poisonguard.store.bundle import Bundle
from poisonguard.workflow.folder import TRUST, find_folder, lineage
from poisonguard.workflow.gate_statements import Opened, Placed, open_lists, open_placed, place
from poisonguard.workflow.pin import Pin, read_pin


@dataclass(frozen=True, slots=True)
class ProvenFile:
    """A file that is in a version.

    Attributes:
        entry: The file.
        release: The version.
        people: Who published it.
    """

    entry: FileEntry
    release: Release
    people: tuple[str, ...]


def pin_here(trust: str | None) -> Pin:
    """The pin in ``sha256:PIN``, or of the trust root in a file, or of the workspace's own.

    Raises:
        UsageError: There is none, it is no pin, or the file cannot be read.
    """
    if trust is not None:
        return read_pin(trust)
    folder = find_folder()
    if folder is None:
        raise UsageError("no trust root is pinned here", hint="Give it with --trust: a file, or sha256:PIN.")
    return read_pin(folder / TRUST)


def check_proof(data: bytes, pin: Pin, now: datetime, *, file: str | None = None) -> ProvenFile:
    """The file that a proof is of.

    Args:
        data: The proof.
        pin: The trust root that is pinned.
        now: The time.
        file: Path of a file that is to be the one.

    Raises:
        IntegrityError: A rule of this module is broken.
        GateFailed: The trust root or the list of revocations has expired, or is missing; or the version was revoked.
        DataError: The file cannot be read.
    """
    bundle, proof = file_proof.load(data)
    trusted = establish(lineage(bundle.trust_roots, pin.data), pin.digest)
    trusted.check_time(now)
    signed = _manifest(bundle, trusted.root, now)
    manifest = signed.document.manifest
    if not proof.holds(manifest):
        raise IntegrityError(f"{shown(proof.entry.path)}: the proof does not lead to the manifest's root")
    if file is not None:
        _compare(file, proof.entry, manifest.hash_profile)
    return ProvenFile(proof.entry, signed.document.release, signed.people)


def _manifest(bundle: Bundle, root: TrustRoot, now: datetime) -> Signed[ManifestDocument]:
    placed = place(bundle, root)
    _refuse_homeless(placed)
    lists = Statements.of(_sound(open_lists(placed, root)).documents).revocations
    _refuse(list_reasons(root, lists, now, 0))
    last = newest(lists)
    held = None if last is None else last.document
    opened = _sound(open_placed(placed, root, held))
    manifests = Statements.of(opened.documents).manifests
    if len(manifests) != 1:
        problems = [item.problem for item in opened.unentitled] or [f"{len(manifests)} manifests where one is expected"]
        raise IntegrityError(problems[0], hint="Ask whoever made the proof for one of a version that is trusted.")
    _refuse(version_reasons(held, manifests[0].document))
    return manifests[0]


def _refuse(reasons: Iterable[Reason]) -> None:
    """Raise the gravest of the reasons that speak against the version."""
    gravest = max((item for item in reasons if item.exit_code), key=lambda item: item.exit_code, default=None)
    if gravest is not None:
        kind = IntegrityError if gravest.exit_code == IntegrityError.exit_code else GateFailed
        raise kind(gravest.message, hint=gravest.hint)


def _refuse_homeless(placed: Placed) -> None:
    if isinstance(placed.checkpoint, IntegrityError):
        raise placed.checkpoint
    for digest in placed.homeless:
        raise IntegrityError(f"statement {digest[:12]} is not proven to be in the log")


def _sound(opened: Opened) -> Opened:
    for error in opened.altered:
        raise error
    return opened


def _compare(file: str, entry: FileEntry, hash_profile: str) -> None:
    folder, name = os.path.split(file)
    found = hash_file(LocalStorage(folder or "."), name, tree=tree_of(hash_profile))
    if (found.size, found.sha256, found.tree_root) != (entry.size, entry.sha256, entry.tree_root):
        raise IntegrityError(
            f"{shown(file)} is not the file {shown(entry.path)} of the version", hint="Fetch the file again."
        )
