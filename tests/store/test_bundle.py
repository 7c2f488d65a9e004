"""Bundles: round trip, strictness, limits, and bits that are flipped."""

import json
from dataclasses import replace
from typing import Any

import pytest
from evidence_world import World, inventory_of, pinned
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import NOW

from poisonguard.attest import listing
from poisonguard.attest.canonical import canonical
from poisonguard.attest.listing import MAX_LEAVES, MAX_LINES, HeldShards
from poisonguard.attest.shardfile import HeldBytes
from poisonguard.domain import merkle
from poisonguard.domain.dataset import CHUNK, LEAF, FileEntry, chunk_count
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
    assert json.loads(HEAD)["mediaType"] == "application/vnd.poisonguard.bundle.v1+json"


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
        {"statements": [STATEMENT | {"index": 8}, STATEMENT | {"index": 1}]},
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


def test_as_many_as_the_rules_allow_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (bundles.MAX_ROOTS, bundles.MAX_STATEMENTS, bundles.MAX_PROOF) == (1024, 10_000, 64)
    (root,) = json.loads(HEAD)["trustRoots"]
    monkeypatch.setattr(bundles, "MAX_ROOTS", 2)
    monkeypatch.setattr(bundles, "MAX_STATEMENTS", 3)
    assert len(load(altered(trustRoots=[root, root])).trust_roots) == 2
    with pytest.raises(IntegrityError, match="3 trust roots, not 1 to 2"):
        load(altered(trustRoots=[root] * 3))


@pytest.mark.parametrize(("length", "refused"), [(64, False), (65, True)])
def test_a_proof_is_at_most_64_hashes(length: int, refused: bool) -> None:  # noqa: FBT001 - one of two cases
    long = STATEMENT | {"proof": STATEMENT["proof"][:1] * length}
    if refused:
        with pytest.raises(IntegrityError, match="a proof that is too long"):
            load(altered(statements=[long]))
    else:
        assert len(load(altered(statements=[long])).statements[0].proof) == length


@pytest.mark.parametrize(("member", "most"), [("lines", MAX_LINES), ("leaves", MAX_LEAVES)])
def test_a_shard_is_at_most_as_large_as_a_part_of_a_listing(member: str, most: int) -> None:
    for size in (most, most + 1):
        shard = SHARD | {"lines": 0, "leaves": 0, member: size}
        head = canonical(json.loads(HEAD) | {"shards": [shard]}) + b"\n"
        if size > most:
            with pytest.raises(IntegrityError, match="larger than a part of a listing"):
                bundles.load_span(HeldBytes(head), len(head) + size)
        else:
            bundles.load_span(HeldBytes(head), len(head) + size)


def test_every_shard_is_found_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SHARD_FILES", 4)
    files = [FileEntry(f"f{index:03}", index * CHUNK, "0" * 64, "0" * 64, "bin", 0, ()) for index in range(18)]
    shards = tuple(inventory_of((item, bytes(LEAF * chunk_count(item.size))) for item in files).files.shards())
    assert len(shards) == 5
    assert all(shard.leaves for shard in shards)
    found = load(dump(replace(BUNDLE, shards=HeldShards(shards))))
    assert tuple(found.shards.load(index) for index in range(5)) == shards


class Watched:
    """Bytes that know how far they were read."""

    furthest = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.furthest = max(self.furthest, offset + size)
        return DATA[offset : offset + size]


@pytest.mark.parametrize("block", [1, 7, len(HEAD), len(HEAD) + 1])
def test_a_head_is_read_block_by_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(bundles, "BLOCK", block)
    monkeypatch.setattr(bundles, "MAX_BYTES", len(HEAD))
    assert replace(load(DATA), shards=BUNDLE.shards) == BUNDLE


def test_a_list_of_revocations_travels_without_any_shard() -> None:
    alone = Bundle(BUNDLE.trust_roots, BUNDLE.checkpoint, BUNDLE.statements)
    assert load(dump(alone)).shards.roots == ()


def test_not_more_than_a_block_is_read_at_once() -> None:
    span = Watched()
    bundles.load_span(span, len(DATA))
    assert span.furthest == 1 << 20


def test_a_head_that_is_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "BLOCK", 1)
    monkeypatch.setattr(bundles, "MAX_BYTES", len(HEAD) - 1)
    span = Watched()
    with pytest.raises(IntegrityError, match="has no head"):
        bundles.load_span(span, len(DATA))
    assert span.furthest == len(HEAD), "one more than it may be long"
    monkeypatch.setattr(bundles, "BLOCK", len(DATA))
    with pytest.raises(IntegrityError, match="bundle is larger than"):
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
