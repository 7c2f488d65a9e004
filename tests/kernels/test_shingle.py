"""Shingle sets against a tokeniser written with Python strings."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from poisonguard.kernels.shingle import Shingled, shingle
from poisonguard.kernels.utf8 import utf8_buffers
from poisonguard.kernels.words import IGNORED, SEPARATOR, STANDALONE, classes, normalised
from poisonguard.kernels.wordscan import desk_for, hash_words

Words = list[tuple[str, ...]]
SIZE, SEED = 3, 99

pieces = st.one_of(
    st.sampled_from(["the", "The", "cat", "sat", "漢", "字", "カナ", "😀", "👩\u200d💻", "naïve", "Straße", "٣"]),
    st.sampled_from([" ", "  ", "\n", ".", ",", "\u200b", "\x00", "\x07", "\u2028", "\u00ad", "、", "_", "'"]),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=4),
)
documents = st.lists(pieces, max_size=30).map("".join)


def words_of(text: str) -> list[str]:
    kinds = classes()
    found, current = [], ""
    lowered = "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)
    for character in lowered:
        kind = kinds[ord(character)]
        if kind == IGNORED:
            continue
        if kind in {SEPARATOR, STANDALONE}:
            found += [current] if current else []
            current = ""
        if kind == STANDALONE:
            found.append(character)
        elif kind != SEPARATOR:
            current += character
    return [*found, current] if current else found


def shingles_of(text: str, size: int) -> set[tuple[str, ...]]:
    words = words_of(text)
    size = min(size, len(words))
    return {tuple(words[start : start + size]) for start in range(len(words) - size + 1)} if words else set()


def sets_of(result: Shingled) -> list[list[int]]:
    edges = result.offsets.tolist()
    return [result.shingles[start:stop].tolist() for start, stop in itertools.pairwise(edges)]


@settings(deadline=None)
@given(st.lists(st.none() | documents, max_size=5))
@example(["", None, "x", "a a a a a a", "\U0010ffff\ue000", "漢字漢字漢字漢字", "K\u212a"])
def test_sets_are_those_of_a_plain_tokeniser(texts: list[str | None]) -> None:
    column = pa.array(texts, pa.string())
    result = shingle(column, size=SIZE, seed=SEED)
    names: dict[int, tuple[str, ...]] = {}
    for text, words, found in zip(normalised(column).to_pylist(), result.words, sets_of(result), strict=True):
        expected = shingles_of(text or "", SIZE)
        assert words == len(words_of(text or ""))
        assert len(set(found)) == len(found) == len(expected)
        # The same shingle has the same hash in every document: its hash alone as a document is that hash.
        alone = shingle(pa.array([" ".join(item) for item in sorted(expected)], pa.string()), size=SIZE, seed=SEED)
        assert set(alone.shingles.tolist()) == set(found)
        names.update(zip(alone.shingles.tolist(), sorted(expected), strict=True))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The quick brown fox", "the QUICK   brown\tfox!"),
        ("pay attention now", "pay att\u200bention now"),
        ("\uff46\uff55\uff4c\uff4c width text", "full width text"),
        ("soft\u00adware is here", "software is here"),
        ("漢字 テスト", "漢字テスト"),
    ],
)
def test_appearance_makes_no_difference(left: str, right: str) -> None:
    first, second = sets_of(shingle(pa.array([left, right]), size=SIZE, seed=SEED))
    assert first == second


def test_words_do_not_run_together() -> None:
    first, second, third = sets_of(shingle(pa.array(["ab c", "a bc", "abc"]), size=2, seed=SEED))
    assert len({*first, *second, *third}) == 3


def test_another_seed_gives_other_hashes() -> None:
    text = pa.array(["one two three four"])
    assert set(shingle(text, size=2, seed=1).shingles) != set(shingle(text, size=2, seed=2).shingles)


def test_order_of_words_counts_but_not_where_they_stand() -> None:
    first, second = sets_of(shingle(pa.array(["x one two three", "y y y one two three"]), size=3, seed=SEED))
    assert first[-1] == second[-1]
    assert sets_of(shingle(pa.array(["three two one"]), size=3, seed=SEED))[0][0] != first[-1]


@pytest.mark.parametrize(
    "word", ["a", "seven77", "exactly8", "nine_long", "sixteen_letters_", "a" * 40, "naïveté", "x漢y"]
)
@pytest.mark.parametrize("padding", [0, 1, 2, 3, 7, 8, 9])
def test_a_word_hashes_alike_wherever_it_stands(word: str, padding: int) -> None:
    """Eight bytes a step or one at a time, at the end of the buffer or before it, behind letters or spaces."""
    alone = sets_of(shingle(pa.array([word]), size=1, seed=SEED))[0]
    texts = [" " * padding + word.upper() + "." * padding, "é " + " " * padding + word, word + "\n" + "z" * padding]
    for found in sets_of(shingle(pa.array(texts), size=1, seed=SEED)):
        assert set(alone) <= set(found)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_string_type_and_slice(kind: pa.DataType) -> None:
    column = pa.array(["zero zero", "one two three four", None, "last of all words"], pa.string()).cast(kind)
    whole = sets_of(shingle(column, size=SIZE, seed=SEED))
    assert sets_of(shingle(column.slice(1, 3), size=SIZE, seed=SEED)) == whole[1:]
    assert sets_of(shingle(column.slice(2, 0), size=SIZE, seed=SEED)) == []


def test_memory_that_may_be_written_to_is_read_like_any_other() -> None:
    """Arrow's own memory is writable in one array and not in the next."""
    written = pa.array(["one two three", "vier fünf sechs"], pa.large_string())
    kept = pa.Array.from_buffers(
        pa.large_string(), 2, [None, *(pa.py_buffer(part.to_pybytes()) for part in written.buffers()[1:])]
    )
    assert written.buffers()[2].is_mutable != kept.buffers()[2].is_mutable
    assert sets_of(shingle(kept, size=2, seed=SEED)) == sets_of(shingle(written, size=2, seed=SEED))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_invalid_utf8_is_never_read_past_its_end(data: bytes) -> None:
    """Kernel level: the offsets end where the bytes end, and every sequence may be cut short."""
    bytes_, offsets = utf8_buffers(pa.array([data], pa.large_binary()))
    room = len(data) // 2 + 4
    hashes = np.full(room + 8, 7, dtype=np.uint64)
    count = hash_words(bytes_, offsets[0], offsets[1], classes(), desk_for(len(data)), hashes)
    assert 0 <= count <= room
    assert (hashes[room:] == 7).all()
