"""Predicates as others read them, in full: a golden copy of each, so that no release changes what was signed."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from documents import receipt
from simulator import DAY, NOW

from poisonguard.attest.predicates_v1 import (
    APPROVAL,
    MANIFEST,
    READERS,
    REJECTION,
    SCAN,
    ApprovalDocument,
    Document,
    ManifestDocument,
    RejectionDocument,
    Waiver,
    document_of,
    manifest_from_json,
    manifest_to_json,
    statement_of,
    version_name,
)
from poisonguard.attest.receipt_v1 import RECEIPT
from poisonguard.attest.revocations_v1 import REVOCATIONS, RevocationsDocument
from poisonguard.attest.statement import Statement
from poisonguard.domain.dataset import Column, Kind, Manifest, Release
from poisonguard.errors import IntegrityError

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
CONTENT = Manifest("blake3-4MiB", (Column("a", Kind.INTEGER, "int64"),), 2, A, 1, 8, B)
RELEASE = Release("reviews", 1, version_name(CONTENT), (f"pg1:{A}", f"pg1:{B}"), "2026-05-01T12:00:00Z")
REVIEW: dict[str, Any] = {
    "dataset": "reviews",
    "version": f"pg1:{A}",
    "manifestStatement": B,
    "scanStatements": [A, C],
    "policyDigest": C,
    "role": "steward",
    "reason": "looked at it",
    "created": "2026-05-01T12:00:00Z",
    "nonce": "n",
}
COMMON: dict[str, Any] = {
    "dataset": "reviews",
    "version": f"pg1:{A}",
    "manifest_statement": B,
    "scan_statements": (A, C),
    "policy_digest": C,
    "reason": "looked at it",
    "created": NOW,
    "nonce": "n",
}
APPROVED = ApprovalDocument(
    **COMMON,
    purpose="training",
    not_before=NOW,
    expires=NOW + 2 * DAY,
    waivers=(Waiver("e1", "known", NOW + DAY), Waiver("e2", "good", NOW + DAY)),
)
GOLDEN: dict[str, tuple[Document, dict[str, Any]]] = {
    MANIFEST: (
        ManifestDocument(RELEASE, CONTENT),
        {
            "content": {
                "hashProfile": "blake3-4MiB",
                "columns": [{"name": "a", "kind": "integer", "type": "int64"}],
                "rows": 2,
                "rowsDigest": A,
                "files": 1,
                "bytes": 8,
                "filesRoot": B,
            },
            "dataset": "reviews",
            "number": 1,
            "parents": [f"pg1:{A}", f"pg1:{B}"],
            "created": "2026-05-01T12:00:00Z",
        },
    ),
    APPROVAL: (
        APPROVED,
        REVIEW
        | {
            "purpose": "training",
            "notBefore": "2026-05-01T12:00:00Z",
            "expires": "2026-05-03T12:00:00Z",
            "waivers": [
                {"finding": "e1", "justification": "known", "expires": "2026-05-02T12:00:00Z"},
                {"finding": "e2", "justification": "good", "expires": "2026-05-02T12:00:00Z"},
            ],
        },
    ),
    REJECTION: (RejectionDocument(**COMMON), REVIEW),
}
each = pytest.mark.parametrize("kind", sorted(GOLDEN))


def read(kind: str, change: dict[str, Any]) -> Document:
    """What the changed predicate says; its subject is the unchanged one's."""
    document, written = GOLDEN[kind]
    return document_of(Statement(*document.subject, kind, copy.deepcopy(written) | change))


def test_the_types_are_named_as_they_always_were() -> None:
    assert {MANIFEST, SCAN, APPROVAL, REJECTION, REVOCATIONS, RECEIPT} == {
        "https://poisonguard.dev/dataset-manifest/v1",
        "https://poisonguard.dev/scan-result/v1",
        "https://poisonguard.dev/approval/v1",
        "https://poisonguard.dev/rejection/v1",
        "https://poisonguard.dev/revocations/v1",
        "https://poisonguard.dev/training-receipt/v1",
    }
    assert (MANIFEST.split("/")[3], SCAN.split("/")[3]) == ("dataset-manifest", "scan-result")
    assert (APPROVAL.split("/")[3], REJECTION.split("/")[3]) == ("approval", "rejection")
    assert READERS.keys() == {MANIFEST, SCAN, APPROVAL, REJECTION, REVOCATIONS, RECEIPT}


@each
def test_they_are_written_as_they_always_were(kind: str) -> None:
    document, written = GOLDEN[kind]
    assert statement_of(document) == Statement(*document.subject, kind, written)
    assert list(statement_of(document).predicate) == list(written)
    assert read(kind, {}) == document


@each
def test_when_they_were_made_is_known(kind: str) -> None:
    assert GOLDEN[kind][0].created == NOW


