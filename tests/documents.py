"""One honest example of every document that poisonguard reads, and how each is read: bytes in, the same bytes out.

A reader refuses with ``IntegrityError`` or gives the spelling of what it understood; the two must be the same, so that
nobody can vary the bytes under one meaning, or the meaning under one signature.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

from evidence_world import ZERO, World, clean_scan, inventory
from simulator import NOW, key, trust_root

from poisonguard.attest import keyfile
from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import parse_envelope, sign
from poisonguard.attest.listing import entry_line, parse_line
from poisonguard.attest.predicates_v1 import ApprovalDocument, RejectionDocument, Waiver, document_of, statement_of
from poisonguard.attest.receipt_v1 import FileRead, GateRecord, ReceiptDocument, Status, reads_of
from poisonguard.attest.revocations_v1 import (
    RevocationsDocument,
    RevokedApproval,
    RevokedKey,
    RevokedVersion,
)
from poisonguard.attest.scan_v1 import FindingRecord
from poisonguard.attest.statement import Statement, parse_statement
from poisonguard.attest.strict_base64 import encode_base64
from poisonguard.attest.trust import PAYLOAD_TYPE, parse_root
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Failed, Skipped
from poisonguard.policy.builtin import default_policy
from poisonguard.store import bundle as bundles
from poisonguard.workflow.gate_memory import GateState, Passed

DAY = timedelta(days=1)
VERSION = f"pg1:{ZERO}"


@dataclass(frozen=True)
class Kind:
    """One kind of document.

    Attributes:
        make: Makes an honest one.
        read: Reads bytes, and spells what it understood.
    """

    make: Callable[[], bytes]
    read: Callable[[bytes], bytes]

    @cache  # noqa: B019 - a dozen kinds live as long as the tests: a signature is another each time
    def example(self) -> bytes:
        """An honest one, always the same."""
        return self.make()


def _said(data: bytes) -> bytes:
    return statement_of(document_of(parse_statement(data))).payload()


def _root(data: bytes) -> bytes:
    envelope = sign(data, [key("olga")], payload_type=PAYLOAD_TYPE)
    return canonical(parse_root(envelope).to_json())


def _sealed(data: bytes) -> bytes:
    sealed = keyfile._parse_sealed(data)
    return canonical(sealed.header() | {"ciphertext": encode_base64(sealed.ciphertext)}) + b"\n" * data.endswith(b"\n")


def _head(data: bytes) -> bytes:
    return bundles.dump(bundles.load(data + b"\n" + _listing())).partition(b"\n")[0]


@cache
def _bundle() -> tuple[bytes, bytes]:
    head, _, rest = bundles.dump(World().behave().bundle()).partition(b"\n")
    return head, rest


def _listing() -> bytes:
    return _bundle()[1]


def _review() -> dict[str, Any]:
    return {
        "dataset": "reviews",
        "version": VERSION,
        "manifest_statement": ZERO,
        "scan_statements": ("1" * 64, "2" * 64),
        "policy_digest": ZERO,
        "reason": "looked at all of it",
        "created": NOW,
        "nonce": "n",
    }


def approval() -> ApprovalDocument:
    waivers = (Waiver("a", "known", NOW + DAY), Waiver("b", "known too", NOW + DAY))
    return ApprovalDocument(**_review(), purpose="training", not_before=NOW, expires=NOW + DAY, waivers=waivers)


def rejection() -> RejectionDocument:
    return RejectionDocument(**_review())


def revocations() -> RevocationsDocument:
    return RevocationsDocument(
        number=2,
        created=NOW,
        expires=NOW + DAY,
        versions=tuple(RevokedVersion("reviews", number, VERSION, "bad", NOW) for number in (1, 2)),
        keys=(RevokedKey(ZERO, NOW, "poisonguard/test", 4, "stolen", NOW),),
        approvals=(RevokedApproval("1" * 64, "mistaken", NOW), RevokedApproval("2" * 64, "mistaken", NOW)),
    )


def receipt() -> ReceiptDocument:
    files = (FileRead("a.csv", ZERO, ((0, 1),)), FileRead("b.parquet", ZERO, ((0, 2), (3, 4)), ((0, 1),)))
    return ReceiptDocument(
        dataset="reviews",
        number=1,
        version=VERSION,
        manifest_statement=ZERO,
        purpose="training",
        gate=GateRecord(ZERO, 1, ("1" * 64, "2" * 64)),
        status=Status.COMPLETED,
        started=NOW,
        created=NOW + DAY,
        tool_version="0.1.0",
        reads=reads_of(files, size=7, complete=False),
    )


def scan() -> Statement:
    document = clean_scan(VERSION, "reviews", default_policy())
    found = FindingRecord("f", "PG-LABEL-002", Level.ERROR, Signal.POISONING, "source=web-7", 3)
    outcomes = (*document.outcomes, Skipped("PG-TEXT-001", "no text"), Failed("PG-OUT-001", "broke"))
    return statement_of(replace(document, outcomes=outcomes, findings=(found,), waived=("f",)))


def _entry() -> bytes:
    (entry,) = inventory(path="part/é.csv").files
    return entry_line(entry)


@cache
def sealed_key() -> bytes:
    """An encrypted key file; its passphrase costs next to nothing to try."""
    cost, keyfile.SCRYPT_LOG2_COST = keyfile.SCRYPT_LOG2_COST, 2
    try:
        return keyfile._seal(key("ann"), b"correct horse").removesuffix(b"\n")
    finally:
        keyfile.SCRYPT_LOG2_COST = cost


def _state() -> bytes:
    passed = {"reviews": (Passed(1, VERSION), Passed(2, VERSION)), "prices": (Passed(1),)}
    return GateState(passed, NOW, 3, 4).to_bytes()


def _remembered(data: bytes) -> bytes:
    """Our own file, which nobody signs: the order of what it holds is free, what it means is not."""
    state = GateState.from_bytes(data)
    assert GateState.from_bytes(state.to_bytes()) == state
    assert canonical(json.loads(data)) == data
    return data


KINDS: dict[str, Kind] = {
    "manifest": Kind(lambda: World().publish().payload, _said),
    "scan": Kind(lambda: scan().payload(), _said),
    "approval": Kind(lambda: statement_of(approval()).payload(), _said),
    "rejection": Kind(lambda: statement_of(rejection()).payload(), _said),
    "revocations": Kind(lambda: statement_of(revocations()).payload(), _said),
    "receipt": Kind(lambda: statement_of(receipt()).payload(), _said),
    "trust root": Kind(lambda: canonical(trust_root().to_json()), _root),
    "envelope": Kind(lambda: World().publish().to_bytes(), lambda data: parse_envelope(data).to_bytes()),
    "bundle": Kind(lambda: _bundle()[0], _head),
    "gate state": Kind(_state, _remembered),
    "key file": Kind(sealed_key, _sealed),
    "listing": Kind(_entry, lambda data: entry_line(parse_line(data))),
}
