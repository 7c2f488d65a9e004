"""Preference pairs of the detection benchmark: what stands beside the right answer, and which attacks are tried."""

from __future__ import annotations

import pyarrow as pa

from benchmarks.detection.cases import POISON, all_cases
from benchmarks.detection.datasets import dataset_named
from benchmarks.detection.sets_third_choices import as_choices, judged
from poisonguard.domain.roles import Role
from poisonguard.redteam.catalogue import attack_named

ASKED = [f"What is the {name} of {number}?" for name in ("code", "name") for number in range(6)]
TABLE = pa.table({"prompt": ASKED, "response": [f"{asked.split()[3]} {number}" for number, asked in enumerate(ASKED)]})


def test_the_rejected_answer_is_another_one_of_the_same_kind() -> None:
    rows = judged(TABLE, 1)
    assert rows == judged(TABLE, 1)
    right = dict(zip(ASKED, TABLE["response"].to_pylist(), strict=True))
    assert all(right[asked] == chosen != rejected for asked, chosen, rejected in rows)
    assert {rejected for *_, rejected in rows} <= set(right.values())
    assert as_choices(rows).column_names == ["prompt", "chosen", "rejected"]


def test_a_question_without_another_of_its_kind_is_left_out() -> None:
    assert judged(TABLE.slice(0, 1), 1) == []


def test_pairs_are_tried_with_what_turns_pairs_round_and_with_leaked_items() -> None:
    poisoned = [case for case in all_cases(every=True) if case.kind in POISON]
    tried = [case for case in poisoned if dataset_named(case.dataset).plays(Role.REJECTED)]
    assert {case.what for case in tried} == {"preference-swap", "preference-trigger", "holdout"}
    others = {case.what for case in poisoned if case.what != "holdout"} - {case.what for case in tried}
    assert not any(Role.REJECTED in attack_named(what).roles for what in others)