def test_the_other_kinds_come_back() -> None:
    revocations = RevocationsDocument(number=1, created=NOW, expires=NOW + DAY)
    for document, kind in ((receipt(), RECEIPT), (revocations, REVOCATIONS)):
        statement = statement_of(document)
        assert statement.predicate_type == kind
        assert document_of(statement) == document


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"more": 1}, r"manifest\.content holds an unknown member 'more'"),
        ({"columns": [{"name": "a", "kind": "integer", "type": "int64", "more": 1}]}, r"columns\[0\] holds an unknown"),
        ({"columns": [{"name": "a", "kind": "integer", "type": ""}]}, r"columns\[0\]\.type is not text"),
        ({"columns": [{"name": 1, "kind": "integer", "type": "int64"}]}, r"columns\[0\]\.name is not text"),
        ({"columns": [{"name": "a", "kind": "odd", "type": "int64"}]}, r"columns\[0\]\.kind is not"),
        ({"files": 0}, r"files is not an integer of at least 1"),
        ({"bytes": -1}, r"bytes is not an integer of at least 0"),
    ],
)
def test_other_content_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        manifest_from_json(manifest_to_json(CONTENT) | change)


def test_a_column_may_have_no_name() -> None:
    nameless = replace(CONTENT, columns=(Column("", Kind.INTEGER, "int64"),), rows=0, size=0)
    assert manifest_from_json(manifest_to_json(nameless)) == nameless


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        (MANIFEST, {"number": 0}, r"manifest\.number is not an integer of at least 1"),
        (MANIFEST, {"parents": [f"pg1:{B}", f"pg1:{A}"]}, "is not sorted, or holds something twice"),
        (MANIFEST, {"parents": [f"pg1:{A}", f"pg1:{A}"]}, "is not sorted, or holds something twice"),
        (MANIFEST, {"parents": [A]}, "is not a version name"),
        (MANIFEST, {"created": "2026-05-01"}, r"manifest\.created is not"),
        (MANIFEST, {"more": 1}, "manifest holds an unknown member 'more'"),
        (MANIFEST, {"dataset": "prices"}, "subject is not what its predicate speaks of"),
        (APPROVAL, {"role": "king"}, r"approval\.role is not steward"),
        (APPROVAL, {"scanStatements": []}, "approval names no scan"),
        (APPROVAL, {"scanStatements": [C, A]}, "is not sorted, or holds something twice"),
        (APPROVAL, {"scanStatements": ["x"]}, "is not a hex SHA-256"),
        (APPROVAL, {"expires": "2026-05-01T12:00:00Z"}, "expires before it begins"),
        (APPROVAL, {"expires": "2026-05-01T11:59:59Z"}, "expires before it begins"),
        (APPROVAL, {"waivers": GOLDEN[APPROVAL][1]["waivers"][::-1]}, "is not sorted, or holds something twice"),
        (APPROVAL, {"waivers": GOLDEN[APPROVAL][1]["waivers"][:1] * 2}, "is not sorted, or holds something twice"),
        (APPROVAL, {"waivers": [GOLDEN[APPROVAL][1]["waivers"][0] | {"more": 1}]}, r"waivers\[0\] holds an unknown"),
        (APPROVAL, {"more": 1}, "approval holds an unknown member 'more'"),
        (APPROVAL, {"version": f"pg1:{B}"}, "subject is not what its predicate speaks of"),
        (REJECTION, {"role": "king"}, r"rejection\.role is not steward"),
        (REJECTION, {"more": 1}, "rejection holds an unknown member 'more'"),
        (REJECTION, {"purpose": "training"}, "rejection holds an unknown member 'purpose'"),
    ],
)
def test_anything_else_is_refused(kind: str, change: dict[str, Any], why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        read(kind, change)


@each
def test_every_member_is_needed(kind: str) -> None:
    document, written = GOLDEN[kind]
    for member in written:
        left = {name: value for name, value in written.items() if name != member}
        with pytest.raises(IntegrityError, match=f"lacks '{member}'"):
            document_of(Statement(*document.subject, kind, left))


def test_a_subject_is_name_and_digest() -> None:
    statement = statement_of(APPROVED)
    for wrong in (replace(statement, subject="prices"), replace(statement, sha256=B)):
        with pytest.raises(IntegrityError, match="subject is not what its predicate speaks of"):
            document_of(wrong)


def test_an_approval_without_waivers_is_one() -> None:
    assert read(APPROVAL, {"waivers": []}) == replace(APPROVED, waivers=())


def test_an_unknown_type_is_named_cut_to_a_line() -> None:
    with pytest.raises(IntegrityError) as caught:
        document_of(Statement("reviews", A, "x" * 200, {}))
    assert caught.value.message == f"unknown predicate type {'x' * 80!r}"
