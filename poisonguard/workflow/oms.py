"""OpenSSF Model Signing, both ways: sign a dataset for ``model_signing``, verify what it signed.

Rules of verifying:

1. The caller says whom to trust: a public key, or root certificates. The bundle never does.
2. The signature is checked before anything that was signed is read.
3. Every difference between data and statement is named; one is enough to refuse.
4. What the statement leaves out is named; it is refused when the caller is strict.
5. The version's name in a bundle of ours is its signer's word, as the files' digests are; when the caller is strict it
   is made anew from the data and must be the same.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate

from poisonguard.attest.inventory import Inventory
from poisonguard.attest.keys import PublicKey, Signer
from poisonguard.attest.oms import DEFAULT_IGNORED, OmsStatement, Origin, parse_payload, payload_of
from poisonguard.attest.oms_bundle import MAX_BUNDLE_BYTES, check_key, parse_bundle, verify_with_key, write_bundle
from poisonguard.attest.oms_certificates import (
    MAX_ANCHOR_BYTES,
    CertificateSigner,
    load_anchors,
    verify_with_certificates,
)
from poisonguard.attest.times import format_time
from poisonguard.dataset.chunktree import tree_of
from poisonguard.dataset.discover import WORKSPACE, discover
from poisonguard.dataset.names import shown
from poisonguard.dataset.verify import Mismatch
from poisonguard.errors import IntegrityError, NothingToScan, UsageError
from poisonguard.reports.atomic import atomic_file, check_place, writing
from poisonguard.workflow.folder import in_data, read_small, working_directory
from poisonguard.workflow.keys import read_public_key
from poisonguard.workflow.oms_files import Comparison, compare

UNCOVERED = "not covered: the signer left it out"

_PATTERN = re.compile(r"://|[*?\[~]")
"""A URL, a glob or a home folder: only discovery knows whether something is there."""


def check_target(path: Path, signer: Signer, data: str) -> None:
    """Refuse before the work what ``write_oms`` would refuse after it.

    Raises:
        KeyMaterialError: The key is of a kind that OMS does not know.
        UsageError: The bundle cannot be written there, or would be a new file in the data that it signs.
    """
    check_key(signer.public)
    check_place(path)
    if in_data(path.resolve(), data, working_directory()):
        raise UsageError(
            f"{path} lies in the data, which it would change", hint="Write the OMS bundle beside the data."
        )


def sign_alone(path: Path, signer: Signer, location: str) -> tuple[Inventory, tuple[str, ...]]:
    """Write an OMS bundle of the data at ``location`` and publish nothing; manifest, files and notes.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        KeyMaterialError: The key is of a kind that OMS does not know.
        UsageError: The bundle cannot be written there, or would be too large.
    """
    # Verifying does without the analytics that reading rows takes.
    from poisonguard.workflow.inspect import inspect  # noqa: PLC0415 - see above

    check_target(path, signer, location)
    inventory, notes = inspect(location)
    return inventory, (*notes, *write_oms(path, signer, location, inventory))


def write_oms(path: Path, signer: Signer, location: str, inventory: Inventory) -> tuple[str, ...]:
    """Write an OMS bundle of the data at ``location``, which were just read; their bytes are not read again.

    Returns:
        What whoever verifies the bundle with another tool should know.

    Raises:
        KeyMaterialError: The key is of a kind that OMS does not know.
        UsageError: The bundle cannot be written there, or would be too large.
    """
    tree = discover(location)
    name = tree.files[0].path if tree.single else shown(os.path.realpath(tree.root).rsplit("/", 1)[-1])
    origin = Origin(
        subject=name or "dataset",
        version=inventory.version,
        hash_profile=inventory.manifest.hash_profile,
        ignored=(WORKSPACE,) if tree.notes else (),
    )
    bundle = write_bundle(payload_of(((item.path, item.sha256) for item in inventory.files), origin), signer)
    with atomic_file(path) as stream, writing(path):
        stream.write(bundle)
    tops = {item.path.split("/", 1)[0] for item in tree.files}
    skipped = [item for item in DEFAULT_IGNORED if item in tops]
    return (f"{', '.join(skipped)} signed too: verify with 'model_signing --no-ignore-git-paths'",) if skipped else ()


@dataclass(frozen=True, slots=True)
class OmsRequest:
    """What to verify, and whom to trust.

    Attributes:
        data: Path, pattern or URL.
        bundle: The OMS bundle.
        public_key: The signer's public key, for a bundle in key mode.
        anchors: Files of certificates to trust, for a bundle in certificate mode.
        strict: Whether to refuse what the bundle leaves out, and to make the version's name anew.
        workers: Threads.
    """

    data: str
    bundle: Path
    public_key: Path | None = None
    anchors: tuple[Path, ...] = ()
    strict: bool = False
    workers: int = 2


@dataclass(frozen=True, slots=True)
class OmsAnswer:
    """Whether the data are what a trusted signer signed.

    Attributes:
        request: What was asked.
        refusal: Why the bundle is not trusted; nothing when it is.
        signer: Who signed; nothing when the bundle is not trusted.
        statement: What was signed; the same.
        comparison: How the data compare with it; the same.
    """

    request: OmsRequest
    refusal: IntegrityError | None = None
    signer: PublicKey | CertificateSigner | None = None
    statement: OmsStatement | None = None
    comparison: Comparison | None = None

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Every difference, and when strict every file that was left out, sorted by path."""
        if self.comparison is None:
            return ()
        left_out = self.comparison.uncovered if self.request.strict else ()
        return tuple(
            sorted([*self.comparison.mismatches, *(Mismatch(path, UNCOVERED) for path in left_out)], key=_path)
        )

    @property
    def passed(self) -> bool:
        """Whether the data are exactly what was signed."""
        return self.refusal is None and self.comparison is not None and not self.mismatches

    @property
    def exit_code(self) -> int:
        """0, or that of an integrity error."""
        return 0 if self.passed else IntegrityError.exit_code

    @property
    def signed_by(self) -> str:
        """Who signed, for people; empty when the bundle is not trusted."""
        match self.signer:
            case PublicKey() as key:
                return f"key {key.keyid[:12]}"
            case CertificateSigner() as who:
                return f"{who.name} (certificate by {who.issuer}, valid until {format_time(who.until)})"
        return ""

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON."""
        found, said = self.comparison, self.statement
        return {
            "schema": "poisonguard-verify/v1",
            "passed": self.passed,
            "data": self.request.data,
            "bundle": str(self.request.bundle),
            "refusal": None if self.refusal is None else {"message": self.refusal.message, "hint": self.refusal.hint},
            "signer": _signer_to_json(self.signer),
            "subject": said.subject if said else None,
            "rootDigest": said.root_digest if said else None,
            "version": said.version if said else None,
            "files": found.files if found else 0,
            "bytes": found.size if found else 0,
            "notCovered": list(found.uncovered) if found else [],
            "mismatches": [{"path": item.path, "problem": item.problem} for item in self.mismatches],
        }


def verify_oms(request: OmsRequest, now: datetime) -> OmsAnswer:
    """Verify the data by an OMS bundle.

    Raises:
        NothingToScan: There are no data.
        UsageError: It is not said whom to trust, or a file that was named cannot be read.
    """
    if (request.public_key is None) == (not request.anchors):
        raise UsageError(
            "say whom to trust: either --public-key or --certificate-chain",
            hint="A bundle is signed with a bare key or with a certificate.",
        )
    if not _PATTERN.search(request.data) and not os.path.lexists(request.data):
        raise NothingToScan(f"{request.data}: no such file or directory", hint="Check the path.")
    key = None if request.public_key is None else read_public_key(request.public_key)
    if key is not None:
        check_key(key)
    anchors = tuple(certificate for path in request.anchors for certificate in _anchors(path))
    data = read_small(request.bundle, MAX_BUNDLE_BYTES, what="an OpenSSF Model Signing bundle")
    answer = OmsAnswer(request)
    try:
        signer, statement = _trusted(data, key, anchors, now)
        found = compare(request.data, statement, bundle=request.bundle, workers=request.workers)
        answer = replace(answer, signer=signer, statement=statement, comparison=found)
        if request.strict and answer.passed:
            _check_version(request, statement)
    except IntegrityError as error:
        return replace(answer, refusal=error)
    return answer


def _trusted(
    data: bytes, key: PublicKey | None, anchors: tuple[Certificate, ...], now: datetime
) -> tuple[PublicKey | CertificateSigner, OmsStatement]:
    """Who signed the bundle, and what it says."""
    bundle = parse_bundle(data)
    if key is None:
        return verify_with_certificates(bundle, anchors, now), parse_payload(bundle.payload)
    verify_with_key(bundle, key)
    return key, parse_payload(bundle.payload)


def _anchors(path: Path) -> tuple[Certificate, ...]:
    data = read_small(path, MAX_ANCHOR_BYTES, what="certificates in PEM")
    return load_anchors(data, where=str(path))


def _check_version(request: OmsRequest, statement: OmsStatement) -> None:
    """The version's name is that of the data; they were just found to be what was signed."""
    if statement.version is None or statement.hash_profile is None:
        return
    # Reading rows takes the whole analytics; only who asks for it pays.
    from poisonguard.workflow.inspect import inspect  # noqa: PLC0415 - see above

    inventory, _ = inspect(request.data, workers=request.workers, tree=tree_of(statement.hash_profile))
    found = inventory.version
    if found != statement.version:
        raise IntegrityError(
            f"the data are version {found}, signed as {statement.version}",
            hint="The signer named another version, or another release of poisonguard reads the rows otherwise.",
        )


def _signer_to_json(signer: PublicKey | CertificateSigner | None) -> dict[str, str] | None:
    match signer:
        case PublicKey():
            return {"mode": "key", "keyid": signer.keyid}
        case CertificateSigner():
            return {
                "mode": "certificate",
                "keyid": signer.key.keyid,
                "name": signer.name,
                "issuer": signer.issuer,
                "until": format_time(signer.until),
            }
    return None


def _path(item: Mismatch) -> str:
    return item.path
