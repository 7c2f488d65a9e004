"""A detector: names what it needs, judges the evidence, and may score rows in a second pass.

A check never reads data. ``needs`` names sketches, the engine folds them, ``judge`` is pure. A check that
wants rows named returns a ``RowScorer``: the engine runs it over every block and asks it to conclude.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from poisonguard.domain.dataset import Column
from poisonguard.domain.filefact import FileFacts
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.roles import Roles
from poisonguard.kernels.neighbours import Clusters
from poisonguard.kernels.run import Run, in_turn
from poisonguard.plugin.card import Card
from poisonguard.plugin.embedder import Embedder
from poisonguard.plugin.holdout import Holdout
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.fingerprints import NearCopies, NearSearch, search_here

Scores = npt.NDArray[np.float64]
MadeT = TypeVar("MadeT")


class Params(BaseModel):
    """Parameters of a check; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ParamsT = TypeVar("ParamsT", bound=Params)


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The check has nothing to look at here, for a stated reason."""

    reason: str


class MissingEvidence(KeyError):
    """The evidence holds no such sketch; the engine turns it into a skip with a reason."""


def _no_version(place: int) -> Evidence:
    raise IndexError(f"there is no version at place {place}")


@dataclass(frozen=True, slots=True)
class History:
    """Approved versions before the reference, oldest first: the first of all, and the latest.

    A version is read when it is looked at, and again when it is looked at again: none is held.

    Attributes:
        names: How to call them in a sentence.
        read: Reads one, by its place: what drift is seen by (``workflow.past``), and no more.
        is_broken: Whether approved versions may lie between the first and the second that are not among them.
    """

    names: tuple[str, ...] = ()
    read: Callable[[int], Evidence] = _no_version
    is_broken: bool = False

    def __len__(self) -> int:
        """How many."""
        return len(self.names)

    def __iter__(self) -> Iterator[Evidence]:
        """One after the other."""
        return map(self.read, range(len(self.names)))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the sketches of one version say.

    Attributes:
        name: How to call the version in a sentence (``reviews@12``, ``data/``).
        columns: The version's columns.
        rows: Its rows.
        seed: 64-bit seed derived from the manifest; the only source of randomness.
        states: Sketch key to state.
        files: What stands out about its files; nothing of a version that is known by its profile alone.
        run: Who does work that a check cuts into tasks; changes nothing but the time.
        near: Who searches for near copies; changes nothing but where it is done.
        worked_out: What checks have in common, so that it is made once.
        identity: Digest of all that it was made of; empty where nobody can say.
        told: Card and subject of each warning that who approved this version was given.
        history: Of a reference, the approved versions before it.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    seed: int
    states: Mapping[str, pa.Table] = field(repr=False)
    files: FileFacts = field(default_factory=FileFacts)
    run: Run = field(default=in_turn, repr=False, compare=False)
    near: NearSearch = field(default=search_here, repr=False, compare=False)
    worked_out: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    identity: str = field(default="", repr=False, compare=False)
    told: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False, compare=False)
    history: History = field(default=History(), repr=False, compare=False)

    def once(self, key: Hashable, make: Callable[[], MadeT]) -> MadeT:
        """What ``make`` makes, which is a function of the evidence and of ``key`` alone; made for the first to ask."""
        if key not in self.worked_out:
            self.worked_out[key] = make()
        made: MadeT = self.worked_out[key]
        return made

    def __getitem__(self, sketch: Sketch) -> pa.Table:
        """State of ``sketch``.

        Raises:
            MissingEvidence: This version was not folded with that sketch.
        """
        try:
            return self.states[sketch.key]
        except KeyError:
            raise MissingEvidence(f"{self.name} holds no {sketch.key}") from None

    def near_copies(self, asked: NearCopies) -> Clusters:
        """Clusters of near copies."""
        return self.near(asked, self.run)

    def __contains__(self, sketch: Sketch) -> bool:
        """Whether this version was folded with ``sketch``."""
        return sketch.key in self.states


@dataclass(frozen=True, slots=True)
class Scored:
    """What the engine saw while scoring every row with one scorer.

    Attributes:
        rows: Global numbers of the rows at or above the threshold (``RowScorer.named``, if given), highest score first
            (ties: lowest row first), capped; shape (kept,).
        scores: Their scores; shape (kept,).
        flagged: How many rows that were, cap or not.
        total: How many rows were scored.
    """

    rows: npt.NDArray[np.int64]
    scores: Scores
    flagged: int
    total: int


class RowScorer(ABC):
    """Scores rows in a second pass over the data.

    Attributes:
        threshold: Score from which on a row is flagged, once a finding above a note was drawn.
        named: Score from which on ``conclude`` is told of a row; nothing means the threshold.
        evidence: How far its test of the whole dataset went towards an alarm, from 0 to 1: what its order of the rows
            counts for beside that of other scorers where it names none.
        stays: Whether it keeps something of the rows that it scores. Others may be copied, to score rows elsewhere.
    """

    threshold: float = 0.5
    named: float | None = None
    evidence: float = 0.0
    stays: bool = False

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""

    @abstractmethod
    def score(self, block: Block) -> Scores:
        """Suspicion of each row in [0, 1], shape (rows,); must not depend on how rows are cut into blocks."""

    @abstractmethod
    def conclude(self, scored: Scored) -> Iterable[Finding]:
        """Findings drawn from the scores of all rows."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may know before any row is read.

    Attributes:
        columns: The candidate's columns.
        roles: What each of them means.
        has_reference: Whether there is a version to compare with.
        contract: Text of a Great Expectations suite (JSON), if the steward gave one.
        reference_columns: Names of the reference's columns, in its order; empty without one.
        holdouts: Evaluation sets whose items must not stand in the data.
        embedder: Embedding model, if one was given.
        has_history: Whether there are approved versions before the one to compare with.
    """

    columns: tuple[Column, ...]
    roles: Roles
    has_reference: bool
    contract: str | None = None
    reference_columns: tuple[str, ...] = ()
    holdouts: tuple[Holdout, ...] = ()
    embedder: Embedder | None = None
    has_history: bool = False


class Check(ABC, Generic[ParamsT]):
    """One card bound to one detector."""

    detector: ClassVar[str]
    params_model: ClassVar[type[Params]]

    def __init__(self, card: Card, params: ParamsT) -> None:
        self.card = card
        self.params = params

    @abstractmethod
    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """The sketches to fold, of the candidate and of the reference alike.

        Called once, before ``judge``; a check may remember what it planned.
        """

    @abstractmethod
    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Findings that the sketches alone support. Pure."""

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | NotApplicable | None:
        """A scorer for the second pass; nothing when the check names no rows that way. Pure."""
        del evidence, reference
        return None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """(rows behind the judgement, note on any sample or cap)."""
        return evidence.rows, ""

    def finding(self, *, subject: str, message: str, confidence: float, **rest: Any) -> Finding:
        """A finding of this card, with the card's level and signal unless ``level`` or ``signal`` is given."""
        fields: dict[str, Any] = {"level": self.card.level, "signal": self.card.signal}
        fields |= {"compared_with": "the rest of the dataset"} | rest
        return Finding(check=self.card.id, subject=subject, message=message, confidence=confidence, **fields)


