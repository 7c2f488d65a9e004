"""Labels flipped along a border stand out; labels that honestly are noisy there do not."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from scipy.special import expit

from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.label_border import Border, Plane, crowded_border, distances
from poisonguard.detectors.labels import UNKNOWN

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

ROWS = 4_000
POOL = 300
NAMES = ["a", "b", "c"]


def rows(seed: int, steepness: float = 2.0) -> tuple[pa.Table, Floats, Codes]:
    """(features, probabilities by a model with doubts of its own, labels) of two classes with a linear border."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(ROWS, 3))
    chance = expit(steepness * (points[:, 0] + points[:, 1]))
    codes = (rng.random(ROWS) < chance).astype(np.int64)
    said = expit(steepness * (points[:, 0] + points[:, 1]) + rng.normal(0, 0.5, ROWS))
    return pa.table(dict(zip(NAMES, points.T, strict=True))), np.column_stack([1 - said, said]), codes


def flipped(table: pa.Table, codes: Codes, seed: int) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Half of the rows nearest to the border carry the other label."""
    near = np.argsort(np.abs(table["a"].to_numpy() + table["b"].to_numpy()))[:POOL]
    chosen = np.random.default_rng(seed).choice(near, POOL // 2, replace=False)
    changed = codes.copy()
    changed[chosen] = 1 - changed[chosen]
    return changed, chosen


def winding(seed: int) -> tuple[pa.Table, Floats, Codes]:
    """Classes whose border winds around the line that best parts them: models know better there than the line does."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(ROWS, 3))
    score = points[:, 0] + points[:, 1] + 2.5 * np.sin(3 * points[:, 2])
    codes = (rng.random(ROWS) < expit(3 * score)).astype(np.int64)
    said = expit(1.5 * score + rng.normal(0, 0.5, ROWS))
    return pa.table(dict(zip(NAMES, points.T, strict=True))), np.column_stack([1 - said, said]), codes


def border_of(table: pa.Table, probabilities: Floats, codes: Codes) -> Border | None:
    return crowded_border(TableEncoder.of(table, NAMES, []), table, probabilities, codes)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("steepness", [0.7, 2.0, 8.0])
def test_labels_that_are_noisy_at_their_border_are_honest(seed: int, steepness: float) -> None:
    assert border_of(*rows(seed, steepness)) is None


@pytest.mark.parametrize("seed", range(4))
def test_mistakes_that_are_everywhere_are_no_border(seed: int) -> None:
    table, said, codes = rows(seed, 8.0)
    wrong = np.random.default_rng(seed).random(ROWS) < 0.1
    assert border_of(table, said, np.where(wrong, 1 - codes, codes)) is None


@pytest.mark.parametrize("seed", range(4))
def test_models_that_know_less_than_the_line_are_no_alarm(seed: int) -> None:
    """A model that sees one of the two numbers that matter is too sure near the border, smoothly so."""
    table, _, codes = rows(seed, 4.0)
    said = expit(2.5 * table["a"].to_numpy())
    assert border_of(table, np.column_stack([1 - said, said]), codes) is None


@pytest.mark.parametrize("seed", range(4))
def test_flips_along_the_border_are_found_where_models_were_sure(seed: int) -> None:
    table, said, honest = winding(seed)
    assert border_of(table, said, honest) is None
    codes, chosen = flipped(table, honest, seed)
    found = border_of(table, said, codes)
    assert found is not None
    inside = found.holds(table, codes)
    assert inside[chosen].mean() > 0.7
    assert found.rows <= 2 * POOL
    assert 0.2 < found.flipped < 0.7


def test_the_order_of_the_rows_does_not_matter() -> None:
    table, probabilities, honest = winding(1)
    codes, _ = flipped(table, honest, 1)
    order = np.random.default_rng(0).permutation(ROWS)
    one, other = (
        border_of(table, probabilities, codes),
        border_of(table.take(pa.array(order)), probabilities[order], codes[order]),
    )
    assert one is not None
    assert other is not None
    assert (one.rows, one.wrong) == (other.rows, other.wrong)
    assert one.edge == pytest.approx(other.edge, abs=1e-5)


def test_more_dimensions_than_rows_bear_have_no_plane() -> None:
    rng = np.random.default_rng(0)
    names = [f"column {place}" for place in range(40)]
    table = pa.table({name: rng.normal(size=300) for name in names})
    encoder = TableEncoder.of(table, names, [])
    assert Plane.fit(encoder, table, rng.integers(0, 2, 300), 2) is None


def test_missing_huge_and_categorical_values_are_read() -> None:
    rng = np.random.default_rng(0)
    numbers = [None if place % 7 == 0 else float(place % 5) * (1e300 if place == 1 else 1.0) for place in range(600)]
    kinds = ["red" if place % 3 else "blue" for place in range(600)]
    table = pa.table({"number": pa.array(numbers, pa.float64()), "kind": kinds})
    encoder = TableEncoder.of(table, ["number"], ["kind"])
    plane = Plane.fit(encoder, table, rng.integers(0, 3, 600), 3)
    assert plane is not None
    assert np.isfinite(distances(plane.scores(table))).all()


def test_rows_without_a_label_lie_in_no_band() -> None:
    table, _, codes = rows(0)
    plane = Plane.fit(TableEncoder.of(table, NAMES, []), table, codes, 2)
    assert plane is not None
    band = Border(plane, np.inf, ROWS, 0.5, 0.2, 9.0)
    assert band.holds(table, codes).all()
    assert not band.holds(table, np.full(ROWS, UNKNOWN)).any()


def test_rows_without_values_lie_at_no_border() -> None:
    values = np.array([[0.1, np.nan], [np.nan, np.nan], [1.0, 2.0], [-1.0, -2.0]] * 20)
    table = pa.table({"a": pa.array(values[:, 0], from_pandas=True), "b": pa.array(values[:, 1], from_pandas=True)})
    labels = np.array([0, 1, 0, 1] * 20)
    plane = Plane.fit(TableEncoder(("a", "b"), ()), table, labels, 2)
    assert plane is not None
    assert plane.placed(table.slice(0, 4)).tolist() == [True, False, True, True]
