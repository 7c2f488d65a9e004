"""The Markdown report is what it looks like after rendering, too."""

from __future__ import annotations

import re

from hypothesis import given, settings
from markdown_it import MarkdownIt
from reports.example_results import drifted, steeped, suspicious
from reports.hostile_text import TEXT

from poisonguard.reports import markdown

TAGS = "h1 h2 h3 p ul li table thead tbody tr th td code strong em"


def rendered(text: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(text))


def test_the_suspicious_part_is_bold() -> None:
    assert "<strong><code>cf\\u{200B}mn</code></strong>" in rendered(markdown.render(suspicious()))


def test_waived_findings_say_so() -> None:
    assert re.search(r"warning \(waived\)", markdown.render(drifted()))


@given(TEXT.filter(str.strip))
@settings(max_examples=30, deadline=None)
def test_the_data_add_no_element(text: str) -> None:
    page = rendered(markdown.render(steeped(text)))
    assert set(re.findall(r"<(\w+)", page)) <= set(TAGS.split())
    assert page.count("<tr>") == rendered(markdown.render(steeped("x"))).count("<tr>")
    assert page.count("<td>") == rendered(markdown.render(steeped("x"))).count("<td>")
