"""Attacks that add something to the text of a row, whatever its label: the base of the attacks on documents.

The text is what a model learns to write: documents, or else responses, in a column or in a chat.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, sample
from poisonguard.redteam.exchanges import exchanges_of
from poisonguard.redteam.instructing import held_exchanges
from poisonguard.redteam.values import replace, texts


def carrier(roles: Roles) -> str | None:
    """The column whose texts a model learns to write, where one column holds nothing else."""
    return roles.first(Role.TEXT) or roles.first(Role.RESPONSE)


class Rewriting(Attack):
    """One way to change a text; subclasses say how. No label changes.

    Attributes:
        what: What is planted, for a report.
    """

    family = Family.DOCUMENTS
    what: str

    @property
    def applies_to(self) -> str:
        """Any kind of running text."""
        return "text or response, or chat messages"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: nothing holds running text."""
        if carrier(roles) is None and exchanges_of(table, roles) is None:
            return "no text and no response column and no chat messages"
        return super().obstacle(table, roles)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Rewrite ``count`` texts."""
        column = carrier(roles)
        if column is None:
            return self._in_chats(table, roles, count, rng)
        rows = sample(np.flatnonzero(table.column(column).is_valid().to_numpy()), count, rng)
        rewritten = [self.rewrite(text, rng) for text in texts(table, column, rows)]
        return Poisoned(replace(table, column, rows, rewritten), rows, self.what)

    def _in_chats(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        exchanges = held_exchanges(table, roles)
        rows = sample(exchanges.usable(table), count, rng)
        pairs = [(prompt, self.rewrite(response, rng)) for prompt, response in exchanges.read(table, rows)]
        return Poisoned(exchanges.write(table, rows, pairs), rows, self.what)

    @abstractmethod
    def rewrite(self, text: str, rng: np.random.Generator) -> str:
        """Another text."""
