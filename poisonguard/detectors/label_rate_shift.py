"""One source labels unlike the rest, unlike itself in the reference, or against what its rows say.

Honest sources differ: they serve other populations. So a source is judged, given how much sources scatter anyway
(``source_spread``),

- by what its rows say: do more of them contradict their labels, in models that know the other rows, than in the other
  sources, or than the source's own approved rows do?
- by its rate of each label: does it stand apart from the source's own past, when the reference holds enough of its
  rows (a shared movement is drift), or else from its peers? What the rows themselves explain is no finding.

Either way a source must be significant under false discovery control over all sources and labels, and exceed a minimum
effect. One finding per source. Without a source column the host names of a URL column serve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pydantic import Field

from poisonguard.detectors.drift_versions import SAMPLE, Versions
from poisonguard.detectors.source_findings import Accusation, is_surer, rows_named
from poisonguard.detectors.source_suspects import (
    LEAST_PEERS,
    Limits,
    Past,
    Suspect,
    contradicted,
    contradicted_beyond_doubt,
    contradicted_label,
    is_deserved,
    labelling,
    past_of,
    suspects,
)
from poisonguard.detectors.source_tables import Rows, RowScores, Tallies, new_rows, places_of, rows_of, tallies
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params, ScoreReader
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.pairs import PairCounts, PairTable, read_pairs
from poisonguard.sketches.row_values import RowValues
from poisonguard.sketches.values import HashArray

MOST_LABELS = 100
"""A label with more distinct values is a quantity or a text, not a class."""

STILL_THERE = 0.99
"""Share of the reference's rows in the candidate above which the new rows are counted alone."""


class LabelRateShiftParams(Params):
    """Parameters of the check.

    Attributes:
        fdr: False discovery rate over all sources and labels.
        min_rows: Rows a source needs to be judged.
        minimum_effect: Smallest difference of rates worth a finding.
        minimum_contradiction: Smallest difference of the shares of rows that contradict their labels.
    """

    fdr: float = Field(default=0.001, gt=0, lt=0.5)
    min_rows: int = Field(default=12, ge=8)
    minimum_effect: float = Field(default=0.15, ge=0.01, le=1)
    minimum_contradiction: float = Field(default=0.05, ge=0.01, le=1)


class LabelRateShift(Check[LabelRateShiftParams], ScoreReader):
    """Flags sources whose labels depart from everyone else's, from their own past, or from what their rows say."""

    detector = "label-rate-shift"
    params_model = LabelRateShiftParams
    reads = "label-noise"

    _pairs: PairCounts
    _past: Past | None = None
    _known: HashArray | None = None
    _reference: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Counts of (source, label), both for every row, and what tells whether approved rows are still there."""
        label, source = context.roles.first(Role.LABEL), context.roles.first(Role.SOURCE)
        url = context.roles.first(Role.URL)
        if label is None:
            return NotApplicable("no label column")
        if source is None and url is None:
            return NotApplicable("no source or url column says who contributed a row")
        self._pairs = PairCounts(source or url or "", label, host=source is None)
        self._sources, self._labels = RowValues(self._pairs.first, source is None), RowValues(label)
        return (self._pairs, self._sources, self._labels, SAMPLE, *([RowDigests()] if context.has_reference else []))

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing yet: what the rows say about their labels is known later. What was approved is remembered."""
        self._past = self._known = None
        if reference is not None:
            now, then = (read_pairs(self._pairs, version[self._pairs]) for version in (evidence, reference))
            versions = Versions(evidence, reference)
            self._past = past_of(now, then, kept=versions.kept_share >= STILL_THERE)
            self._known, self._reference = versions.known_hashes, reference.name
        return ()

    def read_scores(self, scores: RowScores | None, evidence: Evidence) -> Iterable[Finding]:
        """One finding per suspect source, those that contradict their labels first."""
        now = read_pairs(self._pairs, evidence[self._pairs])
        if len(now.seconds) > MOST_LABELS or not now.firsts:
            return
        rows = self._rows(evidence, now)
        both = None if scores is None else self._tallies(rows, scores, now)

        def doubted(item: Suspect) -> bool:
            return item.against and scores is not None and not is_surer(item, rows, scores)

        for item in self._suspects(now, both, doubted):
            named = rows_named(item, rows, scores, both)
            if len(named):
                accusation = Accusation(item, now, self._pairs.second, self._reference if item.past else "")
                yield self.finding(**accusation.fields(named), level=self._level(item))

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """What was not judged, and why."""
        counts = read_pairs(self._pairs, evidence[self._pairs])
        large = int((counts.counts.sum(axis=1) >= self.params.min_rows).sum())
        notes = [f"{large} of {len(counts.firsts)} sources have at least {self.params.min_rows} labelled rows"]
        if len(counts.seconds) > MOST_LABELS:
            notes.append(f"not judged: the label has {len(counts.seconds)} distinct values and is no class")
        elif large < LEAST_PEERS:
            notes.append(f"sources without a past are not judged: that takes {LEAST_PEERS} of them")
        if not counts.complete:
            notes.append("too many sources to keep all: judged on those with the smallest hashes")
        return evidence.rows, "; ".join(notes)

    def _suspects(
        self, now: PairTable, both: tuple[Tallies, Tallies] | None, doubted: Callable[[Suspect], bool]
    ) -> Iterator[Suspect]:
        params, accused = self.params, set[int]()
        if both is not None:
            limits = Limits(params.fdr, params.min_rows, params.minimum_contradiction)
            beyond = contradicted_beyond_doubt(both[0], limits)
            for item in (*contradicted(*both, limits), *beyond, *contradicted_label(*both, limits)):
                if item.source not in accused and not doubted(item):
                    accused.add(item.source)
                    yield item
        for item in suspects(labelling(now, self._past), Limits(params.fdr, params.min_rows, params.minimum_effect)):
            if item.source not in accused and (both is None or not is_deserved(item, *both)):
                yield item

    def _rows(self, evidence: Evidence, now: PairTable) -> Rows:
        sources, labels = places_of(evidence[self._pairs], now)
        digests = evidence[RowDigests()] if self._known is not None else None
        return rows_of(
            [(evidence[self._sources], *sources), (evidence[self._labels], *labels)],
            new_rows(digests, self._known, evidence.rows),
        )

    def _tallies(self, rows: Rows, scores: RowScores, now: PairTable) -> tuple[Tallies, Tallies]:
        shape = (len(now.firsts), len(now.seconds))
        return tallies(rows, scores, shape, new=True), tallies(rows, scores, shape, new=False)

    def _level(self, item: Suspect) -> Level:
        # Among its peers alone, a source may be honest and serve another population.
        return self.card.level if item.past else min(self.card.level, Level.WARNING, key=lambda level: level.rank)
