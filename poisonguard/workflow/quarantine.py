"""Quarantine: a copy of the data without the rows that findings name, and those rows apart, with the reasons.

Rules:

1. The original is only read, through checked chunks of what was scanned.
2. Files without such a row are copied byte for byte. The others keep path, format, compression, schema and borders of
   row groups; in CSV and JSON the bytes of the rows that stay do not change.
3. What was taken apart is put together once before it is kept, and must be what it was.
4. The folder appears when everything in it is there; a folder that holds something is never written to.
5. A finding that names no rows, or fewer than it counts, is said to.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poisonguard.dataset.discover import discover
from poisonguard.dataset.formats.base import Source
from poisonguard.domain.dataset import Manifest
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.wording import count
from poisonguard.engine.progress import Progress
from poisonguard.errors import UsageError
from poisonguard.workflow.folder import in_data, working_directory
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.quarantine_files import Halves, copy_file, cut_file, move_file
from poisonguard.workflow.quarantine_record import FILE_NAME, CutFile, Reason, Record, Version
from poisonguard.workflow.scan import Scan, ScanRequest, open_scan

CLEAN, QUARANTINED, ROWS = "clean", "quarantined", "rows.jsonl"

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRequest:
    """What to take out, and where to put it.

    Attributes:
        scan: How to scan the data; they must lie somewhere.
        folder: New folder.
        findings: Fingerprints of the findings whose rows go; nothing means all findings.
        checks: Ids of the checks whose findings' rows go; nothing means all checks.
        level: Findings at this level or above.
    """

    scan: ScanRequest
    folder: Path
    findings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    level: Level = Level.WARNING


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The findings whose rows go, and all those rows."""

    findings: tuple[Finding, ...]
    by_finding: tuple[Rows, ...]
    rows: Rows = field(repr=False)


def quarantine(request: QuarantineRequest, progress: Progress | None = None) -> Record:
    """Scan the data and take the rows apart that findings name.

    Raises:
        DataError: The data are not there, or a file cannot be taken apart.
        UsageError: The folder holds something or lies in the data, there is no such finding, or no row would be left.
    """
    data = request.scan.data
    if not isinstance(data, str):
        raise UsageError("only data that lie somewhere can be quarantined, not a table in memory")
    check_folder(request.folder, data)
    with open_scan(request.scan, progress) as finished:
        chosen = _chosen(request, finished)
        with new_folder(request.folder) as part:
            cuts = _take_apart(part, data, finished, chosen)
            inventory, _ = inspect(str(part / CLEAN), tree=finished.source.dataset.tree)
            record = _record(finished, chosen, cuts, inventory.manifest, inventory.version)
            (part / FILE_NAME).write_text(record.text(), encoding="utf-8")
    return record


def check_folder(folder: Path, data: str | None = None) -> None:
    """Refuse a folder that is not new, or that would become part of the data.

    Raises:
        UsageError: It is one.
    """
    if os.path.lexists(folder) and not (folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())):
        raise UsageError(f"{folder} is there already", hint="Name a new folder: nothing is ever overwritten.")
    if not folder.absolute().parent.is_dir():
        raise UsageError(f"{folder.parent}: no such folder", hint="Make it first.")
    if data is not None and in_data(folder.resolve(), data, working_directory()):
        raise UsageError(f"{folder} lies in the data, which it would change", hint="Name a folder beside the data.")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A private folder that becomes ``folder`` when the block ends without an error, and vanishes with one.

    Raises:
        UsageError: The place cannot be written to.
    """
    target = folder.absolute()
    try:
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}", hint="Check the place.") from error
    try:
        yield part
        part.chmod(0o755 & ~_umask())
        # Onto an empty folder a rename is allowed; onto anything else it fails.
        part.rename(target)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}", hint="Check space and rights.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _chosen(request: QuarantineRequest, finished: Scan) -> _Chosen:
    findings = finished.result.findings
    known = {finding.fingerprint for finding in findings}
    for wanted in request.findings:
        if wanted not in known:
            raise UsageError(f"no finding {wanted} in this scan", hint="See the fingerprints with `scan -v`.")
    checks = {outcome.check for outcome in finished.result.outcomes}
    for wanted in request.checks:
        if wanted not in checks:
            raise UsageError(f"check {wanted} is not in pack {finished.result.pack}", hint="See `checks list`.")
    mine = tuple(item for item in findings if _is_wanted(item, request))
    by_finding = tuple(_rows_of(item, finished) for item in mine)
    rows = np.unique(np.concatenate([np.empty(0, np.int64), *by_finding]))
    if rows.size == finished.index.total:
        raise UsageError("every row is named by a finding: nothing would be left", hint="Choose with --finding.")
    return _Chosen(mine, by_finding, rows)


def _is_wanted(finding: Finding, request: QuarantineRequest) -> bool:
    if request.findings and finding.fingerprint not in request.findings:
        return False
    if request.checks and finding.check not in request.checks:
        return False
    # A finding that was asked for by its name goes whatever its level.
    return bool(request.findings) or finding.level.rank >= request.level.rank


def _rows_of(finding: Finding, finished: Scan) -> Rows:
    """The rows that a finding names; where it counts more of them, those that its check's scores flag too."""
    named = np.unique(np.asarray(finding.rows, dtype=np.int64))
    book = finished.book
    if finding.row_count > named.size and finding.check in book.scores and finding.check in book.fired:
        flagged = np.flatnonzero(book.scores[finding.check] >= np.float32(book.thresholds[finding.check]))
        return np.union1d(named, flagged)
    return named


