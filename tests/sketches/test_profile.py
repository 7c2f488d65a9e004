"""A profile says what a look at the values says."""

from __future__ import annotations

import math

import pyarrow as pa
from sketch_blocks import block_of

from poisonguard.sketches.profile import TEXT_PREFIX, ColumnProfile, Profile, read_profile


def profile_of(values: pa.Array) -> Profile:
    return read_profile(ColumnProfile("x").fold(block_of(pa.table({"x": values}))))


def test_numbers() -> None:
    found = profile_of(pa.array([1.5, -2.0, 0.0, None, math.nan, 4.0]))
    assert (found.rows, found.nulls, found.nans, found.present) == (6, 1, 1, 4)
    assert (found.zeros, found.negatives, found.fractions) == (1, 1, 1)
    assert (found.minimum, found.maximum) == (-2.0, 4.0)
    assert found.absent_rate == 2 / 6
    assert found.shortest is None


def test_texts_are_counted_in_characters() -> None:
    found = profile_of(pa.array(["", "日本", None, "zebra"]))
    assert (found.empties, found.shortest, found.longest, found.total_length) == (1, 0, 5, 7)
    assert (found.text_minimum, found.text_maximum) == ("", "日本")
    assert found.minimum is None


def test_the_text_range_is_cut() -> None:
    found = profile_of(pa.array(["a" * 1000]))
    assert found.text_maximum == "a" * TEXT_PREFIX
    assert found.longest == 1000


def test_timestamps_have_a_text_range() -> None:
    found = profile_of(pa.array([1_000_000, 0], pa.timestamp("us")))
    assert (found.text_minimum, found.text_maximum) == ("1970-01-01 00:00:00.000000", "1970-01-01 00:00:01.000000")


def test_booleans_and_dictionaries_count_like_their_values() -> None:
    assert profile_of(pa.array([True, False, None])).zeros == 1
    assert profile_of(pa.array(["a", "bb"]).dictionary_encode()).longest == 2


def test_nothing() -> None:
    empty = read_profile(ColumnProfile("x").merge([]))
    assert (empty.rows, empty.absent_rate, empty.minimum) == (0, 0.0, None)
