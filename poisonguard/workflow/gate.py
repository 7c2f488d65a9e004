"""The gate: may these bytes be used, now, for this purpose? Fails closed; says every reason.

The order of EVIDENCE.md: trust root, clock and rollback, log inclusion, manifest, scan, approvals, bytes. Without
a trusted root nothing can be believed, and without a trusted manifest there is nothing to compare with: there the
gate stops. Everywhere else it goes on, so that all failures are listed; the exit code is the gravest
(6 > 5 > 4 > 1).

Codes of reasons, stable; those of ``policy.decide`` (4 and 1), ``policy.scans`` and ``policy.approvals`` (5) come
in addition:

========================== ==== =====================================================================
code                       exit meaning
========================== ==== =====================================================================
``trust-not-pinned``       5    no pin of the trust root was given: never trust on first use
``trust-untrusted``        6    the chain of trust roots does not hold, or is not the pinned one
``trust-expired``          5    the newest trust root has expired
``trust-rolled-back``      5    an older trust root than one seen here before
``clock-set-back``         5    the clock is behind the time of an earlier passing gate
``clock-behind``           5    the manifest was signed in the future of this clock
``log-untrusted``          6    the checkpoint is not signed by the log's key
``log-inclusion``          6    a statement is not proven to be in the log
``statement-altered``      6    a signature under a known key does not verify, or a document is malformed
``statement-unentitled``   6    signed by people without the right; 0 when nothing is missing without it
``manifest-missing``       5    no trusted manifest
``manifest-ambiguous``     6    more than one trusted manifest
``dataset-differs``        5    the bundle is of another dataset than the one asked for
``version-rolled-back``    5    a lower version number than asked for, or than passed here before
``approvals-missing``      5    fewer approvers than policy and trust root ask for
``rejected``               5    a steward rejected this version
``bytes-differ``           6    a file is changed, missing, extra or unreadable
``passed``                 0    everything holds
========================== ==== =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from poisonguard.attest.checkpoint import Checkpoint, open_checkpoint
from poisonguard.attest.evidence import Signed, Statements, Unentitled, open_signed
from poisonguard.attest.predicates_v1 import Document, ManifestDocument
from poisonguard.attest.times import format_time, parse_time
from poisonguard.attest.trust import RoleName, TrustedRoot, TrustRoot, establish
from poisonguard.dataset.verify import verify_files
from poisonguard.domain.decision import Reason
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.judgement import About, Rules, judge
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.store.bundle import Bundle
from poisonguard.workflow.gate_decision import GateDecision, GateEvidence, GateState, approval_evidence, scan_evidence

UNAPPROVED = 5
TAMPERED = 6
MAX_FILES_NAMED = 1000
TRAINING = "training"

_ABSENCES = frozenset({"manifest-missing", "scan-missing", "approvals-missing"})


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
        state: What earlier passing gates saw here.
        purpose: What the data are wanted for; approvals name theirs.
        workers: Threads that hash.
    """
    evidence = GateEvidence(
        location=location, checked=now, purpose=purpose, policy=policy.name, policy_digest=policy_digest(policy)
    )
    passage = _Passage(bundle, policy, state or GateState(), evidence)
    trusted = passage.trust(trust_pin)
    if trusted is not None:
        passage.check_log(trusted.root)
        manifest = passage.open_statements(trusted.root)
        if manifest is not None:
            passage.check_version(manifest.document, dataset, min_version)
            passage.check_approvals(manifest, trusted.root)
            passage.check_bytes(manifest.document, workers)
    return passage.decision()


