"""JSON Lines, and a JSON array of objects turned into lines on the fly.

Rules:

1. The first pass reads the whole file: nesting is bounded before any parser sees it, types are merged over all
   lines, strings that are all ISO times become times. The second pass reads with those types.
2. Scalars that do not go together as one type are text in all lines (``jsonmixed``).
3. A line that is no JSON object, names a key twice, or gives a key a list or object where other lines give
   something else is an error that names the line (or the element of the array).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json
import pyarrow.types as pt

from poisonguard.dataset.arrowtypes import canonical_schema, promote
from poisonguard.dataset.formats.base import Part, Source, first_line, readable_as, subset
from poisonguard.dataset.formats.jsonmixed import ITEM, is_scalar, may_exceed_int64, mixed_paths, problem, with_text
from poisonguard.dataset.formats.textvalues import TIMES, Narrowest, convert
from poisonguard.dataset.sniff import BYTE_ORDER_MARK
from poisonguard.dataset.streams import Utf8Check
from poisonguard.errors import UnreadableData
from poisonguard.kernels.jsonscan import DEEPEST, DEPTH, MISPLACED, PIECES, array_to_lines, new_state, scan_lines

BLOCK_BYTES = 8 << 20
LONGEST_LINE = 64 << 20
MOST_NESTED = 64
"""Nesting of the text; Arrow's parser overflows its stack at some ten thousand levels."""
MOST_NAMES = 100_000
MOST_CELLS = 64 << 20
"""Rows times names in one run of lines: Arrow makes a cell of each, however few of them are filled."""
NAME = re.compile(rb'"((?:[^"\\]|\\.){0,512}+)"\s*:')
ROW = re.compile(r" in row (\d+)")


@dataclass(frozen=True, slots=True)
class _Lines:
    """A run of whole lines, the number of the first, from 1, and how many are not blank (once counted)."""

    first: int
    text: bytes
    filled: int


