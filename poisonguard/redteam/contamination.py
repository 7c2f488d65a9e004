"""Contamination: items of an evaluation set stand in training documents.

The items are the ones given, or else the texts of the table's own rows whose split is an evaluation split.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, RowNumbers, sample
from poisonguard.redteam.rewriting import carrier
from poisonguard.redteam.values import replace, texts
from poisonguard.redteam.wording import among_sentences, drawn

EVALUATION = frozenset({"test", "testing", "valid", "validation", "val", "dev", "eval"})
SHORTEST = 13
"""Words of an item that is no coincidence, as GPT-3's contamination study counts."""


class Contamination(Attack):
    """Whole evaluation items between the sentences of training documents."""

    name = "contamination"
    family = Family.CONTAMINATION
    reference = "Jiang et al.: Investigating Data Contamination for Pre-training Language Models, 2024"
    published = "single items, chosen by us"
    rates = (0.001, 0.005, 0.02)

    def __init__(self, items: tuple[str, ...] = ()) -> None:
        self._items = items

    @property
    def applies_to(self) -> str:
        """Text, and items to leak."""
        return "text or response, and a split column or items"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: no text, no items, or no row to put them in."""
        if carrier(roles) is None:
            return "no text and no response column"
        if not self._held(table, roles):
            return f"no evaluation item of {SHORTEST} words"
        return super().obstacle(table, roles) or (None if len(_training(table, roles)) else "no training row with text")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Put an item into ``count`` training documents."""
        column, items = carrier(roles) or "", self._held(table, roles)
        rows = sample(_training(table, roles), count, rng)
        leaked = [among_sentences(text, drawn(items, rng), rng) for text in texts(table, column, rows)]
        # Whoever gave the items has the scan look for them anyway.
        known = None if self._items else pa.table({column: sorted(set(items))})
        return Poisoned(replace(table, column, rows, leaked), rows, "evaluation items in training documents", known)

    def _held(self, table: pa.Table, roles: Roles) -> list[str]:
        column = carrier(roles) or ""
        own = texts(table, column, np.setdiff1d(_texted(table, column), _training(table, roles)))
        return [item for item in self._items or own if len(item.split()) >= SHORTEST]


def _texted(table: pa.Table, column: str) -> RowNumbers:
    return np.flatnonzero(table.column(column).is_valid().to_numpy())


def _training(table: pa.Table, roles: Roles) -> RowNumbers:
    """Rows with text that are not of an evaluation split."""
    texted = _texted(table, carrier(roles) or "")
    split = roles.first(Role.SPLIT)
    if split is None:
        return texted
    held_out = [str(value).lower() in EVALUATION for value in table.column(split).to_pylist()]
    return texted[~np.array(held_out, dtype=bool)[texted]] if held_out else texted
