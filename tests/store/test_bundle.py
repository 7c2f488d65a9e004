"""Bundles: round trip, strictness, limits, and bits that are flipped."""

import json
from dataclasses import replace
from typing import Any

import pytest
from evidence_world import NOW, World, pinned
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.canonical import canonical
from poisonguard.attest.shardfile import HeldBytes
from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError
from poisonguard.store import bundle as bundles
from poisonguard.store.bundle import Bundle, dump, load, logged
from poisonguard.workflow.gate import gate

WORLD = World().behave()
BUNDLE = WORLD.bundle()
DATA = dump(BUNDLE)
PIN = pinned(BUNDLE)


HEAD, TAIL = DATA.split(b"\n", 1)
SHARD = json.loads(HEAD)["shards"][0]


def altered(**members: Any) -> bytes:
    return canonical(json.loads(HEAD) | members) + b"\n" + TAIL


def test_a_bundle_comes_back() -> None:
    found = load(DATA)
    assert replace(found, shards=BUNDLE.shards) == BUNDLE
    assert [found.shards.load(0)] == [BUNDLE.shards.load(0)]
    assert dump(found) == DATA


def test_a_stored_envelope_becomes_a_logged_statement() -> None:
    first = BUNDLE.statements[0]
    assert logged(first.envelope.to_bytes(), 0, list(first.proof)) == first


def test_proofs_are_of_the_stored_bytes() -> None:
    leaves = [merkle.leaf_hash(item.envelope.to_bytes()) for item in BUNDLE.statements]
    root = merkle.root(leaves)
    assert all(item.is_in(len(leaves), root) for item in BUNDLE.statements)
    assert not replace(BUNDLE.statements[0], index=1).is_in(len(leaves), root)


STATEMENT = json.loads(HEAD)["statements"][0]


@pytest.mark.parametrize(
    "members",
    [
        {"extra": 1},
        {"mediaType": "application/json"},
        {"trustRoots": []},
        {"trustRoots": {}},
        {"trustRoots": [STATEMENT["envelope"]]},
        {"trustRoots": json.loads(HEAD)["trustRoots"] * 1025},
        {"checkpoint": ""},
        {"checkpoint": 1},
        {"statements": []},
        {"statements": [STATEMENT, STATEMENT]},
        {"statements": json.loads(HEAD)["statements"][::-1]},
        {"statements": [STATEMENT | {"index": -1}]},
        {"statements": [STATEMENT | {"index": True}]},
        {"statements": [STATEMENT | {"extra": 1}]},
        {"statements": [STATEMENT | {"proof": ["YQ=="]}]},
        {"statements": [STATEMENT | {"proof": [1]}]},
        {"statements": [STATEMENT | {"proof": STATEMENT["proof"] * 40}]},
        {"statements": [STATEMENT | {"envelope": []}]},
        {"shards": []},
        {"shards": [SHARD, SHARD]},
        {"shards": [SHARD | {"lines": SHARD["lines"] + 1}]},
        {"shards": [SHARD | {"lines": -1}]},
        {"shards": [SHARD | {"lines": 2**40}]},
        {"shards": [SHARD | {"leaves": 2**40}]},
        {"shards": [SHARD | {"root": "00"}]},
        {"shards": [SHARD | {"extra": 1}]},
    ],
)
def test_malformed_bundles_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        load(altered(**members))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"PK\x03\x04", DATA[:-1], DATA + b"\n", b"[" * 10**6])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        load(data)


def test_the_number_of_statements_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_STATEMENTS", 2)
    with pytest.raises(IntegrityError, match="3 statements, not 1 to 2"):
        load(DATA)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(IntegrityError, match="not UTF-8"):
        dump(replace(BUNDLE, checkpoint=b"\xff"))
    with pytest.raises(IntegrityError):
        dump(replace(BUNDLE, trust_roots=(b"{}",)))


def passes(bundle: Bundle) -> bool:
    decision = gate("/nowhere", bundle, trust_pin=PIN, policy=WORLD.policy, now=NOW)
    return {reason.code for reason in decision.decision.reasons if reason.exit_code} == {"bytes-differ"}


def test_the_bundle_passes_all_but_the_bytes_as_it_is() -> None:
    assert passes(load(DATA))


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_no_flipped_bit_passes(data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(DATA) - 1)), data.draw(st.integers(0, 7))
    mutated = bytearray(DATA)
    mutated[place] ^= 1 << bit
    try:
        bundle = load(bytes(mutated))
    except IntegrityError:
        return
    assert not passes(bundle)


def test_a_file_that_is_shorter_than_it_was_is_refused() -> None:
    with pytest.raises(IntegrityError, match="has no head"):
        bundles.load_span(HeldBytes(HEAD), len(DATA))
