"""Text tables cut in two at their rows and put together again, byte for byte.

Rules:

1. Every byte of the content goes to the rows that stay or to those that go. The header goes to both, the tail (empty
   lines at the end, a closing bracket) stays.
2. Bytes of rows are never changed; only the commas between the elements of an array are set anew.
3. Joining what was cut gives the same bytes. How many rows there are is checked by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.rowends import AFTER_RETURN, FILLED, State, csv_ends, element_ends, line_ends, new_state

Rows = npt.NDArray[np.int64]
Read = Callable[[int], bytes]

CUT_BYTES = 4 << 20


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Append them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows stand in a text.

    Attributes:
        kind: ``csv``, ``lines`` or ``array``.
        delimiter: What separates the cells of CSV.
    """

    kind: str
    delimiter: str = ","

    @property
    def headed(self) -> bool:
        """Whether something stands before the first row that is no row."""
        return self.kind != "lines"

    def ends(self, text: bytes, state: State) -> Rows:
        """Where rows (the header counts as one) end in the next run of bytes."""
        data, ends = np.frombuffer(text, dtype=np.uint8), np.empty(len(text) + 1, dtype=np.int64)
        if self.kind == "csv":
            return ends[: csv_ends(data, state, ord(self.delimiter), ends)]
        loop = line_ends if self.kind == "lines" else element_ends
        return ends[: loop(data, state, ends)]


def cut(read: Read, shape: Shape, going: Rows, stays: Sink, goes: Sink) -> int:
    """Cut a text in two; gives its number of rows.

    Args:
        read: Gives the next bytes.
        shape: How rows stand in it.
        going: Numbers of the rows that go, ascending.
        stays: Takes the others.
        goes: Takes those.
    """
    if shape.kind == "array":
        return _cut_array(_all(read), shape, going, stays, goes)
    state, row = new_state(), -1 if shape.headed else 0
    for text in iter(lambda: read(CUT_BYTES), b""):
        ends = shape.ends(text, state)
        edges = np.concatenate([[0], ends, [len(text)]])
        for first, stop, away in _runs(row, ends.size + 1, going):
            piece = text[edges[first] : edges[stop]]
            (goes if away else stays).write(piece)
            if row + first < 0:
                goes.write(piece)
        row += ends.size
    # A row may end with the text, and a lone carriage return ends one only when the next byte is seen.
    return row + int(state[FILLED] or state[AFTER_RETURN])


def join(stays: Read, goes: Read, shape: Shape, gone: Rows, out: Sink) -> None:
    """Put together what ``cut`` cut, into ``out``; ``gone`` are the numbers of the rows that went."""
    if shape.kind == "array":
        _join_array(_all(stays), _all(goes), shape, gone, out)
        return
    kept, away = _Rows(stays, shape), _Rows(goes, shape)
    if shape.headed:
        kept.copy(1, out)
        away.copy(1, _Nowhere())
    row = 0
    for first, stop in _stretches(gone):
        kept.copy(first - row, out)
        away.copy(stop - first, out)
        row = stop
    kept.copy(None, out)


def _runs(row: int, count: int, going: Rows) -> Iterator[tuple[int, int, bool]]:
    """(first, stop, whether they go) of the stretches among ``count`` rows from ``row``; the header stands alone."""
    numbers = np.arange(row, row + count)
    away = np.isin(numbers, going)
    borders = np.flatnonzero((away[1:] != away[:-1]) | (numbers[1:] == 0)) + 1
    for first, stop in zip([0, *borders.tolist()], [*borders.tolist(), count], strict=True):
        yield first, stop, bool(away[first])


def _stretches(rows: Rows) -> Iterator[tuple[int, int]]:
    """(first, stop) of consecutive numbers."""
    borders = np.flatnonzero(np.diff(rows) != 1) + 1
    for part in np.split(rows, borders):
        if part.size:
            yield int(part[0]), int(part[-1]) + 1


class _Rows:
    """A text, copied row by row."""

    def __init__(self, read: Read, shape: Shape) -> None:
        self._read = read
        self._shape = shape
        self._state = new_state()
        self._text = b""
        self._ends: Sequence[int] = ()
        self._next = self._place = 0

    def copy(self, rows: int | None, out: Sink) -> None:
        """Copy so many rows; nothing means all that is left, the tail too."""
        while rows is None or rows > 0:
            here = len(self._ends) - self._next
            if rows is not None and rows <= here:
                self._next += rows
                out.write(self._text[self._place : self._ends[self._next - 1]])
                self._place = self._ends[self._next - 1]
                return
            out.write(self._text[self._place :])
            rows = None if rows is None else rows - here
            self._text = self._read(CUT_BYTES)
            self._ends = self._shape.ends(self._text, self._state).tolist()
            self._next = self._place = 0
            if not self._text:
                return


class _Nowhere:
    """Takes bytes and forgets them."""

    def write(self, data: bytes, /) -> None:
        """Forget them."""


def _all(read: Read) -> bytes:
    return b"".join(iter(lambda: read(CUT_BYTES), b""))


def _elements(text: bytes, shape: Shape) -> tuple[bytes, list[bytes], bytes]:
    """(what stands before the elements, the elements without their commas, what stands behind)."""
    ends = shape.ends(text, new_state()).tolist()
    pieces = [text[start:stop] for start, stop in pairwise(ends)]
    return text[: ends[0]], [piece.removeprefix(b",") for piece in pieces], text[ends[-1] :]


def _cut_array(text: bytes, shape: Shape, going: Rows, stays: Sink, goes: Sink) -> int:
    head, elements, tail = _elements(text, shape)
    away = np.isin(np.arange(len(elements)), going).tolist()
    for sink, wanted in ((stays, False), (goes, True)):
        mine = [element for element, gone in zip(elements, away, strict=True) if gone is wanted]
        sink.write(head + b",".join(mine) + tail)
    return len(elements)


def _join_array(stays: bytes, goes: bytes, shape: Shape, gone: Rows, out: Sink) -> None:
    head, kept, tail = _elements(stays, shape)
    _, away, _ = _elements(goes, shape)
    which = np.isin(np.arange(len(kept) + len(away)), gone).tolist()
    sources = {False: iter(kept), True: iter(away)}
    out.write(head + b",".join(next(sources[item]) for item in which) + tail)
