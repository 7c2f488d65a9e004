"""A project on disk with keys, trust root, registry and a dataset, run through the use cases and the command line.

Scans are made by hand: what is tested is the evidence, not the detectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evidence_world import inventory_of_folder

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import PrivateKey, generate
from poisonguard.attest.trust import RoleName, TrustedRoot
from poisonguard.cli.main import run
from poisonguard.domain.decision import Decision, Reason, Verdict
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Coverage, Ran
from poisonguard.domain.result import ScanResult, assess
from poisonguard.domain.roles import Roles
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.reports.json_v1 import render
from poisonguard.store import tables
from poisonguard.workflow import trust_root
from poisonguard.workflow.approve import Consent, Decided, approve, review
from poisonguard.workflow.publish import Publication, Published, Scanned, publish
from poisonguard.workflow.revoke import Revoked, Withdrawal, revoke
from poisonguard.workflow.trust_request import TrustRequest
from poisonguard.workflow.workspace import Workspace

tables.SYNCHRONOUS = "OFF"  # nobody cuts the power here, and syncing is most of the time

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""Signed times of a project lie in the past of the real clock, which the command line uses."""

ROLES = {
    RoleName.ROOT: ("olga",),
    RoleName.PUBLISHER: ("pub",),
    RoleName.SCANNER: ("ci", "pub"),
    RoleName.STEWARD: ("ann", "bob", "pub"),
}
FLIPPED = Finding(
    check="PG-LABEL-002",
    level=Level.ERROR,
    signal=Signal.POISONING,
    subject="source=web-7",
    message="labels of web-7 are flipped",
    compared_with="the other sources",
    confidence=0.9,
)


@dataclass
class Project:
    """One project folder; keys that are asked for lie unencrypted beside it."""

    folder: Path
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    policy: Policy = field(default_factory=default_policy)
    revokers: tuple[str, ...] = ()

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        thresholds: dict[RoleName, int] | None = None,
        datasets: tuple[str, ...] = ("*",),
        revokers: tuple[str, ...] = (),
    ) -> "Project":
        """A project with its workspace, and the dataset ``reviews`` of two files."""
        project = cls(folder, revokers=revokers)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("olga", "pub", "ci", "ann", "bob", "mallory", *revokers):
            project.keys[name] = generate()
        project.init(thresholds=thresholds or {}, datasets=datasets)
        project.write("a.csv", "id,label\n1,pos\n2,neg\n")
        project.write("b.csv", "id,label\n3,pos\n")
        return project

    def init(self, *, thresholds: dict[RoleName, int], datasets: tuple[str, ...] = ("*",)) -> TrustedRoot:
        request = self.request(thresholds=thresholds, datasets=datasets)
        return trust_root.init(self.folder, request, [self.keys["olga"]], START)

    def request(
        self,
        *,
        thresholds: dict[RoleName, int] | None = None,
        datasets: tuple[str, ...] = ("*",),
        without: Sequence[str] = (),
        lifetime: timedelta = timedelta(days=365),
    ) -> TrustRequest:
        names = [name for name in self.keys if name not in {"mallory", *without}]
        roles = ROLES | ({RoleName.REVOKER: self.revokers} if self.revokers else {})
        return TrustRequest(
            people={name: (self.keys[name].public,) for name in names},
            roles={role: tuple(name for name in people if name in names) for role, people in roles.items()},
            lifetime=lifetime,
            thresholds=thresholds or {},
            datasets=datasets,
        )

    @property
    def data(self) -> Path:
        return self.folder / "reviews"

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder / ".poisonguard")

    def key(self, name: str) -> str:
        """Path of somebody's private key, written when it is first asked for."""
        path = self.folder / f"{name}.key"
        if not path.exists():
            save_private_key(self.keys[name], path, None)
        return str(path)

    def write(self, name: str, text: str) -> None:
        self.data.mkdir(exist_ok=True)
        (self.data / name).write_text(text)

    def publish(
        self,
        *,
        signer: str = "pub",
        scanner: str | None = "ci",
        findings: Sequence[Finding] = (),
        minutes: int = 1,
        **changes: Any,
    ) -> Published:
        """Publish what lies in ``reviews``, and a scan of it, with ``changes``, unless ``scanner`` is nobody."""
        now = START + timedelta(minutes=minutes)
        with self.workspace as workspace:
            content = inventory_of_folder(self.data)
            published = publish(
                workspace, Publication("reviews", content.manifest, content.files), [self.keys[signer]], now
            )
            if scanner is not None:
                publication = Publication("reviews", content.manifest, content.files, self.scanned(findings, **changes))
                publish(workspace, publication, [self.keys[scanner]], now)
        return published

    def scanned(
        self, findings: Sequence[Finding] = (), *, profile: bytes | None = b"profile", **changes: Any
    ) -> Scanned:
        content = inventory_of_folder(self.data)
        failed = Decision(Verdict.FAILED, (Reason("findings", "findings", 1),))
        result = ScanResult(
            tool_version="0.1.0",
            dataset="reviews",
            version=content.version,
            manifest=content.manifest,
            files=content.files,
            reference=None,
            pack="baseline",
            pack_digest="0" * 64,
            policy_digest=policy_digest(self.policy),
            roles=Roles(()),
            rules=(),
            outcomes=(Ran("PG-LABEL-002", Coverage(3, 3), tuple(findings)),),
            findings=tuple(findings),
            waived=frozenset(),
            assessment=assess(tuple(findings)),
            decision=failed if findings else Decision(Verdict.PASSED, ()),
        )
        result = replace(result, **changes)
        return Scanned(result=result, report=render(result).encode(), profile=profile)

    def approve(self, *stewards: str, version: str = "reviews", minutes: int = 2) -> tuple[Decided, ...]:
        """Everybody named approves."""
        return tuple(self._approve(name, version, minutes) for name in stewards)

    def revoke(self, *versions: str, minutes: int = 3, signers: Sequence[str] = (), **changes: Any) -> Revoked:
        """The revokers sign the next list; without anything to revoke, they refresh it."""
        asked = Withdrawal(reason="labels are flipped", lifetime=timedelta(days=7), versions=versions)
        keys = [self.keys[name] for name in signers or self.revokers]
        with self.workspace as workspace:
            return revoke(workspace, replace(asked, **changes), keys, START + timedelta(minutes=minutes))

    def _approve(self, steward: str, version: str, minutes: int) -> Decided:
        now = START + timedelta(minutes=minutes)
        consent = Consent(reason="looked at every row", lifetime=timedelta(days=30))
        with self.workspace as workspace:
            return approve(workspace, review(workspace, version, now), [self.keys[steward]], consent, now)


def poisonguard(*arguments: str) -> int:
    """Run the command line in this process; the exit code."""
    return run(arguments)