@dataclass(frozen=True, slots=True, eq=False)
class Flagged:
    """The rows in which other checks found signs of poisoning.

    Attributes:
        rows: Their global numbers, ascending, shape (n,).
        table: The columns that were asked for, of these rows.
        files: Index of the file of each, shape (n,).
        by_check: Which of them each check named, as positions in ``rows``.
        paths: Every file with rows.
        file_rows: How many rows each file holds, shape (files,).
    """

    rows: npt.NDArray[np.int64]
    table: pa.Table
    files: npt.NDArray[np.int64]
    by_check: Mapping[str, npt.NDArray[np.int64]]
    paths: tuple[str, ...]
    file_rows: npt.NDArray[np.int64]


class Reviewer(ABC):
    """What a check is besides, when it draws conclusions from what all the others found."""

    @property
    @abstractmethod
    def review_columns(self) -> tuple[str, ...]:
        """Columns of the flagged rows that it reads."""

    @abstractmethod
    def review(self, flagged: Flagged, evidence: Evidence) -> Iterable[Finding]:
        """Findings about the flagged rows; asked when there are any. Pure."""


class ScoreReader(ABC):
    """What a check is besides, when it draws conclusions from the scores that another detector gave all rows.

    Attributes:
        reads: Name of that detector.
    """

    reads: ClassVar[str]

    @abstractmethod
    def read_scores(self, scores: npt.NDArray[np.float32] | None, evidence: Evidence) -> Iterable[Finding]:
        """Findings from the score of every row, shape (rows,); nothing if that detector scored none. Pure."""


__all__ = [
    "Block",
    "Check",
    "Context",
    "Evidence",
    "Flagged",
    "History",
    "Level",
    "MissingEvidence",
    "NotApplicable",
    "Params",
    "Reviewer",
    "RowScorer",
    "ScoreReader",
    "Scored",
    "Scores",
    "Signal",
]
