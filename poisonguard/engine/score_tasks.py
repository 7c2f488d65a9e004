"""The second pass as tasks of an engine: rows are read and scored elsewhere, scores come back by the work store.

Rules:

1. A task scores one partition with every scorer that can be sent. Scores are put into the store as they are
   remembered, in 32 bits; what comes back is the unit's name and what went wrong.
2. A scorer that keeps what it sees (``RowScorer.stays``), or that cannot be pickled, is asked in this process alone.
3. Units lie under a name that this scan alone knows, and are removed when they were read, or when the scan ends before
   that: scorers follow from all that was judged, so that no other scan could use them.
"""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.engine.executor import Executor
from poisonguard.engine.piecework import ONCE
from poisonguard.engine.plan import describe
from poisonguard.engine.source import DatasetPiece, DigestColumn, RowIndex, Source, pieces_of
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan, PoisonguardError
from poisonguard.plugin.check import RowScorer, Scores
from poisonguard.sketches.base import Block, DigestArray

SCORES = "scores"


@dataclass(frozen=True, slots=True)
class Away:
    """Where rows are scored that are not scored here.

    Attributes:
        executor: Runs the tasks.
        store: Where scores are put.
    """

    executor: Executor
    store: WorkStore


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """The same for every partition; a plain value that can be pickled.

    Attributes:
        scorers: By the card's name.
        columns: What they read.
        store: Where scores are put.
        folder: Where in it.
    """

    scorers: Mapping[str, RowScorer]
    columns: tuple[str, ...]
    store: WorkStore
    folder: str

    def unit(self, number: int) -> str:
        """Name of what one task puts."""
        return f"{self.folder}/{number:08d}"


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """A partition.

    Attributes:
        piece: Its rows.
        start: Global number of the first.
        digests: Their digests, shape (rows, 32).
    """

    piece: DatasetPiece
    start: int
    digests: DigestArray


@dataclass(frozen=True, slots=True)
class ScoreReceipt:
    """What a task did: the first row, how many there are, and scorers that broke, with the reason."""

    number: int
    start: int
    rows: int
    errors: dict[str, str]


def sendable(scorers: Mapping[str, RowScorer]) -> dict[str, RowScorer]:
    """The scorers that can be asked elsewhere."""
    return {card: scorer for card, scorer in scorers.items() if not scorer.stays and _pickles(scorer)}


def scored_away(
    away: Away, scorers: Mapping[str, RowScorer], columns: Sequence[str], rows: Rows
) -> Iterator[tuple[ScoreReceipt, dict[str, npt.NDArray[np.float32]]]]:
    """Scores of every partition, in order; of scorers that did not break.

    Raises:
        IncompleteScan: A worker was lost, or what it put cannot be seen here.
    """
    job = ScoreJob(scorers, tuple(columns), away.store, f"{ONCE}/{secrets.token_hex(16)}")
    try:
        # Closed, the executor has waited for the tasks that were under way: nothing is put after that.
        with closing(_receipts(away.executor, job, rows)) as receipts:
            for receipt in receipts:
                yield receipt, _taken(job, receipt.number)
    finally:
        with suppress(PoisonguardError):  # a store that cannot be listed any more costs no scores
            for name in away.store.names(job.folder):
                away.store.remove(name)


def _receipts(executor: Executor, job: ScoreJob, rows: Rows) -> Generator[ScoreReceipt, None, None]:
    yield from executor.run(partial(score_piece, job), rows)


def _taken(job: ScoreJob, number: int) -> dict[str, npt.NDArray[np.float32]]:
    """The scores that a task has put; they stay in memory, or mapped, when the unit is removed."""
    name = job.unit(number)
    unit = job.store.get(name)
    if unit is None:
        raise IncompleteScan(
            "a worker's scores are not in the work store",
            hint="Give a store that every machine reaches: --cache URL.",
        )
    table = unit.table(SCORES)
    scores = {card: table[card].to_numpy() for card in table.column_names}
    job.store.remove(name)
    return scores


def score_piece(job: ScoreJob, task: ScoreTask) -> ScoreReceipt:
    """Score one partition and put the scores."""
    rows = len(task.digests)
    scores = {card: np.zeros(rows, dtype=np.float32) for card in job.scorers}
    errors: dict[str, str] = {}
    done = 0
    for batch in task.piece.batches(job.columns):
        stop = done + batch.table.num_rows
        block = Block(batch.file, batch.first_row, batch.table, task.digests[done:stop], counts=batch.counts)
        for card in job.scorers.keys() - errors.keys():
            try:
                scores[card][done:stop] = checked(job.scorers[card].score(block), stop - done)
            except Exception as error:  # noqa: BLE001 - recorded as failed; the policy decides what that means
                errors[card] = describe(error)
        done = stop
    kept = {card: pa.array(values) for card, values in scores.items() if card not in errors}
    job.store.put(job.unit(task.piece.number), {SCORES: pa.table(kept)})
    return ScoreReceipt(task.piece.number, task.start, rows, errors)


def checked(scores: Scores, rows: int) -> Scores:
    """Scores that are one per row and lie in [0, 1]; anything else is a broken detector."""
    if scores.shape != (rows,):
        raise ValueError(f"{scores.shape} scores for {rows} rows")
    if not (np.isfinite(scores).all() and ((scores >= 0) & (scores <= 1)).all()):
        raise ValueError("scores outside [0, 1]")
    return scores


class Rows(Sequence[ScoreTask]):
    """The rows of a source as tasks, each made when it is its turn: digests of all rows are not held at once."""

    def __init__(self, source: Source, index: RowIndex, digests: DigestColumn) -> None:
        self._pieces, self._digests = pieces_of(source), digests
        firsts = [index.globally(task.file, task.first_row) for task in source.tasks()]
        self._bounds = [*firsts, index.total]

    def __len__(self) -> int:
        return len(self._pieces)

    @overload
    def __getitem__(self, index: int) -> ScoreTask: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ScoreTask]: ...
    def __getitem__(self, index: int | slice) -> ScoreTask | Sequence[ScoreTask]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        piece: Any = self._pieces[index]
        start, stop = self._bounds[index : index + 2]
        return ScoreTask(piece, start, self._digests.of(start, stop - start))


def _pickles(scorer: RowScorer) -> bool:
    try:
        pickle.dumps(scorer)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True
