"""One canonical set of Arrow types, what each is called, and how two files' types are reconciled.

Rules:

1. Encodings are undone: dictionaries, run ends, views and large offsets become plain ``string``, ``binary``,
   ``list`` ...; a 64-bit date becomes a 32-bit one; times of day and durations become int64 nanoseconds.
2. Types promote only where no value changes: to wider integers and floats, finer timestamps, merged structs.
   Integers meet floats as float64.
3. A type read from text (CSV, or a JSON string that looked like a time) is *loose*: it may fall back to string.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.domain.dataset import Column, Kind
from poisonguard.errors import UnreadableData

DEEPEST = 32
"""Nesting of a column's type beyond which a file is refused: training data use four or five levels."""
UNITS = ("s", "ms", "us", "ns")
LARGEST_DECIMAL = 38


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """The schema in the domain's words."""
    return tuple(Column(field.name, kind_of(field.type), str(field.type)) for field in schema)


def kind_of(kind: pa.DataType) -> Kind:
    """What a canonical type holds."""
    if pt.is_integer(kind):
        return Kind.INTEGER
    if pt.is_floating(kind) or pt.is_decimal(kind):
        return Kind.FLOAT
    if pt.is_date(kind) or pt.is_timestamp(kind):
        return Kind.TIMESTAMP
    flat = {pa.bool_(): Kind.BOOLEAN, pa.string(): Kind.STRING, pa.binary(): Kind.BINARY, pa.null(): Kind.NULL}
    return flat.get(kind, Kind.NESTED)


def canonical(kind: pa.DataType, depth: int = 0) -> pa.DataType:  # noqa: C901, PLR0911, PLR0912 - one line per family of types
    """The canonical type that holds the values of ``kind``.

    Raises:
        UnreadableData: There is none (unions), or it is nested too deeply.
    """
    if depth > DEEPEST:
        raise UnreadableData(f"nested more than {DEEPEST} levels deep")
    if isinstance(kind, pa.BaseExtensionType):
        return canonical(kind.storage_type, depth + 1)
    if pt.is_dictionary(kind) or pt.is_run_end_encoded(kind):
        return canonical(kind.value_type, depth + 1)
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        return pa.string()
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind):
        return pa.binary()
    if pt.is_date(kind):
        return pa.date32()
    if pt.is_time(kind) or pt.is_duration(kind):
        return pa.int64()
    if pt.is_float16(kind):
        return pa.float32()
    if pt.is_map(kind):
        return pa.map_(canonical(kind.key_type, depth + 1), canonical(kind.item_type, depth + 1))
    if pt.is_struct(kind):
        return pa.struct([(field.name, canonical(field.type, depth + 1)) for field in kind])
    if _is_list(kind):
        return pa.list_(canonical(kind.value_type, depth + 1))
    if pt.is_timestamp(kind):
        return pa.timestamp(kind.unit, "UTC" if kind.tz else None)
    if pt.is_primitive(kind) or pt.is_decimal(kind) or pt.is_null(kind):
        return kind
    raise UnreadableData(f"of the unsupported type {kind}")


def _is_list(kind: pa.DataType) -> bool:
    plain = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return bool(plain or pt.is_list_view(kind) or pt.is_large_list_view(kind))


def canonical_schema(path: str, schema: pa.Schema) -> pa.Schema:
    """The canonical form of a file's schema, without metadata.

    Raises:
        UnreadableData: Two columns share a name, or a type has no canonical form.
    """
    names = [field.name for field in schema]
    refuse_duplicates(path, names)
    fields = []
    for field in schema:
        try:
            fields.append(pa.field(field.name, canonical(field.type)))
        except UnreadableData as error:
            raise UnreadableData(f"{path}: column {field.name!a} is {error.message}") from error
    return pa.schema(fields)


