"""Which sources label unlike their own past, or unlike their peers, and not because their rows deserve it?

Four questions, put to the same statistics (``source_spread``):

- does a source give one label too often? It is innocent where the models that know the other rows would give that
  label as often: then its rows are of that kind.
- do its rows contradict their labels too often, whatever the labels are?
- do they contradict them too often for how doubtful the models are of its other rows? Sources whose rows are easy and
  sources whose rows are hard differ less in that, and it takes no past.
- do its rows carry one label too often against what they say? Sources that differ much in their labels differ less in
  that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from poisonguard.detectors.source_spread import Group, tails_beside_others
from poisonguard.detectors.source_tables import Tallies
from poisonguard.detectors.statistics_sources import matched
from poisonguard.detectors.statistics_tests import Counts, Floats, adjusted
from poisonguard.sketches.pairs import PairTable

LEAST_PEERS = 8
"""With fewer sources nobody can say how much honest ones differ (simulated: false alarms over 5 %)."""

LEAST_HISTORIES = 3
"""Sources with a past needed to tell one source's movement from everyone's."""

PAST_ROWS = 8
"""Rows that make a past; a source with fewer is new."""

EXPLAINED = 0.5
"""Share of a rise that what the rows say may explain before it is innocent."""

SURER, MAJOR = 20.0, 0.3
"""One label against what the rows say must be so many times as improbable, and as large a part of the source's rows: an
honest source may have one kind of rows that no other has. Contradictions beyond the models' doubt must be as
improbable, since that doubt may be wrong for the rows of one source."""

ONE_LABEL = 0.95
"""A source with so many rows of one label may be a kind of rows of its own, which models of the others misread."""

LEAST_DOUBT = 0.5
"""Rows of a source that honestly contradict their label, however sure the models are."""

ALL_LABELS = -1
"""Place of no label: all of them count."""

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
    """A source with too many hits.

    Attributes:
        source: Its place.
        label: Place of the label; ``ALL_LABELS`` when all count.
        hits: Rows judged that count.
        rows: Rows judged of the source.
        expected: Rate that was expected.
        p: Adjusted p-value.
        past: Whether the source's own past was the measure; its peers were otherwise.
        against: Whether only rows that contradict the label count.
    """

    source: int
    label: int
    hits: int
    rows: int
    expected: float
    p: float
    past: bool
    against: bool = False

    @property
    def rate(self) -> float:
        """Share of the judged rows that count."""
        return self.hits / self.rows

    @property
    def excess(self) -> float:
        """Rows beyond what was expected."""
        return self.hits - self.rows * self.expected


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of all sources, now and before.

    Attributes:
        hits: Shape (sources, questions).
        rows: Shape (sources,).
        hits_before: Those of the past; nothing where there is none.
        rows_before: The same.
        peers: Hits and rows of everything a source without a past is compared with.
    """

    hits: Counts
    rows: Counts
    hits_before: Counts
    rows_before: Counts
    peers: tuple[Counts, Counts]


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


def labelling(now: PairTable, past: Past | None) -> Sample:
    """Each label in the rows of each source; of known sources, in the rows that were not approved."""
    before = np.zeros_like(now.counts) if past is None else past.counts
    mine = now.counts if past is None or not past.kept else np.maximum(0, now.counts - before)
    return Sample(mine, mine.sum(axis=1), before, before.sum(axis=1), (now.counts, now.counts.sum(axis=1)))


def contradicted(new: Tallies, old: Tallies, limits: Limits) -> list[Suspect]:
    """Sources whose rows contradict their labels too often, whatever those are; largest excess first."""
    hits, before = new.contradicted[:, np.newaxis], old.contradicted[:, np.newaxis]
    found = suspects(Sample(hits, new.sizes, before, old.sizes, (hits, new.sizes)), limits)
    return [replace(item, label=ALL_LABELS) for item in found]


def contradicted_label(new: Tallies, old: Tallies, limits: Limits) -> list[Suspect]:
    """Sources whose rows carry one label too often against what they say; largest excess first."""
    strict = replace(limits, fdr=limits.fdr / SURER, effect=max(limits.effect, MAJOR))
    found = suspects(Sample(new.wrong, new.sizes, old.wrong, old.sizes, (new.wrong, new.sizes)), strict)
    return [replace(item, against=True) for item in found]


