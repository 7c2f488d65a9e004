"""RFC 6962 vectors, an independent naive implementation, and mutations that must not verify."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.domain import merkle

# The Certificate Transparency reference tree (RFC 6962 test vectors of google/certificate-transparency).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(data: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    split = 1
    while split * 2 < len(data):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(data[:split]) + naive_root(data[split:])).digest()


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def flip(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")


def test_the_empty_tree_has_the_root_of_the_standard() -> None:
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root([]).hex() == expected
    assert merkle.Frontier().root().hex() == expected


@pytest.mark.parametrize("size", range(1, 9))
def test_certificate_transparency_roots(size: int) -> None:
    leaves = [merkle.leaf_hash(data) for data in CT_LEAVES[:size]]
    assert merkle.root(leaves).hex() == CT_ROOTS[size - 1]


def test_certificate_transparency_inclusion_proof() -> None:
    leaves = [merkle.leaf_hash(data) for data in CT_LEAVES]
    assert [item.hex() for item in merkle.inclusion_proof(leaves, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_root_and_frontier_agree_with_the_naive_definition(data: list[bytes]) -> None:
    leaves = [merkle.leaf_hash(item) for item in data]
    frontier = merkle.Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    assert merkle.root(iter(leaves)) == frontier.root() == naive_root(data)
    assert frontier.size == len(data)


def test_every_leaf_of_every_small_tree_is_proven_included() -> None:
    for size in range(1, 34):
        leaves = hashes(size)
        top = merkle.root(leaves)
        for index in range(size):
            proof = merkle.inclusion_proof(leaves, index)
            assert merkle.verify_inclusion(leaves[index], index, size, proof, top)


def test_every_small_prefix_is_proven_consistent() -> None:
    for size in range(1, 34):
        leaves = hashes(size)
        new = merkle.root(leaves)
        for old_size in range(1, size + 1):
            old = merkle.root(leaves[:old_size])
            assert merkle.verify_consistency(old_size, size, merkle.consistency_proof(leaves, old_size), old, new)


@given(st.integers(2, 40), st.data())
def test_no_bit_of_an_inclusion_proof_can_be_changed(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    top = merkle.root(leaves)
    parts = [leaves[index], top, *merkle.inclusion_proof(leaves, index)]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = flip(parts[place], bit)
    assert not merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@given(st.integers(2, 40), st.data())
def test_an_inclusion_proof_holds_for_its_own_index_and_length_only(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size + 1).filter(lambda value: value != index))
    top, proof = merkle.root(leaves), merkle.inclusion_proof(leaves, index)
    assert not merkle.verify_inclusion(leaves[index], other, size, proof, top)
    assert not merkle.verify_inclusion(leaves[index], index, size, proof[:-1], top)
    assert not merkle.verify_inclusion(leaves[index], index, size, (*proof, top), top)


@given(st.integers(2, 40), st.data())
def test_no_bit_of_a_consistency_proof_can_be_changed(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    old_size = data.draw(st.integers(1, size - 1))
    parts = [merkle.root(leaves[:old_size]), merkle.root(leaves), *merkle.consistency_proof(leaves, old_size)]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = flip(parts[place], bit)
    assert not merkle.verify_consistency(old_size, size, parts[2:], parts[0], parts[1])


@given(st.integers(2, 40), st.data())
def test_a_consistency_proof_has_no_hash_too_few_or_too_many(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    old_size = data.draw(st.integers(1, size - 1))
    old, new, proof = (
        merkle.root(leaves[:old_size]),
        merkle.root(leaves),
        merkle.consistency_proof(leaves, old_size),
    )
    assert not merkle.verify_consistency(old_size, size, proof[:-1], old, new)
    assert not merkle.verify_consistency(old_size, size, (*proof, new), old, new)


@pytest.mark.parametrize("size", range(1, 18))
def test_a_proof_with_a_hash_too_many_does_not_lead_to_a_root_made_for_it(size: int) -> None:
    """Whoever chooses the root as well cannot make a longer proof hold: the tree's size says how long it is."""
    leaves, more = hashes(size), merkle.leaf_hash(b"more")
    top = merkle.root(leaves)
    for index in range(size):
        proof = (*merkle.inclusion_proof(leaves, index), more)
        for made in (merkle.node_hash(more, top), merkle.node_hash(top, more)):
            assert merkle.verify_inclusion(leaves[index], index, size, proof, made) is False
    for old_size in range(1, size):
        longer = (*merkle.consistency_proof(leaves, old_size), more)
        old = merkle.root(leaves[:old_size])
        for made in (merkle.node_hash(more, top), merkle.node_hash(top, more)):
            for old_made in (old, merkle.node_hash(more, old), merkle.node_hash(old, more)):
                assert merkle.verify_consistency(old_size, size, longer, old_made, made) is False


