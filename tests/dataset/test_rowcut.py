"""Laws of cutting: what is cut and joined is what it was, and every row is where it belongs."""

import csv
import io
import json
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.rowcut import Shape, cut, join

CELLS = ("x", "", "a,b", 'q"q', "l\nm", "l\r\nm", '"', "é", "  ")
VALUES = ("x", "\n", '"', "[{,", "\\", "}]", "é")

RowT = TypeVar("RowT")

rows_of_cells = st.lists(st.lists(st.sampled_from(CELLS), min_size=2, max_size=2), min_size=1, max_size=8)
objects = st.lists(st.sampled_from(VALUES), min_size=1, max_size=8).map(
    lambda values: [json.dumps({"a": value, "b": [1, {"c": 2}]}) for value in values]
)
step = st.sampled_from([1, 2, 3, 7, 1000])
choices = st.lists(st.booleans(), min_size=8, max_size=8)


def reader(data: bytes, step: int) -> Callable[[int], bytes]:
    stream = io.BytesIO(data)
    return lambda size: stream.read(min(size, step))


def halves(text: bytes, shape: Shape, gone: list[bool], step: int) -> tuple[bytes, bytes]:
    """Both parts of ``text``, which are joined to what it was."""
    going = np.flatnonzero(gone)
    stays, goes, whole = io.BytesIO(), io.BytesIO(), io.BytesIO()
    assert cut(reader(text, step), shape, going, stays, goes) == len(gone)
    join(reader(stays.getvalue(), step), reader(goes.getvalue(), step), shape, going, whole)
    assert whole.getvalue() == text
    return stays.getvalue(), goes.getvalue()


def chosen(rows: list[RowT], gone: list[bool], *, wanted: bool) -> list[RowT]:
    return [row for row, away in zip(rows, gone, strict=True) if away is wanted]


@given(rows_of_cells, choices, step, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["end", "no end", "blank"]))
def test_csv(rows: list[list[str]], gone: list[bool], step: int, line_end: str, last: str) -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([["h", "i"], *rows])
    text = sink.getvalue()
    text = {"end": text, "no end": text.removesuffix(line_end), "blank": text + 2 * line_end}[last]
    gone = gone[: len(rows)]
    for part, wanted in zip(halves(text.encode(), Shape("csv"), gone, step), (False, True), strict=True):
        read = [row for row in csv.reader(io.StringIO(part.decode(), newline="")) if row]
        assert read == [["h", "i"], *chosen(rows, gone, wanted=wanted)]


@given(objects, choices, step, st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]), st.booleans())
def test_lines(lines: list[str], gone: list[bool], step: int, line_end: str, ended: bool) -> None:  # noqa: FBT001 - drawn
    text = line_end.join(lines) + (line_end if ended else "")
    gone = gone[: len(lines)]
    for part, wanted in zip(halves(text.encode(), Shape("lines"), gone, step), (False, True), strict=True):
        read = [line for line in part.decode().split("\n") if line.strip()]
        assert [line.strip() for line in read] == chosen(lines, gone, wanted=wanted)


@given(objects, choices, step, st.sampled_from(["[", " [\n "]), st.sampled_from([",", ",\n ", " , "]))
def test_arrays(lines: list[str], gone: list[bool], step: int, opening: str, comma: str) -> None:
    text = opening + comma.join(lines) + "\n]\n"
    gone = gone[: len(lines)]
    for part, wanted in zip(halves(text.encode(), Shape("array"), gone, step), (False, True), strict=True):
        assert json.loads(part) == [json.loads(line) for line in chosen(lines, gone, wanted=wanted)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"a;b\n1;2\n", 1),
        (b'a;b\n"x;\n";2\n', 1),
        (b'a;b\nx"y;2\n3;4\n', 2),
        (b'a;b\n"x"y";2\n3;4\n', 2),
        (b"\n\na;b\n\n1;2\n\n\n", 1),
        (b"a;b", 0),
    ],
)
def test_quotes_and_empty_lines_are_those_of_arrow(text: bytes, rows: int) -> None:
    nothing = np.empty(0, np.int64)
    assert cut(reader(text, 3), Shape("csv", ";"), nothing, io.BytesIO(), io.BytesIO()) == rows


def test_an_empty_array_has_no_rows() -> None:
    assert cut(reader(b"[ ]\n", 9), Shape("array"), np.empty(0, np.int64), io.BytesIO(), io.BytesIO()) == 0
