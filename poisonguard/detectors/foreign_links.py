"""Pages of one site that send their readers to an address which no page of another site names.

1. An address stands in the text of a page. It is foreign when its domain is not the page's own. What is written inside
   an address, as archives do, is part of it.
2. It is the site's alone when few of the pages that name it stand elsewhere, and it stands in a large share of the
   site's pages, at ever other places: a footer, a list of partners, stands where the template puts it.
3. A site may honestly do so. With a reference, one that begins to, whose approved pages do not, is a warning: that is
   what happens when a site changes hands. Without approved pages it is one where most pages of the site do it, there
   are enough other sites to compare with, and none of them does anything like it (``habits``). Else it is a note.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from poisonguard.detectors.cells import Cell, CellScorer, Mask, NamedCell
from poisonguard.detectors.drift_versions import Versions
from poisonguard.detectors.habits import is_unusual
from poisonguard.detectors.statistics_tests import Share, more_often
from poisonguard.domain.dataset import Kind
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Role
from poisonguard.plugin.check import Block, Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.new_rows import NewRows
from poisonguard.sketches.pairs import hosts
from poisonguard.sketches.sample import RowSample

SAMPLE = RowSample()
MAX_CHARACTERS = 20_000
SCORE = 0.9
STRANGERS = 0.1
"""Largest number of other pages that name the address, as a share of the site's own."""

USED_TO = 0.1
"""Largest share of the approved pages of the site that named it, against the new ones'."""

MOST = 0.5
"""Share of a site's pages that name the address, where nothing but the other sites speaks against it."""

FEWEST_SITES = 8
"""Other sites of ``min_pages`` sampled pages that say what is usual."""

CHANCE = 1e-6
_ADDRESS = re.compile(r"(?:(?:https?|ftp)://|\bwww\.)[^\s<>\"'()\[\]{}|]+", re.IGNORECASE)
_HOST = re.compile(r"^(?:[a-z]+://)?(?:[^/?#@]*@)?([a-z0-9.-]+\.[a-z]{2,})(?=[:/?#.,;!]|$)", re.IGNORECASE)
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})


class ForeignLinksParams(Params):
    """Parameters of the check.

    Attributes:
        min_pages: Pages of the site that name the address.
        min_share: Their share of its pages.
        min_spread: Standard deviation of the place in the page, as a share of its length.
    """

    min_pages: int = Field(default=8, ge=3)
    min_share: float = Field(default=0.2, gt=0, le=1)
    min_spread: float = Field(default=0.15, ge=0, lt=0.5)


@dataclass(slots=True)
class Pages:
    """Pages and what they name.

    Attributes:
        of: Pages of each site.
        naming: Where each address stands in the pages of each site that name it, as shares of their length.
        everywhere: Pages that name each address.
    """

    of: Counter[str] = field(default_factory=Counter)
    naming: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    everywhere: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, table: pa.Table, url: str, columns: Sequence[str]) -> Pages:
        """The pages of a sample that have a host."""
        pages = cls()
        texts = zip(*(table[name].to_pylist() for name in columns), strict=True)
        for site, page in zip(hosts(table[url].combine_chunks()).to_pylist(), texts, strict=True):
            if site:
                pages.add(site, " ".join(filter(None, page))[:MAX_CHARACTERS])
        return pages

    def add(self, site: str, text: str) -> None:
        """One more page."""
        self.of[site] += 1
        for target, place in foreign(text, site).items():
            self.naming[site, target].append(place)
            self.everywhere[target] += 1


