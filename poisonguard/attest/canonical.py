"""Canonical JSON (RFC 8785) without floats, written and read strictly: one value, one spelling.

What is read is refused (``IntegrityError``) unless

1. it is at most ``limit`` bytes and at most ``MAX_VALUES`` values (braces, brackets and commas are counted);
2. it is UTF-8 and one JSON value with nothing after it;
3. no object names a member twice;
4. it holds no float, no NaN, no infinity, no integer beyond 2**53 - 1 (RFC 7493 §2.2);
5. it is nested at most ``MAX_DEPTH`` deep;
6. it is spelled canonically, so that nobody can vary bytes under the same meaning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NoReturn

import rfc8785

from poisonguard.errors import IntegrityError, UsageError

MAX_BYTES = 128 * 1024 * 1024
MAX_VALUES = 2_000_000
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Writes RFC 8785, three times as fast as rfc8785, when there are no floats and every member's name is ASCII: only
otherwise do code points sort unlike UTF-16. Large manifests need it; a property test holds the two together."""


def canonical(value: Any) -> bytes:
    """``value`` as canonical JSON.

    Raises:
        UsageError: It holds a float, an integer beyond 2**53 - 1, text that is not Unicode, or nests too deep.
    """
    try:
        if _inspect(value, MAX_DEPTH):
            return _ENCODER.encode(value).encode("utf-8")
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise _unfit(str(error)) from error


def digest_of(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical(value)).hexdigest()


def parse(data: bytes, *, what: str, limit: int = MAX_BYTES) -> Any:
    """The value that ``data`` spells canonically; ``what`` names the document in errors.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    value, spelled = _read(data, what, limit, _refuse_number)
    if spelled != data:
        raise IntegrityError(f"{what} is not canonical JSON (RFC 8785)")
    return value


def parse_foreign(data: bytes, *, what: str, limit: int = MAX_BYTES) -> Any:
    """The same for a document of somebody else's making, who may spell as they like: every rule but the last.

    An integer may be spelled ``5.0``, as protobuf does.

    Raises:
        IntegrityError: One of the rules 1 to 5 is broken.
    """
    return _read(data, what, limit, _whole_number)[0]


def _read(data: bytes, what: str, limit: int, parse_float: Callable[[str], int]) -> tuple[Any, bytes]:
    """The value that ``data`` spells, and how it is spelled canonically."""
    if len(data) > limit:
        raise IntegrityError(f"{what} is larger than {limit} bytes")
    if data.count(b"{") + data.count(b"[") + data.count(b",") > MAX_VALUES:
        raise IntegrityError(f"{what} holds more than {MAX_VALUES} values")
    value = _decode(data, what, parse_float)
    try:
        return value, canonical(value)
    except UsageError as error:
        raise IntegrityError(f"{what} {error.message}") from error


def _decode(data: bytes, what: str, parse_float: Callable[[str], int]) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=parse_float,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise IntegrityError(f"{what} is nested too deep") from error
    except ValueError as error:
        raise IntegrityError(f"{what} is not JSON as we accept it: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not an integer")


def _whole_number(text: str) -> int:
    whole, point, fraction = text.partition(".")
    if not point or fraction.strip("0"):
        _refuse_number(text)
    return _integer(whole)


def _integer(text: str) -> int:
    if len(text) > len(str(-MAX_INTEGER)):
        raise ValueError("an integer is too large")
    return int(text)


def _inspect(value: Any, depth: int) -> bool:
    """Refuse what must not be signed; say whether every member's name is ASCII. Everything is looked at, always."""
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise _unfit("an integer beyond 2**53 - 1")
        return True
    if not isinstance(value, dict | list | tuple):
        raise _unfit(f"a value of type {type(value).__name__}")
    if not depth:
        raise _unfit(f"nested deeper than {MAX_DEPTH}")
    names = list(value) if isinstance(value, dict) else []
    items = value.values() if isinstance(value, dict) else value
    return all([*(_is_ascii(name) for name in names), *(_inspect(item, depth - 1) for item in items)])


def _is_ascii(name: Any) -> bool:
    if not isinstance(name, str):
        raise _unfit(f"a member named by a value of type {type(name).__name__}")
    return name.isascii()


def _unfit(problem: str) -> UsageError:
    return UsageError(f"cannot be written as canonical JSON: {problem}")
