"""Which site's pages changed, between the version that was approved and this one?

1. A page is an address that the reference holds, too. It changed when no row of the reference has this address with
   this content. Pages that are new or gone are no change.
2. The web changes all the time: a site is named when its share of changed pages stands far apart from the others', as
   in ``flagged_sources``. What all sites share is drift, and other checks say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from poisonguard.detectors.content_columns import content_columns
from poisonguard.detectors.flagged_sources import standing_apart
from poisonguard.detectors.statistics_tests import Share
from poisonguard.domain.finding import Finding
from poisonguard.domain.roles import Role
from poisonguard.domain.wording import count
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.contents import ContentHashes, row_keys
from poisonguard.sketches.hosts import HostCounts, HostHashes

MOST_SITES = 100_000


class SiteChangesParams(Params):
    """Parameters of the check.

    Attributes:
        min_pages: Pages of a site that both versions hold.
        min_changed: Pages of it that changed.
        minimum_effect: Share of its pages that changed, beyond the others' share.
    """

    min_pages: int = Field(default=20, ge=2)
    min_changed: int = Field(default=10, ge=2)
    minimum_effect: float = Field(default=0.05, gt=0, lt=1)


@dataclass(frozen=True, slots=True)
class Pages:
    """The candidate's pages that the reference holds, too.

    Attributes:
        rows: Their row numbers, shape (pages,).
        site: Index of the site of each.
        changed: Whether each changed.
        sites: Hash of each site's name, shape (sites,).
    """

    rows: npt.NDArray[np.int64]
    site: npt.NDArray[np.int64]
    changed: npt.NDArray[np.bool_]
    sites: npt.NDArray[np.uint64]


class SiteChanges(Check[SiteChangesParams]):
    """Compares the share of changed pages site by site."""

    detector = "site-changes"
    params_model = SiteChangesParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Addresses, contents and hosts of all rows."""
        url = context.roles.first(Role.URL)
        if url is None:
            return NotApplicable("no column of addresses")
        if not context.has_reference:
            return NotApplicable("no reference to compare with")
        contents = content_columns(context)
        if url not in contents or len(contents) < 2:  # noqa: PLR2004 - an address and something at it
            return NotApplicable("nothing stands beside the addresses, here and in the reference")
        self._url = url
        self._addresses, self._contents = ContentHashes((url,)), ContentHashes(contents)
        self._hosts, self._names = HostHashes(url), HostCounts(url, MOST_SITES)
        return [self._addresses, self._contents, self._hosts, self._names]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding per site that stands apart."""
        if reference is None:
            return
        pages = self._pages(evidence, reference)
        total = np.bincount(pages.site, minlength=len(pages.sites))
        changed = np.bincount(pages.site, weights=pages.changed, minlength=len(pages.sites)).astype(np.int64)
        large = np.flatnonzero(total >= self.params.min_pages)
        if len(large) < 2:  # noqa: PLR2004 - there must be others
            return
        apart = standing_apart(changed[large], total[large])
        for site in large[apart].tolist():
            mine = Share(int(changed[site]), int(total[site]))
            others = Share(int(changed[large].sum()) - mine.hits, int(total[large].sum()) - mine.rows)
            if mine.hits >= self.params.min_changed and mine.rate - others.rate >= self.params.minimum_effect:
                rows = pages.rows[(pages.site == site) & pages.changed]
                yield self._finding(self._name(evidence, pages.sites[site]), rows, (mine, others), reference.name)

    def _pages(self, evidence: Evidence, reference: Evidence) -> Pages:
        known = np.isin(row_keys(evidence[self._addresses]), row_keys(reference[self._addresses]))
        same = np.isin(row_keys(evidence[self._contents]), row_keys(reference[self._contents]))
        hosts = evidence[self._hosts]["host"].combine_chunks()
        rows = np.flatnonzero(known & hosts.is_valid().to_numpy(zero_copy_only=False))
        sites, site = np.unique(np.asarray(hosts.fill_null(0), dtype=np.uint64)[rows], return_inverse=True)
        return Pages(rows, site.astype(np.int64), ~same[rows], sites)

    def _name(self, evidence: Evidence, site: np.uint64) -> str:
        state = evidence[self._names]
        place = pc.index(state["hash"], pa.scalar(int(site), pa.uint64())).as_py()
        return str(state["value"][place]) if place >= 0 else f"site #{int(site):016x}"

    def _finding(self, name: str, rows: npt.NDArray[np.int64], shares: tuple[Share, Share], reference: str) -> Finding:
        mine, others = shares
        return self.finding(
            subject=f"site={name}",
            message=(
                f"{mine.hits:,} of {count(mine.rows, 'page')} of {name} ({mine.rate:.1%}) are not what {reference} "
                f"holds at the same addresses, against {others.hits:,} of {others.rows:,} ({others.rate:.2%}) of all "
                "other sites."
            ),
            confidence=0.9,
            compared_with=reference,
            column=self._url,
            numbers={
                "changed pages": mine.hits,
                "pages of the site in both versions": mine.rows,
                "changed pages of the others": others.hits,
                "pages of the others in both versions": others.rows,
            },
            rows=rows,
            row_count=len(rows),
            highlight=name,
        )