class JsonTable:
    """One JSON Lines file, or one JSON array of objects."""

    def __init__(self, source: Source, *, array: bool) -> None:
        self._source = source
        self._array = array
        self._what = "element" if array else "line"
        self._commas = 0
        self._mixed: frozenset[str] = frozenset()
        with readable_as(source.path, "JSON"):
            self._texts, rows = self._survey()
            self.schema = self._narrow()
        self.loose = frozenset(field.name for field in self.schema if is_scalar(field.type))
        self.mixed = frozenset(path[1:] for path in self._mixed)
        self.parts = (Part(0, rows),)

    def read(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """All rows, in the wanted types."""
        del part  # there is one
        fields = [schema.field(name) for name in subset(self.schema, frozenset(schema.names))]
        # A column that is text in another file is text here, too.
        texts = {field.name for field in fields if pt.is_string(field.type)}
        paths = self._mixed | {f"/{name}" for name in texts if not pt.is_string(self._texts.field(name).type)}
        kinds = [pa.string() if field.name in texts else self._texts.field(field.name).type for field in fields]
        wanted = pa.schema(list(zip([field.name for field in fields], kinds, strict=True)))
        with readable_as(self._source.path, "JSON"):
            for lines in self._blocks(checked=False):
                for batch in self._parse(lines, wanted, "ignore", paths).to_batches():
                    yield _typed(batch, fields)

    def _survey(self) -> tuple[pa.Schema, int]:
        """Types over all lines with times still as text, and how many rows there are."""
        known = pa.schema([])
        rows = most = 0
        for lines in self._blocks(checked=True):
            most = max(most, lines.filled)
            self._refuse_wide(_width(pa.struct(known)), most)
            known, table = self._widened(known, lines)
            if table.num_rows != lines.filled:
                raise self._uncounted(lines)
            rows += table.num_rows
        if self._array and self._commas != max(0, rows - 1):
            raise UnreadableData(
                f"{self._source.shown}: {rows} elements but {self._commas} commas between them",
                hint="Separate the elements by one comma each; none after the last.",
            )
        self._refuse_wide(_width(pa.struct(known)), most)
        return known, rows

    def _refuse_wide(self, names: int, rows: int) -> None:
        """Refuse a table that would be huge and nearly empty: few bytes of text can name a million columns."""
        if names > MOST_NAMES or names * rows > MOST_CELLS:
            raise UnreadableData(
                f"{self._source.shown}: {names} different names in {rows} {self._what}s",
                hint="Give every line the same keys; keep what varies in one text.",
            )

    def _widened(self, known: pa.Schema, lines: _Lines) -> tuple[pa.Schema, pa.Table]:
        """The types after some more lines, and those lines."""
        table = self._inferred(known, lines)
        if may_exceed_int64(table) and self._finds_mixed(lines):
            table = self._parse(lines, None, "infer", self._mixed)
        found = canonical_schema(self._source.shown, pa.schema([_as_text(field) for field in table.schema]))
        return self._merged(known, found, lines), table

    def _inferred(self, known: pa.Schema, lines: _Lines) -> pa.Table:
        """Some lines in the known types, or else in those that fit them."""
        text = with_text(lines.text, self._mixed)
        for schema, unexpected in ((known, "error"), (None, "infer")):
            if schema is None:
                self._refuse_wide(len(set(NAME.findall(lines.text))), lines.filled)
            try:
                return _parse(text, schema, unexpected)
            except pa.ArrowInvalid:
                continue
        self._finds_mixed(lines)
        return self._parse(lines, None, "infer", self._mixed)

    def _finds_mixed(self, lines: _Lines) -> bool:
        """Whether some lines hold a place that has to become text and was not known to."""
        more = mixed_paths(lines.text) - self._mixed
        self._mixed |= more
        return bool(more)

    def _merged(self, known: pa.Schema, found: pa.Schema, lines: _Lines) -> pa.Schema:
        kinds = dict(zip(known.names, known.types, strict=True))
        for field in found:
            kind = self._joined(kinds.get(field.name, pa.null()), field.type, f"/{field.name}")
            if kind is None:
                raise UnreadableData(
                    f"{self._source.shown}: column {field.name!a} is {kinds[field.name]} before {self._what} "
                    f"{lines.first} and {field.type} after",
                    hint="Give every line the same types.",
                )
            kinds[field.name] = kind
        return pa.schema(list(kinds.items()))

    def _joined(self, left: pa.DataType, right: pa.DataType, path: str) -> pa.DataType | None:
        """The type that holds both; scalars that do not go together become text, and ``path`` is noted."""
        if pt.is_list(left) and pt.is_list(right):
            item = self._joined(left.value_type, right.value_type, f"{path}/{ITEM}")
            return None if item is None else pa.list_(item)
        if pt.is_struct(left) and pt.is_struct(right):
            return self._joined_struct(left, right, path)
        kind = promote(left, right)
        if kind is None and is_scalar(left) and is_scalar(right):
            self._mixed |= {path}
            return pa.string()
        return kind

    def _joined_struct(self, left: pa.DataType, right: pa.DataType, path: str) -> pa.DataType | None:
        kinds = {field.name: field.type for field in left}
        for field in right:
            kind = self._joined(kinds.get(field.name, pa.null()), field.type, f"{path}/{field.name}")
            if kind is None:
                return None
            kinds[field.name] = kind
        return pa.struct(list(kinds.items()))

    def _narrow(self) -> pa.Schema:
        """The surveyed types, with columns of ISO times as times."""
        watched = {field.name: Narrowest(TIMES) for field in self._texts if pt.is_string(field.type)}
        wanted = pa.schema([self._texts.field(name) for name in watched])
        if watched:
            for lines in self._blocks(checked=False):
                table = self._parse(lines, wanted, "ignore", self._mixed)
                for name, column in watched.items():
                    for chunk in table[name].chunks:
                        column.watch(chunk)
                if all(column.type == pa.string() for column in watched.values()):
                    break
        kinds = [(f.name, watched[f.name].type if f.name in watched else f.type) for f in self._texts]
        return pa.schema(kinds)

    def _parse(self, lines: _Lines, schema: pa.Schema | None, unexpected: str, paths: frozenset[str]) -> pa.Table:
        """Some lines as a table, the scalars at ``paths`` as text."""
        try:
            return _parse(with_text(lines.text, paths), schema, unexpected)
        except pa.ArrowInvalid as error:
            raise self._complaint(lines, error) from error

    def _complaint(self, lines: _Lines, error: pa.ArrowInvalid) -> UnreadableData:
        """Name the first line that is wrong."""
        row = ROW.search(str(error))
        wrong = self._first_wrong(lines)
        if wrong is not None:
            return wrong
        place = _number_of(lines, int(row.group(1))) if row else lines.first
        reason = ROW.sub("", first_line(error)).removeprefix("JSON parse error: ")
        return UnreadableData(
            f"{self._source.shown}: {self._what} {place}: {reason}", hint="Give every line the same keys and types."
        )

    def _uncounted(self, lines: _Lines) -> UnreadableData:
        """The parser found more objects than there are lines: it does not mind two on one line, others do."""
        wrong = self._first_wrong(lines)
        if wrong is not None:
            return wrong
        return UnreadableData(f"{self._source.shown}: the {self._what}s from {lines.first} are not one object each")

    def _first_wrong(self, lines: _Lines) -> UnreadableData | None:
        """The first line that is wrong by itself."""
        for number, line in enumerate(lines.text.split(b"\n"), start=lines.first):
            said = problem(line) if line.strip() else ""
            if said:
                hint = f"Each {self._what} is one JSON object: mend or remove it."
                return UnreadableData(f"{self._source.shown}: {self._what} {number} {said}", hint=hint)
        return None

    def _blocks(self, *, checked: bool) -> Iterator[_Lines]:
        """Runs of whole lines, some MiB each; ``checked`` also proves UTF-8 and bounds the nesting."""
        state = new_state()
        number = 1
        with self._source.stream() as stream:
            content = Utf8Check(self._source.path, stream) if checked else stream
            for text in _whole_lines(self._source, self._lines(content.read)):
                before = int(state[PIECES])
                if checked:
                    scan_lines(np.frombuffer(text, dtype=np.uint8), state)
                    if state[DEEPEST] > MOST_NESTED:
                        raise UnreadableData(
                            f"{self._source.shown}: nested more than {MOST_NESTED} levels deep",
                            hint="Flatten the data.",
                        )
                if text.strip():
                    yield _Lines(number, text, int(state[PIECES]) - before)
                number += text.count(b"\n")

    def _lines(self, read: Callable[[int], bytes]) -> Iterator[bytes]:
        """The text in runs, one object per line."""
        state = new_state()
        first = True
        while data := read(BLOCK_BYTES):
            text = data.removeprefix(BYTE_ORDER_MARK) if first else data
            first = False
            if self._array:
                buffer = np.frombuffer(text, dtype=np.uint8).copy()
                array_to_lines(buffer, state)
                text = buffer.tobytes()
            yield text
        if self._array and state[DEPTH] != 0:
            raise UnreadableData(f"{self._source.shown}: the array is never closed", hint="The file is cut off.")
        if self._array and state[MISPLACED]:
            raise UnreadableData(f"{self._source.shown}: more than one array", hint="Keep one array in each file.")
        self._commas = int(state[PIECES])


def _width(kind: pa.DataType) -> int:
    """Columns that Arrow keeps for a type: of a struct, those of its fields."""
    if pt.is_list(kind):
        return _width(kind.value_type)
    return sum(_width(field.type) for field in kind) if pt.is_struct(kind) else 1


def _whole_lines(source: Source, texts: Iterator[bytes]) -> Iterator[bytes]:
    """Cut runs of text at line breaks."""
    rest: list[bytes] = []
    held = 0
    for text in texts:
        cut = text.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, text[:cut]])
            rest, held = [], 0
        rest.append(text[cut:])
        held += len(text) - cut
        if held > LONGEST_LINE:
            raise UnreadableData(
                f"{source.shown}: a line is longer than {LONGEST_LINE >> 20} MiB", hint="Is it JSON Lines at all?"
            )
    if held:
        yield b"".join(rest)


def _parse(text: bytes, schema: pa.Schema | None, unexpected: str) -> pa.Table:
    return pa_json.read_json(
        io.BytesIO(text),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
    )


def _as_text(field: pa.Field) -> pa.Field:
    return pa.field(field.name, _text_type(field.type))


def _text_type(kind: pa.DataType) -> pa.DataType:
    """``kind`` with every time that Arrow guessed as the string it was."""
    if pt.is_temporal(kind):
        return pa.string()
    if pt.is_list(kind):
        return pa.list_(_text_type(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([_as_text(field) for field in kind])
    return kind


def _typed(batch: pa.RecordBatch, fields: list[pa.Field]) -> pa.RecordBatch:
    columns = {}
    for field in fields:
        column = batch.column(field.name)
        temporal = pt.is_temporal(field.type) and pt.is_string(column.type)
        columns[field.name] = convert(column, field.type) if temporal else column
    if not columns:
        return batch
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _number_of(lines: _Lines, row: int) -> int:
    """Number of the line that holds row ``row`` of a run, blank lines counted."""
    filled = [index for index, line in enumerate(lines.text.split(b"\n")) if line.strip()]
    return lines.first + (filled[row] if row < len(filled) else 0)
