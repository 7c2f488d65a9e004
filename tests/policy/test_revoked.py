"""Which list of revocations holds: one test for each rule and code."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evidence_world import ZERO, World, revoking_root
from simulator import DAY, NOW, trust_root

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ManifestDocument
from poisonguard.attest.revocations_v1 import ListedStatement, RevocationsDocument, RevokedVersion
from poisonguard.domain.dataset import Release
from poisonguard.domain.decision import Reason
from poisonguard.policy.revoked import left_out_reasons, list_reasons, newest, stale_reasons, version_reasons

WORLD = World()
MANIFEST = ManifestDocument(Release("reviews", 3, WORLD.version, (), "2026-04-01T00:00:00Z"), WORLD.content.manifest)
VERSION = RevokedVersion("reviews", 3, WORLD.version, "flipped labels", NOW)


def made(number: int = 1, **changes: Any) -> Signed[RevocationsDocument]:
    document = RevocationsDocument(number=number, created=NOW - DAY, expires=NOW + DAY)
    return Signed(replace(document, **changes), f"{number:064x}", ("rita",))


def codes(*lists: Signed[RevocationsDocument], seen: int = 0) -> list[str]:
    return [reason.code for reason in list_reasons(revoking_root(), lists, NOW, seen)]


HINT = "Get the newest list, or let a revoker make one with `poisonguard revoke --refresh`."


def reasons(*lists: Signed[RevocationsDocument], seen: int = 0) -> list[Reason]:
    return list(list_reasons(revoking_root(), lists, NOW, seen))


def test_every_reason_says_what_is_wrong_and_what_to_do() -> None:
    missing = Reason("revocations-missing", "there is no trusted list of revocations", 5, HINT)
    assert reasons() == [missing]
    old = Reason("revocations-rolled-back", "list 2 of revocations is old: list 3 was seen here before", 5, HINT)
    assert reasons(made(2), seen=3) == [old]
    expired = Reason("revocations-expired", "list 2 of revocations expired on 2026-05-01T12:00:00Z", 5, HINT)
    assert reasons(made(2, expires=NOW)) == [expired]
    shrunk = Reason(
        "revocations-shrunk",
        "list 2 of revocations does not follow from list 1",
        6,
        "Find out who signed it; two registries must not revoke under one trust root.",
    )
    assert reasons(made(2), made(1, versions=(VERSION,))) == [shrunk]
    (revoked,) = version_reasons(made(versions=(VERSION,)).document, MANIFEST)
    what = "reviews@3 was revoked on 2026-05-01T12:00:00Z: flipped labels"
    assert revoked == Reason("version-revoked", what, 5, "Use another version; a revocation is for ever.")


def test_a_list_that_was_seen_by_nobody_is_not_rolled_back() -> None:
    assert list(stale_reasons(revoking_root(), made(1).document, NOW)) == []


def test_revocations_missing_rule_1() -> None:
    assert codes() == ["revocations-missing"]
    assert list(list_reasons(trust_root(), (), NOW, 0)) == []
    assert codes(made()) == []


def test_the_highest_number_holds_rule_2() -> None:
    assert newest(()) is None
    found = newest((made(1), made(3), made(2)))
    assert found is not None
    assert found.document.number == 3


def test_revocations_shrunk_rule_2() -> None:
    assert codes(made(1, versions=(VERSION,)), made(2)) == ["revocations-shrunk"]
    assert codes(made(2, versions=(VERSION,)), made(1)) == []
    assert codes(made(1), made(1)) == [], "the same list twice"
    assert codes(made(1), replace(made(1), digest=ZERO)) == ["revocations-shrunk"]


def test_revocations_rolled_back_rule_3() -> None:
    assert codes(made(2), seen=3) == ["revocations-rolled-back"]
    assert codes(made(3), seen=3) == []


@pytest.mark.parametrize(("expires", "expected"), [(NOW, ["revocations-expired"]), (NOW + timedelta(seconds=1), [])])
def test_revocations_expired(expires: Any, expected: list[str]) -> None:
    assert codes(made(expires=expires)) == expected


def test_version_revoked_even_by_an_expired_list_rule_4() -> None:
    held = made(versions=(VERSION,), expires=NOW).document
    assert [reason.code for reason in version_reasons(held, MANIFEST)] == ["version-revoked"]
    assert [reason.code for reason in stale_reasons(revoking_root(), held, NOW)] == ["revocations-expired"]


@pytest.mark.parametrize("change", [{"dataset": "prices"}, {"version": f"pg1:{ZERO}"}])
def test_other_versions_are_not_revoked(change: dict[str, str]) -> None:
    held = made(versions=(replace(VERSION, **change),)).document  # type: ignore[arg-type]  # both are text
    assert list(version_reasons(held, MANIFEST)) == []
    assert list(version_reasons(None, MANIFEST)) == []


SIGNED = ListedStatement("reviews", WORLD.version, "abcdef" * 10 + "1234")


def test_statement_left_out_rule_5() -> None:
    held = made(statements=(SIGNED, replace(SIGNED, envelope=ZERO))).document
    what = "the evidence leaves out statement abcdefabcdef about this version"
    hint = "It was signed later, or left out on purpose: get a new bundle from the registry."
    assert list(left_out_reasons(held, MANIFEST, {ZERO})) == [Reason("statement-left-out", what, 5, hint)]
    assert len(list(left_out_reasons(held, MANIFEST, ()))) == 2
    assert list(left_out_reasons(held, MANIFEST, {ZERO, SIGNED.envelope})) == []
    assert list(left_out_reasons(None, MANIFEST, ())) == []


@pytest.mark.parametrize("change", [{"dataset": "prices"}, {"version": f"pg1:{ZERO}"}])
def test_statements_about_other_versions_may_be_left_out(change: dict[str, str]) -> None:
    assert list(left_out_reasons(made(statements=(replace(SIGNED, **change),)).document, MANIFEST, ())) == []
