"""Thrift's compact protocol, as much of it as Parquet's metadata need, read strictly.

A reader says which fields it wants, and of which types. A struct is a dictionary from field number to value. Rules:

1. A number longer than 10 bytes, nesting deeper than ``DEEPEST``, an unknown type, a field that comes twice and one
   whose number is out of bounds are refused: readers differ in what they make of them. (Arrow cuts a field's number to
   16 bits, takes the last of two, and takes a field without a type for the struct's end.)
2. A field that is wanted has its type, and an integer fits it: Arrow skips the one and cuts the other.
3. What is not wanted is skipped, and never held: a byte of it could stand for an object.
4. What is cut off is an ``IndexError``, so that the caller can come back with more bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST = 16
LONGEST_NUMBER = 70
"""Bits of the seven-bit groups of a 64-bit number."""
STOP, TRUE, FALSE, BYTE, SHORT, INTEGER, LONG, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
LONG_LIST = 15
LARGEST_FIELD = (1 << 15) - 1
BITS = {SHORT: 16, INTEGER: 32, LONG: 64}
MOST_STRUCTS = 4_000_000
"""Structs of one footer or page header: a reader's own view of each takes a hundred bytes and more."""
LONGEST_LIST = 1 << 17
"""Items of a list that is wanted: a schema's elements, and the columns of a row group."""
Struct = dict[int, Any]
Shape = Mapping[int, Any]
"""Fields that are wanted: number to type, to the shape of a struct, or to a list of the shape of each of its items."""


class Reader:
    """Reads values one after the other.

    Attributes:
        at: Where the next value starts.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at
        self._structs = 0

    def struct(self, shape: Shape, depth: int = 0) -> Struct:
        """The fields of the next struct that ``shape`` names and that are there."""
        found: Struct = {}
        for number, kind in self.fields():
            if number in shape:
                found[number] = self.value(kind, shape[number], depth + 1)
            else:
                self.skip(kind, depth + 1)
        return found

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of each field of the next struct; the caller reads or skips each before the next."""
        self._count_struct()
        number, seen = 0, set[int]()
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self.number()
            if number in seen or not 0 < number <= LARGEST_FIELD:
                raise ValueError(f"field {number} comes twice, or is none")
            seen.add(number)
            yield number, head & 15

    def items(self) -> tuple[int, int]:
        """Length and type of the next list, whose items follow."""
        head = self._byte()
        count = head >> 4
        return (self._varint() if count == LONG_LIST else count), head & 15

    def number(self) -> int:
        """The next signed integer."""
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind: int, wanted: Any, depth: int = 0) -> Any:
        """The next value, of type ``kind``, which must be the one that is ``wanted``."""
        shape = wanted[0] if isinstance(wanted, list) else wanted
        expected = LIST if isinstance(wanted, list) else STRUCT if isinstance(wanted, Mapping) else wanted
        if kind != expected:
            raise ValueError(f"type {kind} in place of {expected}")
        if kind == STRUCT:
            return self.struct(shape, depth)
        if kind == LIST:
            count, item = self.items()
            if count > LONGEST_LIST:
                raise ValueError(f"a list of {count} items")
            return [self.value(item, shape, depth + 1) for _ in range(count)]
        return self._take(self._varint()) if kind == BINARY else self._fitting(BITS[kind])

    def skip(self, kind: int, depth: int = 0) -> None:
        """Go past the next value."""
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if kind in {TRUE, FALSE}:
            return
        if SHORT <= kind <= LONG:
            self._varint()
        elif kind == BINARY:
            self._past(self._varint())
        elif kind == STRUCT:
            for _, field in self.fields():
                self.skip(field, depth + 1)
        elif kind in {LIST, SET}:
            count, item = self.items()
            self._skip_items(count, (item,), depth)
        elif kind == MAP:
            count = self._varint()
            kinds = self._byte() if count else 0
            self._skip_items(count, (kinds >> 4, kinds & 15), depth)
        elif kind in {DOUBLE, BYTE}:
            self._past(8 if kind == DOUBLE else 1)
        else:
            raise ValueError(f"unknown type {kind}")

    def _skip_items(self, count: int, kinds: tuple[int, ...], depth: int) -> None:
        for _ in range(count):
            for kind in kinds:  # the truth of an item is a byte, that of a field is its type
                self.skip(BYTE if kind in {TRUE, FALSE} else kind, depth + 1)

    def _count_struct(self) -> None:
        self._structs += 1
        if self._structs > MOST_STRUCTS:
            raise ValueError(f"more than {MOST_STRUCTS} structs")

    def _fitting(self, bits: int) -> int:
        number = self.number()
        if number.bit_length() >= bits:
            raise ValueError(f"a number of more than {bits} bits")
        return number

    def _varint(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return byte
        value, shift = byte & 0x7F, 7
        while byte & 0x80:
            if shift >= LONGEST_NUMBER:
                raise ValueError("a number without end")
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
        return value

    def _byte(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        return byte

    def _take(self, size: int) -> bytes:
        start = self.at
        self._past(size)
        return self._data[start : self.at]

    def _past(self, size: int) -> None:
        if size > len(self._data) - self.at:
            raise IndexError("cut off")
        self.at += size