def test_equal_sizes_are_consistent_only_when_the_roots_are_equal() -> None:
    leaves = hashes(5)
    top = merkle.root(leaves)
    assert merkle.verify_consistency(5, 5, (), top, top)
    assert not merkle.verify_consistency(5, 5, (), top, merkle.EMPTY_ROOT)
    assert not merkle.verify_consistency(5, 5, (merkle.EMPTY_ROOT,), top, top)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5), (0, 0), (-1, -1), (-4, 5), (5, 0)])
def test_impossible_sizes_are_not_consistent(old: int, new: int) -> None:
    top = merkle.root(hashes(5))
    for proof in ((), (top,), (top, top), (top,) * 3):
        assert merkle.verify_consistency(old, new, proof, top, top) is False
        assert merkle.verify_consistency(old, new, proof, merkle.EMPTY_ROOT, top) is False


def test_nothing_is_included_in_the_empty_tree() -> None:
    leaf = merkle.leaf_hash(b"x")
    assert not merkle.verify_inclusion(leaf, 0, 0, (), merkle.EMPTY_ROOT)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_for_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(hashes(3), index)


@pytest.mark.parametrize("old_size", [0, 4])
def test_no_proof_for_a_prefix_that_is_not_there(old_size: int) -> None:
    with pytest.raises(ValueError, match="no tree of"):
        merkle.consistency_proof(hashes(3), old_size)


@pytest.mark.parametrize("wrong", [b"data", b"", b"x" * 31, b"x" * 33])
def test_data_in_place_of_a_hash_is_refused(wrong: bytes) -> None:
    one = merkle.leaf_hash(b"1")
    for leaves in ([wrong], [one, wrong], [wrong, one]):
        with pytest.raises(ValueError, match="32-byte"):
            merkle.root(leaves)
    for frontier in (merkle.Frontier(), merkle.Frontier().append(one)):
        with pytest.raises(ValueError, match="32-byte"):
            frontier.append(wrong)
    with pytest.raises(ValueError, match="32-byte"):
        merkle.Frontier(1, (wrong,))
    assert merkle.verify_inclusion(wrong, 0, 1, (), wrong) is False
    assert merkle.verify_consistency(1, 1, (), wrong, wrong) is False


def test_what_does_not_hold_is_false_and_not_nothing() -> None:
    one, top = merkle.leaf_hash(b"1"), merkle.root(hashes(5))
    assert merkle.verify_inclusion(one, 5, 5, (), top) is False
    assert merkle.verify_inclusion(one, 0, 1, (top,), one) is False
    assert merkle.verify_consistency(0, 5, (top,), top, top) is False
    assert merkle.verify_consistency(3, 5, (), top, top) is False
    assert merkle.verify_consistency(4, 5, (), top, top) is False


@pytest.mark.parametrize(("size", "peaks"), [(-1, 0), (-1, 1), (-3, 2), (1, 0), (2, 2), (0, 1)])
def test_a_frontier_has_one_peak_for_each_bit_of_its_size(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="peaks"):
        merkle.Frontier(size, (merkle.EMPTY_ROOT,) * peaks)
