"""What checks share that look at a sample of rows by their features: which there are, and which both versions have."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from pydantic import Field

from poisonguard.detectors.features_tabular import common_columns, feature_columns, without_others
from poisonguard.plugin.check import Check, Context, Evidence, MissingEvidence, Params
from poisonguard.sketches.sample import RowSample


class SampledParams(Params):
    """Parameters of a check on a sample."""

    limit: int = Field(default=20_000, ge=100)


SampledT = TypeVar("SampledT", bound=SampledParams)


class FeatureCheck(Check[SampledT]):
    """A check on a sample of rows with features.

    Attributes:
        most_columns: Features that are looked at, the first ones in schema order, numbers before categories.
        fitted: What is fitted on the sample, in a sentence.
    """

    most_columns: ClassVar[int]
    fitted: ClassVar[str]

    _numeric: tuple[str, ...]
    _categorical: tuple[str, ...]
    _note: str = ""

    def _choose(self, context: Context) -> int:
        """Remember the features; how many there are."""
        numeric, categorical = feature_columns(context.columns, context.roles)
        self._numeric = numeric[: self.most_columns]
        self._categorical = categorical[: self.most_columns - len(self._numeric)]
        return len(self._numeric) + len(self._categorical)

    def _in_both(self, evidence: Evidence, reference: Evidence | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Features of both versions: numbers, categories; what is left out is noted.

        Raises:
            MissingEvidence: They have none in common.
        """
        names = (*self._numeric, *self._categorical)
        common = common_columns(names, evidence, reference)
        if reference is not None and not common:
            raise MissingEvidence(f"{reference.name} has no feature column in common")
        self._note = without_others(names, common)
        numeric, categorical = (
            tuple(name for name in kind if name in common) for kind in (self._numeric, self._categorical)
        )
        return numeric, categorical

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size, and columns left out."""
        seen = min(evidence.rows, self.params.limit)
        sampled = f"{self.fitted} fitted on a sample of {seen:,} rows" if seen < evidence.rows else ""
        return seen, "; ".join(filter(None, [sampled, self._note]))

    @property
    def _sample(self) -> RowSample:
        return RowSample(limit=self.params.limit)
