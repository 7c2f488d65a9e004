"""The content manifest as JSON, version 1, and the name that it gives to a version.

The SHA-256 of the canonical JSON is the version's name, so nothing here may depend on when, where or by whom
the manifest was made. It is small whatever the dataset's size: the files are bound by the root of their listing
(``poisonguard.attest.listing``). Rules of reading:

1. There is at least one file: an empty dataset is never signed.
2. No member is missing, unknown or of another type.
"""

from __future__ import annotations

from typing import Any

from poisonguard.attest.canonical import digest_of
from poisonguard.attest.fields import Fields
from poisonguard.domain.dataset import Column, Kind, Manifest


def version_name(manifest: Manifest) -> str:
    """Name of the version with this content: ``pg1:`` and the hex SHA-256 of the manifest's canonical JSON."""
    return f"pg1:{digest_of(manifest_to_json(manifest))}"


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON."""
    return {
        "hashProfile": manifest.hash_profile,
        "columns": [{"name": item.name, "kind": str(item.kind), "type": item.type} for item in manifest.columns],
        "rows": manifest.rows,
        "rowsDigest": manifest.rows_digest,
        "files": manifest.file_count,
        "bytes": manifest.size,
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
        columns=fields.items("columns", _column),
        rows=fields.integer("rows"),
        rows_digest=fields.digest("rowsDigest"),
        file_count=fields.integer("files", minimum=1),
        size=fields.integer("bytes"),
        files_root=fields.digest("filesRoot"),
    )
    fields.done()
    return manifest


def _column(value: Any, where: str) -> Column:
    fields = Fields(value, where)
    column = Column(fields.text("name", empty=True), fields.choice("kind", Kind), fields.text("type"))
    fields.done()
    return column
