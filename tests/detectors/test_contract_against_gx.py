"""Our verdicts are Great Expectations' verdicts, on real data through the real library; and no network is used."""

from __future__ import annotations

import json
import socket
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check
from sklearn.datasets import load_wine

from poisonguard.detectors.contract_gx import judge_sampled
from poisonguard.detectors.contract_suite import EXACT, parse_suite

pytestmark = pytest.mark.slow

CARD = "PG-CONTRACT-001"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("Great Expectations opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def wine() -> pa.Table:
    bunch = load_wine()
    table = pa.table({name: bunch.data[:, index] for index, name in enumerate(bunch.feature_names)})
    cultivar = pa.array([None if row % 25 == 0 else f"cultivar {code}" for row, code in enumerate(bunch.target)])
    table = table.append_column("cultivar", cultivar).append_column("target", pa.array(bunch.target))
    return table.append_column("bottle", pa.array(np.arange(table.num_rows)))


TABLE = wine()
VALUES = "expect_column_values_to_"
CASES: list[tuple[str, dict[str, Any]]] = [
    *(("expect_table_row_count_to_equal", {"value": value}) for value in (178, 177)),
    ("expect_table_row_count_to_be_between", {"min_value": 100, "max_value": 177}),
    ("expect_table_column_count_to_equal", {"value": 16}),
    ("expect_table_column_count_to_be_between", {"min_value": 17}),
    ("expect_table_columns_to_match_set", {"column_set": ["alcohol", "ash"]}),
    ("expect_table_columns_to_match_set", {"column_set": ["alcohol", "ash"], "exact_match": False}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": TABLE.column_names}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": TABLE.column_names[::-1]}),
    ("expect_column_to_exist", {"column": "alcohol"}),
    ("expect_column_to_exist", {"column": "Alcohol"}),
    ("expect_column_to_exist", {"column": "alcohol", "column_index": 1}),
    *((f"{VALUES}not_be_null", {"column": "cultivar", "mostly": mostly}) for mostly in (0.95, 0.96, 1.0)),
    *((f"{VALUES}be_null", {"column": "cultivar", "mostly": mostly}) for mostly in (0.04, 0.9)),
    (f"{VALUES}be_unique", {"column": "bottle"}),
    *((f"{VALUES}be_unique", {"column": "alcohol", "mostly": mostly}) for mostly in (0.3, 0.41, 0.9)),
    *((f"{VALUES}be_between", {"column": "alcohol", "min_value": 12, "mostly": mostly}) for mostly in (0.8, 0.9, 1.0)),
    *(
        (f"{VALUES}be_between", {"column": "alcohol", "min_value": 11.03, "max_value": 14.83, edge: True})
        for edge in ("strict_min", "strict_max")
    ),
    (f"{VALUES}be_between", {"column": "alcohol", "min_value": 11.03, "max_value": 14.83}),
    *((f"{VALUES}be_in_set", {"column": "target", "value_set": items}) for items in ([0, 1, 2], [0, 1], [0.0, 1, 2])),
    *(
        (f"{VALUES}be_in_set", {"column": "cultivar", "value_set": ["cultivar 0", "cultivar 1"], "mostly": mostly})
        for mostly in (0.7, 0.8)
    ),
    (f"{VALUES}not_be_in_set", {"column": "cultivar", "value_set": ["cultivar 9"]}),
    (f"{VALUES}not_be_in_set", {"column": "cultivar", "value_set": ["cultivar 2"]}),
    ("expect_column_value_lengths_to_be_between", {"column": "cultivar", "min_value": 10}),
    ("expect_column_value_lengths_to_be_between", {"column": "cultivar", "max_value": 10, "strict_max": True}),
    ("expect_column_value_lengths_to_equal", {"column": "cultivar", "value": 10}),
    *((f"{VALUES}match_regex", {"column": "cultivar", "regex": regex}) for regex in ("^c.* [0-2]$", "[01]$", "var")),
    *((f"{VALUES}not_match_regex", {"column": "cultivar", "regex": regex}) for regex in ("^x", "2")),
    *((f"{VALUES}be_of_type", {"column": "alcohol", "type_": name}) for name in ("float64", "int64", "str")),
    *((f"{VALUES}be_of_type", {"column": "target", "type_": name}) for name in ("int64", "float64")),
    (f"{VALUES}be_in_type_list", {"column": "target", "type_list": ["int64", "float64"]}),
    (f"{VALUES}be_in_type_list", {"column": "target", "type_list": ["str", "float64"]}),
    *(("expect_column_min_to_be_between", {"column": "alcohol", "min_value": bound}) for bound in (11.03, 11.04)),
    *(("expect_column_max_to_be_between", {"column": "alcohol", "max_value": bound}) for bound in (14.83, 14.82)),
    *(
        (f"expect_column_distinct_values_to_{how}_set", {"column": "target", "value_set": items})
        for how in ("be_in", "equal", "contain")
        for items in ([0, 1, 2], [0, 1], [0, 1, 2, 3])
    ),
    ("expect_column_unique_value_count_to_be_between", {"column": "cultivar", "min_value": 3, "max_value": 3}),
    ("expect_column_unique_value_count_to_be_between", {"column": "alcohol", "max_value": 125}),
    *(
        ("expect_column_proportion_of_unique_values_to_be_between", {"column": "alcohol", "min_value": low})
        for low in (0.7, 0.72)
    ),
    *(
        ("expect_column_proportion_of_non_null_values_to_be_between", {"column": "cultivar", "min_value": low})
        for low in (0.95, 0.96)
    ),
]


