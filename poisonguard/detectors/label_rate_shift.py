"""Label-rate shift by source: one source labels unlike the rest, or unlike itself in the reference.

Honest sources differ: they serve other populations. So a source is judged by

- its own past, when the reference holds enough of its rows: has its rate of some label risen more than the
  rates of the others did? A habit that was approved is no finding, a shared movement is drift.
- its peers, when it has no past: does it stand apart from them, given how much they scatter?

Either way a source must be significant under false discovery control over all sources and labels, lie apart
from the next one (see ``statistics_sources.ringleaders``), and exceed a minimum effect. One finding per source,
for the label with the most rows in excess. Without a source column the host names of a URL column serve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from poisonguard.detectors.cells import CellScorer, Holds, NamedCell
from poisonguard.detectors.drift_versions import SAMPLE, Versions
from poisonguard.detectors.source_suspects import LEAST_PEERS, Limits, Suspect, past_of, suspects
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.pairs import PairCounts, read_pairs

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
    """

    fdr: float = Field(default=0.01, gt=0, lt=0.5)
    min_rows: int = Field(default=30, ge=8)
    minimum_effect: float = Field(default=0.15, ge=0.01, le=1)


class LabelRateShift(Check[LabelRateShiftParams]):
    """Flags sources whose label distribution departs from everyone else's or from their own past."""

    detector = "label-rate-shift"
    params_model = LabelRateShiftParams

    _pairs: PairCounts

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Counts of (source, label), and the row sample to tell whether approved rows are still there."""
        label, source = context.roles.first(Role.LABEL), context.roles.first(Role.SOURCE)
        url = context.roles.first(Role.URL)
        if label is None:
            return NotApplicable("no label column")
        if source is None and url is None:
            return NotApplicable("no source or url column says who contributed a row")
        self._pairs = PairCounts(source or url or "", label, host=source is None)
        return (self._pairs, SAMPLE)

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: every finding names rows, so the scorer concludes with it."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> CellScorer | None:
        """Scores the rows of each suspect source that carry its label; approved rows score nothing."""
        now = read_pairs(self._pairs, evidence[self._pairs])
        if len(now.seconds) > MOST_LABELS:
            return None
        versions = past = None
        if reference is not None:
            versions = Versions(evidence, reference)
            then = read_pairs(self._pairs, reference[self._pairs])
            past = past_of(now, then, kept=versions.kept_share >= STILL_THERE)
        limits = Limits(self.params.fdr, self.params.min_rows, self.params.minimum_effect)
        cells = [self._cell(suspect, reference) for suspect in suspects(now, past, limits)]
        return CellScorer(cells, versions.known_hashes if versions else None) if cells else None

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

    def _cell(self, suspect: Suspect, reference: Evidence | None) -> NamedCell:
        source, label = self._pairs.first, self._pairs.second
        hosts = frozenset({source}) if self._pairs.host else frozenset[str]()
        cell = Holds(((source, suspect.source), (label, suspect.label)), hosts)
        return NamedCell(cell, suspect.excess / suspect.hits, self._finding(suspect, reference))

    def _finding(self, suspect: Suspect, reference: Evidence | None) -> Finding:
        name = reference.name if suspect.past and reference is not None else "the other sources"
        # Among its peers alone, a source may be honest and serve another population.
        level = self.card.level if suspect.past else min(self.card.level, Level.WARNING, key=lambda item: item.rank)
        return self.finding(
            subject=f"source={suspect.source}",
            message=(
                f"Source {suspect.source!r} gives {suspect.rate:.1%} of {suspect.rows} rows the label "
                f"{suspect.label!r}, against {suspect.expected:.1%} in {name}: "
                f"about {suspect.excess:.0f} rows too many."
            ),
            confidence=1.0 - suspect.p,
            level=level,
            compared_with=name,
            column=self._pairs.second,
            row_count=suspect.hits,
            numbers=self._numbers(suspect),
        )

    def _numbers(self, suspect: Suspect) -> dict[str, float | int | str]:
        return {
            "rate": round(suspect.rate, 6),
            "expected_rate": round(suspect.expected, 6),
            "rows": suspect.rows,
            "excess_rows": round(suspect.excess, 1),
            "adjusted_p": suspect.p,
            "minimum_effect": self.params.minimum_effect,
        }
