"""One search says what the formulas of two tails and of normal scores say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from poisonguard.detectors.calibration import Margin, UpperTail
from poisonguard.kernels.margins import normal_quantile

samples = st.lists(st.sampled_from([0.0, 1.0, 2.5, 3.0]) | st.floats(-1e6, 1e6), min_size=1, max_size=60)
looked = st.lists(st.sampled_from([0.0, 2.5, np.nan, np.inf, -np.inf]) | st.floats(-1e9, 1e9), max_size=40)


@pytest.mark.parametrize("chance", [1e-300, 1e-30, 1e-5, 0.02, 0.08, 0.3, 0.5, 0.9, 0.99, 1 - 1e-12])
def test_normal_quantile(chance: float) -> None:
    assert normal_quantile(chance) == pytest.approx(ndtri(chance), rel=1e-12, abs=1e-12)


@given(samples, looked)
def test_one_search_is_both_tails(sample: list[float], numbers: list[float]) -> None:
    margin, values = Margin.fit(np.array(sample)), np.array(numbers)
    chances, scores = margin.look_up(values)
    above, below = margin.upper.chance(values), margin.lower.chance(-values)
    assert chances == pytest.approx(np.minimum(2 * np.minimum(above, below), 1.0), rel=1e-9)
    assert scores == pytest.approx(expected_scores(margin, values, above, below), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", ["normal", "spiked", "heavy", "wide"])
def test_buckets_change_nothing(kind: str) -> None:
    draw = np.random.default_rng(3)
    sample = {
        "normal": draw.normal(size=20_000),
        "spiked": np.append(np.zeros(15_000), draw.lognormal(size=5_000)),
        "heavy": draw.standard_cauchy(20_000),
        "wide": np.append(draw.normal(size=500), [-1.7e308, 1.7e308]),
    }[kind]
    tail = UpperTail.fit(sample)
    asked = np.concatenate([sample[:2_000], draw.normal(size=2_000), [np.inf, -np.inf]])
    inside = (len(sample) - np.searchsorted(tail.values, asked, "left")) / len(sample)
    held = asked <= tail.start
    assert np.array_equal(tail.chance(asked)[held], np.maximum(inside, tail.share)[held])


def expected_scores(margin: Margin, values: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ordered = margin.upper.values
    places = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    middle = np.clip(places / (2 * len(ordered)), 0.5 / len(ordered), 1 - 0.5 / len(ordered))
    above = np.where(values > margin.upper.start, above, 1 - middle)
    below = np.where(-values > margin.lower.start, below, middle)
    return np.where(np.isnan(values), 0.0, np.where(below < above, ndtri(below), -ndtri(above)))
