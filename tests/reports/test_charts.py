"""Charts: well-formed, in their frame, honest about what they show."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from reports.example_results import price_column
from reports.hostile_text import TEXT

from poisonguard.domain.result import ColumnSummary
from poisonguard.reports import charts

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own text, a moment old


def numbers(root: ET.Element, attribute: str) -> list[float]:
    return [float(item.get(attribute, "0")) for item in root.iter() if item.get(attribute)]


@given(COUNTS, COUNTS, st.booleans(), st.sampled_from(["double", "string"]))
def test_any_counts_stay_in_the_frame(mine: list[int], theirs: list[int], hover: bool, kind: str) -> None:  # noqa: FBT001 - drawn, not passed
    size = min(len(mine), len(theirs))
    bins = tuple(f"{index} to {index + 1}" for index in range(size))
    column = ColumnSummary("x", "", kind, (), bins, tuple(mine[:size]), tuple(theirs[:size]))
    root = parsed(charts.column_chart(column, hover=hover))
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    assert all(0 <= x <= width for x in numbers(root, "x"))
    assert all(0 <= y <= height for y in numbers(root, "y"))
    assert root.get("aria-label", "").startswith("Distribution of x")


@given(TEXT.filter(bool))
def test_any_label_is_text(text: str) -> None:
    column = ColumnSummary(text, text, "string", (), (text,), (3,), (4,))
    shapes = [item.tag for item in parsed(charts.column_chart(column)).iter()]
    assert shapes == ["svg", "g", "title", "rect", "text", "rect", "path", "text"]


def test_bars_say_their_numbers() -> None:
    titles = [item.text for item in parsed(charts.column_chart(price_column(8.0))).iter("title")]
    assert len(titles) == 24
    assert titles[8] == "1.6 to 1.8: 1,412 (14.1 %), reference 14.1 %"
    assert not list(parsed(charts.column_chart(price_column(8.0), hover=False)).iter("title"))


def test_a_column_without_counts_has_no_chart() -> None:
    assert not charts.column_chart(ColumnSummary("x", "", "double", ()))


@given(st.lists(st.integers(0, 999), min_size=1, max_size=50), st.lists(st.integers(1, 400), max_size=5))
def test_the_strip_counts_every_row(rows: list[int], files: list[int]) -> None:
    strip = parsed(charts.strip_chart(rows, 1_000, [*files, 1_000]))
    counted = [int((item.text or "").split(": ")[1].split()[0]) for item in strip.iter("title")]
    assert sum(counted) == len(rows)


def test_the_strip_says_which_rows_a_cell_holds() -> None:
    strip = parsed(charts.strip_chart([0, 12, 13], 1_000, [1_000]))
    assert [item.text for item in strip.iter("title")] == ["rows 0 to 12: 2 named", "rows 13 to 24: 1 named"]


def test_no_rows_no_strip() -> None:
    assert not charts.strip_chart([], 10, [10])


def test_change_bars_are_in_the_order_given() -> None:
    chart = parsed(charts.change_chart([("a", 0.5), ("b", 0.1)]))
    assert [item.text for item in chart.iter("title")] == ["a: 50 % of the rows moved", "b: 10 % of the rows moved"]
