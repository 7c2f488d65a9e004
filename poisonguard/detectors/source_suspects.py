"""Which sources label unlike their own past, or unlike their peers: from counts to suspects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poisonguard.detectors.statistics_sources import apart_from_past, apart_from_peers, matched, ringleaders, tail_of
from poisonguard.detectors.statistics_tests import Counts, Floats, adjusted
from poisonguard.sketches.pairs import PairTable

LEAST_PEERS = 8
"""With fewer sources nobody can say how much honest ones differ (simulated: false alarms over 5 %)."""

LEAST_HISTORIES = 3
"""Sources with a past needed to tell one source's movement from everyone's."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a suspect must exceed.

    Attributes:
        fdr: False discovery rate over all sources and labels.
        rows: Rows a source needs to be judged.
        effect: Smallest difference of rates.
    """

    fdr: float
    rows: int
    effect: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A source with too much of a label.

    Attributes:
        source: The source.
        label: The label.
        hits: Rows judged that carry the label.
        rows: Rows judged of the source.
        expected: Rate that was expected.
        p: Adjusted p-value.
        past: Whether the source's own past was the measure; its peers were otherwise.
    """

    source: str
    label: str
    hits: int
    rows: int
    expected: float
    p: float
    past: bool

    @property
    def rate(self) -> float:
        """Share of the judged rows that carry the label."""
        return self.hits / self.rows

    @property
    def excess(self) -> float:
        """Rows with the label beyond what was expected."""
        return self.hits - self.rows * self.expected


@dataclass(frozen=True, slots=True)
class Judged:
    """Sources against what was expected of them.

    Attributes:
        sources: Names.
        hits: Rows judged by source and label, shape (sources, labels).
        expected: Expected rates, same shape.
        scores: Normal scores of the rates, same shape.
        past: Whether the sources' own past was the measure.
    """

    sources: tuple[str, ...]
    hits: Counts
    expected: Floats
    scores: Floats
    past: bool


@dataclass(frozen=True, slots=True)
class Past:
    """The reference's counts, laid out like the candidate's.

    Attributes:
        counts: Shape (sources, labels) of the candidate's table.
        kept: Whether the candidate still holds these rows.
    """

    counts: Counts
    kept: bool


def past_of(now: PairTable, then: PairTable, *, kept: bool) -> Past:
    """The reference's counts of the candidate's sources and labels."""
    rows, columns = matched(now.firsts, then.firsts), matched(now.seconds, then.seconds)
    counts = np.zeros_like(now.counts)
    found = np.ix_(rows >= 0, columns >= 0)
    counts[found] = then.counts[np.ix_(rows[rows >= 0], columns[columns >= 0])]
    return Past(counts, kept)


def suspects(now: PairTable, past: Past | None, limits: Limits) -> list[Suspect]:
    """One per suspect source, for the label with the most rows in excess, largest excess first."""
    judged = list(_judge(now, past, limits))
    if not judged:
        return []
    levels = adjusted(tail_of(np.concatenate([item.scores.ravel() for item in judged])))
    cuts = np.cumsum([item.scores.size for item in judged])[:-1]
    found: dict[str, Suspect] = {}
    for item, part in zip(judged, np.split(levels, cuts), strict=True):
        for suspect in _standing(item, now.seconds, part.reshape(item.scores.shape), limits):
            if suspect.source not in found or suspect.excess > found[suspect.source].excess:
                found[suspect.source] = suspect
    return sorted(found.values(), key=lambda suspect: (-suspect.excess, suspect.source))


def _judge(now: PairTable, past: Past | None, limits: Limits) -> Iterator[Judged]:
    large = now.counts.sum(axis=1) >= limits.rows
    known = np.zeros_like(large)
    if past is not None:
        known = past.counts.sum(axis=1) >= limits.rows
        # Where the approved rows are still there, only the others are judged.
        mine = np.maximum(0, now.counts - past.counts) if past.kept else now.counts
        chosen = known & (mine.sum(axis=1) >= limits.rows)
        if chosen.sum() >= LEAST_HISTORIES:
            yield _against_past(_names(now, chosen), mine[chosen], past.counts[chosen])
    if large.sum() >= LEAST_PEERS and (large & ~known).any():
        yield _against_peers(now, large, large & ~known)


def _against_past(sources: tuple[str, ...], mine: Counts, before: Counts) -> Judged:
    rows, rows_before = mine.sum(axis=1), before.sum(axis=1)
    labels = range(mine.shape[1])
    scores = [apart_from_past(mine[:, label], rows, before[:, label], rows_before) for label in labels]
    return Judged(sources, mine, before / rows_before[:, np.newaxis], np.transpose(scores), past=True)


def _against_peers(now: PairTable, large: Mask, judged: Mask) -> Judged:
    """Every large source is a peer; only those without a past are judged."""
    counts, rows = now.counts[large], now.counts[large].sum(axis=1)
    scores = np.transpose([apart_from_peers(counts[:, label], rows) for label in range(counts.shape[1])])
    others = (counts.sum(axis=0) - counts) / np.maximum(1, rows.sum() - rows)[:, np.newaxis]
    # A source that answers to its own past is no candidate here.
    scores = np.where(judged[large][:, np.newaxis], scores, np.minimum(scores, 0.0))
    return Judged(_names(now, large), counts, others, scores, past=False)


def _standing(judged: Judged, labels: Sequence[str], levels: Floats, limits: Limits) -> Iterator[Suspect]:
    rows = judged.hits.sum(axis=1)
    large = judged.hits / rows[:, np.newaxis] - judged.expected >= limits.effect
    for label, name in enumerate(labels):
        chosen = ringleaders(judged.scores[:, label]) & large[:, label] & (levels[:, label] <= limits.fdr)
        for source in np.flatnonzero(chosen).tolist():
            yield Suspect(
                source=judged.sources[source],
                label=name,
                hits=int(judged.hits[source, label]),
                rows=int(rows[source]),
                expected=float(judged.expected[source, label]),
                p=float(levels[source, label]),
                past=judged.past,
            )


def _names(now: PairTable, chosen: Mask) -> tuple[str, ...]:
    return tuple(name for name, keep in zip(now.firsts, chosen.tolist(), strict=True) if keep)
