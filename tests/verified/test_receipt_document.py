"""Every rule of reading a receipt refuses what breaks it."""

import copy
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from evidence_world import NOW
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest import receipt_v1
from poisonguard.attest.predicates_v1 import document_of, statement_of
from poisonguard.attest.receipt_v1 import (
    FileRead,
    GateRecord,
    Range,
    ReceiptDocument,
    Status,
    reads_of,
    receipt_from_json,
    receipt_to_json,
)
from poisonguard.attest.statement import Statement, parse_statement
from poisonguard.dataset.read_record import ReadRecord, bytes_in, chunks_of, merged, overlapped
from poisonguard.domain.dataset import CHUNK, FileEntry
from poisonguard.errors import IntegrityError

ROOT = "ab" * 32
FILES = (FileRead("a", ROOT, ((0, 2), (3, 4)), ((1, 5),)), FileRead("b/c", ROOT, ((0, 1),)))


def receipt(**changes: Any) -> ReceiptDocument:
    document = ReceiptDocument(
        dataset="reviews",
        number=3,
        version="pg1:" + "12" * 32,
        manifest_statement="34" * 32,
        purpose="training",
        gate=GateRecord("56" * 32, 2, ("78" * 32, "9a" * 32)),
        status=Status.COMPLETED,
        started=NOW,
        created=NOW,
        tool_version="0.1.0",
        reads=reads_of(FILES, size=77, complete=False),
    )
    return replace(document, **changes)


def test_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = receipt(status=Status.FAILED, reads=reads_of((), size=0, complete=False))
    monkeypatch.setattr(receipt_v1, "MOST_LISTED", 1)
    long = receipt(reads=reads_of(FILES, size=77, complete=True))
    assert long.reads.listed is None
    monkeypatch.undo()
    for document in (receipt(), failed, long):
        assert document_of(parse_statement(statement_of(document).payload())) == document


def test_the_digest_is_the_lists() -> None:
    reads = reads_of(FILES, size=77, complete=False)
    assert hashlib.sha256(receipt_v1.list_bytes(FILES)).hexdigest() == reads.digest
    assert (reads.files, reads.chunks) == (2, 4)


def test_another_subject() -> None:
    statement = statement_of(receipt())
    with pytest.raises(IntegrityError, match="subject"):
        document_of(Statement("other", statement.sha256, statement.predicate_type, statement.predicate))


def _set(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


LISTED = ("reads", "listed")
BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown member": _set("more", to=1),
    "missing member": lambda value: value.pop("purpose"),
    "rule 1: files out of order": lambda value: value["reads"]["listed"].reverse(),
    "rule 1: a file twice": lambda value: value["reads"].update(listed=[value["reads"]["listed"][0]] * 2),
    "rule 1: ranges that touch": _set(*LISTED, 0, "chunks", to=[[0, 2], [2, 4]]),
    "rule 1: ranges out of order": _set(*LISTED, 0, "chunks", to=[[3, 4], [0, 2]]),
    "rule 1: an empty range": _set(*LISTED, 0, "chunks", to=[[2, 2]]),
    "rule 1: a range backwards": _set(*LISTED, 0, "chunks", to=[[2, 1]]),
    "rule 1: below nothing": _set(*LISTED, 0, "chunks", to=[[-1, 1]]),
    "rule 1: not a range": _set(*LISTED, 0, "chunks", to=[[1, 2, 3]]),
    "rule 1: not numbers": _set(*LISTED, 0, "chunks", to=[[False, True]]),
    "rule 1: no chunk": _set(*LISTED, 0, "chunks", to=[]),
    "rule 1: row groups that touch": _set(*LISTED, 0, "rowGroups", to=[[0, 1], [1, 2]]),
    "rule 2: another digest": _set("reads", "digest", to=ROOT),
    "rule 3: another count of files": _set("reads", "files", to=3),
    "rule 3: another count of chunks": _set("reads", "chunks", to=3),
    "rule 3: another list": _set(*LISTED, 0, "path", to="A"),
    "rule 4: nothing was read": _set("reads", "files", to=0),
    "rule 4: finished before it started": _set("created", to="2020-01-01T00:00:00Z"),
    "rule 5: statements out of order": lambda value: value["gate"]["statements"].reverse(),
    "rule 5: a statement twice": _set("gate", "statements", to=["78" * 32] * 2),
    "another status": _set("status", to="splendid"),
    "not a truth": _set("reads", "complete", to=1),
    "not a version": _set("version", to="reviews@3"),
    "a number below one": _set("number", to=0),
    "a list that is no list": _set(*LISTED, to={}),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_what_breaks_a_rule_is_refused(rule: str) -> None:
    value = copy.deepcopy(receipt_to_json(receipt()))
    BROKEN[rule](value)
    with pytest.raises(IntegrityError, match="receipt"):
        receipt_from_json(value)


@pytest.mark.parametrize("files", [FILES[::-1], FILES[:1] * 2])
def test_a_list_whose_digest_is_right_may_still_be_out_of_order(files: Any) -> None:
    said = receipt(reads=reads_of(tuple(files), size=77, complete=False))
    with pytest.raises(IntegrityError, match="not sorted, or one twice"):
        receipt_from_json(receipt_to_json(said))


def test_a_completed_run_that_read_nothing() -> None:
    nothing = receipt(reads=reads_of((), size=0, complete=False))
    with pytest.raises(IntegrityError, match="read nothing"):
        receipt_from_json(receipt_to_json(nothing))


def test_a_list_that_is_missing_but_for_its_counts() -> None:
    value = receipt_to_json(receipt())
    value["reads"]["listed"] = None
    value["reads"]["files"] = 3
    assert receipt_from_json(value).reads.listed is None


# ---------------------------------------------------------------------------------------------- byte ranges

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair))), max_size=30)


