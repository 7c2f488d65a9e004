"""Codes are placed as scikit-learn's own encoder places them."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OrdinalEncoder

from poisonguard.detectors.learners import CategoriesFirst


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_categories_are_encoded_as_by_the_library(missing: float) -> None:
    draw = np.random.default_rng(1)
    fitted = np.column_stack([draw.integers(-2, 9, (500, 3)) * 1.5, draw.normal(size=(500, 2))])[:, [0, 3, 1, 4, 2]]
    fitted[draw.random(fitted.shape) < missing] = np.nan
    fitted[:, 4] = np.nan if missing else 7.0
    is_category = np.array([True, False, True, False, True])
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    library = ColumnTransformer([("encoder", encoder, is_category), ("rest", "passthrough", ~is_category)]).fit(fitted)
    ours = CategoriesFirst(tuple(library.named_transformers_["encoder"].categories_), is_category)
    asked = np.vstack([fitted, draw.integers(-5, 12, (500, 5)) * 1.5, np.full((1, 5), np.nan), np.full((1, 5), 1e9)])
    assert ours.transform(asked).tobytes() == library.transform(asked).tobytes()
