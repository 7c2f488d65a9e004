"""A run of rows, such as one delivery, in which the labels contradict what the rows say.

1. A row contradicts its label when the models of another check, which never saw it, would have given another one.
   Labels flipped in one delivery stand next to each other; honest contradictions are everywhere.
2. The run is the stretch of greatest likelihood ratio (cumulative sum, Page 1954) between "labels are wrong here" and
   "as everywhere". Were rows independent, chance makes one of h in n rows with probability n * exp(-h).
3. They are not: neighbours may come from one author. So the run must also stand far out from all other stretches of its
   length, and be short against the rest. Where rows are ordered by label, they are compared within their label.
4. Where labels come in blocks, such as one of each day, all rows of a block were labelled by one decision: a wrong one
   is one mistake, however long. Then decisions are counted, and not rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from pydantic import Field

from poisonguard.detectors.contradiction import contradicts
from poisonguard.detectors.drift_versions import Versions
from poisonguard.detectors.run_search import Labelled, Run, expected_shares, runs
from poisonguard.detectors.source_tables import RowScores, new_rows, parts
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.kernels.mapped import let_go
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params, ScoreReader
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.row_values import RowValues, value_places
from poisonguard.sketches.sample import RowSample
from poisonguard.sketches.values import HashArray, ValueCounts

MOST_LABELS = 100
"""A label with more distinct values is a quantity or a text, not a class."""

MOST_NAMED = 100_000
CONFIDENCE = 0.95


class LabelRunsParams(Params):
    """Parameters of the check.

    Attributes:
        min_rows: Rows of the run that contradict their label, and labels given in it one by one.
        minimum_effect: Their share, beyond what would be expected.
        chance: Probability of such a run, were the rows independent.
        distance: Standard deviations, of stretches as long, by which it must stand out.
    """

    min_rows: int = Field(default=8, ge=4)
    minimum_effect: float = Field(default=0.3, gt=0, lt=1)
    chance: float = Field(default=1e-3, gt=0, lt=0.1)
    distance: float = Field(default=4.5, ge=3)


class LabelRuns(Check[LabelRunsParams], ScoreReader):
    """Finds stretches of rows whose labels are wrong."""

    detector = "label-runs"
    params_model = LabelRunsParams
    reads = "label-noise"

    _known: HashArray | None = None
    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """The label of every row, and which rows are new."""
        label = context.roles.first(Role.LABEL)
        if label is None:
            return NotApplicable("no label column")
        self._label, self._values, self._counts = label, RowValues(label), ValueCounts(label)
        return [self._values, self._counts, *([RowDigests(), RowSample()] if context.has_reference else [])]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing yet; what was approved is remembered."""
        self._known = None if reference is None else Versions(evidence, reference).known_hashes
        return ()

    def read_scores(self, scores: RowScores | None, evidence: Evidence) -> Iterable[Finding]:
        """One finding per run, in row order."""
        state = evidence[self._counts]
        if scores is None:
            self._note = "not judged: no models say which rows contradict their label"
        elif state.num_rows > MOST_LABELS:
            self._note = f"not judged: the label has more than {MOST_LABELS} distinct values and is no class"
        else:
            rows, labelled = self._labelled(scores, evidence)
            yield from (self._finding(run, rows[run.start : run.stop], labelled) for run in self._runs(labelled))

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows."""
        return evidence.rows, self._note

    def _runs(self, labelled: Labelled) -> Iterator[Run]:
        params = self.params
        for run in runs(labelled, params.chance):
            large = run.wrong >= params.min_rows and run.rate - run.expected >= params.minimum_effect
            if large and run.decisions >= params.min_rows and run.distance >= params.distance:
                yield run

    def _labelled(
        self, scores: RowScores, evidence: Evidence
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Labelled]:
        known = evidence[self._counts]["hash"].to_numpy()
        label = np.concatenate([np.zeros(0, np.int64), *value_places(evidence[self._values], known)])
        digests = evidence[RowDigests()] if self._known is not None else None
        rows = np.flatnonzero((label >= 0) & new_rows(digests, self._known, evidence.rows))
        wrong = np.zeros(len(label), dtype=np.bool_)
        for part in parts(len(scores)):
            wrong[part] = contradicts(scores[part])
            let_go(scores[part])
        return rows, Labelled(label[rows].astype(np.int32), wrong[rows], len(known))

    def _finding(self, run: Run, rows: np.ndarray[tuple[int], np.dtype[np.int64]], labelled: Labelled) -> Finding:
        usual = float(expected_shares(labelled, by_label=False)[0])
        return self.finding(
            subject=f"run from row {int(rows[0])}",
            message=(
                f"{run.wrong:,} of {len(rows):,} rows that follow each other ({run.rate:.1%}) contradict their label, "
                f"where {run.expected:.1%} would be expected; the run is {run.distance:.1f} standard deviations from "
                "all others of its length."
            ),
            confidence=CONFIDENCE,
            column=self._label,
            rows=rows[:MOST_NAMED].tolist(),
            row_count=len(rows),
            numbers={
                "rows of the run": len(rows),
                "contradictions": run.wrong,
                "expected share": round(run.expected, 4),
                "share in all rows": round(usual, 4),
                "distance": round(run.distance, 1),
                "minimum distance": self.params.distance,
            },
        )