@given(ranges=RANGES)
def test_merged_ranges_hold_the_same_bytes(ranges: list[Range]) -> None:
    result = list(merged(ranges))
    assert {place for first, last in result for place in range(first, last)} == {
        place for first, last in ranges for place in range(first, last)
    }
    assert all(before[1] < after[0] for before, after in pairwise(result))
    assert bytes_in(result) == len({place for first, last in ranges for place in range(first, last)})


@given(ranges=RANGES)
def test_chunks_are_those_that_hold_a_byte(ranges: list[Range]) -> None:
    wide = [(first * CHUNK // 7, last * CHUNK // 7) for first, last in ranges]
    chunks = {place for first, last in chunks_of(wide) for place in range(first, last)}
    assert chunks == {place // CHUNK for first, last in wide for place in (*range(first, last, CHUNK), last - 1)}


def test_spans_that_hold_a_byte() -> None:
    spans = [[(0, 10)], [(10, 12), (20, 30)], [(12, 20)], [(30, 40)]]
    assert overlapped(spans, [(25, 26)]) == ((1, 2),)
    assert overlapped(spans, [(10, 31)]) == ((1, 4),)
    assert overlapped(spans, []) == ()


ENTRY = FileEntry("a", 3 * CHUNK - 5, ROOT, ROOT, "x", 0, ())


def recorded(reads: Iterable[Range]) -> tuple[Range, ...]:
    record = ReadRecord()
    observer = record.of(ENTRY)
    for start, stop in reads:
        observer.handed_out(start, stop)
    ((found, ranges),) = record.end()
    assert found == ENTRY
    return ranges


@given(ranges=RANGES.filter(bool))
def test_a_record_is_exact(ranges: list[Range]) -> None:
    assert recorded(ranges) == tuple(merged(ranges))


def test_very_many_small_reads_stay_few_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poisonguard.dataset.read_record.MOST_RANGES", 64)
    draw = np.random.default_rng(1)
    reads = [(place, place + 1) for place in map(int, draw.integers(CHUNK, size=2000))] + [
        (3 * CHUNK - 6, 3 * CHUNK - 5)
    ]
    ranges = recorded(reads)
    assert len(ranges) <= 64
    assert all(any(first <= start < last for first, last in ranges) for start, _ in reads)
    assert chunks_of(ranges) == ((0, 1), (2, 3))
    assert ranges[-1][1] == ENTRY.size
