"""The gate: may these bytes be used, now, for this purpose? Fails closed; says every reason.

The order of the gate, which is the order of the reasons that speak against: trust root, freshness and rollback,
revocation, policy, signatures, scan, approvals, log inclusion, bytes. Without a trusted root nothing can be believed,
and without a trusted manifest there is nothing to compare with: there the gate stops. Everywhere else it goes on, so
that all failures are listed; the exit code is the gravest (6 > 5 > 4 > 1), whichever was first.

Codes of reasons, stable, in that order; those of ``policy.revoked``, ``policy.judgement``, ``policy.scans``,
``policy.decide`` and ``policy.approvals`` come in addition:

========================== ==== =====================================================================
code                       exit meaning
========================== ==== =====================================================================
``trust-not-pinned``       5    no pin of the trust root was given: never trust on first use
``trust-untrusted``        6    the chain of trust roots does not hold, or is not the pinned one
``trust-expired``          5    the newest trust root has expired
``trust-rolled-back``      5    an older trust root than one seen here before
``clock-set-back``         5    the clock is behind the time of an earlier passing gate
``clock-behind``           5    a statement was signed in the future of this clock
``version-rolled-back``    5    a lower version number than asked for, or than passed here before
``version-forked``         6    another version passed here before under the same number
``key-revoked``            5    signed by a key that was revoked; 0 when nothing is missing without it
``dataset-differs``        5    the bundle is of another dataset than the one asked for
``statement-altered``      6    a signature under a known key does not verify, or a document is malformed
``statement-unentitled``   6    signed by people without the right; 0 when nothing is missing without it
``manifest-missing``       5    no trusted manifest
``manifest-ambiguous``     6    more than one trusted manifest
``approvals-missing``      5    fewer approvers than policy and trust root ask for
``rejected``               5    a steward rejected this version
``log-untrusted``          6    the checkpoint is not signed by the log's key
``log-inclusion``          6    a statement is not proven to be in the log
``listing-altered``        6    the listing of files is not the one that the manifest binds
``not-fips``               5    only FIPS-approved algorithms will do, and another was used
``bytes-differ``           6    a file is changed, missing, extra or unreadable
``passed``                 0    everything holds
========================== ==== =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, auto
from hashlib import sha256
from typing import ClassVar, Protocol

from poisonguard.attest.evidence import Signed, Statements, Unentitled
from poisonguard.attest.listing import Listing
from poisonguard.attest.predicates_v1 import ManifestDocument, RevocationsDocument
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import TrustedRoot, TrustRoot, establish
from poisonguard.dataset.chunktree import ChunkTree, tree_of
from poisonguard.dataset.verify import Mismatch, verify_files
from poisonguard.domain.decision import Reason
from poisonguard.domain.wording import count
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.fips import FIPS_HINT, fips_problems
from poisonguard.policy.judgement import About, Rules, judge
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.policy.revoked import left_out_reasons, list_reasons, newest
from poisonguard.store.bundle import Bundle
from poisonguard.workflow.gate_decision import (
    GateDecision,
    GateEvidence,
    approval_evidence,
    revocation_evidence,
    scan_evidence,
)
from poisonguard.workflow.gate_memory import GateState
from poisonguard.workflow.gate_statements import Opened, Placed, open_lists, open_placed, place

UNAPPROVED = 5
TAMPERED = 6
MAX_FILES_NAMED = 1000
TRAINING = "training"


class Compare(Protocol):
    """Compares the data at a location with the listing of the approved files."""

    @property
    def reads_bytes(self) -> bool:
        """Whether every byte is compared, and not only names and sizes."""

    def __call__(self, location: str, files: Listing, *, tree: ChunkTree) -> Sequence[Mismatch]:
        """Every difference; none means equal, as far as is looked."""


@dataclass(frozen=True, slots=True)
class _EveryByte:
    """Compares everything."""

    workers: int
    reads_bytes: ClassVar[bool] = True

    def __call__(self, location: str, files: Listing, *, tree: ChunkTree) -> Sequence[Mismatch]:
        return verify_files(location, files.with_leaves(), tree=tree, workers=self.workers)


_ABSENCES = frozenset({"revocations-missing", "manifest-missing", "scan-missing", "approvals-missing"})


class Stage(IntEnum):
    """The order of the gate."""

    TRUST = auto()
    FRESHNESS = auto()
    REVOCATION = auto()
    POLICY = auto()
    SIGNATURES = auto()
    SCAN = auto()
    APPROVALS = auto()
    LOG = auto()
    BYTES = auto()


def gate(  # noqa: PLR0913  each argument is one thing the caller alone knows
    location: str,
    bundle: Bundle,
    *,
    trust_pin: str | None,
    policy: Policy,
    now: datetime,
    dataset: str | None = None,
    min_version: int = 1,
    state: GateState | None = None,
    purpose: str = TRAINING,
    workers: int = 2,
    revocations: Bundle | None = None,
    compare: Compare | None = None,
    fips: bool = False,
) -> GateDecision:
    """Decide whether the bytes at ``location`` may be used.

    Args:
        location: Where the data are.
        bundle: The evidence; nothing in it is believed but what the pinned trust root vouches for.
        trust_pin: Hex SHA-256 of a trust root file of the chain, obtained beforehand; without it nothing passes.
        policy: What must be true.
        now: The time, with its time zone.
        dataset: Name of the dataset that is wanted; not given, the bundle's own name is taken.
        min_version: Lowest version number that will do.
        state: What earlier gates saw here.
        purpose: What the data are wanted for; approvals name theirs.
        workers: Threads that hash.
        revocations: A list of revocations that was delivered apart, with its proof; holds when it is the newer one.
        compare: Compares the data with the listing; reads every byte when not given.
        fips: Whether only FIPS-approved algorithms will do, even if the policy does not ask for them.
    """
    evidence = GateEvidence(
        location=location, checked=now, purpose=purpose, policy=policy.name, policy_digest=policy_digest(policy)
    )
    passage = _Passage(bundle, policy, state or GateState(), evidence)
    trusted = passage.trust(trust_pin)
    if trusted is not None:
        manifest = passage.open_statements(trusted.root, revocations)
        if manifest is not None:
            passage.check_version(manifest.document, dataset, min_version)
            passage.check_judgement(manifest, trusted.root)
            if policy.fips or fips:
                passage.check_fips(manifest.document, trusted.root)
            passage.check_bytes(manifest.document, compare or _EveryByte(workers))
    return passage.decision()


class _Passage:
    """One passage through the gate: every step adds reasons, none takes one away."""

    def __init__(self, bundle: Bundle, policy: Policy, state: GateState, evidence: GateEvidence) -> None:
        self.bundle, self.policy, self.state = bundle, policy, state
        self.evidence, self.now = evidence, evidence.checked
        self.reasons: list[tuple[Stage, Reason]] = []
        self.unentitled: list[Unentitled] = []
        self.statements = Statements.of(())
        self.held: RevocationsDocument | None = None

    def deny(self, stage: Stage, code: str, message: str, exit_code: int = UNAPPROVED, hint: str = "") -> None:
        """Add a reason."""
        self.add(stage, [Reason(code, message, exit_code, hint)])

    def add(self, stage: Stage, reasons: Iterable[Reason]) -> None:
        """Add reasons."""
        self.reasons += [(stage, reason) for reason in reasons]

    def trust(self, pin: str | None) -> TrustedRoot | None:
        """The trust root, or nothing when none can be believed."""
        if not pin:
            hint = "Give it with --trust: a file, or sha256:PIN."
            self.deny(Stage.TRUST, "trust-not-pinned", "no trust root is pinned here", hint=hint)
            return None
        try:
            trusted = establish(self.bundle.trust_roots, pin)
        except IntegrityError as error:
            self.deny(Stage.TRUST, "trust-untrusted", error.message, TAMPERED, error.hint)
            return None
        self._check_freshness(trusted)
        self.evidence = replace(self.evidence, trust_version=trusted.root.version, root=trusted.root)
        return trusted

    def _check_freshness(self, trusted: TrustedRoot) -> None:
        try:
            trusted.check_time(self.now)
        except GateFailed as error:
            self.deny(Stage.TRUST, "trust-expired", error.message, hint=error.hint)
        if trusted.root.version < self.state.trust_version:
            seen = f"version {self.state.trust_version} was seen here before"
            what = f"trust root version {trusted.root.version} is old: {seen}"
            self.deny(Stage.FRESHNESS, "trust-rolled-back", what)
        if self.state.latest is not None and self.now < self.state.latest:
            what = f"it is {format_time(self.now)}, but the gate passed here at {format_time(self.state.latest)}"
            self.deny(Stage.FRESHNESS, "clock-set-back", what, hint="Set the clock.")

    def open_statements(self, root: TrustRoot, delivered: Bundle | None) -> Signed[ManifestDocument] | None:
        """Sort the statements by what they are; the manifest, or nothing when there is not exactly one."""
        placed = self._placed(self.bundle, root)
        self._find_list(placed, self._placed(delivered, root) if delivered is not None else None, root)
        self.statements = Statements.of(self._noted(open_placed(placed, root, self.held)).documents)
        self._check_clock()
        manifests = self.statements.manifests
        if not manifests:
            hint = "Sign the version with a publisher's key."
            self.deny(Stage.SIGNATURES, "manifest-missing", "no trusted manifest", hint=hint)
        elif len(manifests) > 1:
            what = f"{len(manifests)} manifests where one is expected"
            self.deny(Stage.SIGNATURES, "manifest-ambiguous", what, TAMPERED)
        return manifests[0] if len(manifests) == 1 else None

    def _placed(self, bundle: Bundle, root: TrustRoot) -> Placed:
        """Every statement is in the log that the checkpoint describes."""
        placed = place(bundle, root)
        if isinstance(placed.checkpoint, IntegrityError):
            error = placed.checkpoint
            self.deny(Stage.LOG, "log-untrusted", error.message, TAMPERED, error.hint)
        elif bundle is self.bundle:
            log = placed.checkpoint
            self.evidence = replace(self.evidence, log_origin=log.origin, log_size=log.size)
        for digest in placed.homeless:
            what = f"statement {digest[:12]} is not proven to be in the log"
            self.deny(Stage.LOG, "log-inclusion", what, TAMPERED)
        return placed

    def _find_list(self, placed: Placed, apart: Placed | None, root: TrustRoot) -> None:
        """The newest list of revocations holds, whichever way it came."""
        lists = Statements.of(open_lists(placed, root).documents).revocations
        if apart is not None:
            delivered = Statements.of(self._noted(open_lists(apart, root)).documents).revocations
            if not delivered:
                what = "what was delivered apart holds no trusted list of revocations"
                self.deny(Stage.FRESHNESS, "revocations-missing", what, hint="`poisonguard revoke -o FILE` writes one.")
            lists += delivered
        self.add(Stage.FRESHNESS, list_reasons(root, lists, self.now, self.state.revocations))
        held = newest(lists)
        if held is not None:
            self.held = held.document
            self.evidence = replace(self.evidence, revocations=revocation_evidence(held))

    def _noted(self, opened: Opened) -> Opened:
        for error in opened.altered:
            self.deny(Stage.SIGNATURES, "statement-altered", error.message, TAMPERED, error.hint)
        self.unentitled += opened.unentitled
        return opened

    def _check_clock(self) -> None:
        """Nobody signs in the future: a clock that was set back makes what has expired hold again."""
        times = [signed.document.created for signed in self.statements]
        if self.held is not None:
            times.append(self.held.created)
        latest = max(times, default=self.now)
        if self.now < latest:
            what = f"it is {format_time(self.now)}, but something was signed at {format_time(latest)}"
            self.deny(Stage.FRESHNESS, "clock-behind", what, hint="Set the clock.")

    def check_version(self, manifest: ManifestDocument, dataset: str | None, min_version: int) -> None:
        """It is the dataset that is wanted, and not an old version of it."""
        release = manifest.release
        if dataset is not None and release.dataset != dataset:
            what = f"the evidence is of dataset {release.dataset!r}, not {dataset!r}"
            self.deny(Stage.SIGNATURES, "dataset-differs", what)
        if release.number < min_version:
            what = f"version {release.number} is below the asked-for {min_version}"
            self.deny(Stage.FRESHNESS, "version-rolled-back", what, hint="Get the newest approved version.")
        floor = self.state.floor(release.dataset, self.held)
        if release.number < floor:
            what = f"version {release.number} is old: version {floor} passed here before"
            hint = "Get the newest approved version; if the one that passed was wrong, let a revoker revoke it."
            self.deny(Stage.FRESHNESS, "version-rolled-back", what, hint=hint)
        other = self.state.other_version(release.dataset, release.number, release.version)
        if other is not None:
            what = f"version {release.number} was {other[:16]} when it passed here before"
            self.deny(Stage.FRESHNESS, "version-forked", what, TAMPERED, "Find out which registry published it twice.")

    def check_judgement(self, manifest: Signed[ManifestDocument], root: TrustRoot) -> None:
        """It is not revoked, enough people approve, nobody rejects, and the scans pass with what they waive."""
        statements = self.statements
        about = About(manifest, statements.scans, statements.approvals, statements.rejections)
        judged = judge(about, Rules(root, self.policy, self.now, self.evidence.purpose, self.held))
        self.add(Stage.REVOCATION, judged.revoked)
        present = {sha256(item.envelope.to_bytes()).hexdigest() for item in self.bundle.statements}
        self.add(Stage.REVOCATION, left_out_reasons(self.held, manifest.document, present))
        self.add(Stage.POLICY, judged.policy)
        said = (*judged.chosen.reasons, *judged.findings)
        self.add(Stage.SCAN, (reason for reason in said if reason.code != "clock-behind"))  # said above already
        aside = judged.weighed.set_aside
        self.add(Stage.APPROVALS, (replace(item, exit_code=0) if judged.enough else item for item in aside))
        if not judged.enough:
            have = f"{len(judged.weighed.people)} of {judged.needed} approvers"
            what = f"{have} for a version that is {judged.assessment or 'not scanned'}"
            hint = "Let stewards look at the report and run `poisonguard approve`."
            self.deny(Stage.APPROVALS, "approvals-missing", what, hint=hint)
        self.add(Stage.APPROVALS, judged.rejections)
        self.evidence = replace(
            self.evidence.of(manifest),
            assessment=judged.assessment,
            approvers_needed=judged.needed,
            scans=tuple(scan_evidence(scan) for scan in judged.chosen.current),
            approvals=tuple(approval_evidence(consent, self.policy) for consent in judged.weighed.counted),
        )

    def check_fips(self, manifest: ManifestDocument, root: TrustRoot) -> None:
        """The version's chunk tree, and everybody's keys, are of FIPS-approved algorithms."""
        for problem in fips_problems(manifest.manifest.hash_profile, root.keys):
            self.deny(Stage.POLICY, "not-fips", problem, hint=FIPS_HINT)

    def check_bytes(self, manifest: ManifestDocument, compare: Compare) -> None:
        """The data are the manifest's, file by file."""
        try:
            listing = Listing(manifest.manifest, self.bundle.shards)
            tree = tree_of(manifest.manifest.hash_profile)
            mismatches = compare(self.evidence.location, listing, tree=tree)
        except IntegrityError as error:
            self.deny(Stage.BYTES, "listing-altered", error.message, TAMPERED, error.hint)
            return
        self.evidence = replace(self.evidence, bytes_compared=compare.reads_bytes)
        hint = "Restore the file, or publish and approve the new version."
        for mismatch in mismatches[:MAX_FILES_NAMED]:
            self.deny(Stage.BYTES, "bytes-differ", f"{mismatch.path}: {mismatch.problem}", TAMPERED, hint)
            hint = ""  # once is enough
        if len(mismatches) > MAX_FILES_NAMED:
            what = f"and {count(len(mismatches) - MAX_FILES_NAMED, 'more file')}"
            self.deny(Stage.BYTES, "bytes-differ", what, TAMPERED)

    def decision(self) -> GateDecision:
        """Everything summed up, in the order of the gate."""
        missing = any(reason.code in _ABSENCES for _, reason in self.reasons)
        self.reasons += [_worthless(item, missing=missing) for item in self.unentitled]
        ordered = sorted(self.reasons, key=lambda pair: pair[0])
        return GateDecision.of(tuple(reason for _, reason in ordered), self.evidence)


def _worthless(item: Unentitled, *, missing: bool) -> tuple[Stage, Reason]:
    """Why a statement counts for nothing; it only informs when nothing is missing without it."""
    if item.revoked:
        hint = "Let it be signed again, with a key that is not revoked."
        return Stage.REVOCATION, Reason("key-revoked", item.problem, UNAPPROVED if missing else 0, hint)
    hint = "Sign with a key of that role."
    return Stage.SIGNATURES, Reason("statement-unentitled", item.problem, TAMPERED if missing else 0, hint)
