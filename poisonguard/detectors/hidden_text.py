"""Text that a reader cannot see: tag characters, selector payloads, direction overrides, zero-width, look-alikes.

1. A payload (tags, selectors) or an override has no innocent use where it is counted: one row is enough.
2. Invisible characters inside words and look-alike letters also slip in by accident: several rows are needed, and of
   look-alikes more than a share of the rows that hold genuine words of such a script.
3. Invisible characters between words are everyday litter of copied text: only a burst against the reference
   speaks.
4. What the reference holds about as often was approved with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from poisonguard.detectors.chances import fisher_tail
from poisonguard.detectors.content_columns import nested_columns
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import (
    Block,
    Check,
    Context,
    Evidence,
    NotApplicable,
    Params,
    RowScorer,
    Scored,
    Scores,
)
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.hidden_text import FOREIGN, HiddenKind, hidden_in, suspects
from poisonguard.sketches.hidden_text import HiddenText as HiddenTextCounts
from poisonguard.sketches.signs import texts_of

PAYLOADS = (HiddenKind.TAGS, HiddenKind.SELECTORS, HiddenKind.OVERRIDES)
ROW_SCORES = {
    HiddenKind.TAGS: 0.99,
    HiddenKind.SELECTORS: 0.97,
    HiddenKind.OVERRIDES: 0.95,
    HiddenKind.INSIDE_WORDS: 0.9,
    HiddenKind.LOOKALIKES: 0.85,
    HiddenKind.STRAY: 0.7,
}
"""One score per kind, all different: the conclusion tells the kinds apart by it."""

ACCIDENTS = 0.1
"""Look-alikes in this many texts for each that holds words of their script come from keyboards, not from attackers."""

TAG_OFFSET = 0xE0000

QUIET_WEIGHT = 0.4
"""Scores of kinds that did not fire stay below the threshold and still order the rows."""


class HiddenTextParams(Params):
    """Parameters of the check."""

    min_payload_rows: int = Field(default=1, ge=1)
    min_rows: int = Field(default=3, ge=1, description="For invisible characters inside words and look-alikes.")
    min_stray_rows: int = Field(default=10, ge=1, description="For invisible characters between words.")
    chance: float = Field(default=1e-3, gt=0, lt=1, description="Level of the test against the reference.")


@dataclass(frozen=True, slots=True)
class Tally:
    """One kind in all columns."""

    rows: int
    columns: tuple[tuple[str, int], ...]
    fragment: str

    @classmethod
    def of(cls, state: pa.Table, kind: HiddenKind) -> Tally:
        """Columns by falling count; the fragment of the first."""
        items = [item for item in state.to_pylist() if item["kind"] == kind.value]
        items.sort(key=lambda item: (-item["rows"], item["column"]))
        columns = tuple((item["column"], item["rows"]) for item in items)
        return cls(sum(rows for _, rows in columns), columns, items[0]["fragment"] if items else "")


def foreign_rows(state: pa.Table) -> int:
    """Texts that hold words of a script with look-alikes."""
    return sum(item["rows"] for item in state.to_pylist() if item["kind"] == FOREIGN)


class HiddenText(Check[HiddenTextParams]):
    """Finds rows that hold text nobody sees."""

    detector = "hidden-text"
    params_model = HiddenTextParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Counts by kind for every string column, and every nested one that holds strings."""
        strings = tuple(column.name for column in context.columns if column.kind is Kind.STRING)
        self._texts = (*strings, *nested_columns(context))
        return [HiddenTextCounts(self._texts)] if self._texts else NotApplicable("no string column")

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A search for the rows; nothing when no column holds anything hidden."""
        state = evidence[HiddenTextCounts(self._texts)]
        if not state.num_rows:
            return None
        base = None if reference is None else reference[HiddenTextCounts(self._texts)]
        alarms = {}
        for kind in HiddenKind:
            tally = Tally.of(state, kind)
            known = None if base is None else Tally.of(base, kind).rows
            if kind is HiddenKind.LOOKALIKES and tally.rows <= ACCIDENTS * foreign_rows(state):
                continue
            if self._fires(kind, tally.rows, evidence.rows, known, 0 if reference is None else reference.rows):
                alarms[kind] = (tally, known)
        return HiddenTextScorer(self, self._texts, alarms)

    def _fires(self, kind: HiddenKind, rows: int, total: int, known: int | None, reference_total: int) -> bool:
        """Whether there are enough rows, and more than the reference's share of them."""
        if rows < self._minimum(kind) or (known is None and kind is HiddenKind.STRAY):
            return False
        if not known:
            return True
        table = [[rows, max(0, total - rows)], [known, max(0, reference_total - known)]]
        return fisher_tail(table) <= self.params.chance

    def _minimum(self, kind: HiddenKind) -> int:
        if kind in PAYLOADS:
            return self.params.min_payload_rows
        return self.params.min_stray_rows if kind is HiddenKind.STRAY else self.params.min_rows


class HiddenTextScorer(RowScorer):
    """Scores each row by the gravest kind of hidden text in it."""

    threshold = 0.5

    def __init__(
        self,
        check: HiddenText,
        texts: Sequence[str],
        alarms: dict[HiddenKind, tuple[Tally, int | None]],
    ) -> None:
        self._check = check
        self._texts = tuple(texts)
        self._alarms = alarms

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return self._texts

    def score(self, block: Block) -> Scores:
        """The kind's score; less for kinds that are as common as they may be."""
        scores = np.zeros(block.table.num_rows)
        for column in self._texts:
            for row, text in zip(*suspects(texts_of(column, block.table[column])), strict=True):
                for kind in hidden_in(text):
                    weight = 1.0 if kind in self._alarms else QUIET_WEIGHT
                    scores[row] = max(scores[row], weight * ROW_SCORES[kind])
        return scores

    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """One finding per kind that fired."""
        for kind, (tally, known) in self._alarms.items():
            rows = np.sort(scored.rows[np.abs(scored.scores - ROW_SCORES[kind]) < 1e-3])  # noqa: PLR2004 - kinds differ by more
            column = tally.columns[0][0]
            where = ", ".join(f"{name} ({count:,})" for name, count in tally.columns)
            texts = "1 text holds" if tally.rows == 1 else f"{tally.rows:,} texts hold"
            message = f"{texts} {kind.value}, which a reader does not see: {where}"
            if kind is HiddenKind.TAGS:
                message += f'; they spell "{spelled(tally.fragment)}"'
            if known is not None:
                message += f"; the reference holds {known:,}"
            numbers: dict[str, float | int | str] = {"texts": tally.rows, "code points": code_points(tally.fragment)}
            if known is not None:
                numbers["texts in the reference"] = known
            yield self._check.finding(
                subject=f"hidden={kind.value}",
                message=message + ".",
                confidence=ROW_SCORES[kind],
                compared_with="text that people write" if known is None else "the reference",
                column=column,
                numbers=numbers,
                rows=rows,
                row_count=max(len(rows), 1),
                highlight=tally.fragment,
            )


def code_points(fragment: str) -> str:
    """The characters outside ASCII, as a reader can check them: ``U+200B U+200D``."""
    seen = dict.fromkeys(letter for letter in fragment if not letter.isascii())
    return " ".join(f"U+{ord(letter):04X}" for letter in list(seen)[:12])


def spelled(tags: str) -> str:
    """Tag characters as the ASCII that they shadow."""
    return "".join(chr(ord(tag) - TAG_OFFSET) for tag in tags if 0x20 <= ord(tag) - TAG_OFFSET < 0x7F)  # noqa: PLR2004 - printable ASCII
