"""What the gate says, word for word: code, sentence, exit code and hint of every reason of its own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evidence_gate import Gate
from evidence_world import ZERO, World, revoking_root
from simulator import DAY, NOW, key

from poisonguard.attest.listing import Listing
from poisonguard.attest.revocations_v1 import RevokedKey
from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.verify import Mismatch, verify_files
from poisonguard.domain.decision import Reason
from poisonguard.domain.result import Assessment
from poisonguard.errors import UsageError
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_memory import GateState, Passed
from poisonguard.workflow.verification import summary_of

CLOCK = "Set the clock."
STEWARDS = "Let stewards look at the report and run `poisonguard approve`."


class NamesOnly:
    """Finds no difference, and reads no bytes."""

    reads_bytes = False

    def __call__(self, location: str, files: Listing, *, tree: ChunkTree) -> Sequence[Mismatch]:
        return verify_files(location, files.with_leaves(), tree=tree, content=False)


@pytest.fixture
def world(world: World) -> World:
    world.root = revoking_root()
    return world


def said(decision: GateDecision, code: str) -> list[Reason]:
    return [reason for reason in decision.decision.reasons if reason.code == code]


def fresh(world: World) -> World:
    world.behave().revoke()
    return world


def test_passed(world: World, check: Gate) -> None:
    (reason,) = check(fresh(world)).decision.reasons
    assert reason == Reason("passed", "reviews@3 is approved and unaltered", 0)


def test_passed_on_names_alone_is_not_called_unaltered(world: World, check: Gate) -> None:
    decision = check(fresh(world), compare=NamesOnly())
    assert decision.decision.reasons == (
        Reason("passed", "reviews@3 is approved; its bytes are checked as they are read", 0),
    )
    assert not decision.evidence.bytes_compared
    with pytest.raises(UsageError, match="bytes of reviews@3 were not compared"):
        summary_of(decision)


def test_what_was_not_compared_may_be_summed_up_as_refused(world: World, check: Gate) -> None:
    decision = check(fresh(world), compare=NamesOnly(), min_version=4)
    assert not decision.evidence.bytes_compared
    assert summary_of(decision).predicate["verificationResult"] == "FAILED"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"trust_pin": None},
            Reason(
                "trust-not-pinned", "no trust root is pinned here", 5, "Give it with --trust: a file, or sha256:PIN."
            ),
        ),
        (
            {"state": GateState(trust_version=2)},
            Reason("trust-rolled-back", "trust root version 1 is old: version 2 was seen here before", 5),
        ),
        (
            {"state": GateState(latest=NOW + DAY)},
            Reason(
                "clock-set-back",
                "it is 2026-05-01T12:00:00Z, but the gate passed here at 2026-05-02T12:00:00Z",
                5,
                CLOCK,
            ),
        ),
        (
            {"now": NOW - DAY - timedelta(seconds=1)},
            Reason(
                "clock-behind",
                "it is 2026-04-30T11:59:59Z, but something was signed at 2026-04-30T12:00:00Z",
                5,
                CLOCK,
            ),
        ),
        (
            {"min_version": 4},
            Reason("version-rolled-back", "version 3 is below the asked-for 4", 5, "Get the newest approved version."),
        ),
        (
            {"state": GateState({"reviews": (Passed(4),)})},
            Reason(
                "version-rolled-back",
                "version 3 is old: version 4 passed here before",
                5,
                "Get the newest approved version; if the one that passed was wrong, let a revoker revoke it.",
            ),
        ),
        (
            {"state": GateState({"reviews": (Passed(3, f"pg1:{ZERO}"),)})},
            Reason(
                "version-forked",
                "version 3 was pg1:000000000000 when it passed here before",
                6,
                "Find out which registry published it twice.",
            ),
        ),
        ({"dataset": "prices"}, Reason("dataset-differs", "the evidence is of dataset 'reviews', not 'prices'", 5)),
    ],
    ids=lambda value: value.code if isinstance(value, Reason) else "",
)
def test_a_reason_about_the_question(world: World, check: Gate, changes: dict[str, Any], reason: Reason) -> None:
    decision = check(fresh(world), **changes)
    assert said(decision, reason.code) == [reason]
    assert decision.exit_code == reason.exit_code


def test_the_clock_is_complained_of_once(world: World, check: Gate) -> None:
    decision = check(fresh(world), now=NOW - 3 * DAY)
    assert [reason.message for reason in said(decision, "clock-behind")] == [
        "it is 2026-04-28T12:00:00Z, but something was signed at 2026-04-30T12:00:00Z"
    ]


@pytest.mark.parametrize(
    ("assessment", "what"), [(Assessment.CLEAN, "0 of 1 approvers"), (Assessment.SUSPICIOUS, "0 of 2 approvers")]
)
def test_approvals_missing(world: World, check: Gate, assessment: Assessment, what: str) -> None:
    world.publish()
    world.scan(assessment=assessment)
    message = f"{what} for a version that is {assessment}"
    assert said(check(world), "approvals-missing") == [Reason("approvals-missing", message, 5, STEWARDS)]


def test_approvals_missing_for_want_of_a_scan(world: World, check: Gate) -> None:
    world.publish()
    (reason,) = said(check(world), "approvals-missing")
    assert reason.message == "0 of 2 approvers for a version that is not scanned"


def test_manifests_missing_and_ambiguous(world: World, check: Gate) -> None:
    world.scan()
    hint = "Sign the version with a publisher's key."
    assert said(check(world), "manifest-missing") == [Reason("manifest-missing", "no trusted manifest", 5, hint)]
    world.publish()
    world.publish(created=NOW - 2 * DAY)
    what = "2 manifests where one is expected"
    assert said(check(world), "manifest-ambiguous") == [Reason("manifest-ambiguous", what, 6)]


def test_statements_that_count_for_nothing(world: World, check: Gate) -> None:
    published = world.publish("ann")
    digest = published.digest[:12]
    what = f"manifest {digest} is signed by ann, but takes 1 in role publisher for 'reviews'"
    hint = "Sign with a key of that role."
    assert said(check(world), "statement-unentitled") == [Reason("statement-unentitled", what, 6, hint)]
    world.behave().revoke()
    assert said(check(world), "statement-unentitled") == [Reason("statement-unentitled", what, 0, hint)]
    world.log = []
    world.revoke("ann")
    what = f"revocations {world.log[0].digest[:12]} is signed by ann, but takes 1 in role revoker"
    assert said(check(world), "statement-unentitled") == [Reason("statement-unentitled", what, 6, hint)]


def test_keys_that_were_revoked(world: World, check: Gate) -> None:
    lost = RevokedKey(key("pub").public.keyid, NOW - DAY, "poisonguard/test", 0, "stolen", NOW - DAY)
    world.behave().revoke(keys=(lost,))
    what = f"manifest {world.log[0].digest[:12]} is signed by a key that was revoked"
    hint = "Let it be signed again, with a key that is not revoked."
    assert said(check(world), "key-revoked") == [Reason("key-revoked", what, 5, hint)]


def test_what_came_apart_and_holds_no_list(world: World, check: Gate) -> None:
    bundle = fresh(world).bundle()
    apart = replace(bundle, statements=bundle.statements[:1])
    assert said(check(world, bundle, revocations=apart), "revocations-missing") == [
        Reason(
            "revocations-missing",
            "what was delivered apart holds no trusted list of revocations",
            5,
            "`poisonguard revoke -o FILE` writes one.",
        )
    ]


def test_statements_that_are_not_in_the_log(world: World, check: Gate) -> None:
    bundle = fresh(world).bundle()
    forged = replace(bundle, statements=(replace(bundle.statements[0], proof=()), *bundle.statements[1:]))
    what = f"statement {bundle.statements[0].envelope.digest[:12]} is not proven to be in the log"
    assert said(check(world, forged), "log-inclusion") == [Reason("log-inclusion", what, 6)]


def test_the_policy_differs(world: World, check: Gate) -> None:
    world.policy = replace(world.policy, name="stricter")
    mine = check(fresh(world)).evidence.policy_digest[:12]
    decision = check(world, policy=replace(world.policy, name="laxer"))
    theirs = decision.evidence.policy_digest[:12]
    hint = "Scan and approve again under the policy that holds."
    assert said(decision, "policy-differs") == [
        Reason("policy-differs", f"the version was {what} under policy {mine}, but {theirs} holds here", 5, hint)
        for what in ("scanned", "approved")
    ]
