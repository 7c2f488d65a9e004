"""Rows as points: standardised numbers, one-hot categories and hashed words, for attacks that need neighbours."""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa

from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.numeric import Floats, numbers, numeric_features
from poisonguard.redteam.values import encode

MOST_CATEGORIES = 20
"""A column with more values than this has no categories."""
WORD_BINS = 256


def points(table: pa.Table, roles: Roles) -> Floats:
    """One point for each row, shape (rows, dimensions); no dimension when the table has nothing to measure."""
    numeric = numeric_features(table, roles)
    flat = [name for name in roles.all(Role.FEATURE) if name not in numeric and _is_flat(table, name)]
    parts = [_standardised(numbers(table, name)) for name in numeric]
    parts += [_one_hot(table, name) for name in flat]
    parts += [_words(table, name) for name in roles.all(Role.TEXT)]
    return np.hstack([np.zeros((table.num_rows, 0)), *parts])


def _is_flat(table: pa.Table, column: str) -> bool:
    return not pa.types.is_nested(table.schema.field(column).type)


def _standardised(values: Floats) -> Floats:
    scale = float(np.nanstd(values)) or 1.0
    standard: Floats = np.nan_to_num((values - np.nanmean(values)) / scale)
    return standard[:, None]


def _one_hot(table: pa.Table, column: str) -> Floats:
    coded = encode(table, column)
    classes = len(coded.values)
    if not 1 < classes <= MOST_CATEGORIES:
        return np.zeros((table.num_rows, 0))
    hot: Floats = (coded.codes[:, None] == np.arange(classes)).astype(np.float64)
    return hot


def _words(table: pa.Table, column: str) -> Floats:
    """Shares of hashed words, scaled so that a text weighs as much as one feature."""
    counts = np.zeros((table.num_rows, WORD_BINS))
    for row, text in enumerate(table.column(column).to_pylist()):
        for word in str(text or "").lower().split():
            counts[row, zlib.crc32(word.encode()) % WORD_BINS] += 1
    length = np.linalg.norm(counts, axis=1, keepdims=True)
    shares: Floats = counts / np.maximum(length, 1.0)
    return shares