@dataclass(frozen=True, slots=True)
class Named(Cell):
    """Pages of a site that name an address."""

    url: str
    texts: tuple[str, ...]
    site: str
    target: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Address and texts."""
        return (self.url, *self.texts)

    def holds(self, block: Block) -> Mask:
        """Both must be so."""
        here = pc.fill_null(pc.equal(hosts(block.table.column(self.url)), self.site), fill_value=False)
        held = np.array(here.to_numpy(zero_copy_only=False), dtype=np.bool_)
        for row in np.flatnonzero(held).tolist():
            page = " ".join(filter(None, (block.table.column(name)[row].as_py() for name in self.texts)))
            held[row] = self.target in foreign(page[:MAX_CHARACTERS], self.site)
        return held


@dataclass(frozen=True, slots=True)
class Link:
    """A site and the address that it alone names."""

    site: str
    target: str
    mine: Share
    others: Share
    before: Share
    unheard: bool = False
    """Whether no other site does anything like it."""


class ForeignLinks(Check[ForeignLinksParams]):
    """Finds sites whose pages name an address of their own."""

    detector = "foreign-links"
    params_model = ForeignLinksParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """A sample of pages, and of the new ones."""
        url = context.roles.first(Role.URL)
        strings = {column.name for column in context.columns if column.kind is Kind.STRING}
        roles = (Role.TEXT, Role.PROMPT, Role.RESPONSE)
        self._texts = tuple(name for role in roles for name in context.roles.all(role) if name in strings)
        if url is None or url not in strings:
            return NotApplicable("no column of addresses")
        if not self._texts:
            return NotApplicable("no text beside the addresses")
        self._url = url
        return [SAMPLE, *([NewRows(SAMPLE), RowDigests()] if context.has_reference else [])]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """Nothing: every finding names rows, so the scorer concludes with it."""
        del evidence, reference
        return ()

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> CellScorer | None:
        """The pages of each such site."""
        known, before = None, Pages()
        sample = evidence[SAMPLE]
        if reference is not None:
            sample = evidence[NewRows(SAMPLE)]
            known = Versions(evidence, reference).known_hashes
            if {self._url, *self._texts} <= set(reference[SAMPLE].column_names):
                before = Pages.read(reference[SAMPLE], self._url, self._texts)
        links = self._links(Pages.read(sample, self._url, self._texts), before)
        name = None if reference is None else reference.name
        cells = [
            NamedCell(Named(self._url, self._texts, link.site, link.target), SCORE, self._finding(link, name))
            for link in links
        ]
        return CellScorer(cells, known) if cells else None

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """The sample's size."""
        seen = min(evidence.rows, SAMPLE.limit)
        return seen, f"sites are compared in a sample of {seen:,} rows" if seen < evidence.rows else ""

    def _links(self, pages: Pages, before: Pages) -> list[Link]:
        best: dict[str, Link] = {}
        for link in self._alone(pages, before):
            if link.site not in best or link.mine.hits > best[link.site].mine.hits:
                best[link.site] = link
        return [replace(best[site], unheard=self._is_unheard(best[site], pages)) for site in sorted(best)]

    def _is_unheard(self, link: Link, pages: Pages) -> bool:
        """Whether other sites, each with whatever address is its own, are far from it."""
        compared = sum(count >= self.params.min_pages for site, count in pages.of.items() if site != link.site)
        others = [
            len(places)
            for (site, target), places in pages.naming.items()
            if site != link.site and pages.everywhere[target] - len(places) <= STRANGERS * len(places)
        ]
        large = link.mine.hits >= 2 * self.params.min_pages and link.mine.rate >= MOST
        return large and compared >= FEWEST_SITES and is_unusual(link.mine.hits, others)

    def _alone(self, pages: Pages, before: Pages) -> Iterator[Link]:
        total, total_before = pages.of.total(), before.of.total()
        for (site, target), places in sorted(pages.naming.items()):
            mine = Share(len(places), pages.of[site])
            then = Share(len(before.naming.get((site, target), ())), before.of[site])
            strangers = pages.everywhere[target] - mine.hits + before.everywhere[target] - then.hits
            others = Share(strangers, total - mine.rows + total_before - then.rows)
            large = mine.hits >= self.params.min_pages and mine.rate >= self.params.min_share
            new = then.rate <= USED_TO * mine.rate
            own = strangers <= STRANGERS * mine.hits and more_often(mine, others) < CHANCE
            if large and new and own and float(np.std(places)) >= self.params.min_spread:
                yield Link(site, target, mine, others, then)

    def _finding(self, link: Link, reference: str | None) -> Finding:
        began = reference is not None and link.before.rows >= self.params.min_pages
        pages = "new pages" if reference is not None else "pages"
        past = f", and {link.before.hits:,} of the {link.before.rows:,} that {reference} holds" if began else ""
        return self.finding(
            subject=f"site={link.site}",
            message=(
                f"{link.mine.hits:,} of {link.mine.rows:,} sampled {pages} of {link.site} name {link.target} somewhere "
                f"in their text; of the {link.others.rows:,} pages of other sites {link.others.hits:,} do{past}."
            ),
            confidence=SCORE,
            level=self.card.level if began or link.unheard else Level.NOTE,
            compared_with=reference if began and reference is not None else "the other sites",
            column=self._url,
            highlight=link.target,
            row_count=link.mine.hits,
            numbers={
                "pages that name it": link.mine.hits,
                "pages of the site": link.mine.rows,
                "pages of others that name it": link.others.hits,
                "approved pages of the site": link.before.rows,
                "of these, pages that name it": link.before.hits,
            },
        )


def foreign(text: str, site: str) -> Mapping[str, float]:
    """Hosts of other domains that ``text`` names, and where it does first, as a share of its length."""
    found: dict[str, float] = {}
    own = domain(site)
    for address in _ADDRESS.finditer(text):
        host = _HOST.match(address.group())
        if host is not None and domain(name := host.group(1).lower()) != own:
            found.setdefault(name, address.start() / len(text))
    return found


def domain(host: str) -> str:
    """What was registered: two parts of the name, three under ``co.uk`` and the like."""
    parts = host.lower().rstrip(".").split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and parts[-2] in _REGISTRIES and len(parts[-1]) == 2 else parts[-2:])  # noqa: PLR2004 - country codes have two letters
