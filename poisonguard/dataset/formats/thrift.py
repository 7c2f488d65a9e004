"""Thrift's compact protocol, as much of it as Parquet's metadata need, read strictly.

A struct is a dictionary from field number to value; an integer or a truth is an ``int``. Rules:

1. A number longer than 10 bytes, nesting deeper than ``DEEPEST``, an unknown type and a field that comes twice are
   refused: readers differ in what they make of them.
2. What is cut off is an ``IndexError``, so that the caller can come back with more bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEEPEST = 16
LONGEST_NUMBER = 70
"""Bits of the seven-bit groups of a 64-bit number."""
STOP, TRUE, FALSE, BYTE, SHORT, INTEGER, LONG, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
LONG_LIST = 15
Struct = dict[int, Any]


class Reader:
    """Reads values one after the other.

    Attributes:
        at: Where the next value starts.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    def struct(self, depth: int = 0) -> Struct:
        """The next struct as a whole."""
        found: Struct = {}
        for number, kind in self.fields():
            if number in found:
                raise ValueError(f"field {number} comes twice")
            found[number] = kind == TRUE if kind <= FALSE else self.value(kind, depth + 1)
        return found

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of each field of the next struct; the caller reads the value of each before the next."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self.number()
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

    def value(self, kind: int, depth: int = 0) -> Any:  # noqa: PLR0911 - one line per family of types
        """The next value, of a type that is not a field's truth."""
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if SHORT <= kind <= LONG:
            return self.number()
        if kind == BINARY:
            return self._take(self._varint())
        if kind == STRUCT:
            return self.struct(depth)
        if kind in {LIST, SET}:
            count, item = self.items()
            return [self.value(item, depth + 1) for _ in range(count)]
        if kind == DOUBLE:
            return self._take(8)
        if TRUE <= kind <= BYTE:
            return self._byte()
        if kind == MAP:
            return self._map(depth)
        raise ValueError(f"unknown type {kind}")

    def _map(self, depth: int) -> list[Any]:
        count = self._varint()
        kinds = self._byte() if count else 0
        return [(self.value(kinds >> 4, depth + 1), self.value(kinds & 15, depth + 1)) for _ in range(count)]

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
        end = self.at + size
        if end > len(self._data):
            raise IndexError("cut off")
        taken, self.at = self._data[self.at : end], end
        return taken
