"""Columns, labels and references that no model was made for: an answer or a stated reason, never a broken check.

Library warnings are errors here (pyproject).
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from poisonguard.detectors.calibration import UpperTail
from poisonguard.detectors.features_tabular import LARGEST, TableEncoder, numbers
from poisonguard.detectors.learners import SEED_RANGE, BoostedTrees, ExtraTrees
from poisonguard.domain.outcome import Ran, Skipped

LABEL, OUTLIERS, TRIGGER = "PG-LABEL-001", "PG-OUT-001", "PG-TEXT-001"
ROWS = 400


def content(rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    width = draw.normal(10, 2, rows)
    return {
        "width": width,
        "height": width * 0.5 + draw.normal(0, 1, rows),
        "colour": draw.choice(["red", "green", "blue"], rows),
        "text": [" ".join(draw.choice(["alpha", "beta", "gamma", "delta"], 8)) for _ in range(rows)],
        "label": np.where(width > 10, "big", "small"),
    }


def ran(card: str, candidate: dict[str, Any], reference: dict[str, Any] | None = None) -> Ran:
    base = None if reference is None else pa.table(reference)
    outcome = run_check(card, pa.table(candidate), base, columns={"label": "label", "text": "text"}).outcome
    assert isinstance(outcome, Ran), outcome
    return outcome


@pytest.mark.parametrize("card", [LABEL, OUTLIERS])
@pytest.mark.parametrize("with_reference", [False, True])
def test_numbers_that_are_not_finite(card: str, *, with_reference: bool) -> None:
    table = content() | {
        "nan": np.full(ROWS, np.nan),
        "infinite": np.full(ROWS, np.inf),
        "mixed": np.where(np.arange(ROWS) % 3 == 0, np.inf, np.nan),
        "huge": np.arange(-1.0, 1.0, 2 / ROWS) * 1.7e308,
        "ends": np.tile([-1.7e308, 0.0, 1.0, 1.7e308], ROWS // 4),
        "tiny": np.repeat([0.0, 5e-324], ROWS // 2),
    }
    ran(card, table, table if with_reference else None)


def test_a_column_that_only_unlabelled_rows_hold() -> None:
    table, others = content(), np.full(ROWS, np.nan)
    table["label"] = pa.array([*table["label"][:300], *[None] * 100])
    others[300:] = np.arange(100)
    ran(LABEL, table | {"other": others})


@pytest.mark.parametrize("varied", [1, 300])
def test_a_class_whose_rows_are_copies_of_one_row(varied: int) -> None:
    texts = [f"alpha beta {row % varied}" for row in range(300)] + ["gamma delta"] * 300
    width = [float(row % varied) for row in range(300)] + [2.0] * 300
    ran(LABEL, {"width": width, "text": texts, "label": ["big"] * 300 + ["small"] * 300})


@pytest.mark.parametrize("card", [LABEL, OUTLIERS, TRIGGER])
def test_a_reference_without_a_common_column(card: str) -> None:
    outcome = ran(card, content(), {"z": list(range(ROWS))})
    assert "judged without the reference" in outcome.coverage.note


@pytest.mark.parametrize("missing", ["label", "width", "text"])
@pytest.mark.parametrize("card", [LABEL, OUTLIERS, TRIGGER])
def test_a_reference_that_lacks_one_column(card: str, missing: str) -> None:
    note = ran(card, content(), {k: v for k, v in content(seed=1).items() if k != missing}).coverage.note
    alone = (card, missing) in {(LABEL, "label"), (TRIGGER, "text"), (TRIGGER, "label")}
    fewer = (card, missing) in {(LABEL, "width"), (LABEL, "text"), (OUTLIERS, "width")}
    assert ("judged without the reference" in note) == alone
    assert ("without 1 column that the reference lacks" in note) == fewer


@pytest.mark.parametrize("card", [LABEL, OUTLIERS, TRIGGER])
def test_a_reference_of_other_types(card: str) -> None:
    numeric = content() | {"colour": list(range(ROWS))}
    nested = content() | {"width": [[row] for row in range(ROWS)], "text": [[row] for row in range(ROWS)]}
    listed = content() | {"label": [[row] for row in range(ROWS)]}
    for candidate, reference in [(numeric, content()), (content(), numeric), (content(), nested), (content(), listed)]:
        ran(card, candidate, reference)


@pytest.mark.parametrize("card", [LABEL, OUTLIERS, TRIGGER])
def test_a_reference_of_nulls(card: str) -> None:
    ran(card, content(), {name: pa.nulls(ROWS) for name in content()})


def test_numbers_of_any_type_are_compared() -> None:
    whole = content() | {"width": np.rint(content()["width"]).astype(np.int64)}
    assert not ran(OUTLIERS, whole, content()).coverage.note


@pytest.mark.parametrize("card", [LABEL, TRIGGER])
@pytest.mark.parametrize(("label", "kind"), [([1, 2], "nested"), (b"\xff", "binary")])
def test_labels_that_are_no_classes(card: str, label: Any, kind: str) -> None:
    table = pa.table(content() | {"label": [label] * ROWS})
    outcome = run_check(card, table, columns={"label": "label", "text": "text"}).outcome
    assert isinstance(outcome, Skipped)
    assert outcome.reason == f"label label is of kind {kind}"


def test_thousands_of_classes_are_read_in_full() -> None:
    rows = 5000
    table = pa.table(content(rows) | {"label": [f"c{row}" for row in range(rows)]})
    outcome = run_check("PG-DUP-003", table, columns={"label": "label", "text": "text"}).outcome
    assert isinstance(outcome, Ran)
    assert outcome.coverage.rows_seen == rows
    assert "5000 different labels" in outcome.coverage.note


def test_tails_take_any_number() -> None:
    ends = np.array([-1.7e308, 0.0, 1.7e308, np.nan])
    chance = UpperTail.fit(np.linspace(-1.7e308, -1.6e308, 200)).chance(ends)
    assert np.all((chance > 0) & (chance <= 1))
    assert numbers(pa.table({"x": ends}), "x")[:3].tolist() == [-LARGEST, 0, LARGEST]
    UpperTail.fit(np.append(np.zeros(95), [5e-324, 5e-324, 1e150, 1e150, 1e150]))


def test_models_vote_like_the_library_in_threads_too() -> None:
    table, seed = pa.table(content() | {"nan": np.where(np.arange(ROWS) % 2, np.nan, 1.0)}), 2**40
    encoder = TableEncoder.of(table, ("width", "height", "nan"), ("colour",))
    codes = (np.arange(ROWS) % 3).astype(np.int64) * 2
    forest, boosted = ExtraTrees(encoder, seed), BoostedTrees(encoder, seed)
    forest_rows, boosted_rows = forest.matrix(table), boosted.matrix(table)
    theirs = [
        ExtraTreesClassifier(80, min_samples_leaf=3, max_features="sqrt", random_state=seed % SEED_RANGE)
        .fit(forest_rows, codes)
        .predict_proba(forest_rows),
        HistGradientBoostingClassifier(
            max_iter=25,
            learning_rate=0.1 * 60 / 25,
            max_leaf_nodes=15,
            min_samples_leaf=20,
            early_stopping=False,
            categorical_features=encoder.is_category,
            random_state=seed % SEED_RANGE,
        )
        .fit(boosted_rows, codes)
        .predict_proba(boosted_rows),
    ]
    pairs = [(forest.fit(forest_rows, codes), forest_rows), (boosted.fit(boosted_rows, codes), boosted_rows)]
    for (model, rows), expected in zip(pairs, theirs, strict=True):
        copy = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
        assert copy.classes_.tolist() == [0, 2, 4]
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(copy.predict_proba, [rows] * 12):
                np.testing.assert_array_equal(found, expected)


def test_models_are_asked_without_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table(content())
    encoder = TableEncoder.of(table, ("width", "height"), ("colour",))
    codes = (np.arange(ROWS) % 2).astype(np.int64)
    learners = [ExtraTrees(encoder, 1), BoostedTrees(encoder, 1)]
    fitted = [(learner.fit(learner.matrix(table), codes), learner.matrix(table)) for learner in learners]
    monkeypatch.setattr("joblib.Parallel.__call__", lambda *_: pytest.fail("joblib was called"))
    for model, rows in fitted:
        assert model.predict_proba(rows).shape == (ROWS, 2)