def contract(cases: list[tuple[str, dict[str, Any]]]) -> str:
    return json.dumps({"name": "s", "expectations": [{"type": name, "kwargs": kwargs} for name, kwargs in cases]})


def test_same_verdicts() -> None:
    expectations = parse_suite(contract(CASES))
    theirs = [verdict.held for verdict in judge_sampled(expectations, TABLE, sampled=False)]
    broken = {item.numbers["expectation"] for item in run_check(CARD, TABLE, contract=contract(CASES)).findings}
    mine = [expectation.number not in broken for expectation in expectations]
    different = [case for case, ours, gx in zip(CASES, mine, theirs, strict=True) if ours is not gx]
    assert different == []
    assert {True, False} == set(theirs)
    assert {name for name, _ in CASES} == set(EXACT), "every expectation judged here is compared"


def test_sampled_expectations_run_in_great_expectations() -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        ("expect_column_mean_to_be_between", {"column": "alcohol", "min_value": 12.9, "max_value": 13.1}),
        ("expect_column_median_to_be_between", {"column": "alcohol", "min_value": 14}),
        ("expect_column_stdev_to_be_between", {"column": "alcohol", "min_value": 0.8, "max_value": 0.82}),
        ("expect_column_most_common_value_to_be_in_set", {"column": "target", "value_set": [1]}),
        ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "alcohol", "column_B": "ash"}),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["target", "bottle"], "sum_total": 3}),
        ("expect_column_mean_to_be_between", {"column": "cultivar", "min_value": 1}),
        ("expect_column_mean_to_be_between", {"column": "nowhere", "min_value": 1}),
    ]
    run = run_check(CARD, TABLE, contract=contract(cases))
    assert sorted(int(item.numbers["expectation"]) for item in run.findings) == [2, 6, 7, 8]
    crashed = next(item for item in run.findings if item.numbers["expectation"] == 7)
    assert "could not be judged" in crashed.message
    assert "sample" not in run.outcome.coverage.note, "all rows were in the sample"


def test_a_sample_is_stated() -> None:
    table = pa.table({"x": np.random.default_rng(0).normal(size=25_000)})
    run = run_check(
        CARD, table, contract=contract([("expect_column_mean_to_be_between", {"column": "x", "max_value": 1})])
    )
    assert run.findings == ()
    assert "judged on a sample of 20000 rows: expect_column_mean_to_be_between" in run.outcome.coverage.note
