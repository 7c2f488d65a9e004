"""What the gate remembers: a floor that revocations lower, facts that no refusal forgets, a file of two kinds."""

from dataclasses import replace
from datetime import datetime

import pytest
from evidence_world import ZERO
from hypothesis import given
from hypothesis import strategies as st
from simulator import DAY, NOW

from poisonguard.attest.revocations_v1 import RevocationsDocument, RevokedVersion
from poisonguard.domain.decision import Reason
from poisonguard.errors import IntegrityError
from poisonguard.workflow.gate_decision import GateDecision, GateEvidence, RevocationEvidence
from poisonguard.workflow.gate_memory import MOST, GateState, Passed

LIST = RevocationEvidence(ZERO, ("rita",), 7, NOW, NOW + DAY)


def named(number: int) -> str:
    return f"pg1:{number:064x}"


def decision(number: int = 3, *against: Reason, dataset: str = "reviews", now: datetime = NOW) -> GateDecision:
    evidence = GateEvidence(
        location="data",
        checked=now,
        purpose="training",
        policy="default",
        policy_digest=ZERO,
        trust_version=2,
        revocations=LIST,
        dataset=dataset,
        number=number,
        version=named(number),
        bytes_compared=True,
    )
    return GateDecision.of(against, evidence)


def revoked(*numbers: int, dataset: str = "reviews") -> RevocationsDocument:
    versions = tuple(RevokedVersion(dataset, number, named(number), "bad", NOW) for number in numbers)
    return RevocationsDocument(number=1, created=NOW, expires=NOW + DAY, versions=versions)


def after(*numbers: int) -> GateState:
    state = GateState()
    for number in numbers:
        state = state.after(decision(number))
    return state


REFUSED = Reason("version-revoked", "bad", 5)


def test_what_passed_is_the_floor_rule_1() -> None:
    state = after(3, 5, 4)
    assert (state.floor("reviews", None), state.floor("prices", None)) == (5, 0)
    assert state.numbers == {"reviews": 5}


def test_a_revoked_version_gives_the_floor_back_rule_1() -> None:
    state = after(3, 5)
    assert state.floor("reviews", revoked(5)) == 3
    assert state.floor("reviews", revoked(3, 5)) == 0
    assert state.floor("reviews", revoked(5, dataset="prices")) == 5


def test_the_newest_are_kept_and_the_lowest_of_a_full_memory_is_a_floor_rule_2() -> None:
    assert MOST == 64
    state = after(*range(1, MOST + 3))
    assert [item.number for item in state.passed["reviews"]] == list(range(3, MOST + 3))
    assert state.floor("reviews", revoked(*range(3, MOST + 3))) == 3
    assert state.floor("reviews", revoked(MOST + 2)) == MOST + 1


def test_a_number_stands_for_one_version_rule_3() -> None:
    state = after(3)
    assert state.other_version("reviews", 3, named(3)) is None
    assert state.other_version("reviews", 3, named(9)) == named(3)
    assert state.other_version("reviews", 4, named(9)) is None
    assert state.other_version("prices", 3, named(9)) is None


def test_a_refusal_remembers_what_is_authentic_and_nothing_that_passed_rule_4() -> None:
    state = GateState().after(decision(3, REFUSED))
    assert state == GateState(trust_version=2, revocations=7)
    assert replace(state, trust_version=9, revocations=9).after(decision(3, REFUSED)).revocations == 9


@pytest.mark.parametrize("missing", [{"dataset": None}, {"version": None}, {"revocations": None}])
def test_what_the_gate_could_not_establish_is_not_remembered_rule_4(missing: dict[str, None]) -> None:
    made = decision()
    state = GateState().after(replace(made, evidence=replace(made.evidence, **missing)))  # type: ignore[arg-type]  # all optional
    assert state.passed == ({} if "revocations" not in missing else {"reviews": (Passed(3, named(3)),)})
    assert state.revocations == (0 if "revocations" in missing else 7)


def test_a_pass_on_names_alone_is_no_version_that_passed_rule_5() -> None:
    made = decision(9)
    names_only = replace(made, evidence=replace(made.evidence, bytes_compared=False))
    assert names_only.passed
    assert GateState().after(names_only) == GateState(latest=NOW, trust_version=2, revocations=7)
    assert after(3).after(names_only).passed == after(3).passed


