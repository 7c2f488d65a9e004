"""Where do the flagged rows come from? One compromised source is one finding, not thousands of rows.

1. Rows come from a value of a source column, from the host of a URL, or from a file.
2. The share of a source's rows that other checks flagged is compared with that of the others. Honest ones differ:
   with enough of them their scatter is the ruler (beta-binomial, empirical Bayes); with few, it must hold nearly
   all of the flagged rows and far less than that of all rows.
3. It must also be a large share: a big source with a few flagged rows more is no compromised source.
4. With a reference, signs of poisoning are looked for in new rows. So files are compared by those only, and one new
   file beside approved ones is no source of its own: that it holds them all says nothing.
5. What only checks of sites named, as a site, has been said by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from poisonguard.detectors.drift_versions import Versions
from poisonguard.detectors.source_suspects import LEAST_PEERS
from poisonguard.detectors.source_tables import new_rows
from poisonguard.detectors.statistics_sources import apart_from_peers, ringleaders
from poisonguard.detectors.statistics_tests import Counts, Share, more_often
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.domain.wording import count
from poisonguard.plugin.check import Check, Context, Evidence, Flagged, Params, Reviewer
from poisonguard.sketches.base import Sketch, plain
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.hosts import HostCounts
from poisonguard.sketches.pairs import hosts
from poisonguard.sketches.values import HashArray, ValueCounts, as_text, shown

MOST_SOURCES = 100_000
CONCENTRATED = 0.8
"""With few sources: share of all flagged rows that one of them must hold ..."""

TIMES = 5.0
"""... and how many times the others' rate its own must be."""

CHANCE = 1e-6
SAME_ROWS = 0.8
"""Two sources that share this much of their flagged rows are one: a site that fills a file."""

HOST = "url host"
OF_SITES = frozenset({"PG-SRC-002", "PG-SRC-003"})
"""Checks that name sites with their rate beside the others': a site is one finding, not two."""

Rows = npt.NDArray[np.int64]


class FlaggedSourcesParams(Params):
    """Parameters of the check.

    Attributes:
        min_rows: Rows a source needs to be judged.
        min_flagged: Flagged rows it needs.
        minimum_effect: Share of its rows that are flagged, beyond the others' share.
    """

    min_rows: int = Field(default=20, ge=2)
    min_flagged: int = Field(default=10, ge=2)
    minimum_effect: float = Field(default=0.05, gt=0, lt=1)


