"""Rules on integers that a double cannot tell apart, and bounds that no integer has."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.sketches.rules import Argument, Rule, RuleMismatchError, breaks

KINDS = {pa.int64(): (-(2**63), 2**63 - 1), pa.uint64(): (0, 2**64 - 1), pa.int8(): (-128, 127)}


def broken(values: pa.Array, predicate: str = "between", **arguments: Argument) -> list[bool]:
    found: list[bool] = breaks(Rule("x", predicate, tuple(sorted(arguments.items()))), values).to_pylist()
    return found


@given(st.data(), st.sampled_from(list(KINDS)), st.booleans())
def test_bounds_on_integers_are_exact(data: st.DataObject, kind: pa.DataType, strict: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    low, high = KINDS[kind]
    values = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=5))
    near = st.sampled_from(values).flatmap(lambda value: st.integers(value - 1, value + 1))
    bound = data.draw(near | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70))
    array = pa.array(values, kind)
    below = [value < bound or (strict and value == bound) for value in values]
    above = [value > bound or (strict and value == bound) for value in values]
    assert broken(array, min_value=bound, strict_min=strict) == below
    assert broken(array, max_value=bound, strict_max=strict) == above


def test_membership_of_large_integers_is_exact() -> None:
    large = pa.array([2**53, 2**53 + 1, 2**62 + 1], pa.int64())
    assert broken(large, "in_set", value_set=(2**53, 2**62 + 1)) == [False, True, False]
    assert broken(large, "not_in_set", value_set=(2**53 + 1,)) == [False, True, False]
    assert broken(pa.array([1, 2]), "in_set", value_set=(1.0, 2.5)) == [False, True]


def test_a_bound_that_no_double_holds_is_a_mismatch_on_floats() -> None:
    with pytest.raises(RuleMismatchError, match="cannot be judged by between"):
        broken(pa.array([1.0]), max_value=10**400)
