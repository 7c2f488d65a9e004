"""What checks of instruction data have in common: prompts, responses, and which sampled rows to look at.

1. Every text column with the role ``prompt`` is part of the prompt; the first with the role ``response`` is learnt.
2. With a reference, the rows looked at are the new ones, in a sample of their own; without one, a sample of all.
3. A row without a response teaches nothing and is left out.
4. Without such columns and a label, exchanges written into the first text column are read, if most of its sampled rows
   hold one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from poisonguard.detectors.features_tabular import common_columns
from poisonguard.detectors.features_text import MAX_CHARACTERS, Hashes, column_texts
from poisonguard.detectors.written_exchanges import PROBED, exchange_of, holds_exchanges
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Check, Context, Evidence, MissingEvidence, NotApplicable, Params, RowScorer
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.sample import RowSample, sample_hashes, sample_rows

NO_COLUMNS = "no prompt and response columns of text"

MIN_SAMPLE = 100
"""Fewer rows with a response cannot be compared."""


class InstructionParams(Params):
    """Parameters of every check of instruction data."""

    limit: int = Field(default=20_000, ge=MIN_SAMPLE)


InstructionParamsT = TypeVar("InstructionParamsT", bound=InstructionParams)


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows with a response.

    Attributes:
        prompts: What was asked, all columns in one, shape (rows,).
        responses: What was answered, shape (rows,).
        hashes: Row hashes, shape (rows,).
    """

    prompts: tuple[str, ...]
    responses: tuple[str, ...]
    hashes: Hashes

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.prompts)

    def beside(self, other: Asked) -> Asked:
        """Both, in the order of their hashes, at random: a part of them is a part of both."""
        hashes = np.concatenate([self.hashes, other.hashes])
        order = np.argsort(hashes, kind="stable").tolist()
        prompts, responses = (*self.prompts, *other.prompts), (*self.responses, *other.responses)
        return Asked(tuple(prompts[row] for row in order), tuple(responses[row] for row in order), hashes[order])


class InstructionCheck(Check[InstructionParamsT]):
    """A check of prompts and responses; subclasses say what to look for."""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of rows, and of new rows, if there are prompts and responses."""
        strings = {column.name for column in context.columns if column.kind is Kind.STRING}
        self._prompts = tuple(name for name in context.roles.all(Role.PROMPT) if name in strings)
        self._response = next((name for name in context.roles.all(Role.RESPONSE) if name in strings), "")
        base, _, part = self._response.rpartition(".")
        self._is_chat = part == "response" and base in {column.name for column in context.columns}
        self._written = not self._prompts or not self._response
        if self._written:
            texts = () if context.roles.first(Role.LABEL) else context.roles.all(Role.TEXT)
            self._response = next((name for name in texts if name in strings), "")
            self._prompts = (self._response,)
        if not self._response:
            return NotApplicable(NO_COLUMNS)
        return [self._sample, NewRows(self._sample)] if context.has_reference else [self._sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """What the check compares, if there are exchanges."""
        if self._written and not self._holds_exchanges(evidence):
            return NotApplicable(f"{NO_COLUMNS}, and most of {self._response} is no exchange")
        return self.compared(evidence, reference)

    @abstractmethod
    def compared(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """The scorer of rows, made from sampled exchanges."""

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, what was cut, and where exchanges were read."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"instructions are compared in a sample of {seen:,} rows; " if seen < evidence.rows else ""
        if self._written and self._holds_exchanges(evidence):
            sampled += f"prompts and responses are read out of the exchanges written in {self._response}; "
        return seen, f"{sampled}first {MAX_CHARACTERS:,} characters of each text"

    @property
    def columns(self) -> tuple[str, ...]:
        """Prompts, then the response."""
        return tuple(dict.fromkeys((*self._prompts, self._response)))

    @property
    def response(self) -> str:
        """The column that is learnt."""
        return self._response

    @property
    def is_chat(self) -> bool:
        """Whether responses are the turns of a chat, one after the other."""
        return self._is_chat

    def prompts(self, table: pa.Table | pa.RecordBatch) -> list[str]:
        """The texts of all prompt columns, a line each, one text per row."""
        if self._written:
            return [prompt for prompt, _ in self._exchanges(table)]
        parts = [column_texts(table, column) for column in self._prompts]
        return ["\n".join(filter(None, row)) for row in zip(*parts, strict=True)]

    def responses(self, table: pa.Table | pa.RecordBatch) -> list[str]:
        """The responses."""
        if self._written:
            return [response for _, response in self._exchanges(table)]
        return column_texts(table, self._response)

    def looked_at(self, evidence: Evidence, reference: Evidence | None) -> Asked:
        """The sampled rows, the new ones where there is a reference.

        Raises:
            MissingEvidence: The reference lacks a column, or holds it in another type.
        """
        missing = set(self.columns) - set(common_columns(self.columns, evidence, reference))
        if reference is not None and missing:
            raise MissingEvidence(f"{reference.name} has no text column {min(missing)}")
        return self._asked(evidence[self._sample if reference is None else NewRows(self._sample)])

    def approved(self, reference: Evidence) -> Asked:
        """The sampled rows of the reference."""
        return self._asked(reference[self._sample])

    @property
    def _sample(self) -> RowSample:
        return RowSample(limit=self.params.limit)

    def _asked(self, state: pa.Table) -> Asked:
        if not state.num_rows:
            return Asked((), (), sample_hashes(state))
        state = state.filter(pc.is_valid(state[self._response]))
        if self._written:
            state = state.filter(pa.array([bool(answer) for _, answer in self._exchanges(state)], pa.bool_()))
        table = sample_rows(state)
        return Asked(tuple(self.prompts(table)), tuple(self.responses(table)), sample_hashes(state))

    def _exchanges(self, table: pa.Table | pa.RecordBatch) -> list[tuple[str, str]]:
        """The exchange written in each row; two empty texts where there is none."""
        return [exchange_of(text) or ("", "") for text in column_texts(table, self._response)]

    def _holds_exchanges(self, evidence: Evidence) -> bool:
        state = evidence[self._sample]
        return bool(state.num_rows) and holds_exchanges(column_texts(state.slice(0, PROBED), self._response))
