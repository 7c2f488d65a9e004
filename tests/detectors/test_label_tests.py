"""The dataset-level tests of labels: other frequencies and other rows are drift, flips are not; plateaus; corners."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.contradiction import UNSURE, contradicts, hardly
from poisonguard.detectors.features_tabular import TableEncoder
from poisonguard.detectors.label_alarms import LabelNoiseParams, blind_verdict
from poisonguard.detectors.label_excess import Excess, Judged, excesses
from poisonguard.detectors.label_frequencies import at_own_frequencies
from poisonguard.detectors.label_models import LabelModels
from poisonguard.detectors.label_pairs import mixed_labels
from poisonguard.detectors.label_plateau import Contradictions, Plateau
from poisonguard.detectors.label_regions import Corners

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def drawn(rng: np.random.Generator, rows: int, second: float, spread: float = 1.0) -> tuple[Floats, Codes]:
    """(probabilities by a model of equally frequent labels, labels) of rows of which ``second`` carry label 1."""
    codes = (rng.random(rows) < second).astype(np.int64)
    place = rng.normal(2.0 * codes - 1.0, spread)
    chance = 1 / (1 + np.exp(-2 * place / spread**2))
    return np.column_stack([1 - chance, chance]), codes


def compared(new: tuple[Floats, Codes], old: tuple[Floats, Codes]) -> list[Excess]:
    is_new = np.arange(len(new[1]) + len(old[1])) < len(new[1])
    return excesses(Judged.of(np.vstack([new[0], old[0]]), np.concatenate([new[1], old[1]]), is_new))


@pytest.mark.parametrize("seed", range(4))
def test_labels_that_became_frequent_are_no_excess(seed: int) -> None:
    rng = np.random.default_rng(seed)
    old = drawn(rng, 2_000, 0.5)
    found = compared(drawn(rng, 1_000, 0.9), old)
    assert [item.code for item in found] == [None, 0, 1]
    assert min(item.chance for item in found) > 0.003


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_are_harder_to_tell_are_no_excess(seed: int) -> None:
    """The same rule for labels, but new rows lie nearer to the border."""
    rng = np.random.default_rng(seed)
    versions = []
    for rows, width in ((1_000, 0.4), (2_000, 3.0)):
        chance = 1 / (1 + np.exp(-rng.normal(0, width, rows)))
        versions.append((np.column_stack([1 - chance, chance]), (rng.random(rows) < chance).astype(np.int64)))
    assert min(item.chance for item in compared(*versions)) > 0.003


def test_flips_are_an_excess_whatever_the_labels_frequencies() -> None:
    rng = np.random.default_rng(5)
    old = drawn(rng, 2_000, 0.5)
    chance, codes = drawn(rng, 1_000, 0.8)
    flips = rng.choice(1_000, 80, replace=False)
    codes[flips] = 1 - codes[flips]
    found = compared((chance, codes), old)[0]
    assert found.chance < 1e-6
    assert found.share > 0.03


def test_one_label_that_grew_by_flips_is_named() -> None:
    rng = np.random.default_rng(6)
    old = drawn(rng, 2_000, 0.5)
    chance, codes = drawn(rng, 1_000, 0.5)
    codes[rng.choice(np.flatnonzero(codes == 0), 60, replace=False)] = 1
    found = min(compared((chance, codes), old), key=lambda item: item.chance)
    assert found.code == 1
    assert found.chance < 1e-6


def test_versions_in_other_order_are_the_same_test() -> None:
    rng = np.random.default_rng(7)
    new, old = drawn(rng, 300, 0.5), drawn(rng, 400, 0.5)
    order = rng.permutation(700)
    is_new = np.arange(700) < 300
    chance, codes = np.vstack([new[0], old[0]]), np.concatenate([new[1], old[1]])
    shuffled = excesses(Judged.of(chance[order], codes[order], is_new[order]))
    for one, other in zip(compared(new, old), shuffled, strict=True):
        assert one.chance == pytest.approx(other.chance, rel=1e-3)


def test_adjusted_probabilities_are_the_labels_frequencies_on_average() -> None:
    chance, codes = drawn(np.random.default_rng(8), 3_000, 0.9)
    adjusted = at_own_frequencies(chance, codes)
    assert adjusted.sum(axis=1) == pytest.approx(1)
    assert adjusted[:, 1].mean() == pytest.approx(codes.mean(), abs=0.02)
    assert chance[:, 1].mean() < codes.mean() - 0.05


def test_flips_do_not_pass_for_frequent_labels() -> None:
    """Half of the rows of one clear class carry the other label; in rows of doubt it becomes no likelier by that."""
    rng = np.random.default_rng(9)
    chance, codes = drawn(rng, 4_000, 0.5)
    between = (chance[:, 1] > 0.4) & (chance[:, 1] < 0.6)
    before = at_own_frequencies(chance, codes)[between, 1].mean()
    codes[rng.choice(np.flatnonzero(chance[:, 1] < 0.02), 200, replace=False)] = 1
    assert at_own_frequencies(chance, codes)[between, 1].mean() <= before + 0.02


def test_honest_mistakes_fade_out_and_flips_do_not() -> None:
    rng = np.random.default_rng(10)
    sure = np.abs(rng.normal(0, 3, 4_000))
    honest = rng.random(4_000) < 1 / (1 + np.exp(sure))
    flipped = honest ^ (rng.random(4_000) < 0.06)
    assert Plateau.of(sure, honest).lowest == 0
    assert 0.03 <= Plateau.of(sure, flipped).lowest <= Plateau.of(sure, flipped).share <= 0.08


def test_of_many_classes_only_labels_count_that_are_not_even_second_best() -> None:
    rng = np.random.default_rng(11)
    first = rng.uniform(0.5, 0.95, 3_000)
    chance = np.column_stack([first, 0.9 * (1 - first), 0.05 * (1 - first), 0.05 * (1 - first)])
    near, far = (rng.random(3_000) < 0.3).astype(np.int64), np.where(rng.random(3_000) < 0.1, 3, 0)
    assert Contradictions.of(chance, near).plateau.share == 0
    assert Contradictions.of(chance, far).only_foreign
    assert Contradictions.of(chance, far).plateau.share > 0.05


def test_the_corner_where_a_label_took_over_is_described() -> None:
    rng = np.random.default_rng(12)
    matrix = rng.uniform(size=(3_000, 3))
    codes = (matrix[:, 0] > 0.5).astype(np.int64)
    is_new = np.arange(3_000) < 1_500
    corner = is_new & (matrix[:, 1] > 0.8) & (matrix[:, 0] < 0.5)
    codes[corner] = 1
    kind = np.where(matrix[:, 2] > 0.3, "long", "short")
    table = pa.table({"x": matrix[:, 0], "y": matrix[:, 1], "kind": kind})
    chance = np.where(matrix[:, :1] > 0.5, 0.98, 0.02)
    judged = Judged.of(np.hstack([1 - chance, chance]), codes, is_new)
    hashes = rng.integers(0, 2**63, 3_000).astype(np.uint64)
    found = Corners.of(TableEncoder.of(table, ["x", "y"], ["kind"]), table, hashes, judged)
    assert found.found[0].share > 0.9
    assert found.found[0].known < 0.1
    assert "x ≤ 0.50" in found.describe(found.found[0])
    assert "y > 0.8" in found.describe(found.found[0])
    held = found.holds(table, codes)
    assert (held & corner).sum() >= 0.9 * corner.sum()
    assert (held & is_new & ~corner).sum() <= 10


def test_one_rule_for_all_rows_has_no_corner() -> None:
    rng = np.random.default_rng(13)
    table = pa.table({"x": rng.normal(size=2_000)})
    chance = np.full((2_000, 2), 0.5)
    codes = (rng.random(2_000) < 0.5).astype(np.int64)
    judged = Judged.of(chance, codes, np.arange(2_000) < 1_000)
    hashes = rng.integers(0, 2**63, 2_000).astype(np.uint64)
    assert not Corners.of(TableEncoder.of(table, ["x"], []), table, hashes, judged).found
    assert not Corners.of(TableEncoder((), ()), table, hashes, judged).found


def between_labels(rng: np.random.Generator, flipped: int) -> tuple[Floats, Codes]:
    """Three labels, of which the first two overlap; ``flipped`` rows of the first carry the third at random.

    The models have learnt the flips: to every row of the first label they give the third as often as it carries it.
    """
    place = rng.uniform(-4, 4, 2_000)
    second = 1 / (1 + np.exp(-3 * place))
    codes = (rng.random(2_000) < second).astype(np.int64)
    own = np.column_stack([1 - second, second, np.zeros(2_000)])
    third = np.tile([0.01, 0.01, 0.98], (600, 1))
    chosen = rng.choice(np.flatnonzero((codes == 0) & (place < 0)), flipped, replace=False)
    codes[chosen] = 2
    share = flipped / max(1, int((place < 0).sum()))
    own[place < 0] = own[place < 0] * (1 - share) + np.array([0, 0, share])
    own += rng.uniform(0, 0.02, own.shape)
    return np.vstack([own, third]), np.concatenate([codes, np.full(600, 2)])


@pytest.mark.parametrize("seed", range(4))
def test_labels_changed_to_one_other_are_told_by_what_no_doubt_tells(seed: int) -> None:
    found = mixed_labels(*between_labels(np.random.default_rng(seed), 90))
    assert found is not None
    assert (found.looks, found.given, found.carried) == (0, 2, 90)
    assert found.area == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_honest_mistakes_lie_where_models_doubt(seed: int) -> None:
    assert mixed_labels(*between_labels(np.random.default_rng(seed), 0)) is None


@pytest.mark.parametrize("seed", range(4))
def test_a_label_of_which_models_tell_no_mistake_is_not_mixed_into_one(seed: int) -> None:
    """Rows that look like it honestly carry either other one at random: pairs of labels differ that much here."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-2, 2, 3_000)
    second = 1 / (1 + np.exp(-2 * place))
    two = np.column_stack([second, 1 - second, np.zeros(3_000)])
    third = np.tile([0.15, 0.15, 0.7], (300, 1)) + rng.uniform(0, 0.02, (300, 3))
    codes = np.concatenate([(rng.random(3_000) > second), rng.choice(3, 300, p=[0.15, 0.15, 0.7])]).astype(np.int64)
    assert mixed_labels(np.vstack([two + 1e-6, third]), codes) is None


