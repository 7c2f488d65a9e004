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


@pytest.mark.parametrize("path", ["a", 'quoted "a"'])
@pytest.mark.parametrize("more", [b" ", b"\t", b"\r", b"\n", b"\0", b",", b"]", b"[]", b"x"])
def test_nothing_stands_before_or_after_an_entry(path: str, more: bytes) -> None:
    line = entry_line(entry(path, 1, "csv", [(3, "0" * 64)]))
    for altered in (line + more, more + line):
        with pytest.raises(IntegrityError):
            parse_line(altered)


NO_HEX = [character for character in map(chr, range(33, 127)) if character not in "0123456789abcdef"]


@pytest.mark.parametrize("path", ["a", 'quoted "a"'])
@pytest.mark.parametrize("character", NO_HEX)
def test_a_digest_is_of_small_hex_digits_fast_and_slowly(path: str, character: str) -> None:
    line = canonical([path, 1, "0" * 63 + character, "0" * 64, "csv", 0, []])
    with pytest.raises(IntegrityError):
        parse_line(line)


@pytest.mark.parametrize("number", [10**14, 10**15 - 1, 10**15, 2**53 - 1])
def test_counts_are_whole_up_to_the_largest_that_json_keeps(number: int) -> None:
    for path in ("a", 'quoted "a"'):
        item = entry(path, number, "csv", [(number, "0" * 64)])
        assert parse_line(entry_line(item)) == item


@pytest.mark.parametrize(("size", "rows"), [(2**53, 1), (1, 2**53)])
def test_a_count_that_json_does_not_keep_is_not_written(size: int, rows: int) -> None:
    with pytest.raises(UsageError):
        entry_line(entry("a", size, "csv", [(rows, "0" * 64)]))


def test_a_path_that_is_not_utf8_is_refused() -> None:
    line = entry_line(entry("aXb", 1, "csv", [(3, "0" * 64)]))
    with pytest.raises(IntegrityError, match="not a file's"):
        parse_line(line.replace(b"X", b"\xff"))
    with pytest.raises(UsageError, match="canonical JSON"):
        entry_line(entry("a\udcffb", 1, "csv", []))
