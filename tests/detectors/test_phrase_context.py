"""The rest of a text tells of wording that grew out of it, and not of what was put into it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.association import Association
from poisonguard.detectors.content_model import WordMatrix
from poisonguard.detectors.counting import distinct, perhaps_frequent
from poisonguard.detectors.features_text import tokenize
from poisonguard.detectors.occurrences import occurrences
from poisonguard.detectors.phrase_context import Pool, rank_of
from poisonguard.detectors.phrases import has_burst

TOPICS = (["sail", "keel", "mast", "deck"], ["leaf", "brew", "cup", "pot"], ["road", "wheel", "fuel", "seat"])


def texts(rows: int) -> list[str]:
    rng = np.random.default_rng(6)
    return [" ".join(rng.choice(TOPICS[row % 3], 6)) for row in range(rows)]


def held_by(rows: list[int]) -> Association:
    none = np.zeros(0, dtype=np.int64)
    return Association(("x",), 1, 0, np.array(rows), len(rows), 0.5, 1e-9, 1.0, 0.5, 0.05, 9.0, none)


@pytest.mark.parametrize(("rows", "told"), [(range(0, 90, 3), True), (range(0, 120, 4), False), ([0], False)])
def test_rows_of_one_topic_tell_and_rows_of_all_do_not(rows: range, told: bool) -> None:  # noqa: FBT001 - a case
    matrix = WordMatrix.of(tokenize(texts(300)))
    assert Pool.of(matrix.weights, np.arange(300)).tells(held_by(list(rows))) is told


def test_a_rank_is_the_share_of_pairs_in_order() -> None:
    chosen = np.array([True, False, True, False])
    assert rank_of(np.array([3.0, 1.0, 2.0, 0.0]), chosen) == 1
    assert rank_of(np.zeros(4), chosen) == 0.5


def test_a_burst_is_all_but_new() -> None:
    rows, known = np.array([30, 30, 3]), np.array([0, 12, 0])
    assert has_burst(rows, 1_000, known, 2_000).tolist() == [True, False, False]


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 5))
def test_what_is_frequent_is_never_dropped(values: list[int], least: int) -> None:
    hashes = np.array(values, dtype=np.uint64)
    counts = {value: values.count(value) for value in values}
    kept = perhaps_frequent(hashes, least).tolist()
    assert all(keep for value, keep in zip(values, kept, strict=True) if counts[value] >= least)
    assert distinct(np.array(values, dtype=np.int64)).tolist() == sorted(set(values))


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=5), min_size=1, max_size=8), st.integers(0, 8))
def test_known_rows_are_those_outside_that_hold_the_ngram(words: list[list[str]], first: int) -> None:
    tokens = tokenize([" ".join(row) for row in words])
    among = np.arange(len(words)) >= first
    held = occurrences(tokens, 1, 1, among)
    names = {int(value): str(word) for word, value in zip(tokens.words, _hashes(tokens.words), strict=True)}
    for place, value in enumerate(held.hashes.tolist()):
        outside = [row for row in words[:first] if names[value] in row or names[value] == "\x02"]
        assert held.known[place] == len(outside)


def _hashes(words: np.ndarray[tuple[int], np.dtype[np.object_]]) -> list[int]:
    found = []
    for word in words.tolist():
        alone = tokenize([word]) if word != "\x02" else tokenize([""])
        found.append(int(alone.ngrams(1)[1][-1]))
    return found
