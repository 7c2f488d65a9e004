"""What tells two answers apart besides their words: their form, and how much of the prompt each takes up.

1. Form: length in letters and words, letters per word, how many words come again, capitals, digits, signs, line breaks,
   and how the text begins and ends. A refusal, a list, an answer broken off and one that rambles differ in these.
2. Answering: the share of the prompt's words that the answer holds, plain, by rarity, and by the first letters of the
   words alone. A word that few texts hold says more.
3. Few numbers: they can be learnt where every answer stands in two pairs, and words would only be remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Integers, Tokens
from poisonguard.detectors.terms import Terms, Vocabulary
from poisonguard.kernels.hashtable import places

SIGNS = (r"\p{Lu}", r"\p{Nd}", r"[^\p{L}\p{N}\s]", r"\n", "!", r"\?")
ENDED = "[.!?\"')\\]\u2026\u3002\uff01\uff1f]\\s*\\z"
BEGUN = r"\A\s*\p{Lu}"
STEM = 5
"""Letters that the forms of one word share, in languages that inflect at the end."""

MOST_TERMS = 2_000_000


@dataclass(frozen=True, slots=True)
class Rarity:
    """How rare each word, and each beginning of words, is among the texts of a sample."""

    words: Vocabulary
    stems: Vocabulary
    texts: int

    @classmethod
    def of(cls, tokens: Tokens) -> Rarity:
        """Rarity among some texts."""
        words, stems = (
            Vocabulary.of(Terms(held.row, held.hashes, held.rows), min_documents=2, limit=MOST_TERMS)
            for held in (tokens, stemmed(tokens))
        )
        return cls(words, stems, tokens.rows)

    def weights(self, vocabulary: Vocabulary, tokens: Tokens) -> Floats:
        """How rare each distinct token is; what the sample lacks is as rare as can be, shape (codes,)."""
        hashes = np.zeros(len(tokens.words), np.uint64)
        hashes[tokens.code] = tokens.hashes
        rarest = np.log(self.texts + 1) + 1
        if not len(vocabulary.hashes):
            return np.full(len(hashes), rarest)
        place = places(vocabulary.hashes, hashes)
        return np.where(place >= 0, vocabulary.rarity[np.maximum(place, 0)], rarest)


def stemmed(tokens: Tokens) -> Tokens:
    """The same with every word cut after its first letters."""
    cut = np.array([word[:STEM] for word in tokens.words.tolist()], dtype=object)
    code, words = pd.factorize(cut)
    hashes = pd.util.hash_array(words, categorize=False) if len(words) else np.zeros(0, np.uint64)
    own = code.astype(np.int64)[tokens.code] if len(code) else tokens.code
    return Tokens(tokens.row, own, words, hashes[own], tokens.rows)


def form(texts: Sequence[str], tokens: Tokens, first: int) -> Floats:
    """How texts are written, which are the rows of ``tokens`` from ``first`` on; shape (texts, measures)."""
    values = pa.array(texts, pa.large_string())
    letters = np.maximum(1, pc.utf8_length(values).to_numpy(zero_copy_only=False)).astype(np.float64)
    inside = (tokens.row >= first) & (tokens.row < first + len(texts))
    row = tokens.row[inside] - first
    words = np.bincount(row, minlength=len(texts)).astype(np.float64)
    pairs = pd.unique(row * (len(tokens.words) + 1) + tokens.code[inside])
    different = np.bincount(pairs // (len(tokens.words) + 1), minlength=len(texts))
    signs = [pc.count_substring_regex(values, sign).to_numpy(zero_copy_only=False) / letters for sign in SIGNS]
    edges = [pc.match_substring_regex(values, edge).to_numpy(zero_copy_only=False) for edge in (BEGUN, ENDED)]
    return np.column_stack([np.log(letters), np.log(words), letters / words, different / words, *signs, *edges])


def answering(tokens: Tokens, rarity: Rarity, asked: Integers, answers: Integers) -> Floats:
    """How much of the prompts (rows ``asked``) their answers (rows ``answers``) take up, shape (rows, measures)."""
    stems = stemmed(tokens)
    plain = np.ones(len(tokens.words))
    found = [_shared(tokens, plain, asked, answers)]
    for held, vocabulary in ((tokens, rarity.words), (stems, rarity.stems)):
        weights = rarity.weights(vocabulary, held)
        share = _shared(held, weights, asked, answers)
        found += [share, _shared(held, weights, answers, asked)]
    return np.column_stack(found)


def _shared(tokens: Tokens, weights: Floats, whole: Integers, part: Integers) -> Floats:
    """Share of what the rows ``whole`` hold, by weight, that the rows ``part`` hold as well; shape (rows,)."""
    size = len(tokens.words) + 1
    keys = pd.unique(tokens.row * size + tokens.code)
    row, code = keys // size, keys % size
    place = np.full(tokens.rows, -1)
    place[whole] = np.arange(len(whole))
    mine = np.flatnonzero(place[row] >= 0)
    counterpart = part[place[row[mine]]] * size + code[mine]
    known = pd.Index(keys).get_indexer(counterpart) >= 0
    each, weight = place[row[mine]], weights[code[mine]]
    total = np.bincount(each, weights=weight, minlength=len(whole))
    return np.bincount(each, weights=weight * known, minlength=len(whole)) / np.maximum(total, 1e-12)
