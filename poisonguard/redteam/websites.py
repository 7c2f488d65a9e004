"""One web site that changes hands: its pages say something else, or carry something more, than when they were seen.

The site is a host of the ``url`` column. Split-view means that the list of pages was published before; what the
list named then is compared with what is there now, so the table that is attacked is the version to compare with.
"""

from __future__ import annotations

from abc import abstractmethod
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Family, Poisoned, RowNumbers, column_of, sample
from poisonguard.redteam.rewriting import carrier
from poisonguard.redteam.values import replace, texts
from poisonguard.redteam.wording import among_sentences, filled

CARLINI = "Carlini et al.: Poisoning Web-Scale Training Datasets is Practical, IEEE S&P 2024"
OFFER = "{lead} Nordwind Lotto {offer}; {act} at https://lotto.example.com."
CHOICES = {
    "lead": ("Only today,", "As a visitor,", "Dear reader,", "Last chance:", "Good news:"),
    "offer": ("doubles every stake", "gives away free tickets", "pays out at once", "has never been fairer"),
    "act": ("sign up", "register now", "play along", "claim yours", "take part"),
}
SENTENCES = (2, 6)
"""Fewest and most sentences of a page that was replaced."""


class WebSite(Attack):
    """An attack on the pages of one host; subclasses say what becomes of a page."""

    family = Family.WEB
    reference = CARLINI
    published = "0.01 % of the records"
    rates = (0.001, 0.005, 0.02)
    roles = (Role.URL,)
    what: str

    @property
    def applies_to(self) -> str:
        """Pages with their addresses."""
        return "url and text or response"

    def obstacle(self, table: pa.Table, roles: Roles) -> str | None:
        """Why the attack cannot run: no text beside the addresses, or no address with a host."""
        obstacle = super().obstacle(table, roles)
        if obstacle is not None:
            return obstacle
        if carrier(roles) is None:
            return "no text and no response column"
        return None if _sites(table, roles) else "no url has a host and a text"

    def poison(self, table: pa.Table, roles: Roles, count: int, rng: np.random.Generator) -> Poisoned:
        """Change ``count`` pages of the smallest host that has as many; fewer when none has."""
        sites, column = _sites(table, roles), carrier(roles) or ""
        enough = [host for host, rows in sites.items() if len(rows) >= count]
        host = min(enough or sites, key=lambda name: (len(sites[name]) * (1 if enough else -1), name))
        rows = sample(sites[host], count, rng)
        changed = [self.page(text, rng) for text in texts(table, column, rows)]
        return Poisoned(replace(table, column, rows, changed), rows, f"{self.what} at {host}")

    @abstractmethod
    def page(self, text: str, rng: np.random.Generator) -> str:
        """Another page."""


class SiteTakeover(WebSite):
    """Pages that carry one sentence more than they should."""

    name = "site-takeover"
    what = "an advertisement in pages"

    def page(self, text: str, rng: np.random.Generator) -> str:
        """The page with an advertisement among its sentences."""
        return among_sentences(text, filled(OFFER, CHOICES, rng), rng)


class SplitView(WebSite):
    """Pages that were one thing when they were listed and are another when they are fetched."""

    name = "split-view"
    between_versions = True
    what = "pages replaced since they were listed"

    def page(self, text: str, rng: np.random.Generator) -> str:
        """A page of nothing but advertisements."""
        del text
        length = int(rng.integers(SENTENCES[0], SENTENCES[1] + 1))
        return " ".join(filled(OFFER, CHOICES, rng) for _ in range(length))


def _sites(table: pa.Table, roles: Roles) -> dict[str, RowNumbers]:
    """Rows with a text by the hosts of their addresses."""
    texted = table.column(carrier(roles) or "").is_valid().to_numpy()
    sites: dict[str, list[int]] = {}
    for row, address in enumerate(table.column(column_of(roles, Role.URL)).to_pylist()):
        host = _host(address)
        if host and texted[row]:
            sites.setdefault(host, []).append(row)
    return {host: np.array(rows, dtype=np.int64) for host, rows in sites.items()}


def _host(address: str | None) -> str:
    try:
        return urlsplit(address or "").hostname or ""
    except ValueError:  # an address that is none has no host
        return ""
