"""Runs that stand in documents without their item, against plain Python sets of word tuples."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.passages import Passages, passages_of
from poisonguard.kernels.strangers import Parts, strangers

SIZE = 2
VOCABULARY = ("a", "b", "c", "d", "e")
text = st.lists(st.sampled_from(VOCABULARY), max_size=9).map(" ".join)
TEXTS = st.lists(text, min_size=1, max_size=5, unique=True)


def shingles(value: str) -> set[tuple[str, ...]]:
    words = value.split()
    return {tuple(words[start : start + SIZE]) for start in range(len(words) - SIZE + 1)}


def spelled(passages: Passages, number: int) -> tuple[str, ...]:
    return tuple(bytes(passages.text[passages.starts[number] : passages.stops[number]]).decode().split(" "))


@given(TEXTS, st.lists(text, max_size=8), st.sampled_from((0.3, 0.7, 1.0)), st.data())
def test_counts_are_those_of_sets(texts: list[str], documents: list[str], share: float, data: st.DataObject) -> None:
    passages = passages_of(pa.array(texts, pa.large_string()), size=SIZE, seed=3, common=10)
    items = [data.draw(st.sets(st.integers(0, len(texts) - 1), min_size=1)) for _ in range(3)]
    pairs = [(passage, owner) for owner, members in enumerate(items) for passage in members]
    columns = np.array(pairs, dtype=np.int64).T
    parts = Parts.of(columns[0], columns[1], (len(texts), len(items)))
    most = data.draw(st.integers(1, 3))
    counts = strangers(pa.array(documents, pa.large_string()), passages, parts, share, most)

    def is_held(members: set[int], document: str) -> bool:
        total = sum(len(shingles(texts[member])) for member in members)
        return sum(len(shingles(texts[member]) & shingles(document)) for member in members) >= share * total

    entry = 0
    for number in range(passages.hashes.size):
        for holder in passages.holders[passages.offsets[number] : passages.offsets[number + 1]].tolist():
            with_it = [document for document in documents if spelled(passages, number) in shingles(document)]
            expected = sum(
                not any(is_held(members, document) for members in items if holder in members) for document in with_it
            )
            many = sum(holder in members for members in items) > most
            assert counts[entry] == (0 if many else expected)
            entry += 1
    assert entry == counts.size
