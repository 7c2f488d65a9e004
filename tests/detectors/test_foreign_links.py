"""A site that begins to send its readers elsewhere is named; a web that cites, and a footer, are not."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.detectors.foreign_links import domain, foreign
from poisonguard.domain.finding import Level
from poisonguard.domain.outcome import Skipped

WORDS = ["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "kelp", "lagoon"]
AD = "Play along at https://lotto.test.org/now."
PAGES = 12


def web(named: Mapping[int, str], seed: int, *, sites: int = 8, footer: bool = False) -> pa.Table:
    """Twelve pages of each site; a sentence among those of some sites, or behind them."""
    rng, urls, texts = random.Random(seed), [], []  # noqa: S311 - made-up pages, no secret
    for site in range(sites):
        for page in range(PAGES):
            sentences = [" ".join(rng.choices(WORDS, k=7)) + "." for _ in range(6)]
            if site in named:
                sentences.insert(6 if footer else rng.randrange(7), named[site])
            urls.append(f"https://www.s{site}.example/{seed}/{page}")
            texts.append(" ".join(sentences))
    return pa.table({"url": urls, "text": texts})


def run(candidate: pa.Table, reference: pa.Table | None = None, **rest: object) -> CheckRun:
    return run_check("PG-SRC-003", candidate, reference, columns={"url": "url", "text": "text"}, **rest)  # type: ignore[arg-type]  # as run_check


OLD = web({}, 1)


def test_a_site_that_begins_to_name_an_address_is_a_warning() -> None:
    (found,) = run(pa.concat_tables([OLD, web({2: AD}, 2)]), OLD).findings
    assert (found.subject, found.level, found.highlight) == ("site=www.s2.example", Level.WARNING, "lotto.test.org")
    assert list(found.rows) == list(range(8 * PAGES + 2 * PAGES, 8 * PAGES + 3 * PAGES))
    assert "12 of 12 sampled new pages" in found.message


def test_without_approved_pages_of_the_site_it_is_a_note() -> None:
    (found,) = run(web({2: AD}, 2)).findings
    assert (found.level, len(found.rows)) == (Level.NOTE, PAGES)
    bare = web({}, 1, sites=2)
    (found,) = run(pa.concat_tables([bare, web({2: AD}, 2)]), bare).findings
    assert found.level == Level.NOTE


def test_what_no_other_site_does_is_a_warning_without_a_reference() -> None:
    """Of enough pages of one site, among enough sites; not where others do something like it."""
    pages = pa.concat_tables([web({2: AD}, seed, sites=9) for seed in (2, 3)])
    (found,) = run(pages).findings
    assert (found.subject, found.level, len(found.rows)) == ("site=www.s2.example", Level.WARNING, 2 * PAGES)
    habit = {site: f"See https://partner{site}.test.org/ too." for site in (4, 5)}
    usual = pa.concat_tables([pages, web(habit, 5, sites=9)])
    assert {found.level for found in run(usual).findings} == {Level.NOTE}


@pytest.mark.parametrize(
    ("named", "before", "footer"),
    [
        (dict.fromkeys(range(8), AD), {}, False),
        ({2: AD, 5: AD}, {}, False),
        ({2: AD}, {2: AD}, False),
        ({2: AD}, {}, True),
        ({2: "See http://mail.s2.example/more."}, {}, False),
        ({2: "See http://s2.example/http://lotto.test.org/."}, {}, False),
    ],
    ids=["all sites", "two sites", "as before", "footer", "own domain", "inside an address"],
)
def test_what_is_honest_is_silent(named: Mapping[int, str], before: Mapping[int, str], *, footer: bool) -> None:
    old = web(before, 1)
    assert run(pa.concat_tables([old, web(named, 2, footer=footer)]), old).findings == ()


def test_cuts_do_not_matter() -> None:
    data = pa.concat_tables([OLD, web({2: AD}, 2)])
    (whole,), (cut,) = run(data, OLD).findings, run(data, OLD, cuts=[3, 121], workers=2).findings
    assert (whole.message, whole.rows) == (cut.message, cut.rows)


@pytest.mark.parametrize("text", [None, "", "http://", "https://[", "www.", "ftp://@:"])
def test_odd_texts_name_nothing(text: str | None) -> None:
    odd = pa.table({"url": ["https://a.example/1"] * 20, "text": pa.array([text] * 20, pa.string())})
    assert run(odd).findings == ()


@pytest.mark.parametrize(
    ("host", "registered"),
    [
        ("www.bbc.co.uk", "bbc.co.uk"),
        ("a.b.example.com", "example.com"),
        ("t.co", "t.co"),
        ("x", "x"),
        ("me.co.x", "co.x"),
    ],
)
def test_the_registered_domain(host: str, registered: str) -> None:
    assert domain(host) == registered


def test_what_a_text_names() -> None:
    text = "At https://User@A.Example.org:80/x, www.b.test. and http://c.d/https://e.example/."
    assert sorted(foreign(text, "s.example")) == ["a.example.org", "www.b.test"]


def test_without_addresses_it_does_not_apply() -> None:
    bare = OLD.select(["text"])
    assert isinstance(run_check("PG-SRC-003", bare, columns={"text": "text"}).outcome, Skipped)
