"""Margins of pairs are the same however many rows are read at once."""

import numpy as np
import pytest

from poisonguard.detectors.preference_model import Pairs, PreferenceModel

ROWS = 200


def drawn_pairs() -> Pairs:
    rng = np.random.default_rng(0)
    words = [f"word{place}" for place in range(100)]

    def texts(count: int, end: str) -> tuple[str, ...]:
        return tuple(" ".join(rng.choice(words, count)) + end for _ in range(ROWS))

    hashes = rng.integers(0, 2**63, ROWS).astype(np.uint64)
    return Pairs(texts(8, "?"), texts(12, "."), texts(7, "!"), hashes)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_margins_do_not_depend_on_the_block(size: int) -> None:
    pairs = drawn_pairs()
    model = PreferenceModel.fit(pairs)
    places = [np.arange(start, min(start + size, ROWS)) for start in range(0, ROWS, size)]
    parts = np.concatenate([model.margins(pairs.where(rows)) for rows in places])
    assert np.array_equal(parts, model.margins(pairs))
