"""Roles: the usual names and contents, reasons with numbers, overrides."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from poisonguard.dataset.arrowtypes import columns_of
from poisonguard.dataset.roles import infer_roles
from poisonguard.domain.roles import Role, Roles
from poisonguard.errors import UsageError

ROWS = 200
PROSE = [f"This is review number {index} and it says quite a lot" for index in range(ROWS)]
KINDS = [("cat", "dog", "owl")[index % 3] for index in range(ROWS)]


def roles(overrides: dict[str, str] | None = None, **columns: object) -> Roles:
    """Roles of a table."""
    table = pa.table(columns)
    return infer_roles(columns_of(table.schema), table, overrides or {})


COLUMNS: list[tuple[str, object, Role]] = [
    ("label", KINDS, Role.LABEL),
    ("Label", [index % 2 for index in range(ROWS)], Role.LABEL),
    ("target", [index / 7 for index in range(ROWS)], Role.LABEL),
    ("is_spam", [index % 2 == 0 for index in range(ROWS)], Role.LABEL),
    ("label", PROSE, Role.TEXT),
    ("review", PROSE, Role.TEXT),
    ("anything", PROSE, Role.TEXT),
    ("text", ["ok", "fine"] * (ROWS // 2), Role.FEATURE),
    ("prompt", PROSE, Role.PROMPT),
    ("completion", PROSE, Role.RESPONSE),
    ("source", [f"web-{index % 7}" for index in range(ROWS)], Role.SOURCE),
    ("annotatorId", [index % 5 for index in range(ROWS)], Role.SOURCE),
    ("where", [f"https://example.org/{index}" for index in range(ROWS)], Role.URL),
    ("id", list(range(ROWS)), Role.ID),
    ("Unnamed: 0", list(range(ROWS)), Role.ID),
    ("sha", [f"{index:032x}" for index in range(ROWS)], Role.ID),
    ("customer_id", [index % 9 for index in range(ROWS)], Role.FEATURE),
    ("part", ["train"] * 150 + ["test"] * 50, Role.SPLIT),
    ("when", [dt.date(2024, 1, 1)] * ROWS, Role.TIMESTAMP),
    ("created_at", [1_700_000_000 + index for index in range(ROWS)], Role.TIMESTAMP),
    ("file", [f"img/{index}.JPG" for index in range(ROWS)], Role.IMAGE),
    ("image", [b"\x89PNG"] * ROWS, Role.IMAGE),
    ("price", [index * 0.5 for index in range(ROWS)], Role.FEATURE),
    ("messages", [[{"role": "user", "content": "hi"}]] * ROWS, Role.FEATURE),
    ("nothing", pa.nulls(ROWS), Role.FEATURE),
    ("label", pa.nulls(ROWS), Role.FEATURE),
]


@pytest.mark.parametrize(("name", "values", "role"), COLUMNS, ids=range(len(COLUMNS)))
def test_columns(name: str, values: object, role: Role) -> None:
    table = pa.table({name: values, "weight": [index * 0.5 for index in range(ROWS)]})
    found = infer_roles(columns_of(table.schema), table, {})
    assert found.of(name) is role
    assert found.of("weight") is Role.FEATURE


def test_the_reason_is_a_sentence_with_numbers() -> None:
    assert roles(label=KINDS).assignments[0].reason == "3 distinct values in 200 rows and named 'label'"


def test_input_is_a_prompt_beside_an_answer() -> None:
    assert roles(input=PROSE, output=PROSE).of("input") is Role.PROMPT
    assert roles(input=PROSE, other=PROSE).of("input") is Role.TEXT
    assert roles(system=["Be brief."] * ROWS, question=PROSE, response=PROSE).of("system") is Role.PROMPT
    assert roles(system=["linux", "mac"] * (ROWS // 2), other=PROSE).of("system") is Role.FEATURE


def test_rejected_is_the_other_answer_of_a_pair() -> None:
    pair = roles(prompt=PROSE, chosen=PROSE, rejected=PROSE)
    assert [item.role for item in pair.assignments] == [Role.PROMPT, Role.RESPONSE, Role.REJECTED]
    assert roles(rejected=PROSE, other=PROSE).of("rejected") is Role.TEXT


def test_the_last_column_may_be_the_label() -> None:
    numbers = [index * 0.5 for index in range(ROWS)]
    found = roles(a=numbers, b=numbers, kind=KINDS)
    assert found.first(Role.LABEL) == "kind"
    assert "last column" in found.assignments[2].reason
    assert roles(a=numbers, kind=KINDS, b=numbers).first(Role.LABEL) is None


def test_one_label_only() -> None:
    found = roles(label=KINDS, sentiment=KINDS)
    assert found.all(Role.LABEL) == ("label",)
    assert "another column is the label" in found.assignments[1].reason


def test_what_the_user_says_wins() -> None:
    found = roles({"sentiment": "label", "review": "feature"}, label=KINDS, sentiment=KINDS, review=PROSE)
    assert found.all(Role.LABEL) == ("sentiment",)
    assert found.of("review") is Role.FEATURE
    assert found.assignments[1].reason == "assigned by the user"


def test_unknown_columns_and_roles_name_near_ones() -> None:
    with pytest.raises(UsageError, match="no column 'lable'") as column:
        roles({"lable": "label"}, label=KINDS)
    with pytest.raises(UsageError, match="no role 'labels'") as role:
        roles({"label": "labels"}, label=KINDS)
    assert "'label'" in column.value.hint
    assert "'label'" in role.value.hint


def test_no_rows_to_look_at() -> None:
    table = pa.table({"label": pa.array([], pa.string()), "x": pa.array([], pa.float64())})
    found = infer_roles(columns_of(table.schema), table, {})
    assert [item.role for item in found.assignments] == [Role.FEATURE, Role.FEATURE]
