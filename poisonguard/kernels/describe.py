"""What one pass over numbers counts of them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled


@compiled
def described(numbers: npt.NDArray[np.float64]) -> tuple[int, int, int, float, float]:
    """Zeros, negative numbers, numbers that are no integers, the least and the largest (inf, -inf of none).

    Args:
        numbers: No NaN, shape (numbers,). Infinite ones are integers here; minus zero is zero.
    """
    zeros, negatives, fractions, low, high = 0, 0, 0, math.inf, -math.inf
    for place in range(numbers.size):
        number = numbers[place] + 0.0
        zeros += number == 0.0
        negatives += number < 0.0
        fractions += number != math.floor(number) if abs(number) < math.inf else False
        low, high = min(low, number), max(high, number)
    return zeros, negatives, fractions, low, high
