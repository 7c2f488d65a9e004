"""Gains, worst passages, company and n-grams agree with what plain Python says."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.coherence import SMOOTHING, count_pairs, gains_of, worst_passages
from poisonguard.kernels.company import Occurrences, likeness, partners
from poisonguard.kernels.distinct import document_counts, word_sets
from poisonguard.kernels.mixing import mix_array
from poisonguard.kernels.ngrams import find, ngram_hashes

Corpus = list[list[int]]
corpora = st.lists(st.lists(st.integers(0, 6), max_size=12), min_size=1, max_size=6)


def flat(corpus: Corpus) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in corpus])]).astype(np.int64)
    return np.array([word for row in corpus for word in row], dtype=np.int64), offsets


def hashed(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    return mix_array(codes.astype(np.uint64) + np.uint64(1))


def pairs(row: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(row))


@given(corpora)
def test_gains_leave_the_own_document_out(corpus: Corpus) -> None:
    codes, offsets = flat(corpus)
    counts = count_pairs(hashed(codes), offsets)
    gains = gains_of(hashed(codes), offsets, counts, np.ones(len(corpus), dtype=np.bool_))
    words, total = Counter(codes.tolist()), len(codes)
    everywhere = Counter(pair for row in corpus for pair in pairs(row))
    for number, row in enumerate(corpus):
        own = Counter(pairs(row))
        for place, pair in enumerate(pairs(row)):
            expected = words[pair[0]] * words[pair[1]] / total
            wanted = math.log((everywhere[pair] - own[pair] + SMOOTHING) / (expected + SMOOTHING))
            assert math.isclose(gains[offsets[number] + place], wanted, abs_tol=1e-5)


@given(st.lists(st.floats(-3, 3), max_size=15))
def test_the_worst_passage_is_the_largest_sum_of_all(values: list[float]) -> None:
    gains, offsets = np.array([*values, 0.0], dtype=np.float32), np.array([0, len(values) + 1])
    found = worst_passages(gains, offsets, np.zeros(1))
    runs = [-gains[start:stop].sum() for start in range(len(values)) for stop in range(start + 1, len(values) + 1)]
    assert math.isclose(found.evidence[0], max([0.0, *runs]), abs_tol=1e-4)
    inside = gains[int(found.start[0]) : max(int(found.stop[0]) - 1, 0)]
    assert math.isclose(-float(inside.sum()), found.evidence[0], abs_tol=1e-4)


@given(corpora)
def test_distinct_words(corpus: Corpus) -> None:
    codes, offsets = flat(corpus)
    wanted = [sum(word in row for row in corpus) for word in range(7)]
    assert document_counts(codes, offsets, 7).tolist() == wanted
    chosen = np.arange(7) % 2 == 0
    words, bounds = word_sets(codes, offsets, chosen)
    for number, row in enumerate(corpus):
        kept = words[bounds[number] : bounds[number + 1]].tolist()
        assert kept == [word for word in dict.fromkeys(row) if word % 2 == 0]


@given(corpora, st.integers(1, 4))
def test_runs_are_found_where_they_stand(corpus: Corpus, length: int) -> None:
    codes, offsets = flat(corpus)
    hashes = hashed(codes)
    inside = [
        (row, place)
        for row in range(len(corpus))
        for place in range(int(offsets[row]), int(offsets[row + 1]) - length + 1)
    ]
    values = ngram_hashes(hashes, np.array([place for _, place in inside], dtype=np.int64), length)
    wanted = np.unique(values[::2])
    index, document, places = find(hashes, offsets, wanted, np.unique(hashes), length)
    expected = [(row, place) for (row, place), value in zip(inside, values, strict=True) if value in wanted]
    assert list(zip(document.tolist(), places.tolist(), strict=True)) == expected
    assert np.array_equal(ngram_hashes(hashes, places, length), wanted[index])


def occurrences(corpus: Corpus) -> tuple[Occurrences, npt.NDArray[np.int64]]:
    codes, offsets = flat(corpus)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(8)).astype(np.int64)
    document = np.repeat(np.arange(len(corpus)), np.diff(offsets))
    return Occurrences(starts, order, document, offsets), codes


@given(corpora, st.integers(1, 3), st.integers(1, 3))
def test_partners_keep_company_in_enough_documents(corpus: Corpus, reach: int, least: int) -> None:
    found, codes = occurrences(corpus)
    met = Counter(
        pair
        for row in corpus
        for pair in {
            (left, right)
            for place, left in enumerate(row)
            for right in row[max(0, place - reach) : place + reach + 1]
            if left != right
        }
    )
    words, others, together = partners(found, codes, reach, np.full(7, least))
    listed = list(zip(words.tolist(), others.tolist(), strict=True))
    assert dict(zip(listed, together.tolist(), strict=True)) == {p: n for p, n in met.items() if n >= least}
    assert listed == sorted(listed)


def test_more_partners_than_the_first_room_holds() -> None:
    corpus = [list(range(60))] * 2
    codes, offsets = flat(corpus)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(61)).astype(np.int64)
    found = Occurrences(starts, order, np.repeat(np.arange(2), 60), offsets)
    words, others, together = partners(found, codes, 60, np.full(60, 2))
    assert len(words) == 60 * 59
    assert (words != others).all()
    assert set(together.tolist()) == {2}


def test_likeness_is_one_for_equal_documents_and_leaves_out_what_is_near() -> None:
    # Word 0 stands in both; topics 1 to 6 near it in the first half, far in the second.
    near, far = list(range(1, 7)), list(range(1, 7))
    found, codes = occurrences([[0, *near], [0, *near]])
    topics = codes - 1
    assert np.isclose(likeness(found, topics, np.ones(6), 0)[0], 1.0)
    apart = [[0, 1, 1, 1, *far], [0, 1, 1, 1, *far]]
    found, codes = occurrences(apart)
    assert np.isclose(likeness(found, codes - 1, np.ones(6), 3)[0], 1.0)
    assert likeness(found, codes - 1, np.ones(6), 50)[0] == np.inf  # nothing is left to tell by
