"""What share of pairs was turned round: the estimate, its error, and groups of which all were."""

from __future__ import annotations

import numpy as np
import pytest

from poisonguard.detectors.preference_excess import pooled, turned_share
from poisonguard.detectors.preference_measures import Rarity, answering, form
from poisonguard.detectors.preference_model import Pairs
from poisonguard.detectors.preference_share import Share, Turning

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def margins(seed: int, rows: int, turned: float = 0.0) -> Floats:
    """Calibrated log-odds: a pair of margin m stands the right way round with a chance of 1 / (1 + exp(-m))."""
    rng = np.random.default_rng(seed)
    sure = np.abs(rng.normal(0, 2, rows)) + 0.01
    right = rng.random(rows) < 1 / (1 + np.exp(-sure))
    right ^= rng.random(rows) < turned
    return np.where(right, sure, -sure)


@pytest.mark.parametrize("turned", [0.0, 0.1, 0.5, 1.0])
def test_the_share_is_what_was_turned(turned: float) -> None:
    found = Turning.of(margins(1, 20_000)).share(margins(2, 20_000, turned))
    assert found.value == pytest.approx(turned, abs=0.03)


def test_its_error_is_that_of_honest_pairs() -> None:
    shares = [Turning.of(margins(seed, 600)).share(margins(seed + 1_000, 400)) for seed in range(200)]
    z = np.array([share.value / share.error for share in shares])
    assert 0.8 < z.std() < 1.25
    assert abs(z.mean()) < 0.4


def test_pairs_of_which_models_are_less_sure_do_not_seem_turned() -> None:
    honest = margins(3, 4_000)
    unsure = honest[np.abs(honest) < 0.7]
    found = Turning.of(margins(4, 4_000)).share(unsure)
    assert abs(found.value) < 3 * found.error


def test_a_group_that_was_turned_is_told_from_one_that_was_not() -> None:
    honest, turned = margins(5, 2_000), -margins(6, 60)
    everything = np.concatenate([honest, turned])
    entries = np.concatenate([everything[:60], turned])
    ratio, mirrored = Turning.of(everything).all_turned(entries, np.repeat([0, 1], 60), 2)
    assert mirrored.tolist() == [False, True]
    assert ratio[0] < 0 < np.log(1e5) < ratio[1]


def test_honest_groups_hardly_ever_reach_a_ratio() -> None:
    """Ville: a ratio of r with a chance of 1 / r at most."""
    honest = margins(7, 20_000)
    ratio, _ = Turning.of(honest).all_turned(honest, np.arange(20_000) // 4, 5_000)
    assert (ratio >= np.log(20)).mean() <= 1 / 20


def test_shares_are_pooled_by_their_errors() -> None:
    found = pooled([Share(0.1, 0.1), Share(0.4, 0.2), Share(9.0, np.inf)])
    assert found.value == pytest.approx(0.16)
    assert found.error == pytest.approx(0.0894, abs=1e-3)


@pytest.mark.parametrize("new", [0, 100])
def test_where_all_or_none_is_new_nothing_is_compared(new: int) -> None:
    pairs = Pairs(("a",) * 100, ("b",) * 100, ("c",) * 100, np.arange(100, dtype=np.uint64))
    found = turned_share(pairs, np.ones(100), np.arange(100) % 5, np.arange(100) < new)
    assert found.chance == pytest.approx(0.5)


def test_an_answer_that_takes_up_rare_words_answers_more() -> None:
    pairs = Pairs(
        ("What does Rotating mean?", "What does it mean?"),
        ("Rotates by what is asked.", "It does mean that."),
        ("Nobody knows.", ""),
        np.arange(2, dtype=np.uint64),
    )
    tokens = pairs.tokens()
    rarity = Rarity.of(tokens)
    good = answering(tokens, rarity, np.array([0, 1]), np.array([2, 3]))
    poor = answering(tokens, rarity, np.array([0, 1]), np.array([4, 5]))
    assert good[0, 3] > poor[0, 3], "by the first letters"
    assert (good[1, :2] > poor[1, :2]).all()
    written = form(pairs.chosen, tokens, 2)
    assert written.shape[0] == pairs.rows
    assert np.isfinite(form(pairs.rejected, tokens, 4)).all(), "an empty answer has a form, too"
