"""How often each pair of values of two columns occurs: exact, and bounded by the number of pairs kept.

Pairs are ordered by (hash of first, hash of second) and the ``limit`` smallest stay, with exact counts. So the
first values that stay are a random sample of all first values, each with all its pairs, except that the last
one may be cut off; ``read_pairs`` leaves that one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.sketches.base import Block, Sketch, plain
from poisonguard.sketches.values import as_text, shown, value_hashes

_SCHEMA = pa.schema(
    [
        ("first_hash", pa.uint64()),
        ("second_hash", pa.uint64()),
        ("first", pa.string()),
        ("second", pa.string()),
        ("count", pa.int64()),
    ]
)
_HASHES = ["first_hash", "second_hash"]
_HOST = r"^(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:\\]+)"


@dataclass(frozen=True)
class PairCounts(Sketch):
    """Counts of the pairs of values of ``first`` and ``second``; rows that lack either are left out.

    With ``host`` the first column holds URLs and counts by their lower-case host name.
    State: ``first_hash``, ``second_hash`` uint64 ascending, ``first``, ``second`` text, ``count`` int64.
    """

    first: str
    second: str
    limit: int = 100_000
    host: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Both columns."""
        return (self.first, self.second)

    def fold(self, block: Block) -> pa.Table:
        """The block's own counts."""
        values = block.table.column(self.first)
        columns = hosts(values) if self.host else plain(values), plain(block.table.column(self.second))
        hashes = pa.table({name: value_hashes(column) for name, column in zip(_HASHES, columns, strict=True)})
        pairs = hashes.append_column("row", pa.array(np.arange(len(values)))).filter(pc.and_(*map(_held, columns)))
        counted = pairs.group_by(_HASHES, use_threads=False).aggregate([("row", "min"), ([], "count_all")])
        texts = [shown(as_text(column.take(counted["row_min"].combine_chunks()))) for column in columns]
        found = [counted[_HASHES[0]], counted[_HASHES[1]], *texts, counted["count_all"]]
        return self._smallest(pa.table(found, schema=_SCHEMA))

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Counts of all, added by pair."""
        return self._smallest(pa.concat_tables([_SCHEMA.empty_table(), *states]))

    def _smallest(self, table: pa.Table) -> pa.Table:
        if not table.num_rows:
            return table.combine_chunks()
        first, second = table["first_hash"].to_numpy(), table["second_hash"].to_numpy()
        order = np.lexsort((second, first))
        changed = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
        starts = np.append(0, np.flatnonzero(changed) + 1)
        totals = np.add.reduceat(table["count"].to_numpy()[order], starts)[: self.limit]
        kept = table.take(pa.array(order[starts][: self.limit]))
        return kept.set_column(4, "count", pa.array(totals)).combine_chunks()


def _held(column: pa.Array) -> pa.Array:
    return pc.invert(column.is_null(nan_is_null=True))


@dataclass(frozen=True, slots=True)
class PairTable:
    """Pair counts as a matrix.

    Attributes:
        firsts: Distinct first values, sorted.
        seconds: Distinct second values, sorted.
        counts: Rows of each pair, shape (firsts, seconds).
        complete: Whether every first value is there.
    """

    firsts: tuple[str, ...]
    seconds: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    complete: bool


def read_pairs(sketch: PairCounts, state: pa.Table) -> PairTable:
    """The counts that ``state`` holds, without a first value whose pairs may be cut off."""
    complete = state.num_rows < sketch.limit
    if not complete:
        last = state["first_hash"][state.num_rows - 1]
        state = state.filter(pc.not_equal(state["first_hash"], last))
    first, second = (state[name].combine_chunks().dictionary_encode() for name in ("first", "second"))
    firsts, seconds = np.array(first.dictionary.to_pylist(), object), np.array(second.dictionary.to_pylist(), object)
    counts = np.zeros((len(firsts), len(seconds)), np.int64)
    np.add.at(counts, (first.indices.to_numpy(), second.indices.to_numpy()), state["count"].to_numpy())
    rows, columns = np.argsort(firsts), np.argsort(seconds)
    return PairTable(tuple(firsts[rows]), tuple(seconds[columns]), counts[np.ix_(rows, columns)], complete)


def hosts(column: pa.Array) -> pa.Array:
    """Lower-case host name of each URL; null where there is none."""
    texts = as_text(plain(column))
    if not pt.is_string(texts.type):
        return pa.nulls(len(texts), pa.string())
    found = pc.extract_regex(texts, _HOST)
    name = pc.utf8_lower(pc.struct_field(found, "host"))
    return pc.if_else(pc.is_valid(found), name, pa.scalar(None, pa.string()))
