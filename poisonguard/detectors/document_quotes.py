"""Tokens back to text, as it was written."""

from __future__ import annotations

import numpy as np

from poisonguard.detectors.documents import Corpus
from poisonguard.detectors.features_text import TOKEN, phrase_pattern
from poisonguard.kernels.words import normalised

LONGEST = 200
"""Characters of a quotation."""


def quoted(corpus: Corpus, token: int, length: int) -> str:
    """The ``length`` tokens from ``token``, as the document spells them, where that can be told."""
    document = int(np.searchsorted(corpus.tokens.offsets, token, side="right")) - 1
    last = token + length
    start = int(corpus.tokens.starts[token])
    ends = last < corpus.tokens.offsets[document + 1]
    stop = int(corpus.tokens.starts[last]) if ends else corpus.limit
    written = corpus.texts.slice(document, 1)
    seen = normalised(written)[0].as_py().encode()[start:stop].decode(errors="ignore").strip()
    match = phrase_pattern(TOKEN.findall(seen)).search(written[0].as_py())
    return (match.group() if match else seen)[:LONGEST]
