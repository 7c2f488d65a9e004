"""Equal values hash alike whatever their encoding; different values do not."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.columnhash import column_hashes, combined, place_terms

SEED = 5
STRUCT = pa.struct([("a", pa.int64()), ("b", pa.string())])
COLUMNS = {
    "int8": pa.array([1, -1, None, 3], pa.int8()),
    "uint64": pa.array([1, 2**64 - 1, None, 3], pa.uint64()),
    "float": pa.array([0.5, float("inf"), None, float("nan")]),
    "bool": pa.array([True, False, None, None]),
    "string": pa.array(["a", "", None, "a\0"]),
    "binary": pa.array([b"\xff", b"", None, b"\xff\0"]),
    "view": pa.array(["short", "a rather long string in a view", None, ""], pa.string_view()),
    "date": pa.array([dt.date(2020, 1, 1), dt.date(1960, 1, 1), None, dt.date(2021, 1, 1)]),
    "time": pa.array([dt.datetime(2020, 1, 1), dt.datetime(1960, 1, 1), None, dt.datetime(2021, 1, 1)]),  # noqa: DTZ001 - times without a zone
    "decimal": pa.array([decimal.Decimal("1.50"), decimal.Decimal("-2.00"), None, decimal.Decimal("3.00")]),
    "list": pa.array([[1, 2], [], None, [2, 1]]),
    "large list": pa.array([["x"], ["x", "y"], None, [None]], pa.large_list(pa.string())),
    "fixed list": pa.array([[1, 2], [3, 4], None, [2, 1]], pa.list_(pa.int64(), 2)),
    "struct": pa.array([{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, None, {"a": 1, "b": None}], STRUCT),
    "map": pa.array([[("k", 1)], [("k", 2)], None, []], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["u", "v", None, "w"]).dictionary_encode(),
    "null": pa.nulls(4),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_hashes_tell_values_apart_and_do_not_depend_on_slices(name: str) -> None:
    column = COLUMNS[name]
    hashes = column_hashes(column, SEED)
    values = [repr(value) for value in column.to_pylist()]
    assert len(set(hashes.tolist())) == len(set(values))
    for start in range(4):
        assert (column_hashes(column.slice(start, 2), SEED) == hashes[start : start + 2]).all()
    assert column_hashes(column.slice(0, 0), SEED).shape == (0,)


def test_encodings_of_one_value_agree() -> None:
    same = [
        [pa.array([1, 2, None], kind) for kind in (pa.int8(), pa.int64(), pa.uint16())],
        [pa.array(["a", "b", None], kind) for kind in (pa.string(), pa.large_string(), pa.string_view())],
        [pa.array(["a", "b", "a"]), pa.array(["a", "b", "a"]).dictionary_encode()],
        [pa.array([0.0, float("nan")]), pa.array([-0.0, -float("nan")])],
        [pa.array([[1], []]), pa.array([[1], []], pa.large_list(pa.int64()))],
    ]
    for group in same:
        first = column_hashes(group[0], SEED)
        assert all((column_hashes(other, SEED) == first).all() for other in group[1:])


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=20))
def test_strings_collide_only_when_equal(texts: list[str]) -> None:
    column = pa.array(texts)
    hashes = column_hashes(column, SEED)
    assert len(set(hashes.tolist())) == len(set(texts))
    assert (column_hashes(column, SEED + 1) != hashes).all()


def test_the_row_hash_knows_which_column_holds_what() -> None:
    rows = combined(np.array([[1, 2], [2, 1], [1, 2]], dtype=np.uint64))
    assert rows[0] == rows[2] != rows[1]


def test_taking_a_term_away_leaves_the_rest_of_the_row() -> None:
    terms = place_terms(np.array([[1, 2, 3], [1, 9, 3]], dtype=np.uint64))
    rest = terms.sum(axis=1, dtype=np.uint64) - terms[:, 1]
    assert rest[0] == rest[1]
