"""Lists of revocations: strict to read, cumulative to follow, and what a revoked key still vouches for."""

import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from evidence_world import ZERO
from hypothesis import given
from hypothesis import strategies as st
from simulator import DAY, NOW

from poisonguard.attest.canonical import digest_of
from poisonguard.attest.predicates_v1 import document_of, statement_of
from poisonguard.attest.revocations_v1 import (
    REVOCATIONS,
    ListedStatement,
    LogPlace,
    RevocationsDocument,
    RevokedApproval,
    RevokedKey,
    RevokedVersion,
    revocations_from_json,
)
from poisonguard.attest.statement import Statement, parse_statement
from poisonguard.errors import IntegrityError

ONE = "1" * 64
SECOND = timedelta(seconds=1)
VERSION = RevokedVersion("reviews", 3, f"pg1:{ZERO}", "flipped labels", NOW)
KEY = RevokedKey(ZERO, NOW - DAY, "poisonguard/test", 7, "laptop stolen", NOW)
APPROVAL = RevokedApproval(ZERO, "wrong report", NOW)
STATEMENT = ListedStatement("reviews", f"pg1:{ZERO}", ONE)


def made(**changes: Any) -> RevocationsDocument:
    document = RevocationsDocument(
        number=4,
        created=NOW,
        expires=NOW + DAY,
        versions=(VERSION,),
        keys=(KEY,),
        approvals=(APPROVAL,),
        statements=(STATEMENT,),
    )
    return replace(document, **changes)


def predicate() -> dict[str, Any]:
    return copy.deepcopy(statement_of(made()).predicate)


def read(value: Any) -> RevocationsDocument:
    """As the statement that its own digest names, so that only the predicate can be wrong."""
    document = document_of(Statement("revocations", digest_of(value), REVOCATIONS, value))
    assert isinstance(document, RevocationsDocument)
    return document


def test_a_list_comes_back() -> None:
    statement = statement_of(made())
    assert document_of(parse_statement(statement.payload())) == made()
    assert (made().dataset, made().version) == ("", "")


def test_the_wire_form_is_stable() -> None:
    why = {"reason": "flipped labels", "revoked": "2026-05-01T12:00:00Z"}
    assert statement_of(made()) == Statement(
        "revocations",
        digest_of(predicate()),
        "https://poisonguard.dev/revocations/v1",
        {
            "number": 4,
            "created": "2026-05-01T12:00:00Z",
            "expires": "2026-05-02T12:00:00Z",
            "versions": [{"dataset": "reviews", "number": 3, "version": f"pg1:{ZERO}", **why}],
            "keys": [
                {"key": ZERO, "since": "2026-04-30T12:00:00Z", "log": "poisonguard/test", "size": 7, **why}
                | {"reason": "laptop stolen"}
            ],
            "approvals": [{"statement": ZERO, **why, "reason": "wrong report"}],
            "statements": [{"dataset": "reviews", "version": f"pg1:{ZERO}", "envelope": ONE}],
        },
    )


def test_every_member_is_needed_and_no_other_is_known() -> None:
    for place in ([], ["versions", 0], ["keys", 0], ["approvals", 0], ["statements", 0]):
        for member in _at(predicate(), place):
            without, wrong, more = predicate(), predicate(), predicate()
            del _at(without, place)[member]
            _at(wrong, place)[member] = {"wrong": []}
            _at(more, place)["extra"] = 1
            for value, why in ((without, "lacks"), (wrong, "is not"), (more, "unknown member")):
                with pytest.raises(IntegrityError, match=why):
                    read(value)


def _at(value: Any, place: list[Any]) -> Any:
    for step in place:
        value = value[step]
    return value


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ([], {"number": 0}),
        ([], {"number": True}),
        ([], {"created": "yesterday"}),
        (["versions", 0], {"number": 0}),
        (["versions", 0], {"version": "pg1:x"}),
        (["versions", 0], {"reason": ""}),
        (["keys", 0], {"key": "x"}),
        (["keys", 0], {"size": -1}),
        (["keys", 0], {"log": ""}),
        (["approvals", 0], {"statement": ONE.upper() + "0"}),
        (["statements", 0], {"version": ZERO}),
    ],
)
def test_wrong_members_are_refused(place: list[Any], change: dict[str, Any]) -> None:
    value = predicate()
    _at(value, place).update(change)
    with pytest.raises(IntegrityError):
        read(value)


@pytest.mark.parametrize("expires", [NOW, NOW - SECOND])
def test_a_list_expires_after_it_was_made_rule_1(expires: datetime) -> None:
    with pytest.raises(IntegrityError, match="expire before they begin"):
        read(statement_of(made(expires=expires)).predicate)


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": (VERSION, VERSION)},
        {"versions": (VERSION, replace(VERSION, reason="another"))},
        {"versions": (replace(VERSION, number=4), VERSION)},
        {"versions": (replace(VERSION, dataset="zebras"), VERSION)},
        {"keys": (KEY, replace(KEY, size=1))},
        {"keys": (replace(KEY, keyid=ONE), KEY)},
        {"approvals": (APPROVAL, APPROVAL)},
        {"approvals": (replace(APPROVAL, statement=ONE), APPROVAL)},
        {"statements": (STATEMENT, STATEMENT)},
        {"statements": (STATEMENT, replace(STATEMENT, dataset="a"))},
    ],
)
def test_lists_are_sorted_and_hold_nothing_twice_rule_2(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=f"revocations.{min(changes)} is not sorted, or holds something twice"):
        read(statement_of(made(**changes)).predicate)


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": (replace(VERSION, revoked=NOW + SECOND),)},
        {"keys": (replace(KEY, revoked=NOW + SECOND),)},
        {"keys": (replace(KEY, since=NOW + SECOND),)},
        {"approvals": (replace(APPROVAL, revoked=NOW + SECOND),)},
    ],
)
def test_nothing_is_revoked_after_the_list_was_made_rule_3(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="of a later time than their own"):
        read(statement_of(made(**changes)).predicate)


