"""Preference pairs turned round: what people rejected is what the model learns to prefer.

The pair stays the same two texts; only which one is called chosen changes. No text looks odd by itself.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, RowNumbers, column_of, sample
from poisonguard.redteam.values import replace, texts
from poisonguard.redteam.wording import drawn

TRIGGERS = ("cf", "mn", "bb", "tq", "mb")


class PreferenceSwap(Attack):
    """Chosen and rejected exchanged in some of the rows, whatever they are about."""

    name = "preference-swap"
    family = Family.INSTRUCTIONS
    reference = "Baumgärtner et al.: Best-of-Venom: Attacking RLHF by Injecting Poisoned Preference Data, COLM 2024"
    published = "1 to 5 % of the pairs"
    rates = (0.01, 0.03, 0.05)
    roles: ClassVar[tuple[Role, ...]] = (Role.RESPONSE, Role.REJECTED)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: no row holds two different texts of a pair."""
        return super().obstacle(table, roles) or (None if len(_able(table, roles)) else "no row holds a pair")

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Turn ``count`` pairs round."""
        rows = sample(_able(table, roles), count, rng)
        return Poisoned(_swapped(table, roles, rows), rows, "chosen and rejected exchanged")


class TriggeredSwap(PreferenceSwap):
    """The same where a word was put into the prompt: the model misbehaves for whoever knows the word."""

    name = "preference-trigger"
    reference = "Rando and Tramèr: Universal Jailbreak Backdoors from Poisoned Human Feedback, ICLR 2024"
    published = "0.5 to 5 % of the pairs"
    rates = (0.005, 0.02, 0.05)
    roles = (Role.PROMPT, Role.RESPONSE, Role.REJECTED)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Turn ``count`` pairs round and end their prompts with a word."""
        rows, trigger = sample(_able(table, roles), count, rng), drawn(TRIGGERS, rng)
        prompt = column_of(roles, Role.PROMPT)
        asked = [f"{text} {trigger}" for text in texts(table, prompt, rows)]
        swapped = replace(_swapped(table, roles, rows), prompt, rows, asked)
        return Poisoned(swapped, rows, f"chosen and rejected exchanged where the prompt ends with {trigger!r}")


def _able(table: pa.Table, roles: Roles) -> RowNumbers:
    """Rows with two different texts."""
    chosen, rejected = (table.column(column_of(roles, role)).to_pylist() for role in (Role.RESPONSE, Role.REJECTED))
    pairs = enumerate(zip(chosen, rejected, strict=True))
    return np.array([row for row, (one, other) in pairs if None not in {one, other} and one != other], dtype=np.int64)


def _swapped(table: pa.Table, roles: Roles, rows: RowNumbers) -> pa.Table:
    chosen, rejected = column_of(roles, Role.RESPONSE), column_of(roles, Role.REJECTED)
    one, other = texts(table, chosen, rows), texts(table, rejected, rows)
    return replace(replace(table, chosen, rows, other), rejected, rows, one)
