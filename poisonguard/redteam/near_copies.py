"""Flooding with near copies of a few honest rows under another label.

Each copy differs a little from its original: a word left out of its text, or, without text, one feature
taken from another row. The copies are new rows, mixed in at random places; the honest rows keep their order.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.added_rows import copies_of, mixed
from poisonguard.redteam.attack import Family, Poisoned, RowNumbers, column_of, sample
from poisonguard.redteam.labels import LabelAttack, target_class
from poisonguard.redteam.values import encode, replace, texts

COPIES = 20
"""Copies of each original."""
SHORTEST = 8
"""Words that a text needs to lose one and still be a near copy."""


class NearCopies(LabelAttack):
    """Near copies with an altered label."""

    name = "near-copies"
    family = Family.TABULAR
    published = "about 50 rows"
    adds = True
    reference = "Shafahi et al.: Poison Frogs!, NeurIPS 2018; Lee et al.: Deduplicating Training Data, ACL 2022"
    roles = (Role.LABEL,)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Add ``count`` near copies of rows of other classes, labelled as the target class."""
        label = column_of(roles, Role.LABEL)
        coded = encode(table, label)
        target = target_class(coded, rng)
        originals = sample(_copyable(table, roles, coded.rows_without(target)), -(-count // COPIES), rng)
        copies = copies_of(table, roles, originals, count, rng)
        copies = replace(copies, label, np.arange(count), [coded.values[target]] * count)
        copies = _vary(table, copies, roles, rng)
        table, rows = mixed(table, copies, rng)
        return Poisoned(table, rows, f"{count} near copies of {len(originals)} rows labelled {coded.values[target]!r}")


def _copyable(table: pa.Table, roles: Roles, rows: RowNumbers) -> RowNumbers:
    """The rows with enough text to vary; all of them when no row has."""
    column = roles.first(Role.TEXT)
    if column is None:
        return rows
    long = [row for row, text in zip(rows, texts(table, column, rows), strict=True) if len(text.split(" ")) >= SHORTEST]
    return np.array(long, dtype=np.int64) if long else rows


def _vary(table: pa.Table, copies: pa.Table, roles: Roles, rng: np.random.Generator) -> pa.Table:
    everything = np.arange(copies.num_rows)
    column = roles.first(Role.TEXT)
    if column is not None:
        varied = [_without_a_word(text, rng) for text in texts(copies, column, everything)]
        return replace(copies, column, everything, varied)
    features = roles.all(Role.FEATURE)
    if not features:
        return copies
    column = features[int(rng.integers(0, len(features)))]
    donors = rng.integers(0, table.num_rows, size=copies.num_rows)
    return replace(copies, column, everything, table.column(column).take(pa.array(donors)).to_pylist())


def _without_a_word(text: str, rng: np.random.Generator) -> str:
    words = text.split(" ")
    if len(words) < SHORTEST:
        return text
    del words[int(rng.integers(0, len(words)))]
    return " ".join(words)
