"""Findings about the same rows are one story; others are not."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from poisonguard.domain.cause import causes
from poisonguard.domain.finding import Finding, Level, Signal


def finding(rows: Iterable[int]) -> Finding:
    return Finding(
        check="PG-X-001",
        level=Level.ERROR,
        signal=Signal.POISONING,
        subject="x",
        message="x",
        compared_with="x",
        confidence=1.0,
        rows=sorted(rows),
    )


def led(*rows: Iterable[int]) -> tuple[int, ...]:
    return causes([finding(item) for item in rows])


def test_the_same_rows_have_one_cause() -> None:
    assert led(range(100), range(5, 95), range(100)) == (0, 0, 0)


def test_other_rows_have_another() -> None:
    assert led(range(100), range(50, 150), range(200, 300)) == (0, 1, 2)


def test_a_finding_of_nearly_everything_takes_no_part_in() -> None:
    assert led(range(1000), range(100)) == (0, 1)


def test_few_rows_are_shared_by_accident() -> None:
    assert led([1, 2], [1, 2]) == (0, 1)
    assert led([1, 2, 3], [1, 2, 3]) == (0, 0)


def test_findings_without_rows_stand_for_themselves() -> None:
    assert led([], [], []) == (0, 1, 2)


@given(st.lists(st.sets(st.integers(0, 20)), max_size=8))
def test_a_leader_leads_itself_and_comes_first(rows: list[set[int]]) -> None:
    found = led(*rows)
    assert all(leader <= place for place, leader in enumerate(found))
    assert all(found[leader] == leader for leader in found)
