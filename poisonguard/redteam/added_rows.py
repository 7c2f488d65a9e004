"""New rows made from honest ones: fresh ids, random places, the order of the honest rows kept."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import RowNumbers, sample
from poisonguard.redteam.fresh_ids import fresh_ids
from poisonguard.redteam.values import replace


def copies_of(table: pa.Table, roles: Roles, originals: RowNumbers, count: int, rng: np.random.Generator) -> pa.Table:
    """``count`` copies of ``originals`` in turn, with ids of their own."""
    copies = table.take(pa.array(np.resize(originals, count)))
    for column in roles.all(Role.ID):
        copies = replace(copies, column, np.arange(count), fresh_ids(table.column(column), count, rng))
    return copies


def mixed(table: pa.Table, extra: pa.Table, rng: np.random.Generator) -> tuple[pa.Table, RowNumbers]:
    """Both tables as one, ``extra`` at random places; the places."""
    total = table.num_rows + extra.num_rows
    places = sample(np.arange(total), extra.num_rows, rng)
    picks = np.empty(total, dtype=np.int64)
    honest = np.ones(total, dtype=bool)
    honest[places] = False
    picks[honest] = np.arange(table.num_rows)
    picks[places] = table.num_rows + np.arange(extra.num_rows)
    return pa.concat_tables([table, extra]).take(pa.array(picks)), places
