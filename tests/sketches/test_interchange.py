"""Signatures leave as datasketch's own, serve its index, and come back."""

import datasketch
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.errors import UsageError
from poisonguard.kernels.shingle import shingle
from poisonguard.sketches.fingerprints import KEY
from poisonguard.sketches.interchange import candidates, from_minhashes, minhashes, signed

SEED = 77
WORDS = [f"{first}{last}" for first in ("al", "be", "ga", "de", "ep") for last in ("pha", "ta", "mma", "lta")]


def texts(count: int, seed: int = 1) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 60)) for _ in range(count)]


def table_of(values: list[str], name: str = "v1") -> pa.Table:
    keys = pa.array([f"{name}/part.jsonl#{row}" for row in range(len(values))])
    return signed(keys, pa.array(values, pa.string()), seed=SEED)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(alphabet="ab 漢😀\u200b\x00", max_size=40), max_size=5), st.integers(0, 2**32 - 1))
def test_they_are_what_datasketch_makes_of_the_shingles(values: list[str], seed: int) -> None:
    column = pa.array(values, pa.string())
    table = signed(pa.array([str(row) for row in range(len(values))], pa.string()), column, seed=seed, words=2)
    found = dict(minhashes(table))
    sets = shingle(column, size=2, seed=KEY)
    assert set(found) == {str(row).encode() for row, words in enumerate(sets.words) if words >= 2}
    for key, sketch in found.items():
        row = int(key)
        oracle = datasketch.MinHash(num_perm=128, seed=seed, scheme="affine32", hashfunc=int)
        oracle.update_batch(sets.shingles[sets.offsets[row] : sets.offsets[row + 1]].tolist())
        assert (sketch.hashvalues == oracle.hashvalues).all()
        assert sketch.jaccard(oracle) == 1.0


def test_an_index_of_earlier_versions_finds_near_copies_of_new_rows() -> None:
    index = datasketch.MinHashLSH(threshold=0.5, num_perm=128)
    for key, sketch in minhashes(table_of(texts(50))):
        index.insert(key, sketch)
    changed = texts(50)[3].rsplit(" ", 2)[0] + " something new"
    new = table_of([*texts(5, seed=2), changed], "v2")
    assert dict(candidates(index, new)) == {b"v2/part.jsonl#5": [b"v1/part.jsonl#3"]}


def test_a_table_keeps_what_it_is_as_parquet_and_comes_back_from_datasketch(tmp_path: object) -> None:
    table = table_of(texts(9))
    pq.write_table(table, f"{tmp_path}/signatures.parquet")
    kept = pq.read_table(f"{tmp_path}/signatures.parquet")
    assert from_minhashes(minhashes(kept)).equals(table.combine_chunks(), check_metadata=True)


def test_what_was_made_otherwise_is_refused() -> None:
    table = table_of(texts(2))
    with pytest.raises(UsageError, match="not a table of signatures"):
        next(minhashes(table.replace_schema_metadata(None)))
    with pytest.raises(UsageError, match="affine32"):
        from_minhashes([(b"a", datasketch.MinHash(num_perm=128, scheme="affine64"))])
    with pytest.raises(UsageError, match="128 permutations"):
        from_minhashes([(b"a", datasketch.MinHash(num_perm=64, scheme="affine32"))])
    other = signed(pa.array(["x"]), pa.array(texts(1)), seed=SEED + 1)
    with pytest.raises(UsageError, match="2 seeds"):
        from_minhashes([*minhashes(table), *minhashes(other)])
    with pytest.raises(UsageError, match="32 bits"):
        signed(pa.array(["x"]), pa.array(texts(1)), seed=2**32)
