"""From an envelope to an entitled document: who may say what, and what a revoked key may not."""

from dataclasses import replace
from itertools import combinations

import pytest
from documents import receipt
from evidence_world import ZERO, clean_scan, manifest
from simulator import DAY, NOW, key, person, trust_root

from poisonguard.attest.envelope import Envelope, sign
from poisonguard.attest.evidence import Signed, Statements, Unentitled, document_word, open_signed
from poisonguard.attest.predicates_v1 import (
    ApprovalDocument,
    Document,
    ManifestDocument,
    RejectionDocument,
    RevocationsDocument,
    statement_of,
    version_name,
)
from poisonguard.attest.receipt_v1 import FileRead
from poisonguard.attest.revocations_v1 import LogPlace, RevokedKey
from poisonguard.attest.trust import Grant, RoleName, TrustRoot
from poisonguard.domain.dataset import Release
from poisonguard.errors import IntegrityError
from poisonguard.policy.builtin import default_policy

VERSION = version_name(manifest())
READ = (FileRead("train.csv", ZERO, ((0, 1),)),)
COMMON = {
    "dataset": "reviews",
    "version": VERSION,
    "manifest_statement": ZERO,
    "scan_statements": (ZERO,),
    "policy_digest": ZERO,
    "reason": "looked at it",
    "created": NOW,
    "nonce": "n",
}
DOCUMENTS: dict[str, Document] = {
    "manifest": ManifestDocument(Release("reviews", 3, VERSION, (), "2026-05-01T12:00:00Z"), manifest()),
    "scan": clean_scan(VERSION, "reviews", default_policy()),
    "approval": ApprovalDocument(**COMMON, purpose="training", not_before=NOW, expires=NOW + DAY),  # type: ignore[arg-type]  # one dictionary for two documents
    "rejection": RejectionDocument(**COMMON),  # type: ignore[arg-type]  # as above
    "revocations": RevocationsDocument(number=1, created=NOW, expires=NOW + DAY),
    "receipt": replace(receipt(), number=3, version=VERSION, created=NOW),
}
ROLES = {
    "manifest": RoleName.PUBLISHER,
    "scan": RoleName.SCANNER,
    "approval": RoleName.STEWARD,
    "rejection": RoleName.STEWARD,
    "revocations": RoleName.REVOKER,
    "receipt": RoleName.TRAINER,
}
PEOPLE = {role: (f"{role}-a", f"{role}-b") for role in set(ROLES.values())}
EVERYBODY = sorted(name for names in PEOPLE.values() for name in names)
each = pytest.mark.parametrize("kind", sorted(DOCUMENTS))


def root(*, threshold: int = 1, datasets: tuple[str, ...] = ("*",)) -> TrustRoot:
    """A trust root in which each role is played by two people of its own."""
    base = trust_root()
    roles = {
        role: Grant(names, threshold, datasets if role is not RoleName.REVOKER else ("*",))
        for role, names in PEOPLE.items()
    }
    people = tuple(item for item in base.people if item.name in {"olga", "log"})
    kept = {role: base.roles[role] for role in (RoleName.ROOT, RoleName.LOG)}
    return replace(base, people=(*people, *(person(name) for name in EVERYBODY)), roles={**kept, **roles})


def said(kind: str, *names: str) -> Envelope:
    return sign(statement_of(DOCUMENTS[kind]).payload(), [key(name) for name in names])


@each
def test_whoever_plays_the_role_is_believed(kind: str) -> None:
    first, second = PEOPLE[ROLES[kind]]
    for names in ((first,), (second,), (first, second), (second, "olga")):
        envelope = said(kind, *names)
        expected = Signed(DOCUMENTS[kind], envelope.digest, tuple(sorted(set(names) & {first, second})))
        assert open_signed(envelope, root()) == expected


@each
def test_nobody_else_is(kind: str) -> None:
    others = [name for name in (*EVERYBODY, "olga") if name not in PEOPLE[ROLES[kind]]]
    for names in [*combinations(others, 1), tuple(others)]:
        result = open_signed(said(kind, *names), root())
        assert isinstance(result, Unentitled)
        assert (result.digest, result.revoked) == (said(kind, "olga").digest, False)
        assert f"signed by {', '.join(sorted(names))}, but takes 1 in role {ROLES[kind]}" in result.problem
        assert result.problem.endswith("for 'reviews'") == (kind != "revocations")


@each
def test_a_threshold_takes_that_many_people_but_stewards_speak_for_themselves(kind: str) -> None:
    first, second = PEOPLE[ROLES[kind]]
    alone = open_signed(said(kind, first), root(threshold=2))
    assert isinstance(alone, Signed) == (ROLES[kind] is RoleName.STEWARD)
    both = open_signed(said(kind, first, second), root(threshold=2))
    assert isinstance(both, Signed)
    assert both.people == (first, second)


@each
def test_a_role_reaches_to_its_datasets(kind: str) -> None:
    envelope = said(kind, PEOPLE[ROLES[kind]][0])
    assert isinstance(open_signed(envelope, root(datasets=("reviews",))), Signed)
    elsewhere = open_signed(envelope, root(datasets=("prices",)))
    assert isinstance(elsewhere, Unentitled) == (kind != "revocations")