class _Passage:
    """One passage through the gate: every step adds reasons, none takes one away."""

    def __init__(self, bundle: Bundle, policy: Policy, state: GateState, evidence: GateEvidence) -> None:
        self.bundle, self.policy, self.state = bundle, policy, state
        self.evidence, self.now = evidence, evidence.checked
        self.reasons: list[Reason] = []
        self.unentitled: list[Unentitled] = []
        self.statements = Statements.of(())

    def deny(self, code: str, message: str, exit_code: int = UNAPPROVED, hint: str = "") -> None:
        """Add a reason."""
        self.reasons.append(Reason(code, message, exit_code, hint))

    def trust(self, pin: str | None) -> TrustedRoot | None:
        """The trust root, or nothing when none can be believed."""
        if not pin:
            self.deny(
                "trust-not-pinned", "no trust root is pinned here", hint="Give it with --trust: a file, or sha256:PIN."
            )
            return None
        try:
            trusted = establish(self.bundle.trust_roots, pin)
        except IntegrityError as error:
            self.deny("trust-untrusted", error.message, TAMPERED, error.hint)
            return None
        self._check_freshness(trusted)
        self.evidence = replace(self.evidence, trust_version=trusted.root.version)
        return trusted

    def _check_freshness(self, trusted: TrustedRoot) -> None:
        try:
            trusted.check_time(self.now)
        except GateFailed as error:
            self.deny("trust-expired", error.message, hint=error.hint)
        if trusted.root.version < self.state.trust_version:
            seen = f"version {self.state.trust_version} was seen here before"
            self.deny("trust-rolled-back", f"trust root version {trusted.root.version} is old: {seen}")
        if self.state.latest is not None and self.now < self.state.latest:
            seen = f"the gate passed here at {format_time(self.state.latest)}"
            self.deny("clock-set-back", f"it is {format_time(self.now)}, but {seen}", hint="Set the clock.")

    def check_log(self, root: TrustRoot) -> None:
        """Every statement of the bundle is in the log that the checkpoint describes."""
        try:
            checkpoint = open_checkpoint(self.bundle.checkpoint, root.keys_of(RoleName.LOG))
        except IntegrityError as error:
            self.deny("log-untrusted", error.message, TAMPERED, error.hint)
            return
        self.evidence = replace(self.evidence, log_origin=checkpoint.origin, log_size=checkpoint.size)
        for name in self._not_included(checkpoint):
            self.deny("log-inclusion", f"statement {name} is not proven to be in the log", TAMPERED)

    def _not_included(self, checkpoint: Checkpoint) -> Iterator[str]:
        for item in self.bundle.statements:
            if not item.is_in(checkpoint.size, checkpoint.root):
                yield item.envelope.digest[:12]

    def open_statements(self, root: TrustRoot) -> Signed[ManifestDocument] | None:
        """Sort the statements by what they are; the manifest, or nothing when there is not exactly one."""
        self.statements = Statements.of(self._opened(root))
        manifests = self.statements.manifests
        if not manifests:
            self.deny("manifest-missing", "no trusted manifest", hint="Sign the version with a publisher's key.")
        elif len(manifests) > 1:
            self.deny("manifest-ambiguous", f"{len(manifests)} manifests where one is expected", TAMPERED)
        return manifests[0] if len(manifests) == 1 else None

    def _opened(self, root: TrustRoot) -> Iterator[Signed[Document]]:
        for item in self.bundle.statements:
            try:
                signed = open_signed(item.envelope, root)
            except IntegrityError as error:
                self.deny("statement-altered", error.message, TAMPERED, error.hint)
                continue
            if isinstance(signed, Unentitled):
                self.unentitled.append(signed)
            else:
                yield signed

    def check_version(self, manifest: ManifestDocument, dataset: str | None, min_version: int) -> None:
        """It is the dataset that is wanted, and not an old version of it."""
        release = manifest.release
        if dataset is not None and release.dataset != dataset:
            self.deny("dataset-differs", f"the evidence is of dataset {release.dataset!r}, not {dataset!r}")
        if release.number < min_version:
            self.deny("version-rolled-back", f"version {release.number} is below the asked-for {min_version}")
        passed = self.state.numbers.get(release.dataset, 0)
        if release.number < passed:
            self.deny("version-rolled-back", f"version {release.number} is old: version {passed} passed here before")
        if self.now < parse_time(release.created):
            self.deny("clock-behind", f"the manifest is of {release.created}, after now", hint="Set the clock.")

    def check_approvals(self, manifest: Signed[ManifestDocument], root: TrustRoot) -> None:
        """Enough people approve, nobody rejects, and the scans pass with the findings that they waive."""
        statements = self.statements
        about = About(manifest, statements.scans, statements.approvals, statements.rejections)
        judged = judge(about, Rules(root, self.policy, self.now, self.evidence.purpose))
        self.reasons += judged.chosen.reasons
        self.reasons += [replace(item, exit_code=0) if judged.enough else item for item in judged.weighed.set_aside]
        if not judged.enough:
            have = f"{len(judged.weighed.people)} of {judged.needed} approvers"
            what = f"{have} for a version that is {judged.assessment or 'not scanned'}"
            self.deny("approvals-missing", what, hint="Let stewards look at the report and run `poisonguard approve`.")
        self.reasons += (*judged.rejections, *judged.findings)
        self.evidence = replace(
            self.evidence.of(manifest),
            assessment=judged.assessment,
            approvers_needed=judged.needed,
            scans=tuple(scan_evidence(scan) for scan in judged.chosen.current),
            approvals=tuple(approval_evidence(consent, self.policy) for consent in judged.weighed.counted),
        )

    def check_bytes(self, manifest: ManifestDocument, workers: int) -> None:
        """The data are the manifest's, file by file."""
        mismatches = verify_files(self.evidence.location, manifest.manifest.files, workers=workers)
        for mismatch in mismatches[:MAX_FILES_NAMED]:
            self.deny("bytes-differ", f"{mismatch.path}: {mismatch.problem}", TAMPERED)
        if len(mismatches) > MAX_FILES_NAMED:
            self.deny("bytes-differ", f"and {len(mismatches) - MAX_FILES_NAMED} more files", TAMPERED)

    def decision(self) -> GateDecision:
        """Everything summed up."""
        missing = any(reason.code in _ABSENCES for reason in self.reasons)
        unentitled = [
            Reason("statement-unentitled", item.problem, TAMPERED if missing else 0, "Sign with a key of that role.")
            for item in self.unentitled
        ]
        return GateDecision.of((*self.reasons, *unentitled), self.evidence)
