"""Evaluation sets as checks are given them: read like data, named by their content."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from poisonguard.attest.predicates_v1 import version_name
from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.names import shown
from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.dataset.roles import infer_roles
from poisonguard.dataset.views import Views
from poisonguard.domain.roles import Role
from poisonguard.engine.executor import local
from poisonguard.engine.fold import fold
from poisonguard.engine.progress import Silent
from poisonguard.engine.source import DatasetSource
from poisonguard.engine.spool import Spool
from poisonguard.errors import NothingToScan
from poisonguard.plugin.holdout import Holdout
from poisonguard.sketches.digests import RowDigests
from poisonguard.workflow.inspect import inventory_of

IN_MEMORY = "holdout"
TEXTS = (Role.TEXT, Role.PROMPT, Role.RESPONSE)


def read_holdout(data: str | pa.Table, *, chosen: Mapping[str, str], tree: ChunkTree, workers: int) -> Holdout:
    """The evaluation set at a path, or in memory.

    Args:
        data: Path, glob or URL, or a table.
        chosen: Column to role, as the user gave them for the data; they hold for columns of the same name.
        tree: How the files are hashed.
        workers: Threads.

    Raises:
        DataError: Nothing is there, it cannot be read as what it declares to be, or it holds no text.
    """
    if isinstance(data, str):
        with open_dataset(data, workers=workers, tree=tree) as dataset:
            return _read(dataset, chosen, workers)
    with open_table(data, IN_MEMORY) as dataset:
        return _read(dataset, chosen, workers)


def _read(dataset: Dataset, chosen: Mapping[str, str], workers: int) -> Holdout:
    source = DatasetSource(dataset, dataset.name, Views.of(dataset.schema))
    held = {column.name for column in source.columns}
    mine = {name: role for name, role in chosen.items() if name in held}
    roles = infer_roles(source.columns, source.peek(), mine, source.views.roles)
    columns = [name for role in TEXTS for name in roles.all(role)]
    if not columns:
        raise NothingToScan(
            f"--holdout {shown(dataset.location)}: no column of text",
            hint="Say which column it is: --column text=NAME.",
        )
    with Spool() as spool:
        folded = fold(source, [RowDigests()], local(workers), spool, Silent())
        manifest = inventory_of(dataset, folded).manifest
    texts, owners = _texts(source, columns)
    return Holdout(dataset.name, version_name(manifest), manifest.rows, texts, owners)


def _texts(source: DatasetSource, columns: list[str]) -> tuple[pa.Array, pa.Array]:
    """Every text that is there, and the item it belongs to."""
    texts, owners = [pa.array([], pa.large_string())], [pa.array([], pa.int64())]
    items = 0
    for task in source.tasks():
        for batch in source.batches(task, columns):
            numbers = pa.array(np.arange(items, items + batch.table.num_rows))
            for name in columns:
                column = batch.table.column(name).cast(pa.large_string())
                texts.append(column.drop_null())
                owners.append(numbers.filter(column.is_valid()))
            items += batch.table.num_rows
    return pa.concat_arrays(texts), pa.concat_arrays(owners)
