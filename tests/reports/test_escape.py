"""Laws of the one escaping layer."""

from __future__ import annotations

import html as standard_html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markupsafe import Markup
from reports.hostile_text import TEXT

from poisonguard.reports import escape


@given(TEXT)
def test_what_was_there_can_be_told_from_what_is_shown(text: str) -> None:
    assert escape.restore(escape.visible(text)) == text


@given(TEXT)
def test_every_shown_character_can_be_seen(text: str) -> None:
    for character in escape.visible(text):
        assert character.isprintable() or character == "\u3000"
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(TEXT)
def test_showing_twice_changes_nothing(text: str) -> None:
    shown = escape.visible(text)
    assert escape.visible(shown) is shown


def test_ordinary_text_of_any_script_stays_as_it_is() -> None:
    for text in ("naïve café", "日本語 テスト", "שָׁלוֹם", "สวัสดี", "Việt Nam", "std::vector", "#1 ## two", "C:\\users"):
        assert escape.visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\u{001B}[2J"),
        ("a\u200bb", "a\\u{200B}b"),
        ("\u202egnp", "\\u{202E}gnp"),
        ("\U000e0041", "\\u{E0041}"),
        ("x\ufe0f", "x\\u{FE0F}"),
        ("a\u00a0b", "a\\u{00A0}b"),
        ("\udc80", "\\u{DC80}"),
        ("\\u{41}", "\\u{005C}u{41}"),
        ("e\u0301\u0302\u0303\u0304", "e\u0301\u0302\u0303\\u{0304}"),
    ],
)
def test_hidden_characters_are_shown(text: str, shown: str) -> None:
    assert escape.visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "::error file=a::x",
        "  ::stop-commands::t",
        "::error",
        "a ::error",
        "##[group]x",
        "##vso[task.complete]",
        "##teamcity[x]",
        "###[x]",
    ],
)
def test_commands_to_ci_systems_are_broken(text: str) -> None:
    shown = escape.terminal(text)
    assert not re.search(r"::[A-Za-z].*::|##[A-Za-z]*\[", shown)
    assert escape.restore(shown) == text


@given(TEXT)
def test_html_holds_no_markup(text: str) -> None:
    escaped = escape.html(text)
    assert not set(escaped) & set("<>\"'")
    assert standard_html.unescape(escaped) == escape.visible(text)


@given(TEXT)
def test_marked_html_holds_only_our_own_markup(text: str) -> None:
    marked = escape.html_marked(text)
    assert isinstance(marked, Markup)
    inside = re.sub(r'<i class="hid">(\\u\{[0-9A-F]+\})</i>', r"\1", marked)
    assert inside == escape.html(text)


@given(TEXT)
def test_markdown_renders_as_plain_text(text: str) -> None:
    rendered = MarkdownIt("commonmark").enable("table").render(f"x {escape.markdown(text)} x")
    plain = standard_html.unescape(rendered.replace("<!-- -->", ""))
    assert re.sub(" +", " ", plain) == re.sub(" +", " ", f"<p>x {escape.visible(text)} x</p>\n")


@given(TEXT)
def test_markdown_never_mentions_nor_links(text: str) -> None:
    escaped = escape.markdown(text)
    assert not re.search(r"@[A-Za-z0-9]|#\d|(?<!\\)://|www\.", escaped)


@given(TEXT)
def test_a_code_span_holds_the_text_and_stays_in_its_cell(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {escape.markdown_code(text)} | end |\n"
    rendered = MarkdownIt("commonmark").enable("table").render(table)
    assert rendered.count("<td>") == 2
    assert "<td>end</td>" in rendered
    cell = re.findall(r"<td><code>(.*)</code></td>", rendered)[0]
    assert standard_html.unescape(cell).strip() == escape.visible(text).strip()


@given(TEXT)
def test_a_spreadsheet_runs_no_cell(text: str) -> None:
    cell = escape.csv_cell(text)
    assert not re.match(r"[=+\-@\t\r\n＝＋－＠]", cell) or re.fullmatch(r"[-+]\d+(\.\d+)?([eE][-+]?\d+)?", cell)  # noqa: RUF001 - full-width formulas


@given(TEXT, TEXT)
def test_different_texts_give_different_cells(first: str, second: str) -> None:
    assert (escape.csv_cell(first) == escape.csv_cell(second)) == (first == second)


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-5", "-5"), ("+3.5e4", "+3.5e4"), ("-5+2", "'-5+2")],
)
def test_formulas_are_defused_and_numbers_kept(text: str, cell: str) -> None:
    assert escape.csv_cell(text) == cell


@given(TEXT)
def test_a_ci_annotation_is_one_property(text: str) -> None:
    assert not set(escape.ci_annotation(text)) & set("\r\n:,")


@given(TEXT)
def test_encodable_text_can_be_encoded(text: str) -> None:
    kept = escape.encodable(text)
    assert kept.encode().decode() == kept
    assert kept == text or re.search("[\ud800-\udfff]", text)


def test_prose_is_one_line() -> None:
    assert escape.prose("  a\n  b\n") == "a b"


@given(TEXT, st.integers(12, 60))
def test_an_excerpt_fits_and_is_a_part_of_the_text(text: str, limit: int) -> None:
    part = escape.excerpt(text, limit=limit)
    assert len(part.before + part.marked + part.after) <= limit
    assert _restored(part) == text[part.cut_before : len(text) - part.cut_after]


@given(TEXT, TEXT.filter(bool), TEXT, st.integers(24, 90))
def test_an_excerpt_shows_the_mark(before: str, mark: str, after: str, limit: int) -> None:
    text = before + mark + after
    part = escape.excerpt(text, mark, limit)
    assert len(part.before + part.marked + part.after) <= limit
    assert _restored(part) == text[part.cut_before : len(text) - part.cut_after]
    assert mark.startswith(escape.restore(part.marked))
    assert part.marked


def test_an_excerpt_keeps_what_surrounds_the_mark() -> None:
    part = escape.excerpt("a" * 500 + "TRIGGER" + "b" * 500, "TRIGGER", 60)
    assert part.marked == "TRIGGER"
    assert (len(part.before), len(part.after)) == (26, 27)
    assert (part.cut_before, part.cut_after) == (474, 473)
    assert part.text == f"…{'a' * 26}TRIGGER{'b' * 27}…"


def test_an_excerpt_of_a_huge_value_is_quick() -> None:
    part = escape.excerpt("\u200b" * 5_000_000 + "x", "x", 80)
    assert part.marked == "x"
    assert escape.shorten("a" * 5_000_000, 10) == "a" * 10 + "…"


def _restored(part: escape.Excerpt) -> str:
    return "".join(map(escape.restore, (part.before, part.marked, part.after)))
