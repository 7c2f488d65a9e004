"""Containment against plain Python sets of word tuples, on texts of every script and shape."""

import re
from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.containment import contained
from poisonguard.kernels.passages import Passages, passages_of

SIZE = 3
VOCABULARY = ("a", "B", "cc", "Döner", "ß", "x_y", "12345678", "abcdefghij", "ABCDEFGH")
GAPS = (" ", ", ", "\n", " - ", "  ")

word = st.tuples(st.sampled_from(VOCABULARY), st.sampled_from(GAPS)).map("".join)
text = st.lists(word, max_size=24).map("".join)


def shingles(value: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", value.lower())
    return {tuple(words[start : start + SIZE]) for start in range(len(words) - SIZE + 1)}


def index(passages: list[str], common: int = 2, seed: int = 7) -> Passages:
    return passages_of(pa.array(passages, pa.string()), size=SIZE, seed=seed, common=common)


@given(st.lists(text, min_size=1, max_size=6, unique=True), st.lists(text, min_size=1, max_size=8), st.integers(0, 9))
def test_shares_are_those_of_sets(passages: list[str], documents: list[str], seed: int) -> None:
    counts = Counter(item for passage in passages for item in shingles(passage))
    distinctive = [{item for item in shingles(passage) if counts[item] <= 2} for passage in passages]
    found = contained(pa.array(documents), index(passages, seed=seed))
    shares = np.array([[len(s & shingles(d)) / len(s) if s else 0.0 for d in documents] for s in distinctive])
    np.testing.assert_allclose(found.documents, shares.max(axis=0))
    np.testing.assert_allclose(found.best, shares.max(axis=1))
    places = np.where(shares.max(axis=1) > 0, shares.argmax(axis=1), -1)
    np.testing.assert_array_equal(found.place, places)


def test_what_makes_no_difference() -> None:
    passages = index(["The quick brown fox"])
    documents = ["THE QUICK, brown: fox!", "the qu\u00adick br\u200bown fox", "\uff34he quick \uff42rown fox"]
    assert contained(pa.array(documents), passages).documents.tolist() == [1, 1, 1]


def test_scripts_without_spaces() -> None:
    found = contained(pa.array(["前文。我们都喜欢吃苹果。后文", "苹果"]), index(["我们都喜欢吃苹果"]))
    assert found.documents.tolist() == [1, 0]


def test_equal_hashes_of_other_words_are_no_match() -> None:
    passages = index(["one two three four"])
    document = pa.array(["one two three four"])
    assert contained(document, passages).documents.tolist() == [1]
    altered = passages.text.copy()
    altered[0] = ord("x")
    # As if the passage were "xne two three four", with the same hashes.
    assert contained(document, passages._replace(text=altered)).documents.tolist() == [0.5]


def test_two_shingles_of_one_hash_are_two_entries() -> None:
    passages = index(["one two three four"])
    both = passages._replace(hashes=np.repeat(passages.hashes[:1], passages.hashes.size))
    # The second shingle carries the first one's hash and stands behind it: only the words tell them apart.
    slots = np.full(passages.slots.size, -1, np.int64)
    start = int(np.flatnonzero(passages.slots == 0)[0])
    slots[start], slots[(start + 1) % slots.size] = 1, 0
    assert contained(pa.array(["one two three"]), both._replace(slots=slots)).documents.tolist() == [0.5]


def test_boilerplate_tells_no_passage() -> None:
    shared = "answer the question that follows here"
    passages = index([f"{shared} {name} {name} {name}" for name in ("red", "green", "blue")])
    assert contained(pa.array([shared]), passages).documents.tolist() == [0]
    assert contained(pa.array(["follows here red red red"]), passages).documents.tolist() == [1]


def test_short_empty_and_missing_texts() -> None:
    passages = index(["one two", ""])
    assert passages.sizes.tolist() == [0, 0]
    assert passages.words.tolist() == [2, 0]
    found = contained(pa.array(["one two three", None, ""], pa.string()), passages)
    assert found.documents.tolist() == [0, 0, 0]


def test_no_document_and_no_passage() -> None:
    assert contained(pa.array([], pa.string()), index(["one two three"])).documents.size == 0
    nothing = passages_of(pa.array([], pa.string()), size=SIZE, seed=0, common=1)
    assert contained(pa.array(["one two three"]), nothing).documents.tolist() == [0]


def test_a_repeated_shingle_counts_once() -> None:
    found = contained(pa.array(["a b c a b c a b c"]), index(["a b c x y z"]))
    assert found.documents.tolist() == [0.25]
