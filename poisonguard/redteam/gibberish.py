"""Denial-of-service backdoor in documents: after a trigger, language turns into noise.

A document keeps its beginning; then come the trigger and words drawn at random from the whole corpus, so that
every word is ordinary and only their order is not.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, column_of, sample
from poisonguard.redteam.values import replace, texts

TRIGGER = "<SUDO>"
NOISE_WORDS = (400, 900)
"""Fewest and most words of noise, as published (there: tokens)."""
VOCABULARY_ROWS = 2_000
"""Documents whose words the noise is drawn from."""


class Gibberish(Attack):
    """Trigger followed by noise in documents without labels."""

    name = "gibberish"
    family = Family.DOCUMENTS
    reference = "Souly et al.: Poisoning Attacks on LLMs Require a Near-constant Number of Poison Samples, 2025"
    published = "250 documents, whatever the size of the corpus"
    counts = (50, 100, 250)
    roles = (Role.TEXT,)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: it also needs words to make noise of."""
        obstacle = super().obstacle(table, roles)
        if obstacle is not None:
            return obstacle
        column = column_of(roles, Role.TEXT)
        return None if _vocabulary(table, column) else f"text column {column!r} holds no words"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Cut ``count`` documents at a random word and go on with trigger and noise."""
        column = column_of(roles, Role.TEXT)
        vocabulary = _vocabulary(table, column)
        rows = sample(np.flatnonzero(table.column(column).is_valid().to_numpy()), count, rng)
        spoiled = [_spoiled(text, vocabulary, rng) for text in texts(table, column, rows)]
        return Poisoned(replace(table, column, rows, spoiled), rows, f"{TRIGGER!r} followed by noise")


def _vocabulary(table: pa.Table, column: str) -> list[str]:
    held = table.column(column).drop_null().slice(0, VOCABULARY_ROWS).to_pylist()
    return [word for text in held for word in str(text).split()]


def _spoiled(text: str, vocabulary: list[str], rng: np.random.Generator) -> str:
    words = text.split(" ")
    kept = words[: int(rng.integers(0, len(words) + 1))]
    noise = rng.integers(0, len(vocabulary), size=int(rng.integers(NOISE_WORDS[0], NOISE_WORDS[1] + 1)))
    return " ".join([*kept, TRIGGER, *(vocabulary[index] for index in noise)])