@each
def test_a_role_that_nobody_plays_is_nobodys(kind: str) -> None:
    whole = root()
    roles = {role: grant for role, grant in whole.roles.items() if role is not ROLES[kind]}
    result = open_signed(said(kind, *PEOPLE[ROLES[kind]]), replace(whole, roles=roles))
    assert isinstance(result, Unentitled)


def test_what_nobody_known_signed_is_not_read() -> None:
    envelope = sign(b"this is not JSON", [key("mallory")])
    result = open_signed(envelope, root())
    assert result == Unentitled(
        envelope.digest, f"statement {envelope.digest[:12]} is signed by nobody in the trust root"
    )


def test_what_somebody_known_signed_is_read_strictly() -> None:
    with pytest.raises(IntegrityError, match="is not JSON"):
        open_signed(sign(b"this is not JSON", [key("olga")]), root())


@each
def test_a_bad_signature_under_a_known_key_refuses_all(kind: str) -> None:
    first, second = PEOPLE[ROLES[kind]]
    good, other = said(kind, first, second), said("manifest" if kind != "manifest" else "scan", second)
    swapped = replace(
        good,
        signatures=tuple(
            other.signatures[0] if item.keyid == other.signatures[0].keyid else item for item in good.signatures
        ),
    )
    with pytest.raises(IntegrityError, match=f"statement {good.digest[:12]}: the signature under key"):
        open_signed(swapped, root())


# Revoked keys


def revoking(*names: str, since_days: int = 0, size: int = 5) -> RevocationsDocument:
    keys = tuple(
        RevokedKey(key(name).public.keyid, NOW + since_days * DAY, "the log", size, "stolen", NOW) for name in names
    )
    ordered = tuple(sorted(keys, key=lambda item: item.keyid))
    return RevocationsDocument(number=2, created=NOW, expires=NOW + DAY, keys=ordered)


@each
def test_a_revoked_key_signs_nothing(kind: str) -> None:
    first, second = PEOPLE[ROLES[kind]]
    envelope = said(kind, first)
    result = open_signed(envelope, root(), revocations=revoking(first))
    assert isinstance(result, Unentitled)
    assert result.revoked
    assert result.problem == f"{kind} {envelope.digest[:12]} is signed by a key that was revoked"
    assert isinstance(open_signed(envelope, root(), revocations=revoking(second)), Signed)
    both = open_signed(said(kind, first, second), root(), revocations=revoking(first))
    assert isinstance(both, Signed)
    assert both.people == (second,)


@each
def test_a_signature_from_before_is_kept(kind: str) -> None:
    first, _ = PEOPLE[ROLES[kind]]
    envelope, taken_back = said(kind, first), revoking(first, since_days=1)
    for place, kept in (
        (LogPlace("the log", 4), True),
        (LogPlace("the log", 5), False),
        (LogPlace("another log", 4), False),
        (None, False),
    ):
        result = open_signed(envelope, root(), revocations=taken_back, place=place)
        assert isinstance(result, Signed) == kept
    late = open_signed(envelope, root(), revocations=revoking(first), place=LogPlace("the log", 4))
    assert isinstance(late, Unentitled) == (DOCUMENTS[kind].created >= NOW)


def test_somebody_with_another_key_left_still_signs() -> None:
    steward, _ = PEOPLE[RoleName.STEWARD]
    base = root()
    people = tuple(person(steward, "spare") if item.name == steward else item for item in base.people)
    envelope = said("approval", steward, "spare")
    result = open_signed(envelope, replace(base, people=people), revocations=revoking(steward))
    assert isinstance(result, Signed)
    assert result.people == (steward,)
    assert isinstance(
        open_signed(envelope, replace(base, people=people), revocations=revoking(steward, "spare")), Unentitled
    )


def test_a_list_is_not_signed_by_a_key_that_it_revokes() -> None:
    first, second = PEOPLE[RoleName.REVOKER]
    own = statement_of(revoking(first)).payload()
    alone = open_signed(sign(own, [key(first)]), root())
    assert isinstance(alone, Unentitled)
    assert alone.revoked
    other = open_signed(sign(own, [key(second)]), root())
    assert isinstance(other, Signed)


def test_a_revoked_key_does_not_excuse_who_had_no_right_anyway() -> None:
    result = open_signed(said("scan", "olga"), root(), revocations=revoking("olga"))
    assert isinstance(result, Unentitled)
    assert not result.revoked


# Sorted by what they are


def test_statements_are_sorted_by_what_they_are() -> None:
    opened = [Signed(document, str(place), ("ann",)) for place, document in enumerate(DOCUMENTS.values())]
    sorted_out = Statements.of([*opened, *opened])
    kinds = {
        "manifest": sorted_out.manifests,
        "scan": sorted_out.scans,
        "approval": sorted_out.approvals,
        "rejection": sorted_out.rejections,
        "revocations": sorted_out.revocations,
    }
    for kind, found in kinds.items():
        same = [item for item in opened if item.document is DOCUMENTS[kind]] * 2
        assert [*found] == same
    assert list(sorted_out) == [item for found in kinds.values() for item in found]
    nothing = Statements.of(())
    assert nothing == Statements((), (), (), ())


@each
def test_documents_have_a_word(kind: str) -> None:
    assert document_word(DOCUMENTS[kind]) == kind
