"""Documents without labels, as the checks of pre-training data see them.

1. A document is the text of one column: of several text columns the one with the most text in the sample.
2. With a reference, the documents judged are those the reference does not hold; without one, all that were sampled.
3. Each distinct text counts once: copies are the duplicates' finding, and must not vouch for each other.
4. Documents are read up to ``MAX_BYTES``, and less when the sample would exceed ``BUDGET``: the coverage says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.domain.dataset import Kind
from poisonguard.domain.roles import Role
from poisonguard.kernels.mixing import fold_lists
from poisonguard.kernels.tokens import Tokens, Words, tokens_of, words_of
from poisonguard.plugin.check import Context, Evidence, MissingEvidence, NotApplicable
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.sample import RowSample

MAX_BYTES = 32_000
"""A document is read up to here."""

BUDGET = 64_000_000
"""Bytes that are learnt from; about a dozen seconds of one core in all."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def document_columns(context: Context) -> tuple[str, ...] | NotApplicable:
    """Text columns of a table that has neither labels nor exchanges."""
    strings = {column.name for column in context.columns if column.kind is Kind.STRING}
    columns = tuple(name for name in context.roles.all(Role.TEXT) if name in strings)
    if not columns:
        return NotApplicable("no text column")
    for role in (Role.LABEL, Role.PROMPT, Role.RESPONSE):
        if context.roles.first(role) is not None:
            return NotApplicable(f"documents have no {role.value} column")
    return columns


@dataclass(frozen=True, slots=True)
class Samples:
    """The sketches of a check that looks at documents."""

    limit: int
    has_reference: bool

    @property
    def sketches(self) -> list[Sketch]:
        """What to fold."""
        return [self._all, *([self._new] if self.has_reference else [])]

    @property
    def _all(self) -> RowSample:
        return RowSample(limit=self.limit)

    @property
    def _new(self) -> NewRows:
        return NewRows(self._all)

    def corpus(self, columns: Sequence[str], evidence: Evidence, reference: Evidence | None) -> Corpus:
        """The documents to judge, and what to judge them by.

        Raises:
            MissingEvidence: The reference has no such column.
        """
        judged = evidence[self._all] if reference is None else evidence[self._new]
        column = max(columns, key=lambda name: _volume(evidence[self._all], name))
        known = []
        if reference is not None:
            if column not in reference[self._all].column_names:
                raise MissingEvidence(f"{reference.name} has no text column {column}")
            known = [_texts(reference[self._all], column)]
        return Corpus.of(column, _texts(judged, column), known)


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Distinct documents: those judged first, then those of the reference that are not among them.

    Attributes:
        column: Where they stand.
        texts: The documents, large_string.
        judged: How many are judged.
        limit: Bytes of each that are read.
        tokens: Their tokens.
        words: Their words.
    """

    column: str
    texts: pa.Array
    judged: int
    limit: int
    tokens: Tokens
    words: Words

    @classmethod
    def of(cls, column: str, judged: pa.Array, known: Sequence[pa.Array]) -> Corpus:
        """Read the documents."""
        texts = pc.unique(pa.concat_arrays([judged, *known]))
        limit = byte_limit(np.asarray(pc.binary_length(texts), dtype=np.int64))
        tokens = tokens_of(texts, limit)
        return cls(column, texts, len(pc.unique(judged)), limit, tokens, words_of(tokens))

    @property
    def is_judged(self) -> Mask:
        """Which documents are judged, shape (documents,)."""
        return np.arange(len(self.texts)) < self.judged


def read(table: pa.RecordBatch, column: str, limit: int) -> Tokens:
    """Tokens of a block's documents."""
    return tokens_of(_array(table.column(column)), limit)


def fingerprints(tokens: Tokens) -> npt.NDArray[np.uint64]:
    """One hash per document, of its tokens in order, shape (documents,)."""
    out = np.empty(len(tokens.offsets) - 1, dtype=np.uint64)
    fold_lists(tokens.hashes, tokens.offsets, np.uint64(0), out)
    return out


def byte_limit(lengths: Integers) -> int:
    """The most bytes per document that keep all of them within ``BUDGET``."""
    ordered = np.sort(np.minimum(lengths, MAX_BYTES))
    below = np.concatenate([[0], np.cumsum(ordered)])
    if below[-1] <= BUDGET:
        return MAX_BYTES
    # If the i shortest are read in full, the others share what is left.
    shares = (BUDGET - below[:-1]) // np.arange(len(ordered), 0, -1)
    return int(shares[np.argmax(shares < ordered)])


def _volume(state: pa.Table, column: str) -> int:
    return int(pc.sum(pc.binary_length(_texts(state, column))).as_py() or 0)


def _texts(state: pa.Table, column: str) -> pa.Array:
    if column not in state.column_names:  # a sample of no rows has no columns
        return pa.array([], pa.large_string())
    return _array(state[column].combine_chunks())


def _array(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.large_string()).fill_null("")
