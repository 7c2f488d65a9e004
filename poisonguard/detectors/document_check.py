"""What every check of documents does: sample them, learn from the sample, search every row in the second pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

from pydantic import Field

from poisonguard.detectors.documents import Corpus, Samples, document_columns
from poisonguard.domain.finding import Finding
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch


class DocumentParams(Params):
    """Parameters of every check of documents."""

    limit: int = Field(default=20_000, ge=100)


DocumentParamsT = TypeVar("DocumentParamsT", bound=DocumentParams)


class DocumentCheck(Check[DocumentParamsT]):
    """A check whose scorer learns from a ``corpus``; ``learnt`` says what, for the coverage."""

    learnt: ClassVar[str]
    _note = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Samples of documents: of all, and of the new ones."""
        columns = document_columns(context)
        if isinstance(columns, NotApplicable):
            return columns
        self._columns, self._samples = columns, Samples(self.params.limit, context.has_reference)
        return self._samples.sketches

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    def corpus(self, evidence: Evidence, reference: Evidence | None) -> Corpus:
        """The sampled documents."""
        found = self._samples.corpus(self._columns, evidence, reference)
        self._note = f"first {found.limit:,} bytes of each document"
        return found

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and what was cut."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"{self.learnt} a sample of {seen:,} rows" if seen < evidence.rows else ""
        return seen, "; ".join(filter(None, [sampled, self._note]))
