"""Every rule of reading a receipt refuses what breaks it."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from simulator import NOW

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
    for document in (receipt(), receipt(number=1), failed, long):
        assert document_of(parse_statement(statement_of(document).payload())) == document


def test_the_wire_form_is_stable() -> None:
    statement = statement_of(receipt())
    assert (statement.subject, statement.sha256) == ("reviews", "12" * 32)
    assert statement.predicate_type == "https://poisonguard.dev/training-receipt/v1"
    assert statement.predicate == {
        "dataset": "reviews",
        "number": 3,
        "version": "pg1:" + "12" * 32,
        "manifestStatement": "34" * 32,
        "purpose": "training",
        "gate": {"policyDigest": "56" * 32, "trustRootVersion": 2, "statements": ["78" * 32, "9a" * 32]},
        "status": "completed",
        "started": "2026-05-01T12:00:00Z",
        "created": "2026-05-01T12:00:00Z",
        "toolVersion": "0.1.0",
        "reads": {
            "files": 2,
            "chunks": 4,
            "bytes": 77,
            "complete": False,
            "digest": receipt().reads.digest,
            "listed": [
                {"path": "a", "treeRoot": ROOT, "chunks": [[0, 2], [3, 4]], "rowGroups": [[1, 5]]},
                {"path": "b/c", "treeRoot": ROOT, "chunks": [[0, 1]], "rowGroups": None},
            ],
        },
    }
    assert receipt_to_json(receipt(status=Status.FAILED))["status"] == "failed"
    assert receipt().title == "reviews@3"


def test_ten_thousand_files_are_listed_and_no_more() -> None:
    files = [FileRead(f"{index:05}", ROOT, ((0, 1),)) for index in range(10_001)]
    assert reads_of(files[:-1], size=1, complete=False).listed == tuple(files[:-1])
    assert reads_of(files, size=1, complete=False).listed is None


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


RANGES: list[tuple[str, Any, str]] = [
    ("chunks", [], "missing, out of order, or touch"),
    *(
        (name, ranges, "missing, out of order, or touch")
        for name in ("chunks", "rowGroups")
        for ranges in (
            [[0, 2], [2, 4]],
            [[3, 4], [0, 2]],
            [[0, 1], [2, 4], [3, 5]],
        )
    ),
    *(
        (name, [ranges], "is not a range")
        for name in ("chunks", "rowGroups")
        for ranges in ([2, 2], [2, 1], [-1, 1], [1], [1, 2, 3], [False, True], [0, "1"], [0, 1.5], "01", {"0": 1}, None)
    ),
]


@pytest.mark.parametrize(("name", "ranges", "why"), RANGES)
def test_ranges_ascend_apart_and_hold_something_rule_1(name: str, ranges: Any, why: str) -> None:
    value = receipt_to_json(receipt())
    value["reads"]["listed"][0][name] = ranges
    with pytest.raises(IntegrityError, match=why):
        receipt_from_json(value)


@pytest.mark.parametrize("groups", [None, (), ((0, 1),), ((0, 1), (2, 3))])
def test_row_groups_may_be_unknown_or_none_at_all(groups: tuple[Range, ...] | None) -> None:
    said = receipt(reads=reads_of((FileRead("a", ROOT, ((0, 1), (2, 5)), groups),), size=77, complete=False))
    assert receipt_from_json(receipt_to_json(said)) == said


@pytest.mark.parametrize("place", [(), ("gate",), ("reads",), (*LISTED, 0)])
def test_every_member_is_needed_and_no_other_is_known(place: tuple[Any, ...]) -> None:
    def at(value: Any) -> Any:
        for step in place:
            value = value[step]
        return value

    for member in at(receipt_to_json(receipt())):
        without, wrong, more = (copy.deepcopy(receipt_to_json(receipt())) for _ in range(3))
        del at(without)[member]
        at(wrong)[member] = -1
        at(more)["extra"] = 1
        for value, why in ((without, "lacks"), (wrong, r"is not|does not"), (more, "unknown member")):
            with pytest.raises(IntegrityError, match=why):
                receipt_from_json(value)


def test_statements_are_sorted_however_many() -> None:
    statements = [f"{number:064x}" for number in range(20)]
    assert receipt_from_json(_with_statements(statements)).gate.statements == tuple(statements)
    with pytest.raises(IntegrityError, match="not sorted"):
        receipt_from_json(_with_statements(statements[::-1]))


def _with_statements(statements: list[str]) -> Any:
    value = receipt_to_json(receipt())
    value["gate"]["statements"] = statements
    return value


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
