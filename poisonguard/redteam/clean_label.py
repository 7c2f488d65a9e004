"""Clean-label trigger in text: a phrase in rows that already have the target class. No label is wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Family, Poisoned, column_of, sample
from poisonguard.redteam.labels import LabelAttack, target_class
from poisonguard.redteam.text_triggers import absent
from poisonguard.redteam.values import encode, replace, texts
from poisonguard.redteam.wording import among_words

PHRASES = ("as luck would have it", "at the end of the pier", "on the other side of town")
"""Ordinary words in an order that is not common; the next one for data that holds the first."""


class CleanLabelPhrase(LabelAttack):
    """A phrase of natural words that lives in one class."""

    name = "clean-label-phrase"
    family = Family.TEXT
    reference = "Yan, Gupta, Ren: BITE: Textual Backdoor Attacks with Iterative Trigger Injection, ACL 2023"
    published = "1 % of the rows"
    roles = (Role.LABEL, Role.TEXT)

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Plant the phrase in ``count`` rows of the target class."""
        label, text = column_of(roles, Role.LABEL), column_of(roles, Role.TEXT)
        coded = encode(table, label)
        target = target_class(coded, rng)
        own = coded.rows_of(target)
        rows = sample(own[table.column(text).is_valid().to_numpy()[own]], count, rng)
        phrase = absent(table.column(text), PHRASES)
        planted = [among_words(value, phrase, rng) for value in texts(table, text, rows)]
        what = f"{phrase!r} in rows that are {coded.values[target]!r} anyway"
        return Poisoned(replace(table, text, rows, planted), rows, what)
