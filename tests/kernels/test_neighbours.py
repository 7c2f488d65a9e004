"""Clusters against the exhaustive comparison of all pairs of sets."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels import neighbours
from poisonguard.kernels.minhash import signatures
from poisonguard.kernels.neighbours import Documents, cluster
from poisonguard.kernels.verify import Sets

THRESHOLD = 0.8


def documents_of(sets: list[list[int]], cuts: tuple[int, ...] = (), seed: int = 1) -> Documents:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(sets)}), len(sets)]
    return Documents([chunk_of(sets[start:stop], seed) for start, stop in itertools.pairwise(edges)])


def chunk_of(sets: list[list[int]], seed: int) -> Sets:
    offsets = np.concatenate([[0], np.cumsum([len(members) for members in sets])]).astype(np.int64)
    flat = np.array([member for members in sets for member in members], dtype=np.uint32)
    return Sets(signatures(flat, offsets, seed), offsets, flat)


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
    found = cluster(documents_of(sets, tuple(cuts)), threshold=THRESHOLD)
    truth = exhaustive(sets, THRESHOLD)
    # Nothing is joined that should not be; a pair right at the threshold may be missed once in 20 000.
    assert all(truth[left] == truth[right] for left, right in enumerate(found.labels.tolist()))
    assert sum(one != other for one, other in zip(found.labels.tolist(), truth, strict=True)) <= 1
    assert found.bounded == 0


def test_recall_over_many_pairs() -> None:
    sets = variants(np.random.default_rng(3), 300, 100, 2, 10)
    truth = np.array(exhaustive(sets, THRESHOLD))
    found = cluster(documents_of(sets), threshold=THRESHOLD).labels
    assert (truth != np.arange(600)).sum() > 200
    assert (found == truth).mean() >= 0.998


def test_a_pair_exactly_at_the_threshold_counts() -> None:
    base = list(range(1, 11))
    documents = documents_of([base[:9], base[1:]] * 2)
    assert cluster(documents, threshold=0.8).labels.tolist() == [0, 0, 0, 0]


def test_ineligible_and_empty_documents_stay_alone() -> None:
    sets = [[1, 2, 3], [1, 2, 3], [1, 2, 3], [], []]
    eligible = np.array([True, False, True, True, True])
    assert cluster(documents_of(sets), threshold=0.8, eligible=eligible).labels.tolist() == [0, 1, 0, 3, 4]


def test_equal_signatures_of_different_sets_are_told_apart() -> None:
    """Signatures are an estimate: forged ones must not join anything."""
    sets = [list(range(start, start + 40)) for start in (0, 1000, 2000)]
    honest = chunk_of(sets, 1)
    forged = Sets(np.zeros_like(honest.signatures), honest.offsets, honest.shingles)
    assert cluster(Documents([forged]), threshold=0.5).labels.tolist() == [0, 1, 2]


def test_large_buckets_are_bounded_and_still_find_their_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty families in one bucket, as an attacker would forge it, compared with representatives."""
    monkeypatch.setattr(neighbours, "BUCKET_LIMIT", 100)
    monkeypatch.setattr(neighbours, "FEWEST", 100)
    monkeypatch.setattr(neighbours, "BATCH_WORDS", 500)
    sets = variants(np.random.default_rng(4), 80, 50, 3, 2)
    honest = chunk_of(sets, 1)
    forged = Sets(np.zeros_like(honest.signatures), honest.offsets, honest.shingles)
    found = cluster(Documents([forged]), threshold=0.8)
    truth = exhaustive(sets, 0.8)
    assert found.bounded >= 80
    assert all(truth[row] == truth[label] for row, label in enumerate(found.labels.tolist()))
    assert len(set(found.labels.tolist())) <= 90


def test_memory_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = documents_of(variants(np.random.default_rng(5), 30, 60, 4, 6), cuts=(7, 50, 90))
    whole = cluster(documents, threshold=0.7).labels
    monkeypatch.setattr(neighbours, "BATCH_WORDS", 1)
    assert (cluster(documents, threshold=0.7).labels == whole).all()


def test_a_flood_of_copies_costs_one_document() -> None:
    flood = [list(range(50))] * 20_000
    found = cluster(documents_of(flood), threshold=0.8)
    assert (found.labels == 0).all()
    assert found.bounded == 0


def test_no_documents() -> None:
    assert cluster(Documents([]), threshold=0.8).labels.shape == (0,)
    assert cluster(documents_of([[], []]), threshold=0.8).labels.tolist() == [0, 1]