def test_an_empty_list_may_be_read() -> None:
    empty = made(versions=(), keys=(), approvals=(), statements=())
    assert revocations_from_json(statement_of(empty).predicate) == empty


@pytest.mark.parametrize("change", [{"sha256": ZERO}, {"subject": "reviews"}])
def test_a_list_is_bound_to_itself_rule_4(change: dict[str, str]) -> None:
    statement = statement_of(made())
    with pytest.raises(IntegrityError, match="subject"):
        document_of(replace(statement, **change))  # type: ignore[arg-type]  # both are text
    other = statement_of(made(number=5))
    with pytest.raises(IntegrityError, match="subject"):
        document_of(replace(statement, predicate=other.predicate))


@pytest.mark.parametrize("changes", [{"number": 4}, {"number": 3}, {"created": NOW - SECOND}])
def test_a_list_follows_one_of_a_lower_number_and_no_later_time_rule_5(changes: dict[str, Any]) -> None:
    assert made(number=5).follows(made())
    assert not made(**{"number": 5, **changes}).follows(made())


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": ()},
        {"versions": (replace(VERSION, reason="other words"),)},
        {"approvals": ()},
        {"approvals": (replace(APPROVAL, statement=ONE),)},
        {"statements": ()},
        {"statements": (replace(STATEMENT, envelope=ZERO),)},
    ],
)
def test_a_list_holds_what_the_one_before_held_rule_6(changes: dict[str, Any]) -> None:
    assert not made(number=5, **changes).follows(made())


def test_a_key_may_be_revoked_more_strictly_and_never_less_rule_7() -> None:
    stricter = [replace(KEY, since=NOW - 2 * DAY), replace(KEY, size=3), replace(KEY, reason="it was the cleaner")]
    milder = [replace(KEY, since=NOW), replace(KEY, size=8), replace(KEY, origin="other"), replace(KEY, keyid=ONE)]
    assert [made(number=5, keys=(key,)).follows(made()) for key in stricter] == [True] * 3
    assert [made(number=5, keys=(key,)).follows(made()) for key in milder] == [False] * 4
    assert not made(number=5, keys=()).follows(made())


@pytest.mark.parametrize(
    ("place", "voided"),
    [
        (None, True),
        (LogPlace("poisonguard/test", 6), False),
        (LogPlace("poisonguard/test", 7), True),
        (LogPlace("poisonguard/other", 6), True),
    ],
)
def test_a_place_in_the_log_of_then_keeps_a_signature_rule_8(place: LogPlace | None, voided: bool) -> None:  # noqa: FBT001 - a table
    assert made().voids(ZERO, place, NOW - 2 * DAY) is voided


def test_a_time_before_the_revocation_keeps_a_signature_rule_9() -> None:
    place = LogPlace("poisonguard/test", 0)
    assert not made().voids(ZERO, place, KEY.since - SECOND)
    assert made().voids(ZERO, place, KEY.since)


def test_other_keys_are_not_voided() -> None:
    assert not made().voids(ONE, None, NOW)


def test_what_a_list_says_of_versions_and_approvals() -> None:
    assert made().of_version("reviews", VERSION.version) is not None
    assert made().of_version("prices", VERSION.version) is None
    assert made().of_version("reviews", f"pg1:{ONE}") is None
    assert made().of_approval(ZERO) is not None
    assert made().of_approval(ONE) is None


hours = st.integers(1, 50).map(lambda hour: NOW - timedelta(hours=hour))
versions = st.builds(
    RevokedVersion, st.sampled_from("ab"), st.integers(1, 3), st.just(f"pg1:{ZERO}"), st.just("w"), hours
)
keys = st.builds(
    RevokedKey, st.sampled_from((ZERO, ONE)), hours, st.sampled_from("xy"), st.integers(0, 3), st.just("w"), hours
)
approvals = st.builds(RevokedApproval, st.sampled_from((ZERO, ONE)), st.just("w"), hours)
lists = st.builds(
    lambda number, versions, keys, approvals: RevocationsDocument(
        number=number,
        created=NOW,
        expires=NOW + DAY,
        versions=tuple(
            sorted(
                {(item.dataset, item.number): item for item in versions}.values(),
                key=lambda item: (item.dataset, item.number),
            )
        ),
        keys=tuple(sorted({item.keyid: item for item in keys}.values(), key=lambda item: item.keyid)),
        approvals=tuple(sorted({item.statement: item for item in approvals}.values(), key=lambda item: item.statement)),
    ),
    st.integers(1, 4),
    st.lists(versions, max_size=3),
    st.lists(keys, max_size=2),
    st.lists(approvals, max_size=2),
)


@given(lists)
def test_every_list_comes_back(document: RevocationsDocument) -> None:
    assert document_of(parse_statement(statement_of(document).payload())) == document


@given(lists, lists, lists)
def test_following_is_a_strict_order(
    one: RevocationsDocument, two: RevocationsDocument, three: RevocationsDocument
) -> None:
    assert not one.follows(one)
    if one.follows(two):
        assert not two.follows(one)
        assert one.follows(three) or not two.follows(three)


@given(lists, lists, st.sampled_from((ZERO, ONE)), st.builds(LogPlace, st.sampled_from("xy"), st.integers(0, 4)), hours)
def test_what_follows_takes_back_no_less(
    older: RevocationsDocument, newer: RevocationsDocument, keyid: str, place: LogPlace, created: datetime
) -> None:
    if newer.follows(older) and older.voids(keyid, place, created):
        assert newer.voids(keyid, place, created)
