"""JSON values that no one number type holds: found, and turned into text.

Rules:

1. A place (a column, or a field inside one) that holds strings in some rows and numbers or booleans in others is
   text in all rows; so is one that holds an integer beyond 64 bits, which a float would change.
2. The text of an integer is its digits; of another number, its RFC 8785 form (the shortest that reads back); of a
   boolean, ``true`` or ``false``. It depends on the value alone, not on how it was written.
3. A line that cannot be read is left as it is: the parser names it.

Only files with such a place pay for this: their lines go through Python's own parser once more.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
import rfc8785

INT64 = range(-(2**63), 2**63)
ITEM = "[]"
"""What stands for every item of a list in a path, as in Arrow's messages."""


class _AmbiguousError(ValueError):
    """JSON that readers take differently."""


def mixed_paths(text: bytes) -> frozenset[str]:
    """Places in JSON Lines whose scalars go together only as text: ``/column/field/[]``."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for line in text.split(b"\n"):
        value = _decoded(line)
        if value is not None:
            _note_kinds(value, "", kinds)
    return frozenset(path for path, found in kinds.items() if len(found) > 1 or "beyond" in found)


def with_text(text: bytes, paths: frozenset[str]) -> bytes:
    """JSON Lines whose scalars at ``paths`` are strings; line for line."""
    if not paths:
        return text
    return b"\n".join(_line_with_text(line, paths) for line in text.split(b"\n"))


def problem(line: bytes) -> str:
    """What is wrong with a line that is not blank; empty when it is one JSON object that every reader takes alike."""
    try:
        found = isinstance(_decode(line), dict)
    except _AmbiguousError as error:
        return str(error)
    except (ValueError, RecursionError):
        found = False
    return "" if found else "is not a JSON object"


def may_exceed_int64(table: pa.Table) -> bool:
    """Whether a float is so large that it may have been written as an integer beyond 64 bits."""
    return any(_is_large(values) for column in table.columns for chunk in column.chunks for values in _floats(chunk))


def is_scalar(kind: pa.DataType) -> bool:
    """Whether values of ``kind`` can be told as text: a number, boolean, string or time."""
    return bool(pt.is_primitive(kind) or pt.is_string(kind) or pt.is_decimal(kind))


def _note_kinds(value: Any, path: str, kinds: defaultdict[str, set[str]]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _note_kinds(item, f"{path}/{key}", kinds)
    elif isinstance(value, list):
        for item in value:
            _note_kinds(item, f"{path}/{ITEM}", kinds)
    elif value is not None:
        kinds[path].add(_kind(value))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "beyond" if isinstance(value, int) and value not in INT64 else "number"


def _line_with_text(line: bytes, paths: frozenset[str]) -> bytes:
    value = _decoded(line)
    return line if value is None else json.dumps(_texted(value, "", paths)).encode()


def _texted(value: Any, path: str, paths: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _texted(item, f"{path}/{key}", paths) for key, item in value.items()}
    if isinstance(value, list):
        return [_texted(item, f"{path}/{ITEM}", paths) for item in value]
    return value if value is None or isinstance(value, str) or path not in paths else _text_of(value)


def _text_of(value: float) -> str:
    """Canonical JSON text of a number or boolean."""
    if isinstance(value, int):
        return str(value).lower()
    return rfc8785.dumps(value).decode() if math.isfinite(value) else json.dumps(value)


def _decoded(line: bytes) -> Any:
    """The value of a line; nothing when it is blank or cannot be read."""
    try:
        return _decode(line) if line.strip() else None
    except (ValueError, RecursionError):
        return None


def _decode(line: bytes) -> Any:
    return json.loads(line, object_pairs_hook=_without_twins, parse_float=_finite)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _refuse("names a key twice")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse("holds a number too big for a double")


def _refuse(reason: str) -> NoReturn:
    raise _AmbiguousError(reason)


def _floats(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of doubles in ``array``, at any depth."""
    if pt.is_floating(array.type):
        yield array
    elif pt.is_list(array.type):
        yield from _floats(array.values)
    elif pt.is_struct(array.type):
        for index in range(array.type.num_fields):
            yield from _floats(array.field(index))


def _is_large(values: pa.Array) -> bool:
    finite = pc.if_else(pc.is_finite(values), values, 0.0)
    return float(pc.max(pc.abs(finite)).as_py() or 0.0) >= INT64.stop
