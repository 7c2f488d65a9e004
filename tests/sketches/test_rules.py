"""Rules on values: what breaks them, and what they cannot judge."""

from __future__ import annotations

import pyarrow as pa
import pytest
from sketch_blocks import block_of

from poisonguard.sketches.rules import Argument, Rule, RuleCounts, RuleMismatchError, breaks


def broken(predicate: str, values: pa.Array, **arguments: Argument) -> list[bool]:
    found: list[bool] = breaks(Rule("x", predicate, tuple(sorted(arguments.items()))), values).to_pylist()
    return found


def test_bounds_are_inclusive_unless_strict() -> None:
    values = pa.array([0, 1, 2, 3])
    assert broken("between", values, min_value=1, max_value=2) == [True, False, False, True]
    assert broken("between", values, min_value=1, max_value=2, strict_min=True, strict_max=True) == [True] * 4
    assert broken("between", values, max_value=1.5) == [False, False, True, True]


def test_texts_and_times_have_bounds_of_their_own_sort() -> None:
    assert broken("between", pa.array(["a", "m", "z"]), min_value="b", max_value="n") == [True, False, True]
    times = pa.array([0, 10**12], pa.timestamp("us"))
    assert broken("between", times, max_value="1970-01-02") == [False, True]


def test_sets_compare_values_of_the_same_sort() -> None:
    assert broken("in_set", pa.array([1, 2, 3]), value_set=(1, 2.0, "3")) == [False, False, True]
    assert broken("not_in_set", pa.array(["1", "2"]), value_set=(1, "2")) == [False, True]
    assert broken("in_set", pa.array([True, False]), value_set=(True,)) == [False, True]


def test_lengths_count_characters() -> None:
    assert broken("lengths_between", pa.array(["", "äö", "abc"]), min_value=1, max_value=2) == [True, False, True]


def test_expressions_match_anywhere() -> None:
    assert broken("match_regex", pa.array(["xay", "b"]), regex="a") == [False, True]
    assert broken("not_match_regex", pa.array(["xay", "b"]), regex="^x") == [True, False]


@pytest.mark.parametrize(
    ("predicate", "values", "arguments"),
    [
        ("between", pa.array(["a"]), {"min_value": 1}),
        ("between", pa.array([1]), {"min_value": "a"}),
        ("between", pa.array([0], pa.timestamp("us")), {"min_value": "yesterday"}),
        ("lengths_between", pa.array([1]), {"min_value": 1}),
        ("match_regex", pa.array([1]), {"regex": "a"}),
        ("match_regex", pa.array(["a"]), {"regex": "(?=a)"}),
        ("in_set", pa.array(["a"]), {"value_set": "a"}),
    ],
)
def test_what_does_not_fit_is_an_error(predicate: str, values: pa.Array, arguments: dict[str, Argument]) -> None:
    with pytest.raises(RuleMismatchError, match="column 'x'"):
        broken(predicate, values, **arguments)


def test_null_and_nan_are_not_judged() -> None:
    sketch = RuleCounts(Rule("x", "between", (("max_value", 1),)))
    state = sketch.fold(block_of(pa.table({"x": [None, float("nan"), 0.5, 2.0]})))
    assert state.to_pylist() == [{"judged": 2, "broken": 1}]
