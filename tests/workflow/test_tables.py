"""Tables in memory: everything that can hand over Arrow, each refusal in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from poisonguard.errors import UnreadableData, UsageError
from poisonguard.workflow.tables import as_data

TABLE = pa.table({"a": [1, 2], "b": ["x", "y"]})


class Streamed:
    """Something that is no table but offers one."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return TABLE.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("data", [TABLE, TABLE.to_batches()[0], TABLE.to_pandas(), Streamed()])
def test_whatever_hands_over_arrow(data: Any) -> None:
    table = as_data(data)
    assert isinstance(table, pa.Table)
    assert table.to_pydict() == TABLE.to_pydict()


@pytest.mark.parametrize("path", ["a/b.csv", Path("a/b.csv")])
def test_paths_stay_paths(path: Any) -> None:
    assert as_data(path) == "a/b.csv"


def test_a_label_in_the_index_is_a_column() -> None:
    table = as_data(pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="label")))
    assert isinstance(table, pa.Table)
    assert table.to_pydict() == {"label": ["x", "y"], "a": [1, 2]}
    assert as_data(pd.DataFrame({"a": [1, 2]}).iloc[1:]).column_names == ["a"]  # type: ignore[union-attr] # a table


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pd.DataFrame({"a": [2**70, 1]}), "too large"),
        (pd.DataFrame({"a": ["x", 1]}), "column a"),
        (pd.DataFrame({"a": [object()]}), "column a"),
        (pd.DataFrame({"a": [1j]}), "column a"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' occurs twice"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "'1' occurs twice"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([2], name="a")), "a"),
        (pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), "'a' occurs twice"),
    ],
)
def test_what_arrow_cannot_hold_is_one_line(data: Any, said: str) -> None:
    with pytest.raises(UnreadableData) as caught:
        as_data(data)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("data", [None, 5, [1, 2], {"a": [1]}])
def test_other_things_are_refused(data: Any) -> None:
    with pytest.raises(UsageError, match="cannot scan a"):
        as_data(data)
