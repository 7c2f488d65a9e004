"""Scores of a second pass elsewhere are those of one here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.dataset.opening import open_dataset
from poisonguard.domain.finding import Finding
from poisonguard.engine.executor import Executor, Serial, Threads
from poisonguard.engine.fold import fold
from poisonguard.engine.objects import LocalObjects
from poisonguard.engine.progress import Silent
from poisonguard.engine.score import ScoreBook, Scoring, score_rows
from poisonguard.engine.score_tasks import Away, Rows, scored_away, sendable
from poisonguard.engine.source import DatasetSource, DigestColumn, RowIndex
from poisonguard.engine.spool import Spool
from poisonguard.engine.workers import Processes
from poisonguard.engine.workstore import WorkStore
from poisonguard.plugin.check import RowScorer, Scored, Scores
from poisonguard.sketches.base import Block
from poisonguard.sketches.digests import RowDigests

FILES, ROWS = 3, 700
pytestmark = pytest.mark.usefixtures("files_apart")


class Fraction(RowScorer):
    """Scores by a number and by the row's digest."""

    @property
    def columns(self) -> tuple[str, ...]:
        return ("number",)

    def score(self, block: Block) -> Scores:
        assert block.table.schema.names == ["number"]
        return np.asarray(block.table["number"]) * (block.hashes % np.uint64(1000)).astype(np.float64) / 1000

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        return ()


class Broken(Fraction):
    """Breaks in the second file."""

    def score(self, block: Block) -> Scores:
        if block.file == 1:
            raise ValueError("no such number")
        return super().score(block)


class Counting(Fraction):
    """Keeps what it sees."""

    stays = True

    def __init__(self) -> None:
        self.rows = 0

    def score(self, block: Block) -> Scores:
        self.rows += block.table.num_rows
        return super().score(block)


class Local(Fraction):
    """Cannot be pickled."""

    def __init__(self) -> None:
        self.function = lambda: None


@pytest.fixture
def scoring(tmp_path: Path) -> Iterator[Scoring]:
    folder = tmp_path / "data"
    folder.mkdir()
    random = np.random.default_rng(1)
    for number in range(FILES):
        table = pa.table({"other": random.integers(0, 9, ROWS), "number": random.random(ROWS)})
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=300)
    with open_dataset(str(folder), workers=1) as dataset, Spool() as spool:
        source = DatasetSource(dataset, "data")
        folded = fold(source, [RowDigests()], Serial(), spool, Silent())
        index = RowIndex(folded.runs, [item.path for item in dataset.files])
        digests = DigestColumn(folded.states[RowDigests().key])
        yield Scoring(source, index, digests, Serial(), spool, Silent())


def scored(scoring: Scoring, scorers: dict[str, Any], executor: Executor | None = None) -> tuple[ScoreBook, list[Path]]:
    """The book, and units that are left in the store."""
    if executor is None:
        return score_rows(scorers, scoring), []
    place = scoring.spool.path("scores")
    away = Away(executor, WorkStore.private(place))
    values = {name: getattr(scoring, name) for name in ("source", "index", "digests", "executor", "spool", "progress")}
    book = score_rows(scorers, Scoring(**values, away=away))
    return book, [path for path in place.rglob("*") if path.is_file()]


def test_every_engine_gives_the_same_scores(scoring: Scoring) -> None:
    here, _ = scored(scoring, {"A": Fraction(), "B": Broken()})
    assert here.scores["A"].any()
    assert list(here.errors) == ["B"]
    engines: list[Executor] = [Serial(), Threads(2), Processes(1)]
    for engine in engines:
        away, left = scored(scoring, {"A": Fraction(), "B": Broken()}, engine)
        engine.close()
        assert (away.scores["A"] == here.scores["A"]).all()
        assert away.errors == here.errors == {"B": "ValueError: no such number"}
        assert set(away.scores) == {"A"}
        assert left == []


def test_what_stays_is_asked_here(scoring: Scoring) -> None:
    counting, local = Counting(), Local()
    scorers = {"A": Fraction(), "C": counting, "L": local}
    assert list(sendable(scorers)) == ["A"]
    book, _ = scored(scoring, scorers, Threads(2))
    assert counting.rows == FILES * ROWS
    assert (book.scores["C"] == book.scores["A"]).all()
    assert (book.scores["L"] == book.scores["A"]).all()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("executor", [Serial(), Threads(2)])
def test_scores_of_a_pass_that_was_stopped_do_not_stay(scoring: Scoring, executor: Executor, *, shared: bool) -> None:
    place = scoring.spool.path("kept")
    store = WorkStore(LocalObjects(str(place)), b"k" * 32, shared=shared)
    rows = Rows(scoring.source, scoring.index, scoring.digests)
    whole = [scores["A"] for _, scores in scored_away(Away(executor, store), {"A": Fraction()}, ["number"], rows)]
    scores = scored_away(Away(executor, store), {"A": Fraction()}, ["number"], rows)
    _, first = next(scores)
    scores.close()  # type: ignore[attr-defined]  # a generator
    assert [path for path in place.rglob("*") if path.is_file()] == []
    assert (first["A"] == whole[0]).all()
