"""A 64-bit hash of every value of an Arrow column, the same for equal values whatever their encoding.

1. Integers of any width, booleans and whole-numbered temporal units hash by value; a dictionary like its values;
   a large string like a string.
2. All NaN are equal, and so are 0.0 and -0.0. A null is a value of its own.
3. Lists hash by their items in order, structs by their fields in order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.kernels.mixing import GOLDEN, fold_lists, hash_bytes, mix_array
from poisonguard.kernels.scratch import scratch
from poisonguard.kernels.utf8 import utf8_buffers

Hashes = npt.NDArray[np.uint64]

_NULL = np.uint64(0x6E756C6C)
_MASK = (1 << 64) - 1


def column_hashes(values: pa.Array, seed: int) -> Hashes:
    """Hash of every value, shape (values,).

    Args:
        values: Any Arrow array.
        seed: 64-bit key.
    """
    key = np.uint64(seed & _MASK)
    hashes = _valid_hashes(values, seed, key)
    if values.null_count:
        hashes = np.where(np.asarray(pc.is_null(values)), mix_array(np.array([key ^ _NULL]))[0], hashes)
    return hashes


def place_terms(hashes: Hashes) -> Hashes:
    """What each value adds to the hash of its row: value and place, mixed; shape (rows, columns) kept.

    The hash of a row is the sum of its terms, so that taking one away gives the hash of the rest of the row.
    """
    places = np.arange(1, hashes.shape[1] + 1, dtype=np.uint64) * GOLDEN
    return mix_array(hashes ^ places)


def combined(hashes: Hashes) -> Hashes:
    """One hash for each row of ``hashes`` (rows, columns); depends on which column holds what."""
    return mix_array(place_terms(hashes).sum(axis=1, dtype=np.uint64))


def _valid_hashes(values: pa.Array, seed: int, key: np.uint64) -> Hashes:
    """Hashes of the values that are not null; a null gets any number."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(values, seed)
    if isinstance(values, pa.ExtensionArray):
        return column_hashes(values.storage, seed)
    if pa.types.is_nested(kind):
        return _of_nested(values, seed, key)
    if pa.types.is_floating(kind):
        return mix_array(_float_bits(values) ^ key)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind):
        return mix_array(_integer_bits(values) ^ key)
    return _of_bytes(values, key)


def _float_bits(values: pa.Array) -> Hashes:
    numbers = np.asarray(values.cast(pa.float64()).fill_null(0.0), dtype=np.float64) + 0.0
    numbers = np.where(np.isnan(numbers), np.nan, numbers)
    return np.ascontiguousarray(numbers).view(np.uint64)


def _integer_bits(values: pa.Array) -> Hashes:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    if pa.types.is_temporal(values.type):
        values = values.view(pa.int32() if values.type.bit_width == 32 else pa.int64())  # noqa: PLR2004 - bits
    numbers = np.asarray(values.fill_null(0))
    return numbers.astype(np.uint64 if numbers.dtype == np.uint64 else np.int64).view(np.uint64)


def _of_bytes(values: pa.Array, key: np.uint64) -> Hashes:
    """Strings and binaries by their bytes; decimals and whatever else by their text."""
    kind = values.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    binary = not text and "binary" in str(kind)
    data, offsets = utf8_buffers(values.cast(pa.large_binary() if binary else pa.large_string()))
    hashes = scratch(len(values), np.uint64)
    hash_bytes(data, offsets, key, hashes)
    return hashes


def _of_dictionary(values: pa.DictionaryArray, seed: int) -> Hashes:
    if not len(values.dictionary):
        return np.zeros(len(values), dtype=np.uint64)
    return column_hashes(values.dictionary, seed)[np.asarray(values.indices.fill_null(0), dtype=np.int64)]


def _of_nested(values: pa.Array, seed: int, key: np.uint64) -> Hashes:
    if pa.types.is_struct(values.type):
        fields = [column_hashes(item, seed) for item in values.flatten()]
        return combined(np.column_stack(fields)) if fields else np.full(len(values), key)
    if pa.types.is_map(values.type):
        kind = pa.struct([pa.field("key", values.type.key_type, nullable=False), values.type.item_field])
        values = values.cast(pa.list_(kind))
    lengths = np.asarray(pc.list_value_length(values).fill_null(0), dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    hashes = np.empty(len(values), dtype=np.uint64)
    fold_lists(column_hashes(values.flatten(), seed), offsets, key, hashes)
    return hashes
