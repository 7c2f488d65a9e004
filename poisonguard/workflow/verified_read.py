"""Open an approved version for reading: the gate decides on all but the bytes, which are checked as they are read.

Rules:

1. Nothing is opened before the gate passed: trust root, revocations, policy, signatures, scans, approvals, log; and the
   listing, with every file that it names there, in its size, and no other.
2. The listing that the gate passed is the one that is read by, kept apart from the evidence it came in.
3. Where several versions have the same names and sizes, the newest approved one is meant; bytes of another stop the
   reading. ``version`` says which is meant.
4. The decision says that no bytes were compared: it is not to be handed on as if they were.
5. The version is remembered as the gate remembers one that passed, before its first bytes are handed out. Opening is
   not enough: names and sizes may be those of a newer version, whose number would then keep the older one out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from poisonguard.attest.listing import Listing
from poisonguard.attest.shardfile import spool
from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.discover import discover
from poisonguard.dataset.verified_files import VerifiedFiles
from poisonguard.dataset.verify import Mismatches, verify_files
from poisonguard.errors import GateFailed, InternalError, UsageError
from poisonguard.workflow.folder import STATE, find_folder
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gate_state import remember
from poisonguard.workflow.gating import run_gate


@dataclass(frozen=True, slots=True)
class Approved:
    """An approved version, ready to be read.

    Attributes:
        decision: What the gate said, and on what evidence.
        files: The files, checked as they are read.
    """

    decision: GateDecision
    files: VerifiedFiles


def open_approved(request: GateRequest, now: datetime) -> Approved:
    """Open the data of a request, if the gate lets them through.

    Args:
        request: What to read, on what evidence; its ``compare`` is not used.
        now: The time.

    Raises:
        GateFailed: The gate does not pass; ``error.decision`` holds every reason.
        IntegrityError: The evidence is not what was signed, or a file is missing, of another size, or not approved.
        NothingToScan: There are no data.
        UsageError: There is no evidence to judge by.
    """
    names = _Names()
    decision = run_gate(replace(request, compare=names), now).decision
    require(decision)
    if names.listing is None or names.tree is None:
        raise InternalError("the gate passed without looking at the files")
    storage = discover(request.data).storage
    return Approved(decision, VerifiedFiles(storage, names.listing, names.tree, lambda: _remember(request, decision)))


def require(decision: GateDecision) -> None:
    """Do nothing when passed.

    Raises:
        GateFailed: The gate does not pass; ``error.decision`` holds every reason.
    """
    try:
        decision.require()
    except GateFailed as error:
        error.decision = decision
        raise


def _remember(request: GateRequest, decision: GateDecision) -> None:
    """Rule 5, in the workspace that the gate remembers in; without one, ``min_version`` guards."""
    folder = find_folder(request.start, data=request.data)
    compared = replace(decision, evidence=replace(decision.evidence, bytes_compared=True))
    if folder is not None:
        with suppress(UsageError):  # the gate could not write there either, and its notes say so
            remember(folder / STATE, compared)


@dataclass(slots=True)
class _Names:
    """Compares names and sizes, and keeps the listing it compared last: when the gate passes, the one that passed."""

    listing: Listing | None = None
    tree: ChunkTree | None = None
    reads_bytes: ClassVar[bool] = False

    def __call__(self, location: str, files: Listing, *, tree: ChunkTree) -> Mismatches:
        self.listing, self.tree = _kept(files), tree
        return verify_files(location, self.listing.with_leaves(), tree=tree, content=False)


def _kept(files: Listing) -> Listing:
    """The same listing, which needs neither the bundle nor the registry any more."""
    return Listing(files.manifest, spool(files.shards()))
