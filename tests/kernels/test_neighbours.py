"""Clusters against the exhaustive comparison of all pairs of sets."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels import neighbours
from poisonguard.kernels.mapped import mapped_zeros
from poisonguard.kernels.minhash import signatures
from poisonguard.kernels.neighbours import Documents, cluster
from poisonguard.kernels.prints import Prints, Sets
from poisonguard.kernels.run import ResultT, TaskT

THRESHOLD = 0.8
SEED = 5


def documents_of(sets: list[list[int]], cuts: tuple[int, ...] = ()) -> Documents:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(sets)}), len(sets)]
    return Documents([chunk_of(sets[start:stop]) for start, stop in itertools.pairwise(edges)])


def chunk_of(sets: list[list[int]]) -> Sets:
    offsets = np.concatenate([[0], np.cumsum([len(members) for members in sets])]).astype(np.int64)
    flat = np.array([member for members in sets for member in members], dtype=np.uint32)
    return Sets(offsets, flat)


def exhaustive(sets: list[list[int]], threshold: float) -> list[int]:
    labels = list(range(len(sets)))
    pairs = [
        (left, right)
        for left, right in itertools.combinations(range(len(sets)), 2)
        if sets[left] and sets[right] and jaccard(sets[left], sets[right]) >= threshold
    ]
    for _ in sets:
        for left, right in pairs:
            labels[left] = labels[right] = min(labels[left], labels[right])
    return labels


def jaccard(left: list[int], right: list[int]) -> float:
    return len(set(left) & set(right)) / len(set(left) | set(right))


def variants(random: np.random.Generator, families: int, size: int, copies: int, edits: int) -> list[list[int]]:
    """Families of sets that differ in a few members, in random order."""
    made = []
    for _ in range(families):
        base = random.integers(0, 2**32, size).tolist()
        for _ in range(copies):
            copy = list(base)
            for place in random.integers(0, size, int(random.integers(0, edits + 1))).tolist():
                copy[place] = int(random.integers(0, 2**32))
            made.append(list(dict.fromkeys(copy)))
    return [made[place] for place in random.permutation(len(made)).tolist()]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(0, 14), st.lists(st.integers(0, 60), max_size=3))
def test_clusters_are_those_of_the_exhaustive_comparison(seed: int, edits: int, cuts: list[int]) -> None:
    sets = [*variants(np.random.default_rng(seed), 12, 60, 5, edits), [], []]
    found = cluster(documents_of(sets, tuple(cuts)), threshold=THRESHOLD, seed=SEED)
    truth = exhaustive(sets, THRESHOLD)
    # Nothing is joined that should not be; a pair right at the threshold may be missed once in 20 000.
    assert all(truth[left] == truth[right] for left, right in enumerate(found.labels.tolist()))
    assert sum(one != other for one, other in zip(found.labels.tolist(), truth, strict=True)) <= 1
    assert found.bounded == 0


def test_recall_over_many_pairs() -> None:
    sets = variants(np.random.default_rng(3), 300, 100, 2, 10)
    truth = np.array(exhaustive(sets, THRESHOLD))
    found = cluster(documents_of(sets), threshold=THRESHOLD, seed=SEED).labels
    assert (truth != np.arange(600)).sum() > 200
    assert (found == truth).mean() >= 0.998


def test_a_pair_exactly_at_the_threshold_counts() -> None:
    base = list(range(1, 11))
    documents = documents_of([base[:9], base[1:]] * 2)
    assert cluster(documents, threshold=0.8, seed=SEED).labels.tolist() == [0, 0, 0, 0]


def test_ineligible_and_empty_documents_stay_alone() -> None:
    sets = [[1, 2, 3], [1, 2, 3], [1, 2, 3], [], []]
    eligible = np.array([True, False, True, True, True])
    assert cluster(documents_of(sets), threshold=0.8, seed=SEED, eligible=eligible).labels.tolist() == [0, 1, 0, 3, 4]


@pytest.fixture
def forged(monkeypatch: pytest.MonkeyPatch) -> None:
    """All signatures are the same, as an attacker would like them."""

    def same(self: Documents, nodes: np.ndarray, *_: object) -> Prints:
        return Prints(np.zeros((25, nodes.size), np.uint64), np.zeros(nodes.size * 128, np.uint8))

    monkeypatch.setattr(Documents, "printed", same)


@pytest.mark.usefixtures("forged")
def test_equal_signatures_of_different_sets_are_told_apart() -> None:
    """Signatures are an estimate: forged ones must not join anything."""
    sets = [list(range(start, start + 40)) for start in (0, 1000, 2000)]
    assert cluster(documents_of(sets), threshold=0.5, seed=SEED).labels.tolist() == [0, 1, 2]


@pytest.mark.usefixtures("forged")
def test_large_buckets_are_bounded_and_still_find_their_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty families in one bucket, as an attacker would forge it, compared with representatives."""
    monkeypatch.setattr(neighbours, "BUCKET_LIMIT", 100)
    monkeypatch.setattr(neighbours, "BATCH_WORDS", 500)
    sets = variants(np.random.default_rng(4), 80, 50, 3, 2)
    found = cluster(documents_of(sets), threshold=0.8, seed=SEED)
    truth = exhaustive(sets, 0.8)
    assert found.bounded >= 80
    assert all(truth[row] == truth[label] for row, label in enumerate(found.labels.tolist()))
    assert len(set(found.labels.tolist())) <= 90


