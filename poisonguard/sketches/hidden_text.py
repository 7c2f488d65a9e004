"""Characters that a reader cannot see and a tokenizer can, by kind; and how many rows of each column hold them.

Innocent, and therefore never counted: joiners in Arabic, Indic and emoji sequences, variation selectors on emoji,
symbols and Han characters, flags of England, Scotland and Wales (tag sequences), directional marks and embeddings
beside right-to-left letters, left-to-right embeddings and isolates anywhere (phone numbers and names copied from
a screen), a leading byte-order mark, single soft hyphens. Sources: Unicode Technical Report 36 and 39, UTS 51.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.lookalikes import CANDIDATE, disguised_word, holds_foreign_words
from poisonguard.sketches.signs import texts_of

FOREIGN = "words of another alphabet"
"""Counted beside the kinds: where such words are many, a look-alike slips in by accident."""


class HiddenKind(StrEnum):
    """What is hidden, gravest first."""

    TAGS = "tag characters"
    SELECTORS = "variation selectors as payload"
    OVERRIDES = "direction overrides"
    INSIDE_WORDS = "invisible characters inside words"
    LOOKALIKES = "look-alike letters of another script"
    STRAY = "invisible characters between words"


_INVISIBLE = "\u200b-\u200f\u2060-\u2064\ufeff\u180e\u061c"
_SELECTOR = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAG = "\U000e0000-\U000e007f"
_OVERRIDE = "\u202b\u202d\u202e\u2067"
_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u052f"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_JOINING = "\u0590-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u17ff\u1800-\u18af\ufb1d-\ufefc\ua000-\ua4cf\u3040-\u30ff"
"""Scripts in which invisible characters are part of the spelling: Arabic, Indic, South-East Asian, Mongolian, kana."""

_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{2,6}\U000e007f")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_PATTERNS: dict[HiddenKind, re.Pattern[str]] = {
    HiddenKind.TAGS: re.compile(f"[{_TAG}]+"),
    HiddenKind.SELECTORS: re.compile(f"[{_SELECTOR}]{{2,}}|(?<![{_HAN}])[\U000e0100-\U000e01ef]|[A-Za-z][{_SELECTOR}]"),
    HiddenKind.OVERRIDES: re.compile(f"[{_OVERRIDE}].{{0,40}}"),
    HiddenKind.INSIDE_WORDS: re.compile(
        f"[{_LETTER}]+(?:[{_INVISIBLE}]+[{_LETTER}]+)+|[{_INVISIBLE}]{{4,}}|(?:[{_LETTER}]\u00ad){{3,}}[{_LETTER}]+"
    ),
    HiddenKind.STRAY: re.compile(f"(?<=[\\x20-\\x7e])[{_INVISIBLE}]+|(?<!\\A)[{_INVISIBLE}]+(?=[\\x20-\\x7e])"),
}
_SUSPECT = f"[{_INVISIBLE}{_SELECTOR}{_TAG}{_OVERRIDE}\u00ad]|{CANDIDATE}"
"""What every kind holds: rows without it, nearly all, are passed over without leaving Arrow."""

MAX_FRAGMENT = 80


def hidden_in(text: str) -> dict[HiddenKind, str]:
    """The kinds of hidden text in ``text``, each with the fragment that holds it."""
    plain = _FLAG.sub("", text)
    found = {kind: match.group() for kind, pattern in _PATTERNS.items() if (match := pattern.search(plain))}
    if HiddenKind.OVERRIDES in found and _RIGHT_TO_LEFT.search(plain):
        del found[HiddenKind.OVERRIDES]
    if HiddenKind.STRAY in found and (HiddenKind.INSIDE_WORDS in found or re.search(f"[{_JOINING}]", plain)):
        del found[HiddenKind.STRAY]
    lookalike = disguised_word(plain)
    if lookalike:
        found[HiddenKind.LOOKALIKES] = lookalike
    return {kind: fragment[:MAX_FRAGMENT] for kind, fragment in found.items()}


def suspects(values: Any) -> tuple[list[int], list[str]]:
    """(row, text) of the rows of an Arrow string array that may hold something hidden."""
    rows, texts = _beyond_ascii(values)
    found = np.flatnonzero(np.asarray(pc.match_substring_regex(texts, _SUSPECT)))
    return rows[found].tolist(), texts.take(pa.array(found)).to_pylist()


def _beyond_ascii(values: Any) -> tuple[npt.NDArray[np.intp], Any]:
    """(row, text) of the texts that are more than ASCII: nothing hides in the others."""
    texts = pc.cast(values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values, pa.large_string())
    rows = np.flatnonzero(~np.asarray(pc.fill_null(pc.string_is_ascii(texts), fill_value=True)))
    return rows, texts.take(pa.array(rows))


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
class HiddenText(Sketch):
    """Rows of each column that hold hidden text, by kind, and those that hold words of another alphabet.

    State: column, kind, rows, and as an example the fragment of the row with the smallest hash, with that hash.
    """

    texts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The text columns."""
        return self.texts

    def fold(self, block: Block) -> pa.Table:
        """Counts of one block."""
        hashes = block.hashes
        found = [
            (column, kind.value, 1, int(hashes[row]), fragment)
            for column in self.texts
            for row, text in zip(*suspects(texts_of(column, block.table[column])), strict=True)
            for kind, fragment in hidden_in(text).items()
        ]
        return self.merge([_state([*found, *self._foreign(block)])])

    def _foreign(self, block: Block) -> list[tuple[str, str, int, int, str]]:
        """How many texts of each column hold words of a script that has look-alikes."""
        counts = {
            column: int(holds_foreign_words(_beyond_ascii(texts_of(column, block.table[column]))[1]).sum())
            for column in self.texts
        }
        return [(column, FOREIGN, rows, 0, "") for column, rows in counts.items() if rows]

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