@dataclass(frozen=True, slots=True)
class Origins:
    """Sources of one kind.

    Attributes:
        kind: What they are (``source``, ``url``, ``file``).
        column: The column that says it, if one does.
        names: Their names.
        rows: Rows of each, shape (sources,).
        of: Which source each flagged row has, -1 for none that is known, shape (flagged,).
    """

    kind: str
    column: str | None
    names: Sequence[str]
    rows: Counts
    of: Rows

    @property
    def hits(self) -> Counts:
        """Flagged rows of each."""
        return np.bincount(self.of[self.of >= 0], minlength=len(self.names)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Guilty:
    """A source that holds too many of the flagged rows."""

    origins: Origins
    place: int
    mine: Share
    others: Share

    @property
    def positions(self) -> Rows:
        """Its flagged rows, as positions among all flagged rows."""
        return np.flatnonzero(self.origins.of == self.place)


class FlaggedSources(Check[FlaggedSourcesParams], Reviewer):
    """Names the source that most of the flagged rows come from."""

    detector = "flagged-sources"
    params_model = FlaggedSourcesParams

    _known: HashArray | None = None

    def needs(self, context: Context) -> Sequence[Sketch]:
        """How many rows each source has, and which rows are new; files are known anyway."""
        roles = context.roles
        self._counts: dict[str, ValueCounts] = {
            **{name: ValueCounts(name, MOST_SOURCES) for name in roles.all(Role.SOURCE)},
            **{name: HostCounts(name, MOST_SOURCES) for name in roles.all(Role.URL)},
        }
        return (*self._counts.values(), *([RowDigests()] if context.has_reference else []))

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing by itself; what was approved is remembered."""
        self._known = None if reference is None else Versions(evidence, reference).known_hashes
        return ()

    @property
    def review_columns(self) -> tuple[str, ...]:
        """The sources."""
        return tuple(self._counts)

    def review(self, flagged: Flagged, evidence: Evidence) -> Iterable[Finding]:
        """One finding per source, the one with the most flagged rows first."""
        found = [guilty for origins in self._origins(flagged, evidence) for guilty in self._guilty(origins)]
        found.sort(key=lambda item: (-item.mine.hits, item.origins.kind, item.origins.names[item.place]))
        seen: list[Rows] = []
        for item in found:
            if not any(_same(item.positions, other) for other in seen):
                seen.append(item.positions)
                if not (item.origins.kind == HOST and set(_checks(item, flagged)) <= OF_SITES):
                    yield self._finding(item, flagged)

    def _origins(self, flagged: Flagged, evidence: Evidence) -> Iterator[Origins]:
        for column, sketch in self._counts.items():
            state = evidence[sketch]
            names = state["value"].to_pylist()
            values = flagged.table[column].combine_chunks()
            texts = hosts(values) if isinstance(sketch, HostCounts) else shown(as_text(plain(values)))
            of = np.asarray(pc.fill_null(pc.index_in(texts, pa.array(names, pa.string())), -1))
            kind = HOST if isinstance(sketch, HostCounts) else "source"
            yield Origins(kind, column, names, state["count"].to_numpy(), of.astype(np.int64))
        yield Origins("file", None, flagged.paths, self._new_rows(flagged, evidence), flagged.files)

    def _new_rows(self, flagged: Flagged, evidence: Evidence) -> Counts:
        """New rows of each file; all of them where nothing was approved."""
        if self._known is None:
            return flagged.file_rows
        new = new_rows(evidence[RowDigests()], self._known, evidence.rows)
        file = np.repeat(np.arange(len(flagged.paths)), flagged.file_rows)
        return np.asarray(np.bincount(file[new], minlength=len(flagged.paths)), dtype=np.int64)

    def _guilty(self, origins: Origins) -> Iterator[Guilty]:
        large = np.flatnonzero(origins.rows >= self.params.min_rows)
        if len(large) < 2:  # noqa: PLR2004 - there must be others
            return
        # A row that other checks name although it was approved is none of the new ones.
        hits, rows = np.minimum(origins.hits, origins.rows)[large], origins.rows[large]
        for index in np.flatnonzero(standing_apart(hits, rows)).tolist():
            mine = Share(int(hits[index]), int(rows[index]))
            others = Share(int(hits.sum()) - mine.hits, int(rows.sum()) - mine.rows)
            effect = mine.rate - others.rate
            if mine.hits >= self.params.min_flagged and effect >= self.params.minimum_effect:
                yield Guilty(origins, int(large[index]), mine, others)

    def _finding(self, item: Guilty, flagged: Flagged) -> Finding:
        origins, name = item.origins, str(item.origins.names[item.place])
        positions = item.positions
        checks = _checks(item, flagged)
        message = (
            f"{item.mine.hits:,} of the {count(item.mine.rows, 'row')} from {origins.kind} {name!r} "
            f"({item.mine.rate:.1%}) carry signs of poisoning ({', '.join(checks)}), against {item.others.hits:,} of "
            f"{item.others.rows:,} ({item.others.rate:.2%}) from all others."
        )
        return self.finding(
            subject=f"{origins.kind}={name}",
            message=message,
            confidence=0.9,
            compared_with="the other sources",
            column=origins.column,
            path=name if origins.column is None else None,
            numbers={
                "flagged rows": item.mine.hits,
                "rows of the source": item.mine.rows,
                "flagged rows of the others": item.others.hits,
                "rows of the others": item.others.rows,
            },
            rows=flagged.rows[positions],
            row_count=len(positions),
            highlight=name if origins.column is not None else None,
        )


def _checks(item: Guilty, flagged: Flagged) -> list[str]:
    """Which checks named its rows."""
    return [check for check, named in flagged.by_check.items() if np.isin(item.positions, named).any()]


def standing_apart(hits: Counts, rows: Counts) -> npt.NDArray[np.bool_]:
    """Which sources stand apart, shape (sources,)."""
    if len(rows) >= LEAST_PEERS:
        return ringleaders(apart_from_peers(hits, rows))
    total, everything = int(hits.sum()), int(rows.sum())
    chosen = np.zeros(len(rows), dtype=np.bool_)
    for index, (mine, size) in enumerate(zip(hits.tolist(), rows.tolist(), strict=True)):
        others = Share(total - mine, everything - size)
        apart = mine / size >= TIMES * others.rate and more_often(Share(mine, size), others) < CHANCE
        chosen[index] = apart and mine >= CONCENTRATED * total
    return chosen


def _same(first: Rows, second: Rows) -> bool:
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared >= SAME_ROWS * min(len(first), len(second))
