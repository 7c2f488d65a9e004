"""A publisher, scanners, stewards and a log in memory, who behave unless a test asks them not to."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from simulator import DAY, NOW, key, person, trust_root

from poisonguard.attest.checkpoint import Checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Envelope, sign
from poisonguard.attest.inventory import Inventory, take_inventory
from poisonguard.attest.listing import HeldShards
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    Document,
    ManifestDocument,
    RejectionDocument,
    RevocationsDocument,
    ScanDocument,
    statement_of,
)
from poisonguard.attest.trust import Grant, RoleName, TrustRoot, pin_of
from poisonguard.dataset.chunktree import BLAKE3_TREE
from poisonguard.dataset.discover import discover
from poisonguard.dataset.hashing import hash_file
from poisonguard.domain import merkle
from poisonguard.domain.dataset import LEAF, Column, FileEntry, Kind, Manifest, Release, Unit, chunk_count
from poisonguard.domain.decision import Decision, Verdict
from poisonguard.domain.outcome import Coverage, Ran
from poisonguard.domain.result import Assessment
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.store.bundle import Bundle, LoggedStatement

ZERO = "0" * 64
PROFILE = BLAKE3_TREE.hash_profile


def revoking_root(*, version: int = 1, **changes: object) -> TrustRoot:
    """A trust root in which rita revokes."""
    root = trust_root(version=version)
    roles = {**root.roles, RoleName.REVOKER: Grant(("rita",), 1)}
    return replace(root, **{"people": (*root.people, person("rita")), "roles": roles, **changes})  # type: ignore[arg-type]  # as above


def inventory_of(files: Iterable[tuple[FileEntry, bytes]], columns: tuple[Column, ...] = ()) -> Inventory:
    """An inventory whose rows nobody counted."""
    return take_inventory(files, hash_profile=PROFILE, columns=columns, rows_digest=lambda: ZERO)


def inventory(*, path: str = "train.csv", data: bytes = b"a,b\n1,2\n") -> Inventory:
    entry = FileEntry(path, len(data), ZERO, ZERO, "csv", 1, (Unit(0, 1, ZERO),))
    return inventory_of([(entry, bytes(LEAF * chunk_count(len(data))))], (Column("a", Kind.INTEGER, "int64"),))


def manifest(*, path: str = "train.csv", data: bytes = b"a,b\n1,2\n") -> Manifest:
    return inventory(path=path, data=data).manifest


def inventory_of_folder(folder: Path) -> Inventory:
    """An inventory with true digests of the files in a folder, rows not counted."""
    tree = discover(str(folder))
    digests = {item.path: hash_file(tree.storage, item.path) for item in tree.files}
    return inventory_of(
        (FileEntry(path, item.size, item.sha256, item.tree_root, _format(path), 0, ()), item.leaves)
        for path, item in sorted(digests.items())
    )


def _format(path: str) -> str:
    return "jsonl" if path.endswith(".jsonl") else "csv"


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

    content: Inventory = field(default_factory=inventory)
    dataset: str = "reviews"
    number: int = 3
    policy: Policy = field(default_factory=default_policy)
    root: TrustRoot = field(default_factory=trust_root)
    log: list[Envelope] = field(default_factory=list)

    @property
    def version(self) -> str:
        return self.content.version

    @property
    def root_bytes(self) -> bytes:
        return self.root.sign([key("olga")]).to_bytes()

    def say(self, document: Document, *signers: str) -> Envelope:
        envelope = sign(statement_of(document).payload(), [key(name) for name in signers])
        self.log.append(envelope)
        return envelope

    def publish(self, *signers: str, created: datetime = NOW - 3 * DAY) -> Envelope:
        release = Release(self.dataset, self.number, self.version, (), created.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return self.say(ManifestDocument(release, self.content.manifest), *(signers or ("pub",)))

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

    def revoke(self, *signers: str, number: int = 1, **changes: object) -> Envelope:
        document = RevocationsDocument(number=number, created=NOW - DAY, expires=NOW + 6 * DAY)
        return self.say(replace(document, **changes), *(signers or ("rita",)))  # type: ignore[arg-type]  # as above

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
        return Bundle((self.root_bytes,), sign_checkpoint(checkpoint, key("log")), statements, self.shards)

    @property
    def shards(self) -> HeldShards:
        return HeldShards(tuple(self.content.files.shards()))


def pinned(bundle: Bundle) -> str:
    return pin_of(bundle.trust_roots[0])
