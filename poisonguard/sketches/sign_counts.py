"""How many rows of each column hold each kind of sign, and an example of each.

A private rulebook's fragments are masked before they enter any state: states are kept and sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.rulebooks import rulebook

MAX_FRAGMENT = 120
TEXTS = ""
"""The kind under which the state counts the texts that there are."""

_SCHEMA = pa.schema(
    [
        ("column", pa.string()),
        ("kind", pa.string()),
        ("rows", pa.int64()),
        ("hash", pa.uint64()),
        ("fragment", pa.string()),
    ]
)


@dataclass(frozen=True)
class Signs(Sketch):
    """Rows of each column that hold each kind of sign; ``book`` names the rulebook.

    State: column, kind, rows, and as an example the fragment of the row with the smallest hash, with that hash. Kind
    ``TEXTS`` counts the texts of the column.
    """

    book: str
    texts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The text columns."""
        return self.texts

    def fold(self, block: Block) -> pa.Table:
        """Counts of one block."""
        book, hashes = rulebook(self.book), block.hashes
        held = [(name, block.table.num_rows - block.table.column(name).null_count) for name in self.texts]
        found = [(name, TEXTS, count, 0, "") for name, count in held if count]
        found += [
            (column, kind, 1, int(hashes[row]), book.masked(fragment)[:MAX_FRAGMENT])
            for column, row, signs in book.signs(block.table, self.texts)
            for kind, fragment in signs.items()
        ]
        return self.merge([_state(found)])

    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """Sum the rows; the example of the smallest hash stays."""
        entries: dict[tuple[str, str], tuple[int, int, str]] = {}
        for state in states:
            for item in state.to_pylist():
                key, example = (item["column"], item["kind"]), (item["hash"], item["fragment"])
                rows, *best = entries.get(key, (0, *example))
                entries[key] = (rows + item["rows"], *min(example, (best[0], best[1])))
        return _state([(*key, *entries[key]) for key in sorted(entries)])


def _state(entries: Sequence[tuple[str, str, int, int, str]]) -> pa.Table:
    columns = list(zip(*entries, strict=True)) if entries else [()] * len(_SCHEMA)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, _SCHEMA, strict=True)]
    return pa.table(arrays, schema=_SCHEMA)