def test_memory_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = documents_of(variants(np.random.default_rng(5), 30, 60, 4, 6), cuts=(7, 50, 90))
    whole = cluster(documents, threshold=0.7, seed=SEED).labels
    monkeypatch.setattr(neighbours, "BATCH_WORDS", 1)
    assert (cluster(documents, threshold=0.7, seed=SEED).labels == whole).all()


def test_a_flood_of_copies_costs_one_document() -> None:
    flood = [list(range(50))] * 20_000
    found = cluster(documents_of(flood), threshold=0.8, seed=SEED)
    assert (found.labels == 0).all()
    assert found.bounded == 0


def on_threads(function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], /) -> Iterator[ResultT]:
    with ThreadPoolExecutor(4) as pool:
        yield from pool.map(function, tasks)


@pytest.mark.parametrize("limit", [2048, 70])
def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Also where large buckets are compared with representatives: what those are follows from the data alone."""
    monkeypatch.setattr(neighbours, "BUCKET_LIMIT", limit)
    monkeypatch.setattr(neighbours, "BATCH_WORDS", 2_000)
    monkeypatch.setattr(neighbours, "PRINTED", 64)
    random = np.random.default_rng(6)
    base = random.integers(0, 2**32, 40).tolist()
    kinds = [base, base[:26], base[:24]]
    crowd = [[*kinds[place % 3], int(extra)] for place, extra in enumerate(random.integers(0, 2**32, 300))]
    sets = [*variants(random, 60, 50, 6, 9), *crowd]
    documents = documents_of(sets, cuts=(33, 200, 301))
    alone = cluster(documents, threshold=0.8, seed=SEED)
    assert (alone.bounded > 0) == (limit == 70)
    for _ in range(5):
        beside = cluster(documents, threshold=0.8, seed=SEED, run=on_threads)
        assert (beside.labels == alone.labels).all()
        assert beside.bounded == alone.bounded


def test_many_prints_go_to_a_file_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = documents_of(variants(np.random.default_rng(7), 40, 60, 4, 8), cuts=(7, 50, 90))
    held = cluster(documents, threshold=0.8, seed=SEED)
    made: list[Path] = []

    def remembered(path: Path, dtype: npt.DTypeLike, rows: int) -> npt.NDArray[Any]:
        made.append(path)
        return mapped_zeros(path, dtype, rows)

    monkeypatch.setattr(neighbours, "HELD", 0)
    monkeypatch.setattr(neighbours, "mapped_zeros", remembered)
    assert (cluster(documents, threshold=0.8, seed=SEED).labels == held.labels).all()
    assert len(made) == 6
    assert not any(path.exists() for path in made)


def test_a_pair_made_for_one_seed_is_found_by_others() -> None:
    """Who knows the seed can vary a text until no band agrees with it: therefore the seed comes after the texts."""
    random, base = np.random.default_rng(8), list(range(1_000, 1_100))
    sketch = signatures(np.array(base, np.uint32), np.array([0, 100]), SEED)[0]
    # The members that decide a band; one in each band is exchanged, until 11 exchanges have changed all bands they can.
    finalized = signatures(np.array(base, np.uint32), np.arange(101), SEED)
    deciding = [
        set(np.flatnonzero((finalized[:, band : band + 5] == sketch[band : band + 5]).any(axis=1)).tolist())
        for band in range(0, 125, 5)
    ]
    made, open_bands = list(base), list(deciding)
    for _ in range(11):
        best = max(range(100), key=lambda member: sum(member in band for band in open_bands))
        made[best] = int(random.integers(0, 2**31))
        open_bands = [band for band in open_bands if best not in band]
    assert not open_bands
    assert jaccard(base, made) >= 0.8
    assert cluster(documents_of([base, made]), threshold=0.8, seed=SEED).labels.tolist() == [0, 1]
    others = [cluster(documents_of([base, made]), threshold=0.8, seed=seed).labels.tolist() for seed in range(50, 80)]
    assert others.count([0, 0]) >= 29


def test_no_documents() -> None:
    assert cluster(Documents([]), threshold=0.8, seed=SEED).labels.shape == (0,)
    assert cluster(documents_of([[], []]), threshold=0.8, seed=SEED).labels.tolist() == [0, 1]
