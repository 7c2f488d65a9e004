"""What every check of pictures with labels does: it samples both, and the second pass names the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import Field

from poisonguard.detectors.picture_columns import picture_columns
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.pictures import PictureColumns, PictureSample

MIN_PICTURES = 100


class PictureParams(Params):
    """Parameters of every check of pictures."""

    limit: int = Field(default=8_000, ge=MIN_PICTURES)


PictureParamsT = TypeVar("PictureParamsT", bound=PictureParams)


class PictureCheck(Check[PictureParamsT]):
    """A check whose scorer learns from sampled pictures and their labels."""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of pictures with their labels."""
        found = picture_columns(context)
        if isinstance(found, NotApplicable):
            return found
        label = context.roles.first(Role.LABEL)
        kind = next((column.kind for column in context.columns if column.name == label), Kind.NULL)
        if label is None or kind in {Kind.NESTED, Kind.BINARY}:
            return NotApplicable("no label column beside the pictures")
        self._pictures: PictureColumns = found
        self._label = label
        self._sample = PictureSample(found, label, self.params.limit)
        return [self._sample, NewRows(self._sample)] if context.has_reference else [self._sample]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: the second pass names the rows."""
        del evidence, reference
        return ()

    @property
    def column(self) -> str | None:
        """The column that holds the pictures, if it is one."""
        return self._pictures.names[0] if len(self._pictures.names) == 1 else None
