"""Text as hashed tokens: one flat array per token property, so that nothing loops over n-grams in Python.

1. A token is a run of letters and digits, a single kana or Han character, a single other sign, or a single
   invisible character; case is folded.
2. Every text begins with a ``START`` token, so that "at the very beginning" is a pattern like any other.
3. Token and n-gram hashes depend on the text alone: the same phrase has the same hash in every block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Kana and Han, written without spaces: each character is a token."""

TOKEN = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")
START = "\x02"
"""A control character; in texts it counts as a space."""

MAX_CHARACTERS = 8_000
"""Longer texts are read up to here: bounds memory; stated in the coverage of the checks that use it."""

MAX_NGRAM = 4
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, Knuth's multiplicative hashing

Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of several texts, flat, in order.

    Attributes:
        row: Row of each token, ascending, shape (tokens,).
        code: Index of each token in ``words``, shape (tokens,).
        words: The distinct tokens, in order of first appearance.
        hashes: Hash of each token, shape (tokens,).
        rows: How many texts there were.
    """

    row: Integers
    code: Integers
    words: npt.NDArray[np.object_]
    hashes: Hashes
    rows: int

    def ngrams(self, length: int) -> tuple[Integers, Hashes]:
        """(position of the first token, hash) of every n-gram of ``length`` tokens inside one text."""
        count = max(0, len(self.row) - length + 1)
        hashes = self.hashes[:count].copy()
        for offset in range(1, length):
            hashes = _mixed(hashes) + self.hashes[offset : offset + count]
        inside = np.flatnonzero(self.row[:count] == self.row[length - 1 : length - 1 + count])
        return inside, _mixed(hashes[inside] + np.uint64(length))


def column_texts(table: pa.Table | pa.RecordBatch, column: str) -> list[str]:
    """Texts of a column as Python strings, nulls empty, cut at ``MAX_CHARACTERS``."""
    values = table[column]
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    texts = pc.fill_null(pc.cast(values, pa.large_string()), "")
    cut: list[str] = pc.utf8_slice_codeunits(texts, 0, MAX_CHARACTERS).to_pylist()
    return cut


def tokenize(texts: Sequence[str]) -> Tokens:
    """Tokens of ``texts``, each text opened by ``START``."""
    split = [[START, *TOKEN.findall(text.lower().replace(START, " "))] for text in texts]
    row = np.repeat(np.arange(len(split), dtype=np.int64), [len(parts) for parts in split])
    flat = np.array([token for parts in split for token in parts], dtype=object)
    code, words = pd.factorize(flat)
    hashes = pd.util.hash_array(words, categorize=False) if len(words) else np.array([], dtype=np.uint64)
    return Tokens(row, code.astype(np.int64), words, hashes[code], len(split))


def phrase_pattern(words: Sequence[str]) -> re.Pattern[str]:
    """A pattern that finds the tokens ``words`` in a text as it was written."""
    visible = [re.escape(word) for word in words if word != START]
    gap = rf"[\s{START}]*"
    opening = rf"\A{gap}" if words and words[0] == START else ""
    return re.compile(opening + gap.join(visible), re.IGNORECASE)


def _mixed(values: Hashes) -> Hashes:
    """Spread every input bit over the word: without it, n-grams of permuted words would collide."""
    product = values * _MIX
    return product ^ (product >> np.uint64(29))
