"""The Python API of signatures: every text of a version for an index of near copies that others keep."""

from __future__ import annotations

import pyarrow as pa

from poisonguard.dataset.opening import Dataset, open_dataset, open_table
from poisonguard.dataset.roles import infer_roles
from poisonguard.dataset.views import Views
from poisonguard.domain.roles import Role
from poisonguard.engine.executor import local
from poisonguard.engine.source import Batch, DatasetSource, Run
from poisonguard.errors import NothingToScan, UsageError
from poisonguard.sketches.fingerprints import SHINGLE_WORDS, document_of
from poisonguard.sketches.interchange import candidates, from_minhashes, minhashes, schema_of, signed

__all__ = ["candidates", "from_minhashes", "minhashes", "signatures"]

TEXTS = (Role.TEXT, Role.PROMPT, Role.RESPONSE)


def signatures(  # noqa: PLR0913 - what to sign, how, and who does it
    data: str | pa.Table,
    *,
    seed: int,
    name: str | None = None,
    columns: tuple[str, ...] = (),
    words: int = SHINGLE_WORDS,
    workers: int = 1,
) -> pa.Table:
    """MinHash signatures of a version's texts, bit-identical to datasketch's.

    As in::

        table = pg.signatures("data/", seed=20260101, name="reviews@12")
        for key, sketch in pg.minhashes(table):
            index.insert(key, sketch)

    Args:
        data: Path, glob or URL of the data, or a table.
        seed: Of the permutations, 32 bits: the same for all that is put into one index, and a secret.
        name: How keys begin; the last part of the path when not given.
        columns: Columns that make up the document; all columns of text when empty.
        words: Words in a shingle; texts with fewer are left out.
        workers: Threads.

    Returns:
        ``key`` (``name/file#row``) and ``signature`` of each text; can be kept as Parquet.

    Raises:
        DataError: Nothing is there, it cannot be read, or it holds no text.
        UsageError: A column is not there, or the seed has more than 32 bits.
    """
    run, schema = local(workers).run, schema_of(seed, words)
    opened = open_dataset(data, workers=workers) if isinstance(data, str) else open_table(data, name or "table")
    with opened as dataset:
        texts = _Texts(dataset, name or dataset.name, columns)
        parts = list(run(lambda task: texts.signed(task, seed, words), texts.source.tasks()))
        return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()


class _Texts:
    """The texts of a dataset, with their keys."""

    def __init__(self, dataset: Dataset, name: str, columns: tuple[str, ...]) -> None:
        self.source = DatasetSource(dataset, name, Views.of(dataset.schema))
        self._paths = [item.path for item in dataset.files]
        self._columns = columns or self._found()
        missing = set(self._columns) - {column.name for column in self.source.columns}
        if missing:
            raise UsageError(f"{name}: no column {min(missing)}")

    def _found(self) -> tuple[str, ...]:
        roles = infer_roles(self.source.columns, self.source.peek(), {}, self.source.views.roles)
        found = tuple(column for role in TEXTS for column in roles.all(role))
        if not found:
            raise NothingToScan(f"{self.source.name}: no column of text", hint="Say which column it is: columns=(...).")
        return found

    def signed(self, task: object, seed: int, words: int) -> pa.Table:
        """Signatures of one partition."""
        parts = [schema_of(seed, words).empty_table()]
        for batch in self.source.batches(task, self._columns):
            keys = self._keys(batch)
            parts.append(signed(keys, document_of(batch.table, self._columns), seed=seed, words=words))
        return pa.concat_tables(parts)

    def _keys(self, batch: Batch) -> pa.Array:
        """Name of each row."""
        run = Run(batch.file, batch.first_row, batch.table.num_rows, batch.counts)
        places = [(file, first + row) for file, first, rows, _ in run.pieces() for row in range(rows)]
        return pa.array([f"{self.source.name}/{self._paths[file]}#{row}" for file, row in places], pa.string())
