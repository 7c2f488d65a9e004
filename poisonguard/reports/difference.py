"""What differs between two versions, as text for a person and as JSON (``poisonguard-diff/v1``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from poisonguard.domain.dataset import Column
from poisonguard.domain.difference import (
    Change,
    ColumnDifference,
    Difference,
    FileDifference,
    Likeness,
    RowDifferences,
    RowPlace,
    RowsNotCompared,
    Side,
)
from poisonguard.domain.wording import count
from poisonguard.reports.escape import terminal

SCHEMA = "poisonguard-diff/v1"
MOST_SHOWN = 20
"""Files and columns in the text; the JSON has all that are named."""
MARKS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~", Change.RENAMED: ">"}


def render_text(difference: Difference) -> str:
    """The difference as text, raw values escaped for a terminal."""
    lines = [
        *_table(difference),
        *_files(difference),
        *_columns(difference),
        *_rows(difference),
        "",
        *_answer(difference),
    ]
    return "".join(f"{line}\n" for line in lines)


def document(difference: Difference) -> dict[str, Any]:
    """The difference as JSON values; texts are raw."""
    files = difference.files
    return {
        "schema": SCHEMA,
        "likeness": str(difference.likeness),
        "before": _side_to_json(difference.before),
        "after": _side_to_json(difference.after),
        "files": {
            "same": files.same,
            **{str(change): files.counts[change] for change in Change},
            "named": [_file_to_json(item) for item in files.named],
            "unnamed": files.unnamed,
        },
        "units": {
            "same": difference.units.same,
            "added": difference.units.added,
            "removed": difference.units.removed,
            "rowsInSame": difference.units.same_rows,
            "rowsInAdded": difference.units.added_rows,
            "rowsInRemoved": difference.units.removed_rows,
        },
        "rows": _rows_to_json(difference.rows),
        "columns": {
            "changed": [_column_to_json(item) for item in difference.schema.columns],
            "reordered": difference.schema.reordered,
        },
    }


def _table(difference: Difference) -> Iterator[str]:
    before, after, files = difference.before, difference.after, difference.files
    changes = [(files.counts[change], change) for change in Change]
    cells = [
        ("", terminal(before.name), terminal(after.name), ""),
        ("version", before.version[:20], after.version[:20], ""),
        ("files", str(before.files), str(after.files), _counted([(files.same, "same"), *changes])),
        ("bytes", str(before.size), str(after.size), ""),
        ("row groups", str(before.units), str(after.units), _counted(_of_units(difference))),
        ("rows", str(before.rows), str(after.rows), _row_counts(difference.rows)),
        ("columns", str(len(before.columns)), str(len(after.columns)), _column_counts(difference)),
    ]
    widths = [max(len(row[index]) for row in cells) for index in range(3)]
    for row in cells:
        yield "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]).rstrip()


def _of_units(difference: Difference) -> list[tuple[int, str]]:
    units = difference.units
    return [(units.same, "same"), (units.added, "added"), (units.removed, "removed")]


def _counted(counts: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"{number} {word}" for number, word in counts if number)


def _row_counts(rows: RowDifferences | RowsNotCompared) -> str:
    if isinstance(rows, RowsNotCompared):
        return "not compared"
    by = f" (by {terminal(rows.key)})" if rows.key is not None and rows.changed else ""
    words = [(rows.same, "same"), (rows.added, "added"), (rows.removed, "removed"), (rows.changed or 0, f"changed{by}")]
    return _counted(words)


def _column_counts(difference: Difference) -> str:
    columns = difference.schema.columns
    added = sum(item.before is None for item in columns)
    removed = sum(item.after is None for item in columns)
    counts = [(added, "added"), (removed, "removed"), (len(columns) - added - removed, "of another type")]
    return (
        ", ".join(filter(None, [_counted(counts), "in another order" if difference.schema.reordered else ""])) or "same"
    )


def _files(difference: Difference) -> Iterator[str]:
    named = difference.files.named
    if named:
        yield ""
        yield "files"
    yield from (f"  {_file_line(item)}" for item in named[:MOST_SHOWN])
    hidden = len(named) - MOST_SHOWN + difference.files.unnamed
    if hidden > 0:
        yield f"  and {hidden} more (--format json names {len(named)})"


def _file_line(item: FileDifference) -> str:
    mark = MARKS[item.change]
    if item.before is not None:
        return f"{mark} {terminal(item.before)} -> {terminal(item.path)}"
    sizes = [text for text, there in zip(_both(item), _there(item), strict=True) if there]
    return f"{mark} {terminal(item.path)}  {' -> '.join(sizes)}"


def _there(item: FileDifference) -> tuple[bool, bool]:
    return item.change is not Change.ADDED, item.change is not Change.REMOVED


def _both(item: FileDifference) -> Iterator[str]:
    for size, rows in zip(item.size, item.rows, strict=True):
        yield f"{count(size, 'byte')}, {count(rows, 'row')}" if any(item.rows) else count(size, "byte")


def _columns(difference: Difference) -> Iterator[str]:
    columns = difference.schema.columns
    if columns:
        yield ""
        yield "columns"
    yield from (f"  {_column_line(item)}" for item in columns[:MOST_SHOWN])
    if len(columns) > MOST_SHOWN:
        yield f"  and {len(columns) - MOST_SHOWN} more (--format json names all)"


def _column_line(item: ColumnDifference) -> str:
    types = [f"{column.kind} ({terminal(column.type)})" for column in (item.before, item.after) if column is not None]
    mark = "+" if item.before is None else "-" if item.after is None else "~"
    return f"{mark} {terminal(item.name)}  {' -> '.join(types)}"


def _rows(difference: Difference) -> Iterator[str]:
    rows = difference.rows
    if isinstance(rows, RowsNotCompared):
        yield ""
        yield f"rows: not compared: {terminal(rows.reason)}"
        return
    if any(rows.examples.values()):
        yield ""
        yield "rows"
    for change, places in rows.examples.items():
        if places:
            more = _total(rows, change) - len(places)
            yield f"  {MARKS[change]} {', '.join(map(_place, places))}{f' and {more} more' if more else ''}"
    if rows.without_key and rows.added and rows.removed:
        yield f"  {terminal(rows.without_key)}"


def _total(rows: RowDifferences, change: Change) -> int:
    return {Change.ADDED: rows.added, Change.REMOVED: rows.removed, Change.CHANGED: rows.changed or 0}[change]


def _place(place: RowPlace) -> str:
    return f"{terminal(place.path)}:{place.row}"


def _answer(difference: Difference) -> Iterator[str]:
    if difference.likeness is Likeness.IDENTICAL:
        yield "identical: the same files, byte for byte"
    elif difference.likeness is Likeness.SAME_ROWS:
        yield f"the same rows: {', '.join(_how(difference))}; the digest of the multiset of rows is equal"
    else:
        yield "different; whether the values drifted is for 'poisonguard scan AFTER --reference BEFORE' to say"


def _how(difference: Difference) -> Iterator[str]:
    before, after = difference.before, difference.after
    if before.formats != after.formats:
        yield f"in another format ({'+'.join(before.formats)} -> {'+'.join(after.formats)})"
    elif difference.files.counts[Change.CHANGED] or difference.files.counts[Change.ADDED]:
        yield "in other files"
    else:
        yield "under other names"
    if difference.units.added or difference.units.removed:
        yield "cut or ordered otherwise"


def _side_to_json(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "version": side.version,
        "files": side.files,
        "bytes": side.size,
        "units": side.units,
        "rows": side.rows,
        "rowsDigest": side.rows_digest,
        "formats": list(side.formats),
    }


def _file_to_json(item: FileDifference) -> dict[str, Any]:
    before, after = _there(item)
    return {
        "change": str(item.change),
        "path": item.path,
        "renamedFrom": item.before,
        "bytesBefore": item.size[0] if before else None,
        "bytesAfter": item.size[1] if after else None,
        "rowsBefore": item.rows[0] if before else None,
        "rowsAfter": item.rows[1] if after else None,
    }


def _rows_to_json(rows: RowDifferences | RowsNotCompared) -> dict[str, Any]:
    if isinstance(rows, RowsNotCompared):
        return {"compared": False, "reason": rows.reason}
    return {
        "compared": True,
        "same": rows.same,
        "added": rows.added,
        "removed": rows.removed,
        "changed": rows.changed,
        "key": rows.key,
        "withoutKey": rows.without_key or None,
        "examples": {
            str(change): [{"path": place.path, "row": place.row} for place in places]
            for change, places in rows.examples.items()
        },
    }


def _column_to_json(item: ColumnDifference) -> dict[str, Any]:
    return {"name": item.name, "before": _type_to_json(item.before), "after": _type_to_json(item.after)}


def _type_to_json(column: Column | None) -> dict[str, str] | None:
    return None if column is None else {"kind": str(column.kind), "type": column.type}
