"""Lines are read and written fast where their texts need no escapes, and by the same rules."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poisonguard.attest import listing
from poisonguard.attest.canonical import canonical
from poisonguard.attest.listing import entry_line, parse_line
from poisonguard.domain.dataset import FileEntry, Unit
from poisonguard.errors import IntegrityError, UsageError

DIGESTS = st.sampled_from(["0" * 64, "ab" * 32])
COUNTS = st.one_of(st.integers(0, 10), st.integers(2**49, 2**53 - 1))
UNITS = st.lists(st.tuples(COUNTS, DIGESTS), max_size=3)
TEXTS = st.text(min_size=1, max_size=12)


def entry(path: str, size: int, kind: str, units: list[tuple[int, str]]) -> FileEntry:
    found, row = [], 0
    for rows, digest in units:
        found.append(Unit(row, rows, digest))
        row += rows
    return FileEntry(path, size, "0" * 64, "1" * 64, kind, row, tuple(found))


def carefully(line: bytes) -> FileEntry | None:
    """What the slow way makes of a line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_PLAIN_LINE", re.compile(rb"(?!)"))
        return quickly(line)


def quickly(line: bytes) -> FileEntry | None:
    try:
        return parse_line(line)
    except IntegrityError:
        return None


@given(path=TEXTS, size=COUNTS, kind=TEXTS, units=UNITS)
@example(path='a"b', size=1, kind="csv", units=[])
@example(path="a\u2028\x7f", size=1, kind="csv", units=[])
def test_a_line_is_the_canonical_json_of_the_entry(
    path: str, size: int, kind: str, units: list[tuple[int, str]]
) -> None:
    item = entry(path, size, kind, units)
    values = [path, size, item.sha256, item.tree_root, kind, item.rows, [list(unit) for unit in units]]
    if item.rows > 2**53 - 1:
        with pytest.raises(UsageError):
            entry_line(item)
        return
    line = entry_line(item)
    assert line == canonical(values)
    assert quickly(line) == carefully(line)


@given(
    path=st.sampled_from(["a", "é/ü.csv", "../x", 'q"', "\\n"]),
    units=UNITS,
    place=st.integers(0, 400),
    new=st.sampled_from([b"", b" ", b"0", b"-", b"\\", b'"', b"[", b"]", b",", b"\n", b"\xff", b"1.0", b"A", b"\0"]),
    cut=st.integers(0, 3),
)
def test_fast_and_slow_reading_agree_on_every_line(
    path: str, units: list[tuple[int, str]], place: int, new: bytes, cut: int
) -> None:
    item = entry(path, 7, "csv", [(rows % 1000, digest) for rows, digest in units])
    line = entry_line(item)
    place %= len(line)
    altered = line[:place] + new + line[place + cut :]
    assert quickly(altered) == carefully(altered)


@pytest.mark.parametrize(
    "values",
    [
        ["a", 1.0, "0" * 64, "0" * 64, "csv", 0, []],
        ["a", True, "0" * 64, "0" * 64, "csv", 0, []],
        ["a", 1, "0" * 64, "0" * 64, "csv", 1, []],
        ["a", 1, "0" * 64, "0" * 64, "csv", 0, [], 1],
        ["a", 1, "A" * 64, "0" * 64, "csv", 0, []],
        ["\ud800", 1, "0" * 64, "0" * 64, "csv", 0, []],
    ],
)
def test_what_no_entry_says_is_refused(values: list[object]) -> None:
    with pytest.raises(IntegrityError):
        parse_line(json.dumps(values, separators=(",", ":")).encode())


def test_a_path_that_is_not_utf8_is_refused() -> None:
    line = entry_line(entry("aXb", 1, "csv", [(3, "0" * 64)]))
    with pytest.raises(IntegrityError, match="not a file's"):
        parse_line(line.replace(b"X", b"\xff"))
    with pytest.raises(UsageError, match="canonical JSON"):
        entry_line(entry("a\udcffb", 1, "csv", []))