def test_the_clock_is_remembered_when_it_passed() -> None:
    state = GateState().after(decision(now=NOW)).after(decision(now=NOW - DAY))
    assert state.latest == NOW


def test_a_state_of_the_first_kind_is_read_rule_6() -> None:
    data = (
        b'{"kind":"poisonguard-gate-state/v1","latest":"2026-05-01T12:00:00Z",'
        b'"seen":[{"dataset":"reviews","number":4}],"trustVersion":2}'
    )
    state = GateState.from_bytes(data)
    assert state == GateState({"reviews": (Passed(4),)}, NOW, 2)
    assert state.floor("reviews", None) == 4
    assert state.floor("reviews", revoked(4)) == 0
    assert state.other_version("reviews", 4, named(4)) is None
    assert state.after(decision(4)).passed == {"reviews": (Passed(4, named(4)),)}


states = st.builds(
    GateState,
    passed=st.dictionaries(
        st.sampled_from(("reviews", "prices")),
        st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(
            lambda numbers: tuple(Passed(number, named(number)) for number in sorted(numbers))
        ),
    ),
    latest=st.sampled_from((None, NOW)),
    trust_version=st.integers(0, 9),
    revocations=st.integers(0, 9),
)


@given(states)
def test_a_state_comes_back(state: GateState) -> None:
    assert GateState.from_bytes(state.to_bytes()) == state


def test_a_version_of_which_only_the_number_is_known_comes_back() -> None:
    state = GateState({"reviews": (Passed(4),)})
    assert GateState.from_bytes(state.to_bytes()) == state


def test_versions_are_read_in_any_order() -> None:
    state = GateState({"a": (Passed(1, named(1)), Passed(2, named(2)))})
    lines = [b'{"dataset":"a","number":%d,"version":"%s"}' % (number, named(number).encode()) for number in (1, 2)]
    shuffled = state.to_bytes().replace(b",".join(lines), b",".join(reversed(lines)))
    assert shuffled != state.to_bytes()
    assert GateState.from_bytes(shuffled) == state


@given(states, st.integers(1, 9), st.booleans())
def test_nothing_that_was_seen_is_unseen(state: GateState, number: int, passes: bool) -> None:  # noqa: FBT001 - drawn
    later = state.after(decision(number, *([] if passes else [REFUSED])))
    assert later.floor("reviews", None) >= state.floor("reviews", None)
    assert later.trust_version >= state.trust_version
    assert later.revocations >= state.revocations
    assert (later.latest or NOW) >= (state.latest or NOW)


def test_equal_memories_are_equal_bytes() -> None:
    one, two = GateState({"a": (Passed(1),), "b": (Passed(2),)}), GateState({"b": (Passed(2),), "a": (Passed(1),)})
    assert one.to_bytes() == two.to_bytes()


GOOD = b'{"kind":"poisonguard-gate-state/v2","latest":null,"passed":[],"revocations":0,"trustVersion":0}'
ONE = b'{"dataset":"a","number":1,"version":""}'
FIRST = b'{"kind":"poisonguard-gate-state/v1","latest":null,"seen":[{"dataset":"a","number":1}],"trustVersion":0}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        GOOD.replace(b"v2", b"v3"),
        GOOD.replace(b"null", b'"now"'),
        GOOD.replace(b"}", b',"unknown":1}'),
        GOOD.replace(b'"revocations":0,', b""),
        GOOD.replace(b'"trustVersion":0', b'"trustVersion":-1'),
        GOOD.replace(b"[]", b"[" + ONE.replace(b":1", b":0") + b"]"),
        GOOD.replace(b"[]", b"[" + ONE.replace(b'""', b'"pg1:x"') + b"]"),
        GOOD.replace(b"[]", b"[" + ONE + b"," + ONE + b"]"),
        GOOD.replace(b"[]", b"[" + ONE.replace(b"}", b',"when":1}') + b"]"),
        FIRST.replace(b":1}", b":0}"),
        FIRST.replace(b":1}", b':1,"version":""}'),
        FIRST.replace(b'"seen"', b'"revocations":0,"seen"'),
    ],
)
def test_a_damaged_state_is_refused(data: bytes) -> None:
    assert GateState.from_bytes(GOOD) == GateState()
    assert GateState.from_bytes(FIRST) == GateState({"a": (Passed(1),)})
    with pytest.raises(IntegrityError):
        GateState.from_bytes(data)
