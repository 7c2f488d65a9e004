"""The data contract: what is refused, what is judged, what is derived."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.detectors.contract_suite import ALLOWED, parse_suite
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Skipped
from poisonguard.errors import ConfigurationError

CARD = "PG-CONTRACT-001"
TABLE = pa.table(
    {
        "id": [1, 2, 3, 4],
        "price": [1.0, 2.5, None, 40.0],
        "colour": ["red", "green", "red", "blue"],
        "empty": pa.nulls(4, pa.string()),
        "when": pa.array([datetime(2024, 5, 1, tzinfo=UTC), None, datetime(2024, 5, 2, tzinfo=UTC), None]),
    }
)


def suite(*expectations: dict[str, Any], **rest: Any) -> str:
    return json.dumps({"name": "suite", "expectations": list(expectations), **rest})


def expect(name: str, severity: str | None = None, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{name}", "kwargs": kwargs} | ({"severity": severity} if severity else {})


def run(contract: str | None, table: pa.Table = TABLE, reference: pa.Table | None = None) -> CheckRun:
    return run_check(
        CARD, table, reference, contract=contract, columns={"id": "id"} if "id" in table.column_names else {}
    )


def held(item: dict[str, Any], table: pa.Table = TABLE) -> bool:
    return not run(suite(item), table).findings


COLUMN_BETWEEN = "column_values_to_be_between"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON"),
        ("[]", "no expectation suite"),
        ("{}", "no expectation suite"),
        (suite(), "holds no expectations"),
        ('{"expectations": [], "expectations": []}', "stands twice"),
        ('{"expectations": [NaN]}', "no JSON number"),
        (suite("x"), "no object"),  # type: ignore[arg-type] # what a hostile file may hold
        (suite(expect("table_row_count_to_equal", value=4), suite_parameters={}), "'suite_parameters' is not allowed"),
        (suite({"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "x"}}), "not allowed"),
        (suite(expect("query_results_to_match_comparison")), "not allowed"),
        (suite({"type": "expect_table_row_count_to_equal"}), "no kwargs"),
        (
            suite(expect(COLUMN_BETWEEN, column="price", min_value=0, row_condition="@os.system('x')")),
            "'row_condition'",
        ),
        (suite(expect(COLUMN_BETWEEN, column="price", min_value=0, condition_parser="pandas")), "'condition_parser'"),
        (suite(expect(COLUMN_BETWEEN, column="price", min_value={"$PARAMETER": "x"})), "wrong form"),
        (suite(expect(COLUMN_BETWEEN, column="price")), "sets no bound"),
        (suite(expect(COLUMN_BETWEEN, min_value=0)), "lacks the argument 'column'"),
        (suite(expect(COLUMN_BETWEEN, column="price", min_value=0, mostly=0)), "'mostly'"),
        (suite(expect(COLUMN_BETWEEN, column="price", min_value=0, mostly=True)), "'mostly'"),
        (suite(expect(COLUMN_BETWEEN, "fatal", column="price", min_value=0)), "severity 'fatal'"),
        (suite({**expect(COLUMN_BETWEEN, column="price", min_value=0), "windows": []}), "'windows' is not allowed"),
        (suite(expect("column_values_to_be_in_set", column="colour", value_set=[])), "'value_set'"),
        (suite(expect("column_values_to_be_in_set", column="colour", value_set=[["red"]])), "'value_set'"),
    ],
)
def test_what_is_not_listed_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem.replace("(", r"\(")):
        parse_suite(text)


def test_a_refused_contract_is_the_users_error() -> None:
    with pytest.raises(ConfigurationError):
        run(suite())


def test_an_invalid_expression_is_the_users_error() -> None:
    with pytest.raises(ConfigurationError, match="is not valid"):
        run(suite(expect("column_values_to_match_regex", column="colour", regex="(?=red)")))


def test_no_condition_is_ever_allowed() -> None:
    names = {name for arguments in ALLOWED.values() for name in arguments}
    assert not {name for name in names if "condition" in name or "query" in name or "sql" in name}


def test_without_contract_and_reference_it_is_skipped() -> None:
    assert isinstance(run(None).outcome, Skipped)


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        (expect("table_row_count_to_equal", value=4), True),
        (expect("table_row_count_to_be_between", min_value=5), False),
        (expect("table_column_count_to_equal", value=5), True),
        (expect("table_column_count_to_be_between", max_value=3), False),
        (expect("table_columns_to_match_set", column_set=["id", "price"]), False),
        (expect("table_columns_to_match_set", column_set=["id", "price"], exact_match=False), True),
        (expect("table_columns_to_match_ordered_list", column_list=TABLE.column_names), True),
        (expect("table_columns_to_match_ordered_list", column_list=TABLE.column_names[::-1]), False),
        (expect("column_to_exist", column="id"), True),
        (expect("column_to_exist", column="id", column_index=1), False),
        (expect("column_to_exist", column="nowhere"), False),
        (expect("column_values_to_not_be_null", column="price"), False),
        (expect("column_values_to_not_be_null", column="price", mostly=0.75), True),
        (expect("column_values_to_be_null", column="empty"), True),
        (expect("column_values_to_be_null", column="id"), False),
        (expect("column_values_to_be_unique", column="id"), True),
        (expect("column_values_to_be_unique", column="colour"), False),
        (expect("column_values_to_be_unique", column="colour", mostly=0.5), True),
        (expect(COLUMN_BETWEEN, column="price", min_value=1, max_value=40), True),
        (expect(COLUMN_BETWEEN, column="price", min_value=1, max_value=40, strict_max=True), False),
        (expect(COLUMN_BETWEEN, column="colour", min_value=1), False),
        (expect("column_values_to_be_in_set", column="colour", value_set=["red", "green", "blue"]), True),
        (expect("column_values_to_be_in_set", column="colour", value_set=["red"], mostly=0.5), True),
        (expect("column_values_to_not_be_in_set", column="id", value_set=[4]), False),
        (expect("column_value_lengths_to_be_between", column="colour", min_value=3, max_value=5), True),
        (expect("column_value_lengths_to_equal", column="colour", value=3), False),
        (expect("column_values_to_match_regex", column="colour", regex="^[a-z]+$"), True),
        (expect("column_values_to_not_match_regex", column="colour", regex="^r"), False),
        (expect("column_values_to_be_of_type", column="id", type_="int64"), True),
        (expect("column_values_to_be_of_type", column="id", type_="float64"), False),
        (expect("column_values_to_be_in_type_list", column="colour", type_list=["str", "VARCHAR"]), True),
        (expect("column_min_to_be_between", column="price", min_value=1), True),
        (expect("column_max_to_be_between", column="price", max_value=39), False),
        (expect("column_max_to_be_between", column="colour", max_value="s"), True),
        (expect("column_max_to_be_between", column="colour", max_value=1), False),
        (expect("column_min_to_be_between", column="when", min_value="2024-05-01T00:00:00Z", strict_min=True), False),
        (expect("column_min_to_be_between", column="when", min_value="2024-05-01"), True),
        (expect("column_max_to_be_between", column="when", max_value="2024-05-01 23:59"), False),
        (expect(COLUMN_BETWEEN, column="when", min_value="2024-05-01", max_value="2024-05-02T01:00:00+01:00"), True),
        (expect(COLUMN_BETWEEN, column="when", min_value="2024-05-02"), False),
        (expect(COLUMN_BETWEEN, column="when", min_value="spring"), False),
        (expect("column_distinct_values_to_be_in_set", column="colour", value_set=["red", "green", "blue", "x"]), True),
        (
            expect("column_distinct_values_to_equal_set", column="colour", value_set=["red", "green", "blue", "x"]),
            False,
        ),
        (expect("column_distinct_values_to_contain_set", column="id", value_set=[1, 4]), True),
        (expect("column_unique_value_count_to_be_between", column="colour", min_value=3, max_value=3), True),
        (expect("column_proportion_of_unique_values_to_be_between", column="colour", min_value=0.8), False),
        (expect("column_proportion_of_non_null_values_to_be_between", column="price", min_value=0.7), True),
    ],
)
def test_exact_verdicts(item: dict[str, Any], verdict: bool) -> None:  # noqa: FBT001 - a table of expectations
    assert held(item) is verdict


@pytest.mark.parametrize(
    "item",
    [
        expect(COLUMN_BETWEEN, column="empty", min_value="a"),
        expect("column_values_to_be_in_set", column="empty", value_set=["a"]),
        expect("column_values_to_be_unique", column="empty"),
        expect("column_min_to_be_between", column="empty", min_value="a"),
        expect("column_distinct_values_to_be_in_set", column="empty", value_set=["a"]),
        expect("column_values_to_be_unique", column="nowhere"),
    ],
)
def test_what_cannot_be_judged_has_failed(item: dict[str, Any]) -> None:
    assert not held(item)


def test_rows_are_named_and_severity_counts() -> None:
    contract = suite(
        expect(COLUMN_BETWEEN, "warning", column="price", max_value=10),
        expect("column_values_to_be_in_set", column="colour", value_set=["red", "blue"]),
        expect("column_values_to_not_be_null", "info", column="price"),
    )
    found = {item.subject: item for item in run(contract).findings}
    between = found["expect_column_values_to_be_between(price)"]
    assert (between.level, list(between.rows), between.signal) == (Level.WARNING, [3], Signal.QUALITY)
    members = found["expect_column_values_to_be_in_set(colour)"]
    assert (members.level, list(members.rows)) == (Level.ERROR, [1])
    absent = found["expect_column_values_to_not_be_null(price)"]
    assert (absent.level, list(absent.rows), absent.row_count) == (Level.NOTE, [2], 1)


def test_two_expectations_on_one_column_have_two_names() -> None:
    contract = suite(*(expect("column_max_to_be_between", column="price", max_value=bound) for bound in (1, 2)))
    subjects = [item.subject for item in run(contract).findings]
    assert subjects == ["expect_column_max_to_be_between(price)", "expect_column_max_to_be_between(price)#2"]


def test_every_row_is_judged_however_many_values_there_are() -> None:
    values = np.arange(60_000, dtype=np.float64)
    values[12_345] = -1
    table = pa.table({"x": values, "key": [*range(59_999), 7]})
    contract = suite(
        expect(COLUMN_BETWEEN, column="x", min_value=0), expect("column_values_to_be_unique", column="key")
    )
    found = {item.column: item for item in run_check(CARD, table, contract=contract, cuts=[20_000, 40_000]).findings}
    assert list(found["x"].rows) == [12_345]
    assert found["key"].numbers["unexpected"] == 2


def test_exact_expectations_do_not_load_great_expectations() -> None:
    before = "great_expectations" in sys.modules
    run(suite(expect("table_row_count_to_equal", value=4)))
    assert ("great_expectations" in sys.modules) is before


def test_the_signed_note_names_the_contract() -> None:
    """Who widens a contract leaves a trace in the result that approvers and auditors see."""
    strict, wide = (suite(expect("table_row_count_to_be_between", min_value=least)) for least in (4, 0))
    notes = [run(contract).outcome.coverage.note for contract in (strict, wide)]
    for note, contract in zip(notes, (strict, wide), strict=True):
        assert note == f"1 expectation, given (sha256 {hashlib.sha256(contract.encode()).hexdigest()[:32]})"
    assert notes[0] != notes[1]


def population(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "id": random.permutation(10**6)[:rows],
            "price": random.lognormal(3, 0.5, rows),
            "colour": random.choice(["red", "green", "blue"], rows),
            "note": [None if value < 0.1 else f"note {value}" for value in random.random(rows)],
            "flag": random.random(rows) < 0.5,
        }
    )


REFERENCE = population(1000, 1)


def test_a_derived_contract_is_held_by_an_honest_version() -> None:
    outcome = run(None, population(1500, 2), REFERENCE)
    assert outcome.findings == ()
    assert "derived from the reference" in outcome.outcome.coverage.note


def broken(column: str, values: list[Any]) -> pa.Table:
    table = population(1000, 3)
    index = table.column_names.index(column)
    kept = table[column].to_pylist()[len(values) :]
    return table.set_column(index, column, pa.array([*values, *kept], table.schema.field(column).type))


@pytest.mark.parametrize(
    ("table", "subject", "rows"),
    [
        (broken("price", [1e6] * 20), "expect_column_values_to_be_between(price)", range(20)),
        (broken("price", [-1.0] * 20), "expect_column_values_to_be_between(price)", range(20)),
        (broken("colour", ["mauve"] * 30), "expect_column_values_to_be_in_set(colour)", range(30)),
        (broken("note", ["x" * 500] * 30), "expect_column_value_lengths_to_be_between(note)", range(30)),
        (broken("id", [5, 5]), "expect_column_values_to_be_unique(id)", ()),
        (population(1000, 3).drop_columns(["flag"]), "expect_table_columns_to_match_set()", ()),
    ],
)
def test_a_derived_contract_finds_what_leaves_it(table: pa.Table, subject: str, rows: range) -> None:
    found = {item.subject: item for item in run(None, table, REFERENCE).findings}
    assert list(found[subject].rows) == list(rows)
    assert {item.level for item in found.values()} == {Level.WARNING}


def test_a_derived_contract_accepts_about_as_many_nulls_as_there_were() -> None:
    assert run(None, broken("price", [None] * 60), REFERENCE).findings[0].subject == (
        "expect_column_values_to_not_be_null(price)"
    )
    assert run(None, broken("price", [None] * 10), REFERENCE).findings == ()


def test_a_set_with_values_seen_once_is_not_known() -> None:
    def sparse(seed: int) -> pa.Table:
        random = np.random.default_rng(seed)
        rare = random.integers(1, 400, 1500)
        return pa.table({"porch": np.where(random.random(1500) < 0.015, rare, 0)})

    assert run(None, sparse(2), sparse(1)).findings == ()
