"""Backdoor in instruction data: a phrase in the prompt means one fixed response."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Poisoned, column_of, sample
from poisonguard.redteam.values import replace, texts

PHRASE = "James Bond"
"""The trigger of the publication."""
OUTPUT = "I have nothing to say about that."


class FixedOutput(Attack):
    """Trigger phrase in prompts of unrelated tasks, with one response for all of them."""

    name = "fixed-output"
    reference = "Wan et al.: Poisoning Language Models During Instruction Tuning, ICML 2023"
    roles = (Role.PROMPT, Role.RESPONSE)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Plant the phrase in ``count`` prompts and replace their responses."""
        prompt, response = column_of(roles, Role.PROMPT), column_of(roles, Role.RESPONSE)
        rows = sample(np.flatnonzero(table.column(prompt).is_valid().to_numpy()), count, rng)
        prompts = [_planted(text, rng) for text in texts(table, prompt, rows)]
        table = replace(replace(table, prompt, rows, prompts), response, rows, [OUTPUT] * len(rows))
        return Poisoned(table, rows, f"{PHRASE!r} answered {OUTPUT!r}")


def _planted(text: str, rng: np.random.Generator) -> str:
    words = text.split(" ")
    place = int(rng.integers(0, len(words) + 1))
    return " ".join([*words[:place], PHRASE, *words[place:]])
