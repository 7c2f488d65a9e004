"""Put quarantined rows back: the data as they were, or nothing.

1. The clean half is the version that the record names; its bytes are checked before they are used.
2. Text is what it was, byte for byte (a compressed file: its content); so are files that were not cut. Parquet and
   Arrow files hold the same rows in the same row groups.
3. All rows together have the digest that the record names; otherwise nothing is left behind.
"""

from __future__ import annotations

from pathlib import Path

from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE
from poisonguard.dataset.pictures import FORMATS
from poisonguard.errors import IntegrityError
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.quarantine import CLEAN, QUARANTINED, check_folder, new_folder
from poisonguard.workflow.quarantine_files import copy_file, join_file, put_back, sources_of
from poisonguard.workflow.quarantine_record import Record, read_record


def restore(folder: Path, target: Path) -> tuple[Record, str]:
    """Write the data that were quarantined into ``folder`` to the new folder ``target``; record and version.

    Raises:
        DataError: There is no quarantine in ``folder``, or a file of it cannot be read.
        IntegrityError: It is not what was written.
        UsageError: ``target`` is not new, or lies in ``folder``.
    """
    record = read_record(folder)
    check_folder(target, str(folder))
    tree = FIPS_TREE if record.hash_profile == FIPS_TREE.hash_profile else BLAKE3_TREE
    clean, _ = inspect(str(folder / CLEAN), tree=tree)
    if clean.version != record.clean.version:
        raise IntegrityError(
            f"{folder / CLEAN}: {clean.version[:16]} is not {record.clean.version[:16]}, which was written",
            hint="It was edited; quarantine the data anew.",
        )
    if record.files:
        # Its bytes were bound by nobody: read once within the limits that every dataset is read within.
        inspect(str(folder / QUARANTINED), tree=tree)
    with new_folder(target) as part:
        _write(record, folder, part)
        whole, _ = inspect(str(part), tree=tree)
        if (whole.manifest.rows, whole.manifest.rows_digest) != (record.source.rows, record.source.rows_digest):
            raise IntegrityError(
                f"{folder}: the rows put together are not those of {record.source.version[:16]}",
                hint="A part of it was altered.",
            )
    return record, whole.version


def _write(record: Record, folder: Path, part: Path) -> None:
    moved = {item.path: item for item in record.files if item.format in FORMATS}
    cuts = {item.path: item for item in record.files if item.path not in moved}
    away = sources_of(folder / QUARANTINED) if record.files else {}
    kept = sources_of(folder / CLEAN)
    missing = sorted((cuts.keys() | moved.keys()) - away.keys() | cuts.keys() - kept.keys())
    if missing:
        raise IntegrityError(f"{folder}: {missing[0]} is not there", hint="A part of it was removed.")
    for path, source in kept.items():
        if path in cuts:
            join_file(cuts[path], source, away[path], part / path)
        else:
            copy_file(source, part / path)
    for path, entry in moved.items():
        put_back(entry, away[path], part / path)
