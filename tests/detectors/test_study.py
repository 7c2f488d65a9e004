"""What is worked out about labelled texts is the same, whoever asks first."""

from __future__ import annotations

import numpy as np
import pytest

from poisonguard.detectors.content_model import ContentModel
from poisonguard.detectors.study import Labelling, Study

ROWS = 400


def study(labels: int = 2, unknown: int = 0) -> Study:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefghijklmnop"), 8)) for _ in range(ROWS)]
    codes = rng.integers(0, labels, ROWS)
    codes[:unknown] = -1
    return Study(texts, Labelling(codes, labels, rng.integers(0, 5, ROWS), 5, np.ones(ROWS, np.bool_)))


def same(one: ContentModel, other: ContentModel) -> bool:
    return np.array_equal(one.margins, other.margins) and one.intercept == other.intercept


@pytest.mark.parametrize(("labels", "unknown"), [(2, 0), (2, 7), (3, 0)])
def test_models_do_not_depend_on_which_label_is_asked_first(labels: int, unknown: int) -> None:
    early, late = study(labels, unknown), study(labels, unknown)
    forth = [early.model(label) for label in range(labels)]
    back = [late.model(label) for label in reversed(range(labels))][::-1]
    assert all(same(one, other) for one, other in zip(forth, back, strict=True))


def test_of_two_labels_one_model_serves_both() -> None:
    of = study()
    assert np.array_equal(of.model(1).margins, -of.model(0).margins)
