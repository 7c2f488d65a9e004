"""Row digests against an independent encoder in plain Python, and their laws."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import math
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset.rows import row_digests

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local time without a zone is what is tested


def cell(value: object) -> bytes:  # noqa: PLR0911 - one line per kind
    """Canonical bytes of one value, as the table in rows.py says."""
    match value:
        case bool():
            return b"\x01" + bytes([value])
        case int():
            return (
                b"\x02" + value.to_bytes(8, "little", signed=True)
                if value < 2**63
                else b"\x03" + value.to_bytes(8, "little")
            )
        case float():
            return b"\x04" + struct.pack("<d", math.nan if math.isnan(value) else value + 0.0)
        case str():
            return b"\x05" + len(value.encode()).to_bytes(4, "little") + value.encode()
        case bytes():
            return b"\x06" + len(value).to_bytes(4, "little") + value
        case dt.datetime():
            since = value.replace(tzinfo=None) - EPOCH
            seconds = since.days * 86_400 + since.seconds
            tag = b"\x07" if value.tzinfo is None else b"\x08"
            return tag + struct.pack("<qI", seconds, since.microseconds * 1000)
        case list():
            items = b"".join(b"\0" if item is None else cell(item) for item in value)
            return b"\x0a" + len(value).to_bytes(4, "little") + items
        case dict():
            present = sum(item is not None for item in value.values())
            return b"\x0b" + present.to_bytes(4, "little") + body(value)
    raise AssertionError(value)


def body(row: dict[str, object]) -> bytes:
    """Canonical bytes of a row or struct."""
    return b"".join(
        hashlib.blake2b(name.encode(), digest_size=16).digest() + cell(row[name])
        for name in sorted(row, key=str.encode)
        if row[name] is not None
    )


def oracle(rows: list[dict[str, object]]) -> list[bytes]:
    """Digests by plain Python."""
    return [hashlib.blake2b(body(row), digest_size=32).digest() for row in rows]


def digests(rows: list[dict[str, object]], schema: pa.Schema) -> list[bytes]:
    """Digests by the code under test."""
    return [bytes(digest) for digest in row_digests(pa.RecordBatch.from_pylist(rows, schema=schema))]


TIMES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001 - the same
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("tokens", pa.list_(pa.int32()))])
SCHEMA = pa.schema(
    [
        ("z", pa.bool_()),
        ("a", pa.int64()),
        ("u", pa.uint64()),
        ("é", pa.float64()),
        ("text", pa.string()),
        ("raw", pa.binary()),
        ("when", pa.timestamp("us")),
        ("instant", pa.timestamp("us", "UTC")),
        ("messages", pa.list_(MESSAGE)),
    ]
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
MESSAGES = st.fixed_dictionaries(
    {
        "role": st.none() | TEXT,
        "content": st.none() | TEXT,
        "tokens": st.none() | st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=3),
    }
)
ROW = st.fixed_dictionaries(
    {
        "z": st.none() | st.booleans(),
        "a": st.none() | st.integers(-(2**63), 2**63 - 1),
        "u": st.none() | st.integers(0, 2**64 - 1),
        "é": st.none() | st.floats(),
        "text": st.none() | TEXT,
        "raw": st.none() | st.binary(max_size=200),
        "when": st.none() | TIMES,
        "instant": st.none() | TIMES.map(lambda value: value.replace(tzinfo=UTC)),
        "messages": st.none() | st.lists(st.none() | MESSAGES, max_size=3),
    }
)
ROWS = st.lists(ROW, min_size=1, max_size=8)


@settings(deadline=None, max_examples=150)
@given(ROWS)
def test_equals_the_oracle(rows: list[dict[str, object]]) -> None:
    assert digests(rows, SCHEMA) == oracle(rows)


@settings(deadline=None, max_examples=40)
@given(ROWS, st.integers(0, 8), st.permutations(range(len(SCHEMA))))
def test_slices_and_column_order_do_not_matter(rows: list[dict[str, object]], start: int, order: list[int]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    part = batch.slice(start).select([SCHEMA.names[index] for index in order])
    assert np.array_equal(row_digests(part), row_digests(batch)[start:])


def one(values: object, kind: pa.DataType) -> bytes:
    """Digests of a table of one column."""
    return row_digests(pa.RecordBatch.from_arrays([pa.array(values, kind)], names=["x"])).tobytes()


DAY = dt.date(2024, 2, 29)
MIDNIGHT = dt.datetime(2024, 2, 29)  # noqa: DTZ001 - the same
NOON = dt.datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (([1, -1, None], pa.int8()), ([1, -1, None], pa.int64())),
        (([1, None], pa.uint64()), ([1, None], pa.int16())),
        (([0.5, None], pa.float32()), ([0.5, None], pa.float64())),
        (([0.0, math.nan], pa.float64()), ([-0.0, -math.nan], pa.float64())),
        ((["a", "", None], pa.string()), (["a", "", None], pa.large_string())),
        ((["a", "a", None], pa.string()), (["a", "a", None], pa.dictionary(pa.int8(), pa.string()))),
        ((["a", "b" * 40], pa.string()), (["a", "b" * 40], pa.string_view())),
        (([b"ab", None], pa.binary()), ([b"ab", None], pa.binary(2))),
        (([MIDNIGHT], pa.timestamp("s")), ([MIDNIGHT], pa.timestamp("ns"))),
        (([DAY], pa.date32()), ([MIDNIGHT], pa.timestamp("us"))),
        (([DAY], pa.date32()), ([DAY], pa.date64())),
        (([NOON], pa.timestamp("s", "Europe/Madrid")), ([NOON], pa.timestamp("us", "UTC"))),
        (([dt.timedelta(seconds=3)], pa.duration("s")), ([dt.timedelta(seconds=3)], pa.duration("us"))),
        (([dt.time(1, 2)], pa.time32("s")), ([dt.time(1, 2)], pa.time64("ns"))),
        (([decimal.Decimal("1.50")], pa.decimal128(5, 2)), ([decimal.Decimal("1.50")], pa.decimal256(60, 2))),
        (([[1, 2], None, []], pa.list_(pa.int8())), ([[1, 2], None, []], pa.large_list(pa.int64()))),
        (([[1, 2]], pa.list_(pa.int8())), ([[1, 2]], pa.list_(pa.int8(), 2))),
        (([{"a": 1}], pa.struct([("a", pa.int8())])), ([{"a": 1}], pa.struct([("b", pa.null()), ("a", pa.int64())]))),
        (
            ([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
            ([[{"key": "k", "value": 1}], None], pa.list_(pa.struct([("value", pa.int8()), ("key", pa.string())]))),
        ),
    ],
)
def test_the_same_value_stored_otherwise(
    left: tuple[list[object], pa.DataType], right: tuple[list[object], pa.DataType]
) -> None:
    assert one(*left) == one(*right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (([1], pa.int64()), ([1.0], pa.float64())),
        (([1], pa.int64()), ([True], pa.bool_())),
        ((["1"], pa.string()), ([1], pa.int64())),
        ((["a"], pa.string()), ([b"a"], pa.binary())),
        ((["a"], pa.string()), ([["a"]], pa.list_(pa.string()))),
        (([None], pa.string()), ([""], pa.string())),
        (([MIDNIGHT], pa.timestamp("us")), ([MIDNIGHT], pa.timestamp("us", "UTC"))),
        (([2**63], pa.uint64()), ([-(2**63)], pa.int64())),
        (([[None]], pa.list_(pa.int8())), ([[]], pa.list_(pa.int8()))),
        (([[[1], [2]]], pa.list_(pa.list_(pa.int8()))), ([[[1, 2], []]], pa.list_(pa.list_(pa.int8())))),
    ],
)
def test_another_value_or_kind(left: tuple[list[object], pa.DataType], right: tuple[list[object], pa.DataType]) -> None:
    assert one(*left) != one(*right)


def test_names_count_and_null_columns_do_not() -> None:
    base = pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"]})
    renamed = base.rename_columns(["a", "c"])
    wider = pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"], "new": pa.nulls(2)})
    assert not np.array_equal(row_digests(base), row_digests(renamed))
    assert np.array_equal(row_digests(base), row_digests(wider))


def test_cells_cannot_be_moved_between_columns() -> None:
    left = pa.RecordBatch.from_pydict({"a": ["xy"], "b": [""]})
    right = pa.RecordBatch.from_pydict({"a": ["x"], "b": ["y"]})
    assert not np.array_equal(row_digests(left), row_digests(right))


def test_no_rows_and_rows_larger_than_the_working_buffer() -> None:
    schema = pa.schema([("a", pa.string())])
    assert row_digests(pa.RecordBatch.from_pylist([], schema=schema)).shape == (0, 32)
    rows: list[dict[str, object]] = [
        {"a": "x" * 3_000_000},
        {"a": None},
        {"a": "y" * 1_500_000},
        {"a": "z" * 1_500_000},
    ]
    assert digests(rows, schema) == oracle(rows)
