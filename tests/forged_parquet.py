"""Parquet files byte by byte, so that they can say what no writer would."""

from collections.abc import Iterable

INTEGER, LONG, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
DATA, DICTIONARY = 0, 2
ZSTD = 6
HEAD = b"PAR1"

Field = tuple[int, int, bytes]
"""Number, type and value."""


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(value: int) -> bytes:
    """A signed integer."""
    return varint(value << 1 if value >= 0 else -2 * value - 1)


def text(value: bytes) -> bytes:
    return varint(len(value)) + value


def struct(*fields: Field) -> bytes:
    """Each field with its number in full."""
    return b"".join(bytes([kind]) + number(index) + value for index, kind, value in fields) + b"\0"


def items(kind: int, values: Iterable[bytes]) -> bytes:
    held = list(values)
    return bytes([0xF0 | kind]) + varint(len(held)) + b"".join(held)


def page(kind: int, unfolded: int, stored: bytes, values: int, encoding: int, *more: Field) -> bytes:
    """A page with its header, to which ``more`` is added."""
    facts: list[Field] = [(1, INTEGER, number(values)), (2, INTEGER, number(encoding))]
    if kind == DATA:
        facts += [(3, INTEGER, number(RLE)), (4, INTEGER, number(RLE))]
    sizes = [(1, INTEGER, number(kind)), (2, INTEGER, number(unfolded)), (3, INTEGER, number(len(stored)))]
    return struct(*sizes, (5 if kind == DATA else 7, STRUCT, struct(*facts)), *more) + stored


def file_of(footer: bytes, pages: bytes = b"") -> bytes:
    return HEAD + pages + footer + len(footer).to_bytes(4, "little") + HEAD


def footer_of(rows: int, groups: bytes, *more: Field) -> bytes:
    """The footer of a file with one column of required bytes; ``groups`` is the list of its row groups."""
    root = struct((4, BINARY, text(b"schema")), (5, INTEGER, number(1)))
    leaf = struct((1, INTEGER, number(6)), (3, INTEGER, number(0)), (4, BINARY, text(b"a")))
    schema = items(STRUCT, [root, leaf])
    return struct((1, INTEGER, number(2)), (2, LIST, schema), (3, LONG, number(rows)), (4, LIST, groups), *more)


def one_group(rows: int, chunks: bytes) -> bytes:
    """The list of one row group, ``chunks`` being the list of its columns."""
    return items(STRUCT, [struct((1, LIST, chunks), (2, LONG, number(1)), (3, LONG, number(rows)))])


def column_file(rows: int, *pages: bytes, codec: int = ZSTD) -> bytes:
    """A file of one row group, whose only column has these pages; a dictionary, if any, comes first."""
    stored = b"".join(pages)
    words = len(pages[0]) if len(pages) > 1 else 0
    facts: list[Field] = [
        (1, INTEGER, number(6)),
        (2, LIST, items(INTEGER, [number(PLAIN)])),
        (3, LIST, items(BINARY, [text(b"a")])),
        (4, INTEGER, number(codec)),
        (5, LONG, number(rows)),
        (6, LONG, number(len(stored))),
        (7, LONG, number(len(stored))),
        (9, LONG, number(len(HEAD) + words)),
        *([(11, LONG, number(len(HEAD)))] if words else []),
    ]
    chunk = struct((2, LONG, number(0)), (3, STRUCT, struct(*facts)))
    return file_of(footer_of(rows, one_group(rows, items(STRUCT, [chunk]))), stored)
