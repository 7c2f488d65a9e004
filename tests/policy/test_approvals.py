"""Which approvals count: one test for each code, and laws of who has the last word."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evidence_world import ZERO, World
from hypothesis import given
from hypothesis import strategies as st
from simulator import DAY, NOW

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ApprovalDocument, RejectionDocument, Waiver
from poisonguard.attest.revocations_v1 import RevocationsDocument, RevokedApproval
from poisonguard.domain.decision import Reason
from poisonguard.policy.approvals import Case, Weighed, standing_rejections, waived_findings, weigh
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.model import policy_digest

HOUR = timedelta(hours=1)
POLICY = default_policy()
VERSION = World().version
CASE = Case(
    dataset="reviews",
    version=VERSION,
    manifest_statement=ZERO,
    scans=frozenset({ZERO}),
    policy_digest=policy_digest(POLICY),
    purpose="training",
    authors=frozenset({"pub"}),
    now=NOW,
)
FINDING = "f" * 16


def approval(*people: str, hours: int = 24, **changes: Any) -> Signed[ApprovalDocument]:
    """An approval given so many hours ago."""
    document = ApprovalDocument(
        dataset="reviews",
        version=VERSION,
        manifest_statement=ZERO,
        scan_statements=(ZERO,),
        policy_digest=CASE.policy_digest,
        reason="read",
        purpose="training",
        created=NOW - hours * HOUR,
        not_before=NOW - hours * HOUR,
        expires=NOW + 30 * DAY,
        nonce="n",
    )
    return Signed(replace(document, **changes), secrets.token_hex(32), people or ("ann",))


def rejection(*people: str, hours: int = 24) -> Signed[RejectionDocument]:
    document = RejectionDocument(
        dataset="reviews",
        version=VERSION,
        manifest_statement=ZERO,
        scan_statements=(),
        policy_digest=CASE.policy_digest,
        reason="flipped labels",
        created=NOW - hours * HOUR,
        nonce="n",
    )
    return Signed(document, secrets.token_hex(32), people)


def waive(*, days: int = 1) -> dict[str, Any]:
    return {"waivers": (Waiver(FINDING, "known", NOW + days * DAY),)}


def weighed(*given: Signed[ApprovalDocument], case: Case = CASE) -> Weighed:
    return weigh(POLICY, case, given)


def codes(*given: Signed[ApprovalDocument], case: Case = CASE) -> list[str]:
    return [item.code for item in weighed(*given, case=case).aside]


ELSEWHERE = [
    ({"dataset": "prices"}, "approval-other-version", f"it is of prices {VERSION[:16]}"),
    ({"version": f"pg1:{ZERO}"}, "approval-other-version", "it is of reviews pg1:000000000000"),
    ({"manifest_statement": "1" * 64}, "approval-other-version", f"it is of reviews {VERSION[:16]}"),
    ({"policy_digest": ZERO}, "approval-other-policy", "it was given under policy 000000000000"),
    (
        {"scan_statements": ("1" * 64,)},
        "approval-other-scan",
        "it rests on a scan that is not trusted and current here",
    ),
    (
        {"scan_statements": (ZERO, "1" * 64)},
        "approval-other-scan",
        "it rests on a scan that is not trusted and current here",
    ),
    ({"purpose": "evaluation"}, "approval-other-purpose", "it was given for 'evaluation', not 'training'"),
    ({"created": NOW + HOUR}, "approval-from-future", "it begins on 2026-05-01T13:00:00Z"),
    ({"not_before": NOW + HOUR}, "approval-from-future", "it begins on 2026-05-01T13:00:00Z"),
    ({"expires": NOW}, "approval-expired", "it ended on 2026-05-01T12:00:00Z"),
    ({"created": NOW - 90 * DAY}, "approval-expired", "it ended on 2026-05-01T12:00:00Z"),
]


ANEW = "Let the steward look at this version and approve it as it is wanted here."
WAIT = "Wait until then, or let the steward approve it from now on."


@pytest.mark.parametrize(("changes", "code", "why"), ELSEWHERE)
def test_an_approval_that_does_not_count(changes: dict[str, Any], code: str, why: str) -> None:
    found = weighed(approval("ann", "bob", **changes))
    assert found.people == frozenset()
    hint = WAIT if code == "approval-from-future" else ANEW
    assert found.set_aside == (Reason(code, f"the approval by ann, bob does not count: {why}", 5, hint),)


@pytest.mark.parametrize(
    "changes", [{"now": NOW + HOUR, "expires": NOW + HOUR + timedelta(seconds=1)}, {"now": NOW - DAY, "expires": NOW}]
)
def test_an_approval_counts_from_its_first_second_to_its_last(changes: dict[str, Any]) -> None:
    case = replace(CASE, now=changes["now"])
    assert codes(approval(expires=changes["expires"]), case=case) == []


def test_what_is_wrong_is_said_before_who_may_not() -> None:
    assert codes(approval("pub", purpose="evaluation")) == ["approval-other-purpose"]


def test_approval_by_author() -> None:
    (reason,) = weighed(approval("pub")).set_aside
    why = "they published or scanned this version themselves"
    hint = "Let a steward approve who neither published nor scanned it."
    assert reason == Reason("approval-by-author", f"the approval by pub does not count: {why}", 5, hint)
    both = weighed(approval("ann", "pub"))
    assert both.people == {"ann"}


def test_approval_revoked() -> None:
    given = approval()
    revocations = RevocationsDocument(
        number=1, created=NOW, expires=NOW + DAY, approvals=(RevokedApproval(given.digest, "wrong report", NOW),)
    )
    case = replace(CASE, revocations=revocations)
    assert codes(given, case=case) == ["approval-revoked"]
    assert codes(approval(), case=case) == []
    why = "it was revoked on 2026-05-01T12:00:00Z: wrong report"
    assert weighed(given, case=case).aside[0].problem == why


def test_approval_superseded() -> None:
    older, newer = approval(hours=2), approval(hours=1)
    assert [(item.code, item.problem, item.digest) for item in weighed(older, newer).aside] == [
        ("approval-superseded", "they approved it anew since", older.digest)
    ]
    assert [item.digest for item in weighed(older, newer).counted] == [newer.digest]


def test_an_older_approval_does_not_outlive_a_later_shorter_one() -> None:
    older, newer = approval(hours=2), approval(hours=1, expires=NOW)
    assert codes(older, newer) == ["approval-superseded", "approval-expired"]


def test_an_older_approval_does_not_keep_a_waiver_that_the_later_one_lacks() -> None:
    case = CASE
    wide, narrow = approval(hours=2, **waive()), approval(hours=1)
    bob = approval("bob", **waive())
    assert waived_findings(POLICY, case, weighed(wide, bob)) == {FINDING}
    assert waived_findings(POLICY, case, weighed(wide, narrow, bob)) == frozenset()


def test_a_shorter_waiver_replaces_a_longer_one() -> None:
    long, short = approval(hours=2, **waive(days=9)), approval(hours=1, **waive(days=1))
    bob, later = approval("bob", **waive(days=9)), replace(CASE, now=NOW + 2 * DAY)
    assert waived_findings(POLICY, later, weighed(long, bob, case=later)) == {FINDING}
    assert waived_findings(POLICY, later, weighed(long, short, bob, case=later)) == frozenset()


def test_an_approval_that_begins_later_leaves_the_one_in_force() -> None:
    now, then = approval(hours=2), approval(hours=1, not_before=NOW + DAY)
    assert [item.digest for item in weighed(now, then).counted] == [now.digest]
    tomorrow = replace(CASE, now=NOW + DAY)
    assert [item.digest for item in weighed(now, then, case=tomorrow).counted] == [then.digest]


@pytest.mark.parametrize("changes", [{"purpose": "evaluation"}, {"policy_digest": ZERO}, {"version": f"pg1:{ZERO}"}])
def test_an_approval_of_something_else_replaces_nothing(changes: dict[str, Any]) -> None:
    other, mine = approval(hours=1, **changes), approval(hours=2)
    assert [item.digest for item in weighed(mine, other).counted] == [mine.digest]


def test_an_approval_that_rests_on_another_scan_replaces_the_one_before() -> None:
    older, newer = approval(hours=2), approval(hours=1, scan_statements=("1" * 64,))
    assert codes(older, newer) == ["approval-superseded", "approval-other-scan"]


def test_of_two_in_one_second_the_later_in_the_log_counts() -> None:
    first, second = approval(), approval()
    assert [item.digest for item in weighed(first, second).counted] == [second.digest]
    assert [item.digest for item in weighed(second, first).counted] == [first.digest]


def test_a_shared_approval_still_counts_for_who_said_nothing_since() -> None:
    both, ann = approval("ann", "bob", hours=2), approval("ann", hours=1)
    assert [(item.digest, item.people) for item in weighed(both, ann).counted] == [
        (both.digest, ("bob",)),
        (ann.digest, ("ann",)),
    ]


def test_a_rejection_stands_until_the_same_person_approves_later() -> None:
    no = rejection("ann", hours=2)
    assert standing_rejections(CASE, weighed(approval("bob", hours=1)), [no])
    assert standing_rejections(CASE, weighed(approval("ann", hours=2)), [no])
    assert not standing_rejections(CASE, weighed(approval("ann", hours=1)), [no])
    assert not standing_rejections(CASE, weighed(approval("ann", hours=1), approval("bob", hours=3)), [no])
    assert standing_rejections(CASE, weighed(approval("ann", hours=3), approval("bob", hours=1)), [no])


def test_rejected() -> None:
    (reason,) = standing_rejections(CASE, weighed(), [rejection("ann", hours=24)])
    assert reason == Reason(
        "rejected",
        "ann rejected this version on 2026-04-30T12:00:00Z: flipped labels",
        5,
        "Publish a mended version, or let the same steward approve this one.",
    )


@pytest.mark.parametrize("change", [{"dataset": "prices"}, {"version": f"pg1:{ZERO}"}])
def test_a_rejection_of_another_version_does_not_stand_here(change: dict[str, str]) -> None:
    no = rejection("ann")
    other = replace(no, document=replace(no.document, **change))  # type: ignore[arg-type]  # both are text
    assert standing_rejections(CASE, weighed(), [other]) == ()


def test_a_waiver_ends_by_its_own_word_or_the_policys() -> None:
    both = [approval(name, **waive(days=40)) for name in ("ann", "bob")]
    longest = both[0].document.created + POLICY.waivers.max_age
    for now, holds in ((longest - timedelta(seconds=1), True), (longest, False)):
        case = replace(CASE, now=now)
        assert bool(waived_findings(POLICY, case, weighed(*both, case=case))) is holds


given_by = st.builds(
    lambda people, hours, days, later, waived: approval(
        *sorted(people),
        hours=hours,
        expires=NOW + days * DAY,
        not_before=NOW - hours * HOUR + later * DAY,
        **(waive() if waived else {}),
    ),
    st.sets(st.sampled_from(("ann", "bob")), min_size=1),
    st.integers(0, 3),
    st.integers(-1, 2),
    st.integers(0, 1),
    st.booleans(),
)


@given(st.lists(given_by, max_size=5))
def test_everybody_has_one_last_word(made: Sequence[Signed[ApprovalDocument]]) -> None:
    counted = weighed(*made).counted
    for person in ("ann", "bob"):
        mine = [item for item in counted if person in item.people]
        begun = [item for item in made if person in item.people and item.document.not_before <= NOW]
        assert len(mine) <= 1
        if mine:
            assert mine[0].approval.created == max(item.document.created for item in begun)


@given(st.lists(given_by, max_size=5), given_by)
def test_who_says_less_cannot_be_held_to_more(
    made: Sequence[Signed[ApprovalDocument]], last: Signed[ApprovalDocument]
) -> None:
    """After a person's last word nothing that they said before counts, once it has begun."""
    last = replace(last, document=replace(last.document, created=NOW, not_before=NOW))
    counted = weighed(*made, last).counted
    assert all(not set(item.people) & set(last.people) for item in counted if item.digest != last.digest)
