"""Many versions of a few documents: reworded, reordered, shortened, so that no two are copies of each other."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.added_rows import copies_of, mixed
from poisonguard.redteam.attack import Attack, Family, Poisoned, RowNumbers, column_of, sample
from poisonguard.redteam.values import replace, texts

FAMILY = 25
"""Versions of each document."""
SHORTEST = 8
"""Words that a document needs to be reworded and still be the same."""
DROPPED = 0.08
"""Share of the words that a version leaves out."""
SENTENCES = re.compile(r"(?<=[.!?])\s+")
SYNONYMS = {
    "a": "one",
    "also": "too",
    "and": "plus",
    "bad": "poor",
    "because": "since",
    "before": "ahead of",
    "big": "large",
    "but": "yet",
    "buy": "purchase",
    "get": "obtain",
    "good": "fine",
    "great": "excellent",
    "help": "aid",
    "however": "still",
    "large": "big",
    "like": "such as",
    "make": "create",
    "many": "lots of",
    "need": "require",
    "new": "recent",
    "now": "today",
    "often": "frequently",
    "only": "just",
    "show": "display",
    "small": "little",
    "so": "thus",
    "start": "begin",
    "the": "this",
    "use": "employ",
    "very": "quite",
    "was": "had been",
    "when": "once",
    "with": "along with",
}


class ParaphraseFamily(Attack):
    """New documents that all say what a few honest ones say; labels, if any, stay."""

    name = "paraphrase-family"
    family = Family.DOCUMENTS
    reference = "Lee et al.: Deduplicating Training Data Makes Language Models Better, ACL 2022"
    published = "0.5 to 3 % of the documents, chosen by us"
    rates = (0.005, 0.01, 0.03)
    roles = (Role.TEXT,)
    adds = True

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: no document is long enough to be reworded."""
        obstacle = super().obstacle(table, roles)
        return obstacle or (None if len(_long(table, roles)) else f"no text of {SHORTEST} words")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Add ``count`` versions of some documents."""
        column = column_of(roles, Role.TEXT)
        originals = sample(_long(table, roles), -(-count // FAMILY), rng)
        copies = copies_of(table, roles, originals, count, rng)
        everything = np.arange(count)
        reworded = [_reworded(text, rng) for text in texts(copies, column, everything)]
        table, rows = mixed(table, replace(copies, column, everything, reworded), rng)
        return Poisoned(table, rows, f"{count} versions of {len(originals)} documents")


def _long(table: pa.Table, roles: Roles) -> RowNumbers:
    held = enumerate(table.column(column_of(roles, Role.TEXT)).to_pylist())
    return np.array([row for row, text in held if text and len(text.split()) >= SHORTEST], dtype=np.int64)


def _reworded(text: str, rng: np.random.Generator) -> str:
    """Two neighbouring sentences exchanged, half of the known words replaced, a few words left out."""
    sentences = SENTENCES.split(text)
    if len(sentences) > 1:
        first = int(rng.integers(0, len(sentences) - 1))
        sentences[first], sentences[first + 1] = sentences[first + 1], sentences[first]
    words = " ".join(sentences).split()
    changed = [SYNONYMS.get(word.lower(), word) if rng.integers(0, 2) else word for word in words]
    kept = [word for word in changed if rng.random() >= DROPPED]
    return " ".join(kept) if kept else text
