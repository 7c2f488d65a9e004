"""Recall at 1 % false positives, and which checks speak of an attack."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.redteam.measure import FALSE_POSITIVES, checks_about, recall_at_few_false_positives


def test_recall_counts_rows_above_all_but_one_percent_of_the_honest_ones() -> None:
    scores = np.concatenate([np.linspace(0.0, 0.5, 1000), [0.9, 0.9, 0.1, 0.496]])
    assert recall_at_few_false_positives(scores, np.array([1000, 1001, 1002, 1003])) == pytest.approx(0.75)


def test_a_poisoned_row_that_ties_with_too_many_honest_ones_was_not_told_from_them() -> None:
    scores = np.full(200, 0.7)
    assert recall_at_few_false_positives(scores, np.array([0, 1])) == 0


def test_a_score_of_nothing_is_not_seen_even_when_nothing_else_is() -> None:
    assert recall_at_few_false_positives(np.zeros(200), np.array([3])) == 0
    assert recall_at_few_false_positives(np.zeros(1), np.array([0])) == 0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=300), st.data())
def test_no_more_honest_rows_than_allowed_score_like_a_row_that_counts(held: list[float], data: st.DataObject) -> None:
    scores = np.array(held)
    poisoned = np.array(sorted(data.draw(st.sets(st.integers(0, len(held) - 1), min_size=1))))
    recall = recall_at_few_false_positives(scores, poisoned)
    honest = np.delete(scores, poisoned)
    counted = np.sort(scores[poisoned])[::-1][: round(recall * len(poisoned))]
    for score in counted:
        assert (honest >= score).sum() <= FALSE_POSITIVES * len(honest)


def finding(check: str, subject: str, rows: tuple[int, ...] = (), level: Level = Level.WARNING) -> Finding:
    return Finding(
        check=check,
        level=level,
        signal=Signal.POISONING,
        subject=subject,
        message="m",
        compared_with="c",
        confidence=0.9,
        rows=rows,
    )


def test_a_finding_is_about_the_attack_when_it_is_new_or_names_half_of_its_rows() -> None:
    poisoned = np.array([1, 2, 3, 4])
    old = [finding("PG-A-001", "rows"), finding("PG-B-001", "rows", (1, 2, 9)), finding("PG-C-001", "rows", (1, 9))]
    known = frozenset(item.fingerprint for item in old)
    found = [*old, finding("PG-D-001", "column=x"), finding("PG-E-001", "column=y", (1, 2, 3, 4), Level.NOTE)]
    assert checks_about(found, poisoned, known) == ("PG-B-001", "PG-D-001")


def test_rows_that_cannot_be_told_from_poison_do_not_count() -> None:
    scores = np.array([0.9] * 10 + [0.8] * 5 + [0.1] * 100)
    poisoned, alike = np.arange(10, 15), np.arange(10)
    assert recall_at_few_false_positives(scores, poisoned) == 0.0
    assert recall_at_few_false_positives(scores, poisoned, alike) == 1.0
