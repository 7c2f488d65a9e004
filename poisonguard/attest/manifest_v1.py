"""The content manifest as JSON, version 1, and the name that it gives to a version.

The SHA-256 of the canonical JSON is the version's name, so nothing here may depend on when, where or by whom
the manifest was made. Rules of reading:

1. There is at least one file: an empty dataset is never signed.
2. Paths are relative, without ``.``, ``..``, empty parts, control characters or line breaks; sorted, each once.
3. The units of a file follow each other from row 0 and end at its number of rows.
4. The rows of the files add up to the rows of the manifest.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from poisonguard.attest.canonical import digest_of
from poisonguard.attest.fields import Fields
from poisonguard.domain.dataset import Column, FileEntry, Kind, Manifest, Unit
from poisonguard.errors import IntegrityError

UNPRINTABLE = frozenset({"Cc", "Zl", "Zp"})


def version_name(manifest: Manifest) -> str:
    """Name of the version with this content: ``pg1:`` and the hex SHA-256 of the manifest's canonical JSON."""
    return f"pg1:{digest_of(manifest_to_json(manifest))}"


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON."""
    return {
        "hashProfile": manifest.hash_profile,
        "files": [_file_to_json(entry) for entry in manifest.files],
        "columns": [{"name": item.name, "kind": str(item.kind), "type": item.type} for item in manifest.columns],
        "rows": manifest.rows,
        "rowsDigest": manifest.rows_digest,
        "filesRoot": manifest.files_root,
    }


def manifest_from_json(value: Any) -> Manifest:
    """The manifest in JSON.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    fields = Fields(value, "manifest.content")
    manifest = Manifest(
        hash_profile=fields.text("hashProfile"),
        files=fields.items("files", _file),
        columns=fields.items("columns", _column),
        rows=fields.integer("rows"),
        rows_digest=fields.digest("rowsDigest"),
        files_root=fields.digest("filesRoot"),
    )
    fields.done()
    _check(manifest, fields)
    return manifest


def _check(manifest: Manifest, fields: Fields) -> None:
    paths = [entry.path for entry in manifest.files]
    if not paths:
        raise fields.refusal("holds no file")
    if paths != sorted(set(paths)):
        raise fields.refusal("has files out of order, or one twice")
    if sum(entry.rows for entry in manifest.files) != manifest.rows:
        raise fields.refusal("counts other rows than its files")


def _file_to_json(entry: FileEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "size": entry.size,
        "sha256": entry.sha256,
        "treeRoot": entry.tree_root,
        "format": entry.format,
        "rows": entry.rows,
        "units": [{"firstRow": unit.first_row, "rows": unit.rows, "digest": unit.digest} for unit in entry.units],
    }


def _file(value: Any, where: str) -> FileEntry:
    fields = Fields(value, where)
    entry = FileEntry(
        path=fields.text("path"),
        size=fields.integer("size"),
        sha256=fields.digest("sha256"),
        tree_root=fields.digest("treeRoot"),
        format=fields.text("format"),
        rows=fields.integer("rows"),
        units=fields.items("units", _unit),
    )
    fields.done()
    if not is_safe_path(entry.path):
        raise fields.refusal("has an unsafe path")
    _check_units(entry, where)
    return entry


def _check_units(entry: FileEntry, where: str) -> None:
    row = 0
    for unit in entry.units:
        if unit.first_row != row:
            raise IntegrityError(f"{where} has units with a gap or an overlap")
        row += unit.rows
    if row != entry.rows:
        raise IntegrityError(f"{where} has units that do not end at its last row")


def _unit(value: Any, where: str) -> Unit:
    fields = Fields(value, where)
    unit = Unit(fields.integer("firstRow"), fields.integer("rows"), fields.digest("digest"))
    fields.done()
    return unit


def _column(value: Any, where: str) -> Column:
    fields = Fields(value, where)
    column = Column(fields.text("name", empty=True), fields.choice("kind", Kind), fields.text("type"))
    fields.done()
    return column


def is_safe_path(path: str) -> bool:
    """Whether ``path`` names something below the root and can be printed."""
    if not path.isprintable() and any(unicodedata.category(character) in UNPRINTABLE for character in path):
        return False
    return all(part not in {"", ".", ".."} for part in path.split("/"))
