"""Look numbers up in a sample: how improbable each is on either side, and its rank as a normal score, in one search.

A search begins in the bucket of the number: buckets of equal width over the bulk of the sample know where theirs begin.
The normal scores of ranks, the same for all samples of one size, stand in a table. The probabilities are those of
``detectors.calibration.UpperTail``: empirical up to the tail's start, Pareto beyond. The normal quantile is Wichura's
algorithm AS 241 (Applied Statistics 37, 1988), PPND16, accurate to about 1e-16.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, part

Floats = npt.NDArray[np.float64]
Starts = npt.NDArray[np.int32]

START, SHARE, SHAPE, SCALE = range(4)
"""Places of a tail's parameters."""

_CENTRE = (
    np.array([3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
              4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3]),
    np.array([1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
              2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3]),
)  # fmt: skip
_MIDDLE = (
    np.array([1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
              1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
              7.74545014278341407640e-4]),
    np.array([1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
              1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
              1.05075007164441684324e-9]),
)  # fmt: skip
_FAR = (
    np.array([6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
              2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
              2.01033439929228813265e-7]),
    np.array([1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
              7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
              2.04426310338993978564e-15]),
)  # fmt: skip


_BULK = 0.425
_FAR_OFF = 5.0
"""Where the three approximations meet: a centred probability, and the root of minus its logarithm."""


@part
def _ratio(above: Floats, below: Floats, at: float) -> float:
    upper, lower = float(above[7]), float(below[7])
    for place in range(6, -1, -1):
        upper = upper * at + above[place]
        lower = lower * at + below[place]
    return float(upper / lower)


@compiled
def normal_quantile(probability: float) -> float:
    """The number that a standard normal one stays below with a probability in (0, 1)."""
    centred = probability - 0.5
    if abs(centred) <= _BULK:
        return centred * _ratio(_CENTRE[0], _CENTRE[1], _BULK * _BULK - centred * centred)
    distance = math.sqrt(-math.log(min(probability, 1.0 - probability)))
    if distance <= _FAR_OFF:
        found = _ratio(_MIDDLE[0], _MIDDLE[1], distance - 1.6)
    else:
        found = _ratio(_FAR[0], _FAR[1], distance - _FAR_OFF)
    return found if centred > 0 else -found


@compiled
def _tail(number: float, inside: float, tail: Floats, smallest: float) -> float:
    """P(X >= number) of one side, ``inside`` by the sample."""
    if number <= tail[START]:
        chance = max(inside, tail[SHARE])
    else:
        excess = (number - tail[START]) / tail[SCALE]
        if tail[SHAPE] == 0.0:
            chance = tail[SHARE] * math.exp(-excess)
        else:
            chance = tail[SHARE] * (1.0 + tail[SHAPE] * excess) ** (-1.0 / tail[SHAPE])
    return float(min(max(chance, smallest), 1.0))


@part
def _bucket(number: float, origin: float, per_unit: float, buckets: int) -> int:
    """The bucket of a number: no smaller number has a later one. Not a number is in the first."""
    place = (number - origin) * per_unit
    if not place > 0.0:
        return 0
    return buckets - 1 if place >= buckets - 1 else int(place)


@compiled
def bucket_starts(ordered: Floats, origin: float, per_unit: float, starts: Starts) -> None:
    """Fill ``starts``, shape (buckets + 1,), with the place in ``ordered`` where each bucket begins; its end last."""
    buckets, bucket = starts.size - 1, 0
    for place in range(ordered.size):
        own = _bucket(ordered[place], origin, per_unit, buckets)
        while bucket <= own:
            starts[bucket] = place
            bucket += 1
    starts[bucket:] = ordered.size


@part
def _first_at_least(ordered: Floats, number: float, low: int, high: int) -> int:
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < number:
            low = middle + 1
        else:
            high = middle
    return low


@part
def _first_above(ordered: Floats, number: float, low: int, high: int) -> int:
    # Mostly no number of the sample is equal: the answer is where the search begins.
    if low == high or ordered[low] > number:
        return low
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] <= number:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def rank_scores(count: int, scores: Floats) -> None:
    """Fill ``scores``, shape (2 * count + 1,), with normal scores of the ranks of ``count`` numbers, halves between."""
    for place in range(scores.size):
        middle = min(max(place / (2.0 * count), 0.5 / count), 1.0 - 0.5 / count)
        # The smaller side is the precise one: 1 - 1e-300 is 1.
        right = 1.0 - middle
        scores[place] = normal_quantile(middle) if middle < right else -normal_quantile(right)


@compiled
def first_at_least(
    numbers: Floats, ordered: Floats, starts: Starts, scale: Floats, found: npt.NDArray[np.int64]
) -> None:
    """Fill ``found``, shape (rows,), with the place of the first of ``ordered`` that is no less than each number.

    Args:
        numbers: What is looked up; none is NaN.
        ordered: The sample, ascending.
        starts: Where each bucket begins.
        scale: Where the first bucket begins, and buckets per unit.
        found: Filled.
    """
    buckets = starts.size - 1
    for row in range(numbers.size):
        bucket = _bucket(numbers[row], scale[0], scale[1], buckets)
        found[row] = _first_at_least(ordered, numbers[row], starts[bucket], starts[bucket + 1])


@compiled
def look_up(  # noqa: PLR0913, PLR0917 - compiled: arrays only, no bundle of them
    numbers: Floats,
    ordered: Floats,
    starts: Starts,
    scale: Floats,
    ranks: Floats,
    upper: Floats,
    lower: Floats,
    smallest: float,
    chances: Floats,
    scores: Floats,
) -> None:
    """Fill ``chances`` (two-sided, 1 for NaN) and ``scores`` (normal scores, 0 for NaN), all of shape (rows,).

    Args:
        numbers: What is looked up.
        ordered: The sample, ascending.
        starts: Where each bucket begins.
        scale: Where the first bucket begins, and buckets per unit.
        ranks: Normal scores of the ranks in such a sample.
        upper: Tail of the sample: start, share, shape, scale.
        lower: Tail of the sample with its sign turned.
        smallest: No probability is less.
        chances: Filled.
        scores: Filled.
    """
    count, buckets = ordered.size, starts.size - 1
    for row in range(numbers.size):
        number = numbers[row]
        if math.isnan(number):
            chances[row], scores[row] = 1.0, 0.0
            continue
        bucket = _bucket(number, scale[0], scale[1], buckets)
        stop = starts[bucket + 1]
        low = _first_at_least(ordered, number, starts[bucket], stop)
        high = _first_above(ordered, number, low, stop)
        above = _tail(number, (count - low) / count, upper, smallest)
        below = _tail(-number, high / count, lower, smallest)
        chances[row] = min(2.0 * min(above, below), 1.0)
        if number <= upper[START] and -number <= lower[START]:
            scores[row] = ranks[low + high]
            continue
        middle = min(max((low + high) / (2.0 * count), 0.5 / count), 1.0 - 0.5 / count)
        right = above if number > upper[START] else 1.0 - middle
        left = below if -number > lower[START] else middle
        # The smaller side is the precise one: 1 - 1e-300 is 1.
        scores[row] = normal_quantile(left) if left < right else -normal_quantile(right)