def contradicted_beyond_doubt(new: Tallies, limits: Limits) -> list[Suspect]:
    """Sources of several labels whose rows contradict them beyond the doubt in their other rows; largest first."""
    several = new.rows.max(axis=1) < ONE_LABEL * new.sizes
    places = np.flatnonzero(several & (new.sizes >= limits.rows))
    if len(places) < LEAST_PEERS:
        return []
    rows = new.sizes[places]
    doubt = np.clip(new.doubtful[places], LEAST_DOUBT, rows - LEAST_DOUBT) / rows
    group = Group(new.contradicted[places], rows, np.asarray(logit(doubt)), np.full(len(rows), np.inf))
    tails, expected = tails_beside_others(group)
    found = [
        Suspect(
            int(places[item]), ALL_LABELS, *_row(group, item), float(expected[item]), float(tails[item]), past=False
        )
        for item in range(len(places))
    ]
    return _standing_out(found, replace(limits, fdr=limits.fdr / SURER))


def suspects(sample: Sample, limits: Limits) -> list[Suspect]:
    """One per suspect source, for the label with the most rows in excess, largest excess first."""
    return _standing_out([item for judged in _judged(sample, limits) for item in judged], limits)


def _standing_out(found: Sequence[Suspect], limits: Limits) -> list[Suspect]:
    """Those beyond the limits, the one with the most rows in excess of each source."""
    if not found:
        return []
    levels = adjusted(np.array([item.p for item in found]))
    best: dict[int, Suspect] = {}
    for item, level in zip(found, levels.tolist(), strict=True):
        stands_out = level <= limits.fdr and item.rate - item.expected >= limits.effect
        if stands_out and (item.source not in best or item.excess > best[item.source].excess):
            best[item.source] = replace(item, p=level)
    return sorted(best.values(), key=lambda item: (-item.excess, item.source))


def is_deserved(suspect: Suspect, new: Tallies, old: Tallies) -> bool:
    """Whether the source's rows read like the label that it gives so often."""
    here = new.read[suspect.source, suspect.label] / max(1, new.sizes[suspect.source])
    before = old.sizes[suspect.source]
    if suspect.past and before >= PAST_ROWS:
        there = old.read[suspect.source, suspect.label] / before
    else:
        read, rows = new.read[:, suspect.label], new.sizes
        there = (read.sum() - read[suspect.source]) / max(1, rows.sum() - rows[suspect.source])
    return bool(here - there >= EXPLAINED * (suspect.rate - suspect.expected))


def _judged(sample: Sample, limits: Limits) -> Iterator[list[Suspect]]:
    large = sample.rows >= limits.rows
    known = sample.rows_before >= PAST_ROWS
    peers, sizes = sample.peers
    standing = np.flatnonzero(sizes >= min(limits.rows, PAST_ROWS))
    for label in _frequent(sample, large, limits.effect):
        chosen = np.flatnonzero(known & (sample.rows >= PAST_ROWS))
        if len(chosen) >= LEAST_HISTORIES:
            group = Group.with_past(
                sample.hits[chosen, label],
                sample.rows[chosen],
                sample.hits_before[chosen, label],
                sample.rows_before[chosen],
            )
            # Where all others moved away, a source that stayed behind, or moved less, gives no label too often.
            own = sample.hits_before[chosen, label] / sample.rows_before[chosen]
            yield _group(group, chosen, large[chosen], label, own)
        if len(standing) >= LEAST_PEERS and (large & ~known).any():
            group = Group.alike(peers[standing, label], sizes[standing])
            yield _group(group, standing, (large & ~known)[standing], label, None)


def _frequent(sample: Sample, large: Mask, effect: float) -> list[int]:
    """Labels that some source gives often enough for it to matter."""
    rates = sample.hits[large] / np.maximum(1, sample.rows[large])[:, np.newaxis]
    return np.flatnonzero(rates.max(axis=0, initial=0.0) >= effect).tolist()


def _group(group: Group, places: npt.NDArray[np.intp], judged: Mask, label: int, own: Floats | None) -> list[Suspect]:
    """The sources of a group; ``own`` are their rates in the past, if that is the measure."""
    tails, expected = tails_beside_others(group)
    expected = _others(group) if own is None else np.maximum(expected, own)
    past = own is not None
    return [
        Suspect(int(places[item]), label, *_row(group, item), float(expected[item]), float(tails[item]), past)
        for item in np.flatnonzero(judged).tolist()
    ]


def _row(group: Group, item: int) -> tuple[int, int]:
    return int(group.hits[item]), int(group.rows[item])


def _others(group: Group) -> Floats:
    hits, rows = int(group.hits.sum()) - group.hits, int(group.rows.sum()) - group.rows
    return np.asarray(hits / np.maximum(1, rows), dtype=np.float64)


def names(table: PairTable, suspect: Suspect) -> tuple[str, str]:
    """The suspect's source and label; no label where all count."""
    labels: Sequence[str] = (*table.seconds, "")
    return table.firsts[suspect.source], labels[suspect.label]
