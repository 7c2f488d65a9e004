"""datasketch is the oracle: every signature is its signature, bit for bit."""

import datasketch
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.minhash import EMPTY, PERMUTATIONS, permutations, signatures
from poisonguard.kernels.shingle import shingle

hashes = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1])
seeds = st.integers(0, 2**32 - 1)


def oracle(members: list[int], seed: int) -> np.ndarray:
    sketch = datasketch.MinHash(num_perm=PERMUTATIONS, seed=seed, scheme="affine32", hashfunc=int)
    for member in members:
        sketch.update(member)
    return sketch.hashvalues


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(hashes, max_size=12, unique=True), max_size=4), seeds)
def test_bit_identical_to_datasketch(sets: list[list[int]], seed: int) -> None:
    offsets = np.concatenate([[0], np.cumsum([len(members) for members in sets])]).astype(np.int64)
    flat = np.array([member for members in sets for member in members], dtype=np.uint32)
    result = signatures(flat, offsets, seed)
    assert result.dtype == np.uint32
    assert result.shape == (len(sets), PERMUTATIONS)
    for members, signature in zip(sets, result, strict=True):
        assert (signature == oracle(members, seed)).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        "日本語の文章はここにあります。",
        "😀😃 👩\u200d💻 done",
        "a\x00b\x07c\u2028d",
        "The end of the day " * 9,
    ],
)
def test_whole_way_from_text(text: str) -> None:
    sets = shingle(pa.array([text]), size=5, seed=3)
    assert (signatures(sets.shingles, sets.offsets, 5)[0] == oracle(sets.shingles.tolist(), 5)).all()


@given(seeds)
def test_permutations_are_datasketchs(seed: int) -> None:
    theirs = datasketch.MinHash(num_perm=PERMUTATIONS, seed=seed, scheme="affine32").permutations
    ours = permutations(seed)
    assert (ours[0] == theirs[0]).all()
    assert (ours[1] == theirs[1]).all()
    assert (ours[0] % 2 == 1).all()


def test_the_empty_set() -> None:
    assert (signatures(np.empty(0, np.uint32), np.zeros(2, np.int64), 1) == EMPTY).all()
