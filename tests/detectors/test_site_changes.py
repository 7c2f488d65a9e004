"""One site that changes hands is named; a web that changes everywhere is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.domain.outcome import Skipped

PAGES = 40


def web(changed: dict[int, int], sites: int = 12, version: str = "now") -> pa.Table:
    """Forty pages of each site, so many of them other than in the approved version."""
    rows = [(site, page) for site in range(sites) for page in range(PAGES)]
    texts = [
        f"page {page} of site {site}, {version if page < changed.get(site, 0) else 'as approved'}"
        for site, page in rows
    ]
    return pa.table({"url": [f"https://s{site}.example/{page}" for site, page in rows], "text": texts})


def run(candidate: pa.Table, reference: pa.Table | None, **rest: object) -> CheckRun:
    columns = {"url": "url", "text": "text"}
    return run_check("PG-SRC-002", candidate, reference, columns=columns, **rest)  # type: ignore[arg-type]  # as run_check


@pytest.mark.parametrize("sites", [3, 12])
def test_a_site_that_changed_hands_is_named_with_its_pages(sites: int) -> None:
    (finding,) = run(web({2: 30}, sites), web({}, sites)).findings
    assert finding.subject == "site=s2.example"
    assert list(finding.rows) == list(range(2 * PAGES, 2 * PAGES + 30))
    assert "30 of 40 pages of s2.example (75.0%)" in finding.message


def test_a_web_that_changes_everywhere_names_nobody() -> None:
    assert run(web(dict.fromkeys(range(12), 8)), web({})).findings == ()


def test_pages_that_are_new_or_gone_are_no_change() -> None:
    old, new = web({}), web({2: PAGES})
    assert run(pa.concat_tables([old.slice(0, 2 * PAGES), old.slice(3 * PAGES)]), old).findings == ()
    grown = pa.table({"url": [f"{url}/new" for url in new["url"].to_pylist()], "text": new["text"]})
    assert run(pa.concat_tables([old, grown]), old).findings == ()


def test_order_and_cuts_do_not_matter() -> None:
    shuffled = np.random.default_rng(1).permutation(12 * PAGES)
    moved = web({2: 30}).take(pa.array(shuffled))
    (finding,) = run(moved, web({}), cuts=[7, 100], workers=2).findings
    assert sorted(shuffled[np.asarray(finding.rows)]) == list(range(2 * PAGES, 2 * PAGES + 30))


@pytest.mark.parametrize("url", [None, "", "no address", "http://[", "mailto:a@b.example"])
def test_odd_addresses_are_no_sites(url: str | None) -> None:
    odd = pa.table({"url": pa.array([url] * 5, pa.string()), "text": ["a", "b", "c", "d", "e"]})
    assert run(pa.concat_tables([web({}), odd]), pa.concat_tables([web({}), odd])).findings == ()


def test_without_a_reference_or_addresses_it_does_not_apply() -> None:
    assert isinstance(run(web({}), None).outcome, Skipped)
    bare = web({}).select(["text"])
    assert isinstance(run_check("PG-SRC-002", bare, bare, columns={"text": "text"}).outcome, Skipped)
