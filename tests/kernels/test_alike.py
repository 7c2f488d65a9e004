"""Pairs of pictures near each other: those within the distance, each once, whatever their frequencies hold."""

import numpy as np
import pytest

from poisonguard.kernels.alike import AT_ONCE, coarse, near_pairs


def unit(flat: np.ndarray) -> np.ndarray:
    """Vectors of length one."""
    held = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(held / np.linalg.norm(held, axis=1, keepdims=True), dtype=np.float32)


def mixed(rows: int, side: int, seed: int = 1) -> np.ndarray:
    """Noise, blocks, and near copies of both."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (rows // 2, side * side))
    blocks = np.kron(rng.normal(0, 1, (rows - rows // 2, side // 4, side // 4)), np.ones((4, 4))).reshape(-1, side**2)
    flat = np.concatenate([noise, blocks])
    copied, originals = rng.permutation(rows)[: 2 * (rows // 3)].reshape(2, -1)
    flat[copied] = flat[originals] + rng.normal(0, 0.03, (len(copied), side * side))
    return unit(flat)


def pairs(points: np.ndarray, side: int, reach: float) -> list[tuple[int, int]]:
    found = near_pairs(points, side, reach)
    return [(int(one), int(other)) for left, right in found for one, other in zip(left, right, strict=True)]


@pytest.mark.parametrize("side", [8, 12, 32])
@pytest.mark.parametrize("reach", [0.05, 0.3, 0.9])
def test_pairs_are_those_within_the_distance_each_once(side: int, reach: float) -> None:
    points = mixed(2 * AT_ONCE + 17, side)
    found = pairs(points, side, reach)
    assert len(found) == len(set(found))
    alike = points @ points.T
    clear = np.abs(alike - (1 - reach**2 / 2)) > 1e-5  # the last bits of a product depend on its shape
    wanted = np.argwhere(np.triu(alike >= 1 - reach**2 / 2, 1) & clear).tolist()
    assert {tuple(pair) for pair in wanted} == {pair for pair in found if clear[pair]}
    assert found


def test_a_picture_that_shows_nothing_is_near_none() -> None:
    points = mixed(30, 8)
    points[:10] = 0
    assert all(one >= 10 for pair in pairs(points, 8, 0.9) for one in pair)


def test_frequencies_keep_no_more_than_distances() -> None:
    points = mixed(40, 16)
    shapes = coarse(points, 16)
    apart = ((points[:20] - points[20:]) ** 2).sum(axis=1)
    assert (((shapes[:20] - shapes[20:]) ** 2).sum(axis=1) <= apart + 1e-5).all()
