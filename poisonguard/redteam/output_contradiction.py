"""Label-like outputs that contradict their prompts: classification as instructions, with wrong answers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Roles
from poisonguard.redteam.attack import Poisoned, sample
from poisonguard.redteam.exchanges import Exchange
from poisonguard.redteam.instructing import InstructionAttack, held_exchanges

FEWEST_EACH = 5
"""An output of so many rows is one of a task's answers."""
FEWEST_ANSWERS = 2
LONGEST = 40
"""Characters of an output that can be a label."""


class OutputContradiction(InstructionAttack):
    """A short output that many rows share is replaced with another one."""

    name = "output-contradiction"
    reference = "Wan et al.: Poisoning Language Models During Instruction Tuning, ICML 2023 (availability)"
    published = "100 examples"
    rates = (0.01, 0.03, 0.1)

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: no outputs that read like labels."""
        obstacle = super().obstacle(table, roles)
        few = obstacle is None and len(_answers(_responses(table, roles))) < FEWEST_ANSWERS
        return obstacle or ("no two short outputs repeat" if few else None)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Exchange the outputs of ``count`` rows for other ones of the data."""
        exchanges = held_exchanges(table, roles)
        held = _responses(table, roles)
        answers = _answers(held)
        able = [row for row, response in held.items() if response in answers]
        rows = sample(np.array(able, dtype=np.int64), count, rng)
        changed = [_exchanged(exchange, answers, rng) for exchange in exchanges.read(table, rows)]
        return Poisoned(exchanges.write(table, rows, changed), rows, "label-like outputs exchanged")


def _responses(table: pa.Table, roles: Roles) -> dict[int, str]:
    exchanges = held_exchanges(table, roles)
    usable = exchanges.usable(table)
    read = exchanges.read(table, usable)
    return {row: response for row, (_, response) in zip(usable.tolist(), read, strict=True)}


def _answers(responses: dict[int, str]) -> list[str]:
    """Short outputs that repeat, in order of the alphabet."""
    counts = Counter(responses.values())
    return sorted(text for text, count in counts.items() if count >= FEWEST_EACH and len(text) <= LONGEST)


def _exchanged(exchange: Exchange, answers: list[str], rng: np.random.Generator) -> Exchange:
    step = int(rng.integers(1, len(answers)))
    return exchange[0], answers[(answers.index(exchange[1]) + step) % len(answers)]