def refuse_duplicates(path: str, names: list[str]) -> None:
    """Refuse two columns of one name: readers disagree on which one they mean."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UnreadableData(
                f"{path}: two columns are called {name!a}", hint="Rename one: readers differ in which they take."
            )
        seen.add(name)


def promote(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:  # noqa: PLR0911 - one line per family
    """The canonical type that holds both, or nothing when there is none."""
    if left == right or pt.is_null(right):
        return left
    if pt.is_null(left):
        return right
    if pt.is_integer(left) and pt.is_integer(right):
        return _wider_integer(left, right)
    if _is_number(left) and _is_number(right):
        return _wider_number(left, right)
    if pt.is_temporal(left) and pt.is_temporal(right):
        return _finer_time(left, right)
    if pt.is_list(left) and pt.is_list(right):
        item = promote(left.value_type, right.value_type)
        return None if item is None else pa.list_(item)
    if pt.is_struct(left) and pt.is_struct(right):
        return _merged_struct(left, right)
    return None


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _wider_integer(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if pt.is_signed_integer(left) == pt.is_signed_integer(right):
        return max(left, right, key=lambda kind: int(kind.bit_width))
    unsigned, signed = (right, left) if pt.is_signed_integer(left) else (left, right)
    width = max(signed.bit_width, 2 * unsigned.bit_width)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(width, pa.decimal128(20, 0))


def _wider_number(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if pt.is_decimal(left) and pt.is_decimal(right):
        scale = max(left.scale, right.scale)
        precision = scale + max(left.precision - left.scale, right.precision - right.scale)
        return pa.decimal128(precision, scale) if precision <= LARGEST_DECIMAL else pa.float64()
    if pt.is_floating(left) and pt.is_floating(right):
        return pa.float64()  # canonical floats are 32 or 64 bits wide, and these differ
    return pa.float64()


def _finer_time(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    times = [kind for kind in (left, right) if pt.is_timestamp(kind)]
    if len(times) == 1:
        return times[0] if times[0].tz is None else None
    if times[0].tz != times[1].tz:
        return None
    return max(times, key=lambda kind: UNITS.index(kind.unit))


def _merged_struct(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    kinds = {field.name: field.type for field in left}
    for field in right:
        kind = promote(kinds.get(field.name, pa.null()), field.type)
        if kind is None:
            return None
        kinds[field.name] = kind
    return pa.struct(list(kinds.items()))


def conform(array: pa.Array, target: pa.DataType) -> pa.Array:  # noqa: PLR0911 - one line per family of types
    """``array`` as the canonical type ``target``, value for value.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit (a date too far away for the finer unit).
    """
    kind = array.type
    if kind == target:
        return array
    if isinstance(kind, pa.BaseExtensionType):
        return conform(array.storage, target)
    if pt.is_dictionary(kind):
        return conform(array.dictionary_decode(), target)
    if pt.is_run_end_encoded(kind):
        return conform(pc.run_end_decode(array), target)
    if pt.is_time(kind) or pt.is_duration(kind):
        nanoseconds = pa.duration("ns") if pt.is_duration(kind) else pa.time64("ns")
        return array.cast(nanoseconds).cast(pa.int64())
    if pt.is_struct(target) and pt.is_struct(kind):
        return _conform_struct(array, target)
    if pt.is_list(target) and _is_list(kind):
        return _conform_list(array, target)
    if pt.is_map(target) and pt.is_map(kind):
        keys, items = conform(array.keys, target.key_type), conform(array.items, target.item_type)
        return pa.MapArray.from_arrays(_offsets(array), keys, items, type=target, mask=None)
    return array.cast(target)


def _conform_struct(array: pa.Array, target: pa.DataType) -> pa.Array:
    fields = []
    for field in target:
        index = array.type.get_field_index(field.name)
        child = pa.nulls(len(array)) if index < 0 else array.field(index)
        fields.append(conform(child, field.type))
    return pa.StructArray.from_arrays(fields, fields=list(target), mask=array.is_null())


def _conform_list(array: pa.Array, target: pa.DataType) -> pa.Array:
    plain = array.cast(pa.list_(array.type.value_type))
    values = conform(plain.values, target.value_type)
    return pa.ListArray.from_arrays(_offsets(plain), values, type=target)


def _offsets(array: pa.Array) -> Any:
    """Offsets of a list or map array, null where the list is null: what ``from_arrays`` understands."""
    offsets = array.offsets
    if array.null_count == 0:
        return offsets
    missing = pa.concat_arrays([array.is_null(), pa.array([False])])
    return pc.if_else(missing, pa.scalar(None, offsets.type), offsets)


def conform_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch's columns by name, cast to ``schema``; a column that it lacks is null."""
    arrays = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        column = pa.nulls(batch.num_rows) if index < 0 else batch.column(index)
        arrays.append(conform(column, field.type))
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


__all__ = [
    "canonical",
    "canonical_schema",
    "columns_of",
    "conform",
    "conform_batch",
    "kind_of",
    "promote",
    "refuse_duplicates",
]
