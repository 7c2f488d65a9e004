"""The narrowest type of a column of text, decided by every value, and its conversion.

Rules:

1. ``boolean``: only true / false, in any of three cases.
2. ``integer``: decimal digits with a sign, no leading zeros (zip codes and ids stay text), within int64.
3. ``float``: integers of up to 18 digits, decimals and exponents, ``nan`` and ``inf``; no leading zeros.
4. ``date``, ``timestamp``, ``instant``: ISO 8601, and a day that exists. A column does not mix local times with
   instants. Microseconds unless a value needs nanoseconds.
5. Anything else, or nothing but null words, is a string. Empty is null everywhere; a null word (``NA``,
   ``null`` ...) is null only in a column whose other values have one of the types above: in text it is text.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

NULL_WORDS = pa.array(["NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "Null", "null", "None"])
"""What R, pandas, SQL exports and spreadsheets write for a missing number."""

DAY = r"\d{4}-\d{2}-\d{2}"
CLOCK = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)"
WHOLE = r"(0|[1-9][0-9]{0,18})"
EXACT = r"(0|[1-9][0-9]{0,17})"
EXPONENT = r"[eE][+-]?\d+"
DECIMAL = rf"((0|[1-9]\d*)?\.\d+({EXPONENT})?|(0|[1-9]\d*)(\.({EXPONENT})?|{EXPONENT}))"
PATTERNS = {
    "boolean": r"^(true|false|True|False|TRUE|FALSE)$",
    "integer": rf"^\s*[+-]?{WHOLE}\s*$",
    "float": rf"^\s*[+-]?({EXACT}|{DECIMAL}|nan|NaN|NAN|inf|Inf|INF|[Ii]nfinity)\s*$",
    "date": rf"^{DAY}$",
    "timestamp": rf"^{DAY}({CLOCK})?$",
    "instant": rf"^{DAY}{CLOCK}{ZONE}$",
}
FIRST = {name: re.compile(text[1:-1].replace(r"\s", r"[\t\n\f\r ]"), re.ASCII) for name, text in PATTERNS.items()}
"""The same for one value, which settles most: a column takes a dozen calls of Arrow otherwise, however short it is."""
NANOSECONDS = r"\.\d{7,9}"
FLOAT_LIMIT = 10**18
"""Integers from here on are ids, not measurements: ``EXACT`` has 18 digits."""
FEW = 256
"""Values tried first: most columns of text are settled by them."""

TYPES = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "instant": pa.timestamp("us", "UTC"),
}
ALL = tuple(TYPES)
TIMES = ("date", "timestamp", "instant")


class Narrowest:
    """Watches a column's values and knows the narrowest type that fits them all."""

    def __init__(self, candidates: tuple[str, ...] = ALL) -> None:
        self._candidates = list(candidates)
        self._seen = False
        self._any = False
        self._fine = False

    def watch(self, values: pa.Array) -> None:
        """Take note of more values, strings."""
        self._any = self._any or values.null_count < len(values)
        if not self._candidates:
            return
        present = values.drop_null()
        real = present.filter(pc.invert(pc.is_in(present, NULL_WORDS)))
        if len(real) == 0:
            return
        self._seen = True
        first = real[0].as_py()
        likely = [name for name in self._candidates if FIRST[name].fullmatch(first)]
        self._candidates = [name for name in likely if self._fits(name, real.slice(0, FEW))]
        for name in tuple(self._candidates):
            if len(real) <= FEW or self._fits(name, real):
                self._drop_untested(name, real)
                return
            self._candidates.remove(name)

    @property
    def type(self) -> pa.DataType:
        """The narrowest type of all values seen; null when there was none."""
        if not self._any:
            return pa.null()
        if not self._candidates or not self._seen:
            return pa.string()
        kind = TYPES[self._candidates[0]]
        return pa.timestamp("ns", kind.tz) if self._fine and pt.is_timestamp(kind) else kind

    def _drop_untested(self, name: str, real: pa.Array) -> None:
        """What fits a narrow type fits the wider ones, but for integers of more digits than a float may have."""
        if name == "integer" and "float" in self._candidates:
            limits = pc.min_max(convert(real, pa.int64())).as_py()
            if max(-limits["min"], limits["max"]) >= FLOAT_LIMIT:
                self._candidates.remove("float")

    def _fits(self, name: str, values: pa.Array) -> bool:
        if not pc.all(pc.match_substring_regex(values, PATTERNS[name])).as_py():
            return False
        if name in {"boolean", "float"}:
            return True
        fine = name in TIMES[1:] and pc.any(pc.match_substring_regex(values, NANOSECONDS)).as_py()
        kind = pa.timestamp("ns", TYPES[name].tz) if fine else TYPES[name]
        try:
            convert(values, kind)
        except pa.ArrowInvalid:
            return False
        self._fine = self._fine or fine
        return True


def convert(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Strings as ``target``; null words are null unless it is a string.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit.
    """
    if pt.is_string(target):
        return values
    if pt.is_null(target):
        return pa.nulls(len(values))
    try:
        return values.cast(target)
    except pa.ArrowInvalid:
        return _clean(values, target).cast(target)


def _clean(values: pa.Array, target: pa.DataType) -> pa.Array:
    """``values`` without null words, spaces and plus signs."""
    words = pc.is_in(values, NULL_WORDS)
    if pc.any(words).as_py():
        values = pc.if_else(words, pa.scalar(None, pa.string()), values)
    if pt.is_integer(target) or pt.is_floating(target) or pt.is_decimal(target):
        values = pc.utf8_ltrim(pc.ascii_trim_whitespace(values), characters="+")
    if pt.is_boolean(target):
        values = pc.ascii_lower(values)
    return values