def _take_apart(part: Path, data: str, finished: Scan, chosen: _Chosen) -> tuple[CutFile, ...]:
    """Write both halves of every file; the files that were cut."""
    dataset, storage = finished.source.dataset, discover(data).storage
    files, places = finished.index.locate(chosen.rows)
    (part / CLEAN).mkdir()
    (part / QUARANTINED).mkdir()
    cuts = list[CutFile]()
    for number, item in enumerate(dataset.files):
        source = Source(storage, item.path, item.size, item.leaves, tree=dataset.tree)
        halves = Halves(part / CLEAN / item.path, part / QUARANTINED / item.path)
        going = places[files == number]
        if not going.size:
            copy_file(source, halves.clean)
            continue
        if dataset.pictures is not None:
            cuts.append(move_file(source, item.format, halves))
            continue
        rows = int(finished.index.starts[number + 1] - finished.index.starts[number])
        _, table = dataset.files.tables[number]
        cuts.append(cut_file(source, table, item.format, rows, going, halves))
    _write_reasons(part / ROWS, finished, chosen)
    return tuple(cuts)


def _write_reasons(path: Path, finished: Scan, chosen: _Chosen) -> None:
    """One line for each row that went: where it was, and why it went."""
    files, places = finished.index.locate(chosen.rows)
    why: dict[int, list[Finding]] = {}
    for finding, rows in zip(chosen.findings, chosen.by_finding, strict=True):
        for row in rows.tolist():
            why.setdefault(row, []).append(finding)
    with path.open("x", encoding="utf-8") as sink:
        for row, file, place in zip(chosen.rows.tolist(), files.tolist(), places.tolist(), strict=True):
            line = {
                "path": finished.index.paths[file],
                "row": place,
                "checks": sorted({item.check for item in why[row]}),
                "fingerprints": [item.fingerprint for item in why[row]],
                "reasons": [item.message for item in why[row]],
            }
            sink.write(json.dumps(line) + "\n")


def _record(finished: Scan, chosen: _Chosen, cuts: Sequence[CutFile], clean: Manifest, version: str) -> Record:
    result = finished.result
    return Record(
        tool_version=result.tool_version,
        dataset=result.dataset,
        source=version_of(result.manifest, result.version),
        clean=version_of(clean, version),
        removed_rows=chosen.rows.size,
        hash_profile=result.manifest.hash_profile,
        reference=result.reference,
        pack=result.pack,
        pack_digest=result.pack_digest,
        policy_digest=result.policy_digest,
        findings=tuple(map(_reason, chosen.findings, chosen.by_finding)),
        files=tuple(cuts),
    )


def _reason(finding: Finding, rows: Rows) -> Reason:
    return Reason(
        fingerprint=finding.fingerprint,
        check=finding.check,
        level=finding.level.value,
        signal=finding.signal.value,
        message=finding.message,
        rows=rows.size,
        unnamed_rows=max(0, finding.row_count - rows.size),
    )


def version_of(manifest: Manifest, version: str) -> Version:
    """What the record says of one state of the data."""
    return Version(
        version=version,
        rows=manifest.rows,
        rows_digest=manifest.rows_digest,
        files=manifest.file_count,
        size=manifest.size,
    )


def told(record: Record) -> Iterator[str]:
    """What was done, for people."""
    cut = f"{count(record.removed_rows, 'row')} of {record.source.rows:,} in {count(len(record.files), 'file')}"
    yield f"quarantined {cut}" if record.removed_rows else "no row is named by a finding: the copy is whole"
    for item in record.findings:
        more = f", and {item.unnamed_rows:,} more that it does not name stay" if item.unnamed_rows else ""
        yield f"  {item.fingerprint}  {item.check}  {count(item.rows, 'row')}{more}"
    yield f"source  {record.source.version}"
    yield f"clean   {record.clean.version}"
