"""How much of a file may be unfolded, in all and at a time. See docs/adr/0015.

Rules:

1. A file unfolds to at most ``LARGEST_RATIO`` times its size, or to ``FREE_ALLOWANCE``, whichever is more; each row
   counts as ``ROW_BYTES`` besides its values, for that is what a scan keeps of it.
2. What Parquet's reader holds of the pages of a row group, and what one batch of rows takes, has a bound that is
   known before anything is unfolded; rows are read fewer at a time until they fit.
3. A row cannot be cut. Columns that repeat may hold all their values in one, and are refused where that is too much.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pyarrow as pa

from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.footer import COMPRESSED, VALUES, Footer, Group, Leaf
from poisonguard.dataset.formats.pages import LEVELS, Pages, read_pages
from poisonguard.dataset.formats.unfolding import hollow_values
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData

LARGEST_RATIO = 250
"""As for compressed streams: real tables compress up to about 100 times."""
FREE_ALLOWANCE = 256 << 20
ROW_BYTES = 32
OFFSET = 4
"""Bytes that a value of any length takes at least."""
BATCH_BYTES = 16 << 20
"""What a batch should take, by the average of its row group."""
LARGEST_BATCH, SMALLEST_BATCH = 65_536, 16
MOST_AT_ONCE = 256 << 20
"""What a batch may take at worst."""
HELD_RATIO = 16
"""Bytes in memory that a byte of the file may stand for, when there are more than ``MOST_AT_ONCE``."""


class Budget:
    """Bytes that one file was unfolded to; a part that is read again counts once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._most = max(FREE_ALLOWANCE, LARGEST_RATIO * source.size)
        self._spent: dict[int, int] = {}
        self._total = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        """In another process each part is counted by itself: a part alone may not exceed what the file may."""
        return Budget, (self._source,)

    def claim(self, footer: Footer) -> None:
        """Refuse a file that says itself that it is a bomb."""
        total = sum(_claimed(group, footer.leaves) for group in footer.groups)
        if total > self._most:
            raise self._refusal()

    def spend(self, part: int, spent: int) -> None:
        """``spent`` bytes of ``part`` have been unfolded so far."""
        with self._lock:
            more = max(0, spent - self._spent.get(part, 0))
            self._spent[part] = self._spent.get(part, 0) + more
            self._total += more
            total = self._total
        if total > self._most:
            raise self._refusal()

    def _refusal(self) -> UnreadableData:
        size = self._source.size
        return UnreadableData(
            f"{self._source.shown}: {size} bytes unfold to more than {self._most >> 20} MiB, a decompression bomb",
            hint=f"If it is real, split it: each file may unfold to {FREE_ALLOWANCE >> 20} MiB, "
            f"or to {LARGEST_RATIO} times its size.",
        )


def unfolded_bytes(batch: pa.RecordBatch) -> int:
    """What rows count for; what takes no bytes in a list counts as a row does: a scan looks at each."""
    hollow = sum(map(hollow_values, batch.columns))
    return int(batch.nbytes + ROW_BYTES * (batch.num_rows + hollow))


def _claimed(group: Group, leaves: Sequence[Leaf]) -> int:
    values: list[int] = group.facts[:, VALUES].tolist()
    cells = sum(count * _least(leaf) for count, leaf in zip(values, leaves, strict=True))
    return int(cells + group.rows * ROW_BYTES)


def _least(leaf: Leaf) -> int:
    return (leaf.width or OFFSET) + (LEVELS if leaf.repeats else 0)


def rows_at_once(source: Source, file: VerifiedFile, footer: Footer, number: int) -> int:
    """How many rows of row group ``number`` may be unfolded at a time.

    Raises:
        UnreadableData: Not even one, or the pages are not what the footer says.
    """
    group = footer.groups[number]
    rows = max(1, min(LARGEST_BATCH, group.rows))
    pages = [
        read_pages(source, file, leaf, facts, rows) for leaf, facts in zip(footer.leaves, group.facts, strict=True)
    ]
    stored = int(group.facts[:, COMPRESSED].sum())
    held = sum(item.held for item in pages)
    repeated = sum(item.bytes_of(1, leaf) for item, leaf in zip(pages, footer.leaves, strict=True) if leaf.repeats)
    for taken, what in ((held, "pages"), (repeated, "lists")):
        if taken > max(MOST_AT_ONCE, HELD_RATIO * stored):
            raise UnreadableData(
                f"{source.shown}: the {what} of row group {number} may take {taken >> 20} MiB at once, "
                f"over {HELD_RATIO} times what is stored",
                hint=f"Write row groups of fewer rows: {MOST_AT_ONCE >> 20} MiB are always allowed.",
            )
    flat = [(item, leaf) for item, leaf in zip(pages, footer.leaves, strict=True) if not leaf.repeats]
    return _fitting(flat, min(rows, _usual(group, pages, footer.leaves)), max(MOST_AT_ONCE, 4 * held))


def _usual(group: Group, pages: Sequence[Pages], leaves: Sequence[Leaf]) -> int:
    """Rows of about ``BATCH_BYTES``, on average."""
    total = sum(
        max(int(item.sizes.sum()), int(count) * leaf.width)
        for item, leaf, count in zip(pages, leaves, group.facts[:, VALUES], strict=True)
    )
    return max(SMALLEST_BATCH, BATCH_BYTES * group.rows // max(1, total))


def _fitting(columns: Sequence[tuple[Pages, Leaf]], rows: int, most: int) -> int:
    """The most rows, halved from ``rows``, that take ``most`` bytes whichever they are; at least one."""
    while rows > 1 and sum(item.bytes_of(rows, leaf) for item, leaf in columns) > most:
        rows //= 2
    return rows
