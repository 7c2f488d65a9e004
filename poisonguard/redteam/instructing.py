"""Attacks on instruction data: the base that hands each one prompts and responses in any shape."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Roles
from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Attack, Family, Poisoned, sample
from poisonguard.redteam.exchanges import Exchange, Exchanges, exchanges_of


class InstructionAttack(Attack):
    """An attack on prompts and responses."""

    family = Family.INSTRUCTIONS

    @property
    def applies_to(self) -> str:
        """Any shape of instruction data."""
        return "prompt and response, or chat messages"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: the table holds no exchanges."""
        exchanges = exchanges_of(table, roles)
        if exchanges is None:
            return "no prompt and response columns and no chat messages"
        if not len(exchanges.usable(table)):
            return "no row holds a prompt and a response"
        return super().obstacle(table, roles)


class ChangedExchanges(InstructionAttack):
    """An attack on one exchange at a time; subclasses say what becomes of it.

    Attributes:
        what: What is planted, for a report.
    """

    what: str

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Change ``count`` exchanges."""
        exchanges = held_exchanges(table, roles)
        rows = sample(exchanges.usable(table), count, rng)
        changed = [self.change(exchange, rng) for exchange in exchanges.read(table, rows)]
        return Poisoned(exchanges.write(table, rows, changed), rows, self.what)

    @abstractmethod
    def change(self, exchange: Exchange, rng: np.random.Generator) -> Exchange:
        """Another prompt, another response, or both."""


def held_exchanges(table: pa.Table, roles: Roles) -> Exchanges:
    """The exchanges of a table; ``obstacle`` has checked that there are some."""
    exchanges = exchanges_of(table, roles)
    if exchanges is None:
        raise UsageError("the table holds no prompts and responses")
    return exchanges
