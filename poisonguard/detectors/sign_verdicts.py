"""Which kinds of signs are told, and how gravely: by their number, by the column's own habit, by the reference.

1. Without a reference a kind is told at its own level, from its own fewest rows on; of kinds that have hardly an
   innocent use fewer are a note.
2. What the reference holds about as often was approved with it; what is more frequent now (Fisher's exact one-sided
   test of the share of texts) is told at the level of a burst.
3. A column of which a large share holds the kind is made of it: that is a note, unless no honest column is.
4. A kind that has a matter is excused by data that speak of it anyway: where, as the sample says, for one row that
   holds the kind ten and more do so without any sign, it is a note at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.detectors.chances import fisher_tail
from poisonguard.domain.finding import Level
from poisonguard.plugin.check import Evidence, MissingEvidence
from poisonguard.sketches.sample import RowSample, sample_rows
from poisonguard.sketches.sign_counts import TEXTS, Signs
from poisonguard.sketches.signs import Kind, Rulebook, texts_of

SPOKEN_ASIDE = 0.1
"""Dangerous lines for each row that speaks of their matter: manuals and packages' descriptions have 0.00 to 0.02."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a kind is told.

    Attributes:
        habit: Share of a column's texts from which on the kind is what the column is made of.
        min_habit: Texts of that kind that it takes to speak of a habit.
        min_burst: Fewest texts that can be a burst.
        chance: Level of the test against the reference.
    """

    habit: float
    min_habit: int
    min_burst: int
    chance: float


@dataclass(frozen=True, slots=True)
class Tally:
    """One kind in all columns.

    Attributes:
        rows: Texts that hold it.
        columns: Column and texts in it that hold the kind, by falling count.
        texts: Texts of these columns, whatever they hold.
        fragment: An example from the first column.
    """

    rows: int
    columns: tuple[tuple[str, int], ...]
    texts: int
    fragment: str

    @classmethod
    def of(cls, state: pa.Table, kind: str) -> Tally:
        """What a state says of one kind."""
        entries = state.to_pylist()
        texts = {item["column"]: item["rows"] for item in entries if item["kind"] == TEXTS}
        items = [item for item in entries if item["kind"] == kind]
        items.sort(key=lambda item: (-item["rows"], item["column"]))
        columns = tuple((item["column"], item["rows"]) for item in items)
        held = sum(texts[name] for name, _ in columns)
        return cls(sum(rows for _, rows in columns), columns, held, items[0]["fragment"] if items else "")


@dataclass(frozen=True, slots=True)
class Alarm:
    """A kind that is told.

    Attributes:
        kind: The kind.
        level: How gravely.
        tally: Where it is.
        known: Texts of the reference that hold it, if there is one.
        habit: Whether it is what the column is made of.
    """

    kind: Kind
    level: Level
    tally: Tally
    known: int | None
    habit: bool


def alarms(
    book: Rulebook, sketch: Signs, evidence: Evidence, reference: Evidence | None, limits: Limits
) -> tuple[Alarm, ...]:
    """The kinds of ``book`` that are told, in its order."""
    if reference is not None and sketch not in reference:
        raise MissingEvidence(f"{reference.name} lacks the text columns")
    base = None if reference is None else reference[sketch]
    return tuple(_told(book, sketch, evidence, base, limits))


def _told(book: Rulebook, sketch: Signs, evidence: Evidence, base: pa.Table | None, limits: Limits) -> Iterator[Alarm]:
    for kind in book.kinds:
        tally = Tally.of(evidence[sketch], kind.name)
        if not tally.rows:
            continue
        known = None if base is None else Tally.of(base, kind.name)
        texts = None if base is None else _texts(base, tally)
        aside = SPOKEN_ASIDE * speaking(book, sketch, evidence, kind)
        judged = _excused(kind) if tally.rows <= aside else kind
        level = _level(judged, tally, known, texts, limits)
        if level is not None:
            habit = kind.habitual and _is_habit(tally, limits)
            yield Alarm(kind, Level.NOTE if habit else level, tally, None if known is None else known.rows, habit)


def speaking(book: Rulebook, sketch: Signs, evidence: Evidence, kind: Kind) -> float:
    """About how many rows speak of the matter of ``kind`` and hold no sign of ``book``."""
    sample = sample_rows(evidence[RowSample()]) if kind.matter else None
    if sample is None or not sample.num_rows:
        return 0
    texts = [name for name in sketch.texts if name in sample.column_names]  # not those that hold bytes, too
    batches = sample.select(texts).to_batches()
    share = sum(_spoken(book, kind, rows, texts) for rows in batches) / sample.num_rows
    return float(share * evidence.rows)


def _spoken(book: Rulebook, kind: Kind, rows: pa.RecordBatch, texts: Sequence[str]) -> int:
    """How many of some rows do."""
    spoken = np.zeros(rows.num_rows, dtype=np.bool_)
    for name in texts:
        found = pc.match_substring_regex(texts_of(name, rows.column(name)), kind.matter)
        spoken |= np.asarray(pc.fill_null(found, fill_value=False))
    spoken[[row for _, row, _ in book.signs(rows, texts)]] = False
    return int(spoken.sum())


def _excused(kind: Kind) -> Kind:
    return replace(kind, alone=Level.NOTE if kind.hinted else None, burst=Level.NOTE)


def _texts(base: pa.Table, tally: Tally) -> int:
    """Texts of the reference in the columns of the tally."""
    columns = {name for name, _ in tally.columns}
    return sum(item["rows"] for item in base.to_pylist() if item["kind"] == TEXTS and item["column"] in columns)


def _level(kind: Kind, tally: Tally, known: Tally | None, texts: int | None, limits: Limits) -> Level | None:
    """The graver of what the kind is by itself and what the burst makes it."""
    few = Level.NOTE if kind.hinted else None
    alone = kind.alone if tally.rows >= kind.min_rows else few
    if known is None or texts is None:
        return alone
    if known.rows and not _more(tally, known.rows, texts, limits):
        return None
    expected = kind.usual and known.rows > 0
    if not expected and tally.rows >= limits.min_burst and _more(tally, known.rows, texts, limits):
        return max(kind.burst, alone or Level.NOTE, key=lambda level: level.rank)
    return alone


def _more(tally: Tally, known: int, texts: int, limits: Limits) -> bool:
    """Whether the share of texts is higher than in the reference, beyond chance."""
    table = [[tally.rows, max(0, tally.texts - tally.rows)], [known, max(0, texts - known)]]
    return fisher_tail(table) <= limits.chance


def _is_habit(tally: Tally, limits: Limits) -> bool:
    return tally.rows >= limits.min_habit and tally.rows >= limits.habit * tally.texts
