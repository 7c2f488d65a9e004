"""Text columns: do lengths, kinds of characters and words of the new rows differ from the reference?

The row is the unit: each text gives one length and one share per kind of character (compared by KS), and holds
a word or not. Words are compared by a permutation test on document frequencies, because words of one text are
not independent: a chi-square over word counts would alarm on every honest version.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse, special

from poisonguard.detectors.statistics_tests import Floats, Test, kolmogorov_smirnov

TEXTS = 3_000
"""Texts of each side that are read: enough for a KS distance of 0.05, bounded for long documents."""

CHARACTERS = 2_000
"""Characters of each text whose words and kinds are counted."""

WORDS = 2_000
"""Most frequent words compared."""

PERMUTATIONS = 100
"""The null's mean and variance come from these; its tail from the gamma distribution they fit."""

CHARACTER_CLASSES: Mapping[str, str] = {
    "digits": r"\d",
    "capitals": r"\p{Lu}",
    "non-ASCII characters": r"[^\x00-\x7F]",
    "punctuation": r"[[:punct:]]",
    "white space": r"\s",
}


def measure_tests(new: pa.Array, old: pa.Array) -> dict[str, tuple[Test, tuple[float, float]]]:
    """By what is measured of each text: its test, and the averages of both sides.

    Args:
        new: New texts without nulls; the first ``TEXTS`` are read.
        old: Texts of the reference, likewise.
    """
    if not len(new) or not len(old):
        return {}
    mine, theirs = _measures(new[:TEXTS]), _measures(old[:TEXTS])
    return {
        name: (kolmogorov_smirnov(values, theirs[name]), (float(values.mean()), float(theirs[name].mean())))
        for name, values in mine.items()
    }


def _measures(texts: pa.Array) -> dict[str, Floats]:
    cut = pc.utf8_slice_codeunits(texts, 0, CHARACTERS)
    size = np.maximum(1, pc.utf8_length(cut).to_numpy(zero_copy_only=False))
    shares = {
        f"share of {name}": pc.count_substring_regex(cut, pattern=pattern).to_numpy(zero_copy_only=False) / size
        for name, pattern in CHARACTER_CLASSES.items()
    }
    length = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.float64)
    return {"length": length, **shares}


def words_test(new: pa.Array, old: pa.Array, seed: int) -> Test:
    """Total variation between word shares, less its mean under permutation; p from the permuted chi-square.

    Args:
        new: New texts without nulls; the first ``TEXTS`` are read.
        old: Texts of the reference, likewise.
        seed: Seed of the permutations.
    """
    new, old = new[:TEXTS], old[:TEXTS]
    if not len(new) or not len(old):
        return Test(0.0, 1.0)
    held = _presence(pa.concat_arrays([new, old]))
    if not held.shape[1]:
        return Test(0.0, 1.0)
    random = np.random.default_rng(seed)
    order = np.array([np.arange(held.shape[0]), *(random.permutation(held.shape[0]) for _ in range(PERMUTATIONS))])
    chosen = np.zeros((len(order), held.shape[0]))
    np.put_along_axis(chosen, order[:, : len(new)], 1.0, axis=1)
    frequency = np.asarray(chosen @ held)
    return _against_permuted(frequency, np.asarray(held.sum(axis=0)).ravel(), len(new), len(old))


def _against_permuted(frequency: Floats, total: Floats, new: int, old: int) -> Test:
    """``frequency`` has the observed document frequencies in its first row and permuted ones below."""
    share = total / (new + old)
    first, second = frequency / new, (total - frequency) / old
    variance = np.maximum(share * (1 - share), 1e-12) * (1 / new + 1 / old)
    statistic = ((first - second) ** 2 / variance).mean(axis=1)
    weights = first.sum(axis=1, keepdims=True), second.sum(axis=1, keepdims=True)
    distance = np.abs(first / np.maximum(weights[0], 1e-12) - second / np.maximum(weights[1], 1e-12)).sum(axis=1) / 2
    mean, spread = statistic[1:].mean(), max(statistic[1:].var(), 1e-12)
    p = float(special.gammaincc(mean**2 / spread, statistic[0] * mean / spread))
    return Test(float(max(0.0, distance[0] - distance[1:].mean())), p)


def _presence(texts: pa.Array) -> sparse.csr_matrix:
    """Which text holds which of the most frequent words, shape (texts, words), 0 or 1."""
    cut = pc.utf8_lower(pc.utf8_slice_codeunits(texts, 0, CHARACTERS))
    split = pc.split_pattern_regex(cut, pattern=r"[^\p{L}\p{N}]+")
    words = pc.list_flatten(split).dictionary_encode()
    rows = pc.list_parent_indices(split).to_numpy()
    codes = words.indices.to_numpy()
    pairs = np.unique(rows.astype(np.int64) * len(words.dictionary) + codes)
    return _frequent(pairs // len(words.dictionary), pairs % len(words.dictionary), len(texts))


def _frequent(rows: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], texts: int) -> sparse.csr_matrix:
    frequency = np.bincount(codes)
    # Words in nearly every text or in a handful say nothing about a distribution.
    order = np.argsort(-frequency, kind="stable")[:WORDS]
    kept = order[(frequency[order] >= 5) & (frequency[order] < texts)]  # noqa: PLR2004 - as for chi-square cells
    place = np.full(len(frequency), -1)
    place[kept] = np.arange(len(kept))
    held = place[codes] >= 0
    return sparse.csr_matrix((np.ones(held.sum()), (rows[held], place[codes[held]])), shape=(texts, len(kept)))
