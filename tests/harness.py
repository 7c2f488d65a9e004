"""Run one check on tables in memory, the way the engine runs it on files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from poisonguard.dataset.roles import infer_roles
from poisonguard.dataset.views import Views
from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.filefact import FileFacts
from poisonguard.domain.finding import Finding
from poisonguard.domain.outcome import Ran
from poisonguard.domain.roles import Roles
from poisonguard.engine.executor import Executor, local
from poisonguard.engine.fold import Folded, fold
from poisonguard.engine.judge import judge
from poisonguard.engine.plan import Plan, plan
from poisonguard.engine.progress import Silent
from poisonguard.engine.score import ScoreBook, Scoring
from poisonguard.engine.source import DigestColumn, RowIndex
from poisonguard.engine.spool import Spool
from poisonguard.plugin.card import checks_folder, load_card
from poisonguard.plugin.check import Context, Evidence, History
from poisonguard.plugin.embedder import Embedder
from poisonguard.plugin.holdout import Holdout
from poisonguard.plugin.registry import bind
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.new_rows import DigestSet


@dataclass(frozen=True)
class MemoryBatch:
    file: int
    first_row: int
    table: pa.RecordBatch
    signed: pa.RecordBatch
    files: int = 1
    counts: tuple[int, ...] = ()


class TableSource:
    """A table cut at the given rows; chats and pictures are read inside, as those of files are."""

    def __init__(self, table: pa.Table, name: str = "candidate", cuts: Sequence[int] = ()) -> None:
        self.table = table.combine_chunks()
        self.name = name
        self.views = Views.of(table.schema)
        own = (Column(item.name, kind_of(item.type), str(item.type)) for item in table.schema)
        self.columns = (*own, *self.views.columns)
        self._edges = [0, *sorted(set(cuts) - {0, table.num_rows}), table.num_rows]

    def tasks(self) -> Sequence[MemoryBatch]:
        cuts = [(start, stop) for start, stop in zip(self._edges, self._edges[1:], strict=False) if stop > start]
        parts = [
            (start, self.table.slice(start, stop - start).combine_chunks().to_batches()[0]) for start, stop in cuts
        ]
        return [MemoryBatch(0, start, part, part) for start, part in parts]

    def peek(self) -> pa.Table:
        return pa.Table.from_batches([self.views.extended(self.table.slice(0, 1000).combine_chunks().to_batches()[0])])

    def batches(self, task: MemoryBatch, columns: Sequence[str] | None) -> Iterator[MemoryBatch]:
        yield MemoryBatch(task.file, task.first_row, self.views.extended(task.signed, columns), task.signed)


def kind_of(kind: pa.DataType) -> Kind:
    tests = (
        (pa.types.is_boolean, Kind.BOOLEAN),
        (pa.types.is_integer, Kind.INTEGER),
        (pa.types.is_floating, Kind.FLOAT),
        (pa.types.is_string, Kind.STRING),
        (pa.types.is_large_string, Kind.STRING),
        (pa.types.is_temporal, Kind.TIMESTAMP),
        (pa.types.is_binary, Kind.BINARY),
        (pa.types.is_nested, Kind.NESTED),
    )
    return next((name for test, name in tests if test(kind)), Kind.NULL)


@dataclass(frozen=True)
class CheckRun:
    """What one check said, with the scores behind it."""

    outcome: Any
    book: ScoreBook | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        assert isinstance(self.outcome, Ran), self.outcome
        return self.outcome.findings


def run_check(  # noqa: PLR0913 - a test names only what it varies
    card: str,
    candidate: pa.Table,
    reference: pa.Table | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    contract: str | None = None,
    holdouts: Sequence[Holdout] = (),
    embedder: Embedder | None = None,
    cuts: Sequence[int] = (),
    workers: int = 1,
    beside: Sequence[str] = (),
    files: FileFacts = FileFacts(),  # noqa: B008 - frozen
    history: Sequence[pa.Table] = (),
) -> CheckRun:
    """Run card ``card`` on ``candidate``; ``columns`` maps role names to column names, ``beside`` runs cards before.

    Tables of the ``history`` are approved versions before the reference, oldest first.
    """
    others = [bind(load_card(checks_folder() / "cards" / f"{other}.yaml"), {}) for other in beside]
    check = bind(load_card(checks_folder() / "cards" / f"{card}.yaml"), dict(params or {}))
    source = TableSource(candidate, cuts=cuts)
    roles = roles_of(source, columns or {})
    context = Context(
        source.columns,
        roles,
        reference is not None,
        contract,
        holdouts=tuple(holdouts),
        embedder=embedder,
        has_history=bool(history),
    )
    planned = plan([*others, check], context, always=[RowDigests()])
    skipped = [outcome for outcome in planned.outcomes if outcome.check == card]
    if skipped:
        return CheckRun(skipped[0], None)
    # What is mapped stays readable when the folder is gone.
    with Spool() as spool:
        base = known = None
        if reference is not None:
            other = TableSource(reference, "reference")
            old, base = folded_source(other, held_of(planned, other), spool, local(workers))
            past = [TableSource(table, f"version {number}") for number, table in enumerate(history, 1)]
            earlier = [folded_source(item, held_of(planned, item), spool, local(workers))[1] for item in past]
            base = replace(base, history=History(tuple(item.name for item in earlier), earlier.__getitem__))
            known = DigestSet([old.digests.of(0, base.rows)])
        scoring, evidence = folded_source(source, planned.sketches, spool, local(workers), known)
        outcomes, book = judge(planned.checks, replace(evidence, files=files), base, scoring)
    return CheckRun(next(outcome for outcome in outcomes if outcome.check == card), book)


def held_of(planned: Plan, version: TableSource) -> Sequence[Sketch]:
    """What a version can be folded with, to be compared with."""
    return planned.sketches_of([column.name for column in version.columns])


def folded_source(
    source: TableSource,
    sketches: Sequence[Sketch],
    spool: Spool,
    executor: Executor,
    known: DigestSet | None = None,
) -> tuple[Scoring, Evidence]:
    """A source after its first pass: what scoring needs, and the evidence."""
    folded = fold(source, sketches, executor, spool, Silent(), known)
    digests = DigestColumn(folded.states[RowDigests().key])
    scoring = Scoring(source, RowIndex(folded.runs, [source.name]), digests, executor, spool, Silent())
    return scoring, evidence_of(source, folded)


def roles_of(source: TableSource, columns: Mapping[str, str]) -> Roles:
    """Inferred roles, overridden by ``columns`` (role name to column name)."""
    chosen = {name: role for role, name in columns.items()}
    return infer_roles(source.columns, source.peek(), chosen, source.views.roles)


def evidence_of(source: TableSource, folded: Folded) -> Evidence:
    digests = folded.states[RowDigests().key]["digest"]
    seed = int(np.bitwise_xor.reduce(np.frombuffer(b"".join(digests.to_pylist()), dtype=np.uint64)))
    return Evidence(source.name, source.columns, source.table.num_rows, seed, folded.states)
