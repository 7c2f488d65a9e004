"""A publisher, scanners, stewards and a log in memory, who behave unless a test asks them not to."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from poisonguard.attest.checkpoint import Checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Envelope, sign
from poisonguard.attest.keys import Algorithm, PrivateKey, generate
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    Document,
    ManifestDocument,
    RejectionDocument,
    ScanDocument,
    statement_of,
    version_name,
)
from poisonguard.attest.trust import Grant, Person, RoleName, TrustRoot, pin_of
from poisonguard.dataset.discover import discover
from poisonguard.dataset.hashing import hash_file
from poisonguard.domain import merkle
from poisonguard.domain.dataset import Column, FileEntry, Kind, Manifest, Release, Unit
from poisonguard.domain.decision import Decision, Verdict
from poisonguard.domain.outcome import Coverage, Ran
from poisonguard.domain.result import Assessment
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.store.bundle import Bundle, LoggedStatement

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZERO = "0" * 64


@cache
def key(name: str) -> PrivateKey:
    """Everybody's key, made once: what is tested is never which key it is."""
    return generate(Algorithm.ED25519 if name == "log" else Algorithm.P256)


def person(name: str, *more: str) -> Person:
    return Person(name, tuple(key(item).public for item in (name, *more)))


def trust_root(*, version: int = 1, **changes: object) -> TrustRoot:
    everybody = ("ann", "bob", "ci", "olga", "log", "pub")
    roles = {
        RoleName.ROOT: Grant(("olga",), 1),
        RoleName.PUBLISHER: Grant(("pub",), 1),
        RoleName.SCANNER: Grant(("ci",), 1),
        RoleName.STEWARD: Grant(("ann", "bob"), 1),
        RoleName.LOG: Grant(("log",), 1),
    }
    root = TrustRoot(version, NOW + 365 * DAY, tuple(person(name) for name in everybody), roles)
    return replace(root, **changes)  # type: ignore[arg-type]  # a test changes what it likes


def manifest(*, path: str = "train.csv", data: bytes = b"a,b\n1,2\n") -> Manifest:
    entry = FileEntry(path, len(data), ZERO, ZERO, "csv", 1, (Unit(0, 1, ZERO),))
    return Manifest("test", (entry,), (Column("a", Kind.INTEGER, "int64"),), 1, ZERO, ZERO)


def manifest_of_folder(folder: Path) -> Manifest:
    """A manifest with true digests of the files in a folder, rows not counted."""
    tree = discover(str(folder))
    digests = {item.path: hash_file(tree.storage, item.path) for item in tree.files}
    entries = tuple(
        FileEntry(path, item.size, item.sha256, item.tree_root, "csv", 0, ()) for path, item in sorted(digests.items())
    )
    return Manifest("test", entries, (), 0, ZERO, ZERO)


def clean_scan(version: str, dataset: str, policy: Policy, **changes: object) -> ScanDocument:
    scan = ScanDocument(
        dataset=dataset,
        version=version,
        scanned=NOW - 2 * DAY,
        reference=None,
        tool_version="0.1.0",
        pack="baseline",
        pack_digest=ZERO,
        policy_digest=policy_digest(policy),
        outcomes=(Ran("PG-DUP-001", Coverage(1, 1), ()),),
        findings=(),
        waived=(),
        assessment=Assessment.CLEAN,
        decision=Decision(Verdict.PASSED, ()),
        report_digest=ZERO,
        profile_digest=None,
    )
    return replace(scan, **changes)  # type: ignore[arg-type]  # a test changes what it likes


@dataclass
class World:
    """One dataset's version and all that is signed about it; statements are logged in the order they are made."""

    content: Manifest = field(default_factory=manifest)
    dataset: str = "reviews"
    number: int = 3
    policy: Policy = field(default_factory=default_policy)
    root: TrustRoot = field(default_factory=trust_root)
    log: list[Envelope] = field(default_factory=list)

    @property
    def version(self) -> str:
        return version_name(self.content)

    @property
    def root_bytes(self) -> bytes:
        return self.root.sign([key("olga")]).to_bytes()

    def say(self, document: Document, *signers: str) -> Envelope:
        envelope = sign(statement_of(document).payload(), [key(name) for name in signers])
        self.log.append(envelope)
        return envelope

    def publish(self, *signers: str, created: datetime = NOW - 3 * DAY) -> Envelope:
        release = Release(self.dataset, self.number, self.version, (), created.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return self.say(ManifestDocument(release, self.content), *(signers or ("pub",)))

    def scan(self, *signers: str, **changes: object) -> Envelope:
        document = clean_scan(self.version, self.dataset, self.policy, **changes)
        return self.say(document, *(signers or ("ci",)))

    def approve(self, published: Envelope, scanned: Envelope, *signers: str, **changes: object) -> Envelope:
        document = ApprovalDocument(
            dataset=self.dataset,
            version=self.version,
            manifest_statement=published.digest,
            scan_statements=(scanned.digest,),
            policy_digest=policy_digest(self.policy),
            reason="looked at every finding",
            purpose="training",
            created=NOW - DAY,
            not_before=NOW - DAY,
            expires=NOW + 30 * DAY,
            nonce=secrets.token_hex(16),
        )
        return self.say(replace(document, **changes), *(signers or ("ann",)))  # type: ignore[arg-type]  # as above

    def reject(self, published: Envelope, scanned: Envelope, *signers: str, created: datetime = NOW - DAY) -> Envelope:
        document = RejectionDocument(
            dataset=self.dataset,
            version=self.version,
            manifest_statement=published.digest,
            scan_statements=(scanned.digest,),
            policy_digest=policy_digest(self.policy),
            reason="labels of source 7 are flipped",
            created=created,
            nonce=secrets.token_hex(16),
        )
        return self.say(document, *(signers or ("bob",)))

    def behave(self) -> "World":
        """Publish, scan and approve as everybody should."""
        published, scanned = self.publish(), self.scan()
        self.approve(published, scanned)
        return self

    def bundle(self) -> Bundle:
        leaves = [merkle.leaf_hash(item.to_bytes()) for item in self.log]
        statements = tuple(
            LoggedStatement(item, index, merkle.inclusion_proof(leaves, index)) for index, item in enumerate(self.log)
        )
        checkpoint = Checkpoint("poisonguard/test", len(leaves), merkle.root(leaves))
        return Bundle((self.root_bytes,), sign_checkpoint(checkpoint, key("log")), statements)


def pinned(bundle: Bundle) -> str:
    return pin_of(bundle.trust_roots[0])
