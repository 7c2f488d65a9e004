"""A run of wrong labels is found where it is; honest order, and honest neighbourhoods, are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poisonguard.detectors.source_tables as tables
from poisonguard.detectors.run_search import Labelled, Run, runs

CHANCE = 1e-3
FAR = 4.5


def rows(wrong: np.ndarray, label: np.ndarray | None = None) -> Labelled:
    label = np.arange(len(wrong)) * 7 % 5 % 2 if label is None else label
    return Labelled(label.astype(np.int32), wrong.astype(np.bool_), int(label.max()) + 1)


def found(labelled: Labelled) -> list[Run]:
    return [run for run in runs(labelled, CHANCE) if run.distance >= FAR and run.rate - run.expected >= 0.3]


def honest(seed: int, size: int = 2000, share: float = 0.15) -> np.ndarray:
    return np.random.default_rng(seed).random(size) < share


@pytest.mark.parametrize("start", [0, 700, 1970])
def test_a_run_is_found_where_it_is(start: int) -> None:
    wrong = honest(1)
    wrong[start : start + 30] = True
    (run,) = found(rows(wrong))
    assert abs(run.start - start) <= 2
    assert abs(run.stop - start - 30) <= 2
    assert run.wrong == wrong[run.start : run.stop].sum()


def test_two_runs_are_two() -> None:
    wrong = honest(2)
    wrong[300:330] = wrong[1500:1540] = True
    assert sorted(run.start // 100 for run in found(rows(wrong))) == [3, 15]


@given(seed=st.integers(0, 200), share=st.sampled_from([0.01, 0.1, 0.3, 0.45]))
def test_independent_mistakes_are_no_run(seed: int, share: float) -> None:
    assert found(rows(honest(seed, 1000, share))) == []


@given(seed=st.integers(0, 50))
def test_neighbourhoods_that_differ_are_no_run(seed: int) -> None:
    random = np.random.default_rng(seed)
    share = np.repeat(random.beta(1, 1.5, 60), 50)
    assert found(rows(random.random(3000) < share)) == []


@pytest.mark.parametrize("order", ["sorted", "in two deliveries", "rare label last"])
def test_rows_in_the_order_of_their_labels_are_no_run(order: str) -> None:
    random = np.random.default_rng(5)
    label = (random.random(2000) < 0.06).astype(int)
    # Models that always give the common label contradict every rare one.
    places = np.argsort(label, kind="stable")
    if order == "in two deliveries":
        places = np.concatenate(
            [np.argsort(label[:1000], kind="stable"), 1000 + np.argsort(label[1000:], kind="stable")]
        )
    if order == "rare label last":
        places = np.argsort(label + random.normal(0, 0.3, 2000), kind="stable")
    assert found(rows(label[places] == 1, label[places])) == []


@pytest.mark.parametrize(("block", "decisions"), [(24, 1), (1, None)])
def test_a_block_of_one_label_is_one_decision(block: int, decisions: int | None) -> None:
    """Where each day has a label, a day with a wrong one is one mistake and not twenty-four."""
    label = np.repeat(np.random.default_rng(8).random(2400 // block) < 0.5, block)
    wrong = honest(9, 2400, 0.02)
    wrong[1200:1224] = True
    label[1176:1200] = label[1224:1248] = not label[1200]
    (run,) = found(rows(wrong, label))
    assert (run.start, run.stop) == (1200, 1224)
    assert run.decisions == (decisions or run.stop - run.start)


def test_a_run_in_rows_sorted_by_label_is_as_many_decisions_as_rows() -> None:
    label = np.repeat([False, True], 1000)
    label[500:530] = True
    wrong = honest(10, 2000, 0.02)
    wrong[500:530] = True
    (run,) = found(rows(wrong, label))
    assert run.decisions == run.stop - run.start


def test_a_long_stretch_is_no_run() -> None:
    wrong = honest(6)
    wrong[:600] = True
    assert found(rows(wrong)) == []


def test_how_rows_are_cut_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = honest(7)
    wrong[990:1040] = True
    whole = list(runs(rows(wrong), CHANCE))
    for block in (1, 7, 1000, 1010):
        monkeypatch.setattr(tables, "BLOCK", block)
        assert [(run.start, run.stop, run.wrong) for run in runs(rows(wrong), CHANCE)] == [
            (run.start, run.stop, run.wrong) for run in whole
        ]


@pytest.mark.parametrize("size", [0, 1, 2])
def test_hardly_any_rows(size: int) -> None:
    assert list(runs(Labelled(np.zeros(size, np.int32), np.ones(size, np.bool_), 1), CHANCE)) == []
