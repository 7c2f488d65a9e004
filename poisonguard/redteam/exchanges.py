"""Instruction data as prompts and responses, whatever the shape: two columns, chat messages or ShareGPT turns.

- two columns: the first one that plays ``prompt`` (Alpaca's ``instruction``) and the first that plays ``response``
- a list of structs with the fields ``role`` and ``content``, or ``from`` and ``value``: the first turn of the user
  and the first turn of the assistant after it; every other turn stays as it is

A row without a prompt or without a response cannot be used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import RowNumbers
from poisonguard.redteam.values import replace, texts

Exchange = tuple[str, str]
"""A prompt and its response."""

SHAPES = (("role", "content"), ("from", "value"))
"""Fields of a turn: who speaks, what is said. OpenAI's chat format, then ShareGPT's."""
ASKING = frozenset({"user", "human", "prompter"})
ANSWERING = frozenset({"assistant", "gpt", "model", "bot", "chatgpt"})


class Exchanges(ABC):
    """Where a table keeps its prompts and responses."""

    @abstractmethod
    def usable(self, table: pa.Table) -> RowNumbers:
        """Rows that hold a prompt and a response."""

    @abstractmethod
    def read(self, table: pa.Table, rows: RowNumbers) -> list[Exchange]:
        """Prompt and response of each of ``rows``, which are usable."""

    @abstractmethod
    def write(self, table: pa.Table, rows: RowNumbers, exchanges: Sequence[Exchange]) -> pa.Table:
        """``table`` with other prompts and responses at ``rows``."""


@dataclass(frozen=True, slots=True)
class TwoColumns(Exchanges):
    """A column of prompts and one of responses."""

    prompt: str
    response: str

    def usable(self, table: pa.Table) -> RowNumbers:
        """Rows where neither is null."""
        held = [table.column(name).is_valid().to_numpy() for name in (self.prompt, self.response)]
        return np.flatnonzero(held[0] & held[1])

    def read(self, table: pa.Table, rows: RowNumbers) -> list[Exchange]:
        """The values of both columns."""
        return list(zip(texts(table, self.prompt, rows), texts(table, self.response, rows), strict=True))

    def write(self, table: pa.Table, rows: RowNumbers, exchanges: Sequence[Exchange]) -> pa.Table:
        """Both columns replaced."""
        table = replace(table, self.prompt, rows, [prompt for prompt, _ in exchanges])
        return replace(table, self.response, rows, [response for _, response in exchanges])


@dataclass(frozen=True, slots=True)
class Turns(Exchanges):
    """A column of lists of turns; ``speaker`` and ``said`` are the names of a turn's fields."""

    column: str
    speaker: str
    said: str

    def usable(self, table: pa.Table) -> RowNumbers:
        """Rows with a turn of the user and a later one of the assistant."""
        conversations = table.column(self.column).to_pylist()
        return np.array([row for row, turns in enumerate(conversations) if self._places(turns)], dtype=np.int64)

    def read(self, table: pa.Table, rows: RowNumbers) -> list[Exchange]:
        """What is said in both turns."""
        conversations = table.column(self.column).take(pa.array(rows)).to_pylist()
        return [self._said(turns) for turns in conversations]

    def write(self, table: pa.Table, rows: RowNumbers, exchanges: Sequence[Exchange]) -> pa.Table:
        """Both turns replaced; the other turns and fields stay."""
        conversations = table.column(self.column).take(pa.array(rows)).to_pylist()
        pairs = zip(conversations, exchanges, strict=True)
        return replace(table, self.column, rows, [self._rewritten(turns, pair) for turns, pair in pairs])

    def _places(self, turns: Sequence[Any] | None) -> tuple[int, int] | None:
        asked = None
        for place, turn in enumerate(turns or ()):
            if turn is None or turn[self.said] is None:
                continue
            speaker = str(turn[self.speaker]).lower()
            if asked is None and speaker in ASKING:
                asked = place
            elif asked is not None and speaker in ANSWERING:
                return asked, place
        return None

    def _said(self, turns: Sequence[Any]) -> Exchange:
        asked, answered = self._places(turns) or (0, 0)
        return turns[asked][self.said], turns[answered][self.said]

    def _rewritten(self, turns: Sequence[Any], exchange: Exchange) -> list[Any]:
        places = dict(zip(self._places(turns) or (), exchange, strict=False))
        return [{**turn, self.said: places[place]} if place in places else turn for place, turn in enumerate(turns)]


def exchanges_of(table: pa.Table, roles: Roles) -> Exchanges | None:
    """Where ``table`` keeps prompts and responses; nothing when it keeps none."""
    prompt, response = roles.first(Role.PROMPT), roles.first(Role.RESPONSE)
    if prompt and response and {prompt, response} <= set(table.column_names):
        return TwoColumns(prompt, response)
    found = (_turns(field) for field in table.schema)
    return next((item for item in found if item is not None), None)


def _turns(field: pa.Field) -> Turns | None:
    kind = field.type
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not listed or not pa.types.is_struct(kind.value_type):
        return None
    fields = {inner.name: inner.type for inner in kind.value_type}
    for speaker, said in SHAPES:
        if speaker in fields and _is_text(fields.get(said)):
            return Turns(field.name, speaker, said)
    return None


def _is_text(kind: pa.DataType | None) -> bool:
    return kind is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind))
