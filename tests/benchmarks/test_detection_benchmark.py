"""The detection benchmark: its measures, its split, and two small cases through the whole of it, offline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from benchmarks.detection.cache import Cache
from benchmarks.detection.cases import FEWEST, POISON, Case, Kind, all_cases
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.datasets import DATASETS, dataset_named
from benchmarks.detection.measures import precision_at_k, recall_at
from benchmarks.detection.report import END, START, markdown, replaced
from benchmarks.detection.run import run
from benchmarks.detection.summary import line, summary


def tumours(cache: Cache) -> pa.Table:
    """Tumours by their cells; bundled with scikit-learn."""
    del cache
    values, labels = load_breast_cancer(return_X_y=True)
    columns = {f"x{place}": values[:, place] for place in range(values.shape[1])}
    return pa.table({**columns, "label": ["benign" if label else "malignant" for label in labels]})


TUMOURS = Dataset(
    name="tumours",
    modality=Modality.TABULAR,
    split=Split.TUNING,
    licence="CC BY 4.0 (UCI)",
    what="Tumours by their cells",
    load=tumours,
    columns={"label": "label"},
    rows=569,
)
CLEAN = Case(
    name="tabular/tumours/new-version",
    modality=Modality.TABULAR,
    dataset="tumours",
    split=Split.TUNING,
    kind=Kind.CLEAN,
    what="new-version",
    reference=True,
    expected=("clean",),
)
FLIPPED = replace(
    CLEAN,
    name="tabular/tumours/random-flips",
    kind=Kind.POISONED,
    what="random-flips",
    rate=0.05,
    reference=False,
    expected=("suspicious",),
)


def test_two_cases_go_through_the_whole_harness_and_are_remembered(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    measured = list(run([FLIPPED, CLEAN], cache, with_peers=False, lookup=lambda _: TUMOURS))
    flipped, clean = (each.result for each in measured)
    assert (flipped["rows"], flipped["poisoned"]) == (569, 28)
    assert flipped["recall"] > 0.5
    assert (clean["poisoned"], clean["recall"]) == (0, None)
    assert clean["flagged_clean"] <= 0.02
    again = list(run([FLIPPED, CLEAN], cache, with_peers=False, lookup=lambda _: TUMOURS))
    assert [each.result for each in again] == [flipped, clean]
    assert "tabular/tumours/random-flips" in line(measured[0])
    assert any("right assessment" in text for text in summary(measured))


def test_the_section_replaces_itself_and_nothing_else(tmp_path: Path) -> None:
    from datetime import date

    section = markdown([], Cache(tmp_path), date(2026, 1, 2))
    page = replaced("# Benchmarks\n", section)
    assert page.startswith("# Benchmarks\n")
    assert replaced(page + "after\n", section).endswith(END + "\nafter\n")
    assert replaced(page, section).count(START) == 1


def test_at_least_sixty_cases_and_a_third_of_them_are_honest() -> None:
    for split in Split:
        cases = [case for case in all_cases() if case.split is split]
        honest = [case for case in cases if case.kind not in POISON]
        assert len(cases) >= 60
        assert 3 * len(honest) >= len(cases)


def test_no_data_set_is_on_both_sides_and_every_modality_is_on_each() -> None:
    assert len({dataset.name for dataset in DATASETS}) == len(DATASETS)
    for split in Split:
        assert {case.modality for case in all_cases() if case.split is split} == set(Modality)


def test_every_attack_on_every_data_set_holds_the_cases_in_turn_and_more() -> None:
    in_turn, every = ({case.name for case in all_cases(every=every)} for every in (False, True))
    assert in_turn < every
    assert {"tabular/magic/random-flips@3%", "tabular/magic/random-flips@3%+ref"} <= every


def test_names_are_unique_and_every_attack_has_enough_rows_to_measure() -> None:
    cases = all_cases()
    assert len({(case.name) for case in cases}) == len(cases)
    for case in (case for case in cases if case.kind in POISON):
        assert case.rate * dataset_named(case.dataset).rows >= FEWEST


@given(st.integers(1, 30), st.integers(100, 400))
def test_a_score_that_says_nothing_finds_what_chance_finds(poison: int, clean: int) -> None:
    poisoned = np.arange(poison + clean) < poison
    assert recall_at(np.zeros(poison + clean), poisoned) == pytest.approx(0.01)
    assert precision_at_k(np.zeros(poison + clean), poisoned) == pytest.approx(poison / (poison + clean))


@given(st.integers(1, 30), st.integers(100, 400))
def test_a_score_that_says_all_finds_all(poison: int, clean: int) -> None:
    poisoned = np.arange(poison + clean) < poison
    assert recall_at(poisoned.astype(float), poisoned) == 1.0
    assert precision_at_k(poisoned.astype(float), poisoned) == 1.0


def test_poison_under_the_hundredth_clean_row_is_not_found() -> None:
    scores = np.array([*np.linspace(1, 2, 200), 0.5, 0.4])
    assert recall_at(scores, np.arange(202) >= 200) == 0.0
