"""The HTML report is safe to open, small, and complete without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from reports.example_results import HOSTILE_HTML, RESULTS, bell, clean, drifted, steeped, suspicious
from reports.hostile_text import TEXT

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.result import ColumnSummary, ScanResult
from poisonguard.reports import html

LARGEST_PAGE = 2_000_000
TAGS = """
    html head meta title style body header p svg path nav a main h1 h2 h3 b section div ul li span small fieldset legend
    label input table thead tbody tr th td meter article dl dt dd figure figcaption rect text g bdi mark i details
    summary footer code
"""


class Page(HTMLParser):
    """Every element and attribute a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def assert_inert(text: str) -> None:
    """Only elements we use, no handler, nothing that loads or leads elsewhere."""
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= set(TAGS.split())
    for tag, attributes in page.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "srcset", "style", "action"}
        ]
        assert attributes.get("href", "#").startswith("#")
        assert tag != "meta" or "refresh" not in attributes.get("http-equiv", "")
    style = "".join(page.words[: page.words.index("\n") + 6])
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("name", RESULTS)
def test_pages_are_inert(name: str) -> None:
    assert_inert(html.render(RESULTS[name]))


@given(TEXT)
@settings(max_examples=40, deadline=None)
def test_whatever_the_data_say_the_page_is_inert(text: str) -> None:
    assert_inert(html.render(steeped(text)))


@pytest.mark.parametrize(
    "text", ['"><script>', "' onmouseover='x", "</style><script>", "{{ 7*7 }}", "--><svg onload=x>"]
)
def test_texts_that_try_to_break_out(text: str) -> None:
    page = html.render(steeped(text))
    assert_inert(page)
    assert len(Page(page).elements) == len(Page(html.render(steeped("plain text"))).elements)


def test_the_policy_forbids_everything_but_the_page_itself() -> None:
    metas = [attributes for tag, attributes in Page(html.render(clean())).elements if tag == "meta"]
    policies = [item["content"] for item in metas if item.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [html.POLICY]
    assert "default-src 'none'" in html.POLICY


def test_the_policy_comes_before_any_text_of_the_data() -> None:
    page = html.render(suspicious())
    assert page.index("Content-Security-Policy") < page.index("&lt;img src=x")
    assert HOSTILE_HTML not in page


def test_checks_come_before_findings_before_columns() -> None:
    page = html.render(suspicious())
    places = [page.index(f'id="{name}"') for name in ("checks", "findings", "columns", "about")]
    assert places == sorted(places)


def test_the_suspicious_part_is_marked() -> None:
    assert '<mark>cf<i class="hid">\\u{200B}</i>mn</mark>' in html.render(suspicious())


def test_every_filter_has_its_rule() -> None:
    page = html.render(suspicious())
    ids = [attributes["id"] for tag, attributes in Page(page).elements if tag == "input"]
    assert len(ids) == 11
    assert all(f"#{name}" in page for name in ids if name != "columns-all")


def test_fingerprints_can_be_linked_to() -> None:
    assert f'id="f-{drifted().findings[0].fingerprint}"' in html.render(drifted())


def big(columns: int, findings: int) -> ScanResult:
    """A wide result in which every column drifted."""
    name = "a_rather_long_column_name_{}".format
    profiles = tuple(
        ColumnSummary(
            name(index),
            "feature",
            "double",
            (("null", "0.1%"), ("min", "-12.34"), ("median", "0.5678"), ("max", "1.234e+05")),
            tuple(f"{bar / 7:.4g} to {(bar + 1) / 7:.4g}" for bar in range(24)),
            bell(8 + index % 9, 4.0, 100_000),
            bell(8.0, 4.0, 90_000),
        )
        for index in range(columns)
    )
    examples = suspicious().findings[0].examples * 7
    found = tuple(
        Finding(
            check="PG-DRIFT-001",
            level=Level.WARNING,
            signal=Signal.DRIFT,
            subject=f"column={name(index)}",
            message=f"38 % of the rows of {name(index)} lie in other bins than in housing@3.",
            compared_with="housing@3, 20,433 rows",
            confidence=0.9,
            column=name(index),
            rows=np.arange(0, 12_000, 7),  # type: ignore[arg-type]  # a sequence of integers all the same
            row_count=20_000,
            examples=examples,
        )
        for index in range(findings)
    )
    return replace(suspicious(), columns=profiles, findings=found)


def test_a_page_of_a_thousand_columns_is_small() -> None:
    page = html.render(big(1_000, 1_000))
    assert len(page.encode()) <= LARGEST_PAGE
    assert "500 findings beyond these are in the JSON report" in page
    assert_inert(page)


def test_columns_beyond_the_cap_are_counted() -> None:
    assert "200 columns beyond these are in the JSON report" in html.render(big(1_200, 1))
