"""N-grams are found where they stand, each once, in order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.features_text import tokenize
from poisonguard.detectors.gram_places import LENGTHS, Grams, ranges, starts_of

TEXTS = st.lists(st.text(alphabet="ab c.", max_size=12), min_size=1, max_size=6)


@given(TEXTS)
def test_every_gram_is_found_where_it_stands(texts: list[str]) -> None:
    tokens = tokenize(texts)
    every = [tokens.ngrams(length) for length in LENGTHS]
    wanted = np.unique(np.concatenate([hashes for _, hashes in every]))[::2]
    place, which = Grams.of(tokens).found(wanted)
    expected = sorted(
        (int(spot), int(np.searchsorted(wanted, found)))
        for spots, hashes in every
        for spot, found in zip(spots, hashes, strict=True)
        if found in wanted
    )
    assert list(zip(place.tolist(), which.tolist(), strict=True)) == expected


@given(TEXTS)
def test_texts_begin_where_their_first_token_stands(texts: list[str]) -> None:
    tokens = tokenize(texts)
    starts = starts_of(tokens)
    assert starts[-1] == len(tokens.row)
    assert [tokens.row[start] for start in starts[:-1].tolist()] == list(range(len(texts)))


def test_ranges_are_put_one_after_the_other() -> None:
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert ranges(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
