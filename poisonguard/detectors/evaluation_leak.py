"""Evaluation items that stand in the training data: a model that learnt its test is measured by its memory.

1. An item is found in a row when one text of the row, or all of them one behind the other, holds the given share of
   one of the item's texts, counted in runs of words. The words themselves are compared: nothing is estimated.
2. Runs of words that many items share (instructions, templates), or many training texts that do not hold the item,
   tell no item and do not count.
3. Rows whose split says that they are evaluation items themselves are no training rows, and are not looked at.
4. Contamination is no sign of poisoning: honest corpora overlap with public test sets. It leaves the assessment
   alone and acts through its level, which follows the share of the items that were found.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from poisonguard.dataset.role_names import SPLIT_VALUES
from poisonguard.detectors.evaluation_items import Index, Indices, Items, Measure, Shares, indexed
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Role
from poisonguard.domain.wording import count
from poisonguard.errors import ConfigurationError
from poisonguard.kernels.containment import Contained, contained
from poisonguard.kernels.passages import Passages
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params, RowScorer, Scored, Scores
from poisonguard.plugin.holdout import Holdout
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.sample import RowSample

SAMPLE = RowSample()
LAST = 0.1
"""What is left of the distance to the threshold where an item stands in many training texts as it is."""

LISTED = 20
"""Items that a finding lists with their best match."""

EVALUATION = SPLIT_VALUES - {"train", "training"}
"""Splits that nobody trains on."""

TEXTS = (Role.TEXT, Role.PROMPT, Role.RESPONSE)


class EvaluationLeakParams(Params):
    """When an evaluation item stands in a row.

    Attributes:
        words: Words in a run that is looked up; items of fewer are not looked for.
        containment: Share of an item's runs that a row must hold.
        common: Runs that more items hold, or more training texts without the item, tell nothing.
        error_share: Share of the items from which contamination is an error.
    """

    words: int = Field(default=8, ge=8, le=13)
    containment: float = Field(default=0.7, gt=0, le=1)
    common: int = Field(default=10, ge=1)
    error_share: float = Field(default=0.01, gt=0, le=1)


class EvaluationLeak(Check[EvaluationLeakParams]):
    """Flags rows that hold items of the given evaluation sets."""

    detector = "evaluation-leak"
    params_model = EvaluationLeakParams

    _columns: tuple[str, ...] = ()
    _split: str | None = None
    _holdouts: tuple[Holdout, ...] = ()
    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of the rows, which says what is boilerplate there.

        Raises:
            ConfigurationError: Evaluation sets are given, and the data hold no text to look in.
        """
        if not context.holdouts:
            return NotApplicable("no evaluation set was given (--holdout)")
        self._columns = tuple(name for role in TEXTS for name in context.roles.all(role))
        if not self._columns:
            raise ConfigurationError(
                "--holdout: the data hold no text to look for evaluation items in",
                hint="Say which column it is: --column text=NAME.",
            )
        self._split = context.roles.first(Role.SPLIT)
        self._holdouts = context.holdouts
        return (SAMPLE,)

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: whether an item stands in the data, only the rows tell."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> LeakScorer:
        """Looks for the items in every row."""
        del reference
        params = self.params
        measure = Measure(params.words, params.common, params.containment, evidence.seed)
        index = indexed(self._holdouts, self._training(evidence[SAMPLE]), measure)
        self._note = "; ".join(item.note for item in index.items)
        return LeakScorer(self, self._columns, self._split, index)

    def _training(self, rows: pa.Table) -> pa.Array:
        """The texts of the sampled training rows, those of one row joined."""
        if self._split is not None and rows.num_rows:
            rows = rows.filter(pc.invert(_is_evaluation(rows.column(self._split))))
        columns = [rows.column(name).cast(pa.large_string()) for name in self._columns if name in rows.column_names]
        if not columns:
            return pa.array([], pa.large_string())
        texts = pc.binary_join_element_wise(*columns, pa.scalar("\n", pa.large_string()), null_handling="skip")
        return texts.combine_chunks()

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows; which evaluation sets were looked for, by the names of their content."""
        apart = f"; rows that {self._split!r} calls evaluation rows are not looked at" if self._split else ""
        return evidence.rows, self._note + apart


@dataclass(slots=True)
class _Best:
    """Best match of each passage so far: containment, file and row; the first row wins among equals."""

    shares: Shares
    files: Indices
    rows: Indices

    def take(self, found: Contained, block: Block) -> None:
        """Take in what the rows of a block hold; in whatever order blocks come, the result is the same."""
        if not block.table.num_rows:
            return
        files, rows = (place[found.place] for place in block.places())
        earlier = (files < self.files) | ((files == self.files) & (rows < self.rows))
        better = (found.best > self.shares) | ((found.best == self.shares) & (found.best > 0) & earlier)
        self.shares[better], self.files[better], self.rows[better] = found.best[better], files[better], rows[better]


class LeakScorer(RowScorer):
    """Scores each row by the highest containment of any item in it."""

    stays = True

    def __init__(self, check: EvaluationLeak, columns: tuple[str, ...], split: str | None, index: Index) -> None:
        self.threshold = check.params.containment
        self._check = check
        self._columns = columns
        self._split = split
        self._index = index
        self._items = index.items
        size = index.passages.sizes.size
        self._best = _Best(np.zeros(size), np.zeros(size, np.int64), np.zeros(size, np.int64))
        self._file_rows: dict[int, int] = {}
        self._lock = threading.Lock()

    @property
    def columns(self) -> tuple[str, ...]:
        """The texts, and the split if there is one."""
        return (*self._columns, self._split) if self._split else self._columns

    def score(self, block: Block) -> Scores:
        """Highest containment of any item in each row; of rows that hold an item, those of stock phrases come last."""
        scores = np.zeros(block.table.num_rows)
        for texts in self._texts(block.table):
            np.maximum(scores, self._held(texts, self._index.passages, block), out=scores)
            if self._index.stock.holders.size:
                stock = self._held(texts, self._index.stock, block)
                above = np.maximum(stock - self.threshold, 0)
                np.maximum(scores, np.minimum(stock, self.threshold) + LAST * above, out=scores)
        with self._lock:
            for file, rows in enumerate(block.counts or (block.first_row + block.table.num_rows,), start=block.file):
                self._file_rows[file] = max(self._file_rows.get(file, 0), rows)
        return scores

    def _texts(self, table: pa.RecordBatch) -> Iterator[pa.Array]:
        """The texts of training rows, column by column, and all of a row one behind the other where that is asked."""
        texts = [pc.fill_null(table.column(name).cast(pa.large_string()), "") for name in self._columns]
        if self._index.across and len(texts) > 1:
            texts.append(pc.binary_join_element_wise(*texts, pa.scalar("\n", pa.large_string())))
        if self._split is None:
            return iter(texts)
        evaluation = _is_evaluation(table.column(self._split))
        return (pc.if_else(evaluation, pa.scalar(None, text.type), text) for text in texts)

    def _held(self, texts: pa.Array, passages: Passages, block: Block) -> Shares:
        """Highest containment of any of the passages in each text; the best match of each is remembered."""
        found = contained(texts, passages)
        with self._lock:
            self._best.take(found, block)
        return found.documents

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding, if any item stands in the data."""
        if scored.flagged:
            yield self._finding(scored, [_Leaked.of(item, self._best.shares, self.threshold) for item in self._items])

    def _finding(self, scored: Scored, leaks: Sequence[_Leaked]) -> Finding:
        leaks = [leak for leak in leaks if leak.numbers.size]
        share = max(leak.share for leak in leaks)
        where = self._global_rows()
        first = leaks[0]
        best = f"item {first.numbers[0]} in row {where[first.passages[0]]:,} ({first.shares[0]:.0%})"
        return self._check.finding(
            subject=f"holdout={'+'.join(item.holdout.name for item in self._items)}",
            message=(
                f"{' and '.join(map(str, leaks))} {'stands' if _is_one(leaks) else 'stand'} in "
                f"{count(scored.flagged, 'training row')}; the best match is {best}"
            ),
            confidence=float(scored.scores[0]),
            level=Level.ERROR if share >= self._check.params.error_share else Level.WARNING,
            compared_with=", ".join(f"{leak.items.holdout.name} ({leak.items.holdout.version})" for leak in leaks),
            column=self._columns[0] if len(self._columns) == 1 else None,
            numbers={
                "rows": scored.flagged,
                "items found": sum(leak.numbers.size for leak in leaks),
                "items found whole": sum(int((leak.shares == 1).sum()) for leak in leaks),
                "items": sum(leak.items.holdout.items for leak in leaks),
                "largest share of a set": round(share, 5),
                **dict(_matches(leaks, where)),
            },
            rows=np.sort(scored.rows),
            row_count=scored.flagged,
        )

    def _global_rows(self) -> Indices:
        """Number of the best row of each passage over all files, shape (passages,)."""
        sizes = np.zeros(max(self._file_rows) + 1, np.int64)
        sizes[list(self._file_rows)] = list(self._file_rows.values())
        starts = np.concatenate([[0], np.cumsum(sizes)])
        rows: Indices = starts[self._best.files] + self._best.rows
        return rows