def test_a_label_that_the_models_do_not_know_is_not_mixed_into_another() -> None:
    rng = np.random.default_rng(1)
    chances = np.tile([0.85, 0.15], (1_000, 1)) + rng.uniform(0, 0.01, (1_000, 2))
    assert mixed_labels(chances, (rng.random(1_000) < 0.15).astype(np.int64)) is None


@pytest.mark.parametrize(("flipped", "alarmed"), [(0.03, True), (0.0, False)])
def test_mistakes_of_models_that_make_no_others_alarm(flipped: float, alarmed: bool) -> None:  # noqa: FBT001 - a parameter
    """Of four labels the wrong one is the second best by chance: the plateau of foreign ones is low."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, 4_000)
    chances = np.full((4_000, 4), 0.002) + rng.uniform(0, 0.001, (4_000, 4))
    chances[np.arange(4_000), codes] = rng.uniform(0.9, 1.0, 4_000)
    changed = rng.random(4_000) < flipped
    codes[changed] = (codes[changed] + 1) % 4
    # Models learn the flips: the next label is everywhere the second best.
    chances[np.arange(4_000), (chances.argmax(axis=1) + 1) % 4] += 0.03
    rows = SimpleNamespace(known=np.ones(4_000, np.bool_), codes=codes, classes=SimpleNamespace(names=tuple("abcd")))
    models = cast("LabelModels", SimpleNamespace(rows=rows, first=chances))
    alarm = blind_verdict(models, LabelNoiseParams()).alarm
    assert ("surest" in alarm.message if alarm else False) == alarmed


@given(found=st.lists(st.floats(0, 0.99), min_size=1, max_size=20), seed=st.integers(0, 99))
def test_rows_that_hardly_stand_out_still_contradict(found: list[float], seed: int) -> None:
    values = np.array(found)
    rather = np.random.default_rng(seed).random(len(values)) < 0.5
    lowered = hardly(values, rather)
    assert (contradicts(lowered) == contradicts(values)).all()
    assert (lowered < UNSURE).all()
    inside, order = np.flatnonzero(rather), np.argsort(values[rather], kind="stable")
    assert (np.diff(lowered[inside][order]) >= 0).all()


def test_one_label_of_many_that_took_over_is_an_excess() -> None:
    """Of twenty labels, chance gives each seldom: rows changed to one of them are surprising for that one."""
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 20, 6_000)
    sure = rng.uniform(0.5, 0.99, 6_000)
    chances = np.repeat((1 - sure)[:, None] / 19, 20, axis=1)
    chances[np.arange(6_000), codes] = sure
    is_new = np.arange(6_000) < 2_000
    codes[np.flatnonzero(is_new & (codes == 3))[:25]] = 7
    found = min(excesses(Judged.of(chances, codes, is_new)), key=lambda item: item.chance)
    assert found.code == 7
    assert found.chance < 1e-5
