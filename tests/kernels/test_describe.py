"""What is counted of texts is what Python counts, whatever their alphabet, length, and place in the buffer."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.describe import described, fractions
from poisonguard.kernels.utf8 import utf8_buffers

SHARED = st.builds("{}{}".format, st.sampled_from(["", "a", "same beginnings of ", "日本語の"]), st.text(max_size=20))
TEXTS = st.lists(st.text(max_size=24) | SHARED | st.text("ab\0", max_size=20), min_size=1, max_size=20)


@given(TEXTS, st.integers(0, 3))
def test_texts(texts: list[str], skipped: int) -> None:
    skipped = min(skipped, len(texts) - 1)
    found = described(*utf8_buffers(pa.array(texts, pa.large_string()).slice(skipped)))
    kept = texts[skipped:]
    lengths = [len(text) for text in kept]
    assert (found.empties, found.characters) == (lengths.count(0), sum(lengths))
    assert (found.shortest, found.longest) == (min(lengths), max(lengths))
    assert (kept[found.least], kept[found.largest]) == (min(kept), max(kept))


@pytest.mark.parametrize("length", range(34))
@pytest.mark.parametrize("last", ["a", "b", "\0", ""])
def test_texts_that_differ_in_one_place(length: int, last: str) -> None:
    texts = ["a" * length, "a" * length + last, "a" * length + "aa", "a" * (length // 2)]
    found = described(*utf8_buffers(pa.array(texts, pa.large_string())))
    assert (texts[found.least], texts[found.largest]) == (min(texts), max(texts))


@given(st.lists(st.floats(allow_nan=False), max_size=30))
def test_fractions(values: list[float]) -> None:
    expected = sum(math.isfinite(value) and value != math.floor(value) for value in values)
    assert fractions(np.array(values, np.float64)) == expected