def _is_evaluation(splits: pa.Array) -> pa.Array:
    """Which rows are evaluation items themselves."""
    names = pc.utf8_lower(splits.cast(pa.string()))
    return pc.is_in(names, value_set=pa.array(sorted(EVALUATION)))


@dataclass(frozen=True, slots=True, eq=False)
class _Leaked:
    """The items of one set that were found, best match first: number, containment, passage, shapes (found,)."""

    items: Items
    numbers: npt.NDArray[np.int64]
    shares: Shares
    passages: Indices

    @classmethod
    def of(cls, items: Items, best: Shares, threshold: float) -> _Leaked:
        """The items of ``items`` whose best containment reaches the threshold."""
        shares, passages = items.best(best)
        # Compared as the engine compares scores, so that both flag the same.
        found = np.flatnonzero(shares.astype(np.float32) >= np.float32(threshold))
        order = found[np.argsort(-shares[found], kind="stable")]
        return cls(items, order, shares[order], passages[order])

    @property
    def share(self) -> float:
        """Share of the set's items that were found."""
        return self.numbers.size / self.items.holdout.items

    def __str__(self) -> str:
        items = self.items.holdout
        return f"{self.numbers.size:,} of {count(items.items, 'item')} of {items.name} ({self.share:.1%})"


def _is_one(leaks: Sequence[_Leaked]) -> bool:
    return len(leaks) == 1 and leaks[0].numbers.size == 1


def _matches(leaks: Sequence[_Leaked], where: Indices) -> Iterator[tuple[str, str]]:
    """The best match of the items found, each set's best first."""
    for leak in leaks:
        prefix = f"{leak.items.holdout.name} item" if len(leaks) > 1 else "item"
        for number, share, passage in zip(leak.numbers[:LISTED], leak.shares, leak.passages, strict=False):
            yield f"{prefix} {number}", f"{share:.1%} in row {where[passage]}"
