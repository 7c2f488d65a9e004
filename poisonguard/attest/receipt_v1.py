"""The training receipt, version 1: which bytes of an approved version a training run was really handed.

Rules of reading:

1. Files are sorted by path, none twice; ranges ascend, and do not touch; none is empty.
2. The digest is that of the list of files, which is here or, when it is long, kept beside the statement.
3. Where the list is here, the counts are its own.
4. A run that completed read something; a run finishes no earlier than it started.
5. Statements that the gate used are sorted, none twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from poisonguard.attest.canonical import canonical, digest_of
from poisonguard.attest.fields import Fields
from poisonguard.attest.times import format_time
from poisonguard.errors import IntegrityError

T = TypeVar("T")

RECEIPT = "https://poisonguard.dev/training-receipt/v1"
MOST_LISTED = 10_000
"""Files that the statement itself lists; more are kept beside it, bound by their digest."""

Range = tuple[int, int]
"""The first, and the one after the last."""


class Status(StrEnum):
    """How a training run ended."""

    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileRead:
    """What was read of one file.

    Attributes:
        path: Path in the version's listing.
        tree_root: Hex root of its chunk tree, as the listing says.
        chunks: Chunks of 4 MiB of which at least one byte was handed out.
        row_groups: Row groups of a Parquet file of which at least one byte was handed out; nothing when not known.
    """

    path: str
    tree_root: str
    chunks: tuple[Range, ...]
    row_groups: tuple[Range, ...] | None = None

    @property
    def chunk_count(self) -> int:
        """How many chunks."""
        return sum(stop - first for first, stop in self.chunks)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        groups = None if self.row_groups is None else [list(item) for item in self.row_groups]
        chunks = [list(item) for item in self.chunks]
        return {"path": self.path, "treeRoot": self.tree_root, "chunks": chunks, "rowGroups": groups}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Everything that was read.

    Attributes:
        files: Files of which something was read.
        chunks: Chunks of which something was handed out.
        size: Bytes that were handed out, each counted once; never too few, see ``poisonguard.dataset.read_record``.
        complete: Whether every chunk of every file of the version was.
        digest: Hex SHA-256 of the canonical JSON of the list of files.
        listed: The list of files; nothing when it is too long to be here.
    """

    files: int
    chunks: int
    size: int
    complete: bool
    digest: str
    listed: tuple[FileRead, ...] | None


@dataclass(frozen=True, slots=True)
class GateRecord:
    """What the gate's decision, under which the run was started, rested on.

    Attributes:
        policy_digest: Digest of the policy.
        trust_version: Version of the trust root.
        statements: Digests of the scans, approvals and list of revocations, sorted.
    """

    policy_digest: str
    trust_version: int
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDocument:
    """What one training run read of one version.

    Attributes:
        dataset: Name of the dataset.
        number: Version number, for people.
        version: Name of the version.
        manifest_statement: Digest of the manifest statement.
        purpose: What for, as the gate was asked.
        gate: What let the version through.
        status: How the run ended.
        started: When the gate had passed.
        created: When the run was over and this was signed.
        tool_version: Version of poisonguard.
        reads: What was read.
    """

    dataset: str
    number: int
    version: str
    manifest_statement: str
    purpose: str
    gate: GateRecord
    status: Status
    started: datetime
    created: datetime
    tool_version: str
    reads: Reads

    @property
    def subject(self) -> tuple[str, str]:
        """What the statement is about: the version."""
        return self.dataset, self.version.removeprefix("pg1:")

    @property
    def title(self) -> str:
        """``NAME@N``."""
        return f"{self.dataset}@{self.number}"


def list_of(files: Iterable[FileRead]) -> list[dict[str, Any]]:
    """The list of files as JSON."""
    return [item.to_json() for item in files]


def list_bytes(files: Iterable[FileRead]) -> bytes:
    """The list of files as it is kept beside a statement."""
    return canonical(list_of(files))


def reads_of(files: Sequence[FileRead], *, size: int, complete: bool) -> Reads:
    """A summary of what was read, with the list when it is short."""
    return Reads(
        files=len(files),
        chunks=sum(item.chunk_count for item in files),
        size=size,
        complete=complete,
        digest=digest_of(list_of(files)),
        listed=tuple(files) if len(files) <= MOST_LISTED else None,
    )


def receipt_to_json(document: ReceiptDocument) -> dict[str, Any]:
    """The receipt as JSON."""
    reads, gate = document.reads, document.gate
    return {
        "dataset": document.dataset,
        "number": document.number,
        "version": document.version,
        "manifestStatement": document.manifest_statement,
        "purpose": document.purpose,
        "gate": {
            "policyDigest": gate.policy_digest,
            "trustRootVersion": gate.trust_version,
            "statements": list(gate.statements),
        },
        "status": str(document.status),
        "started": format_time(document.started),
        "created": format_time(document.created),
        "toolVersion": document.tool_version,
        "reads": {
            "files": reads.files,
            "chunks": reads.chunks,
            "bytes": reads.size,
            "complete": reads.complete,
            "digest": reads.digest,
            "listed": None if reads.listed is None else list_of(reads.listed),
        },
    }


def receipt_from_json(value: Any) -> ReceiptDocument:
    """The receipt in JSON.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    fields = Fields(value, "receipt")
    document = ReceiptDocument(
        dataset=fields.text("dataset"),
        number=fields.integer("number", minimum=1),
        version=fields.version("version"),
        manifest_statement=fields.digest("manifestStatement"),
        purpose=fields.text("purpose"),
        gate=_gate(fields.take("gate")),
        status=fields.choice("status", Status),
        started=fields.time("started"),
        created=fields.time("created"),
        tool_version=fields.text("toolVersion"),
        reads=_reads(fields.take("reads")),
    )
    fields.done()
    if document.status is Status.COMPLETED and not document.reads.files:
        raise fields.refusal("is of a completed run that read nothing")
    if document.created < document.started:
        raise fields.refusal("is of a run that finished before it started")
    return document


def _gate(value: Any) -> GateRecord:
    fields = Fields(value, "receipt.gate")
    gate = GateRecord(
        fields.digest("policyDigest"), fields.integer("trustRootVersion"), fields.items("statements", _digest)
    )
    fields.done()
    if list(gate.statements) != sorted(set(gate.statements)):
        raise fields.refusal("has statements that are not sorted, or one twice")
    return gate


def _reads(value: Any) -> Reads:
    fields = Fields(value, "receipt.reads")
    complete, listed = fields.take("complete"), _items_or_nothing(fields, "listed", _file)
    if not isinstance(complete, bool):
        raise fields.refusal("does not say whether it is complete")
    reads = Reads(
        files=fields.integer("files"),
        chunks=fields.integer("chunks"),
        size=fields.integer("bytes"),
        complete=complete,
        digest=fields.digest("digest"),
        listed=listed,
    )
    fields.done()
    if listed is not None and reads != reads_of(listed, size=reads.size, complete=complete):
        raise fields.refusal("does not add up to the files that it lists")
    if listed is not None and [item.path for item in listed] != sorted({item.path for item in listed}):
        raise fields.refusal("lists files that are not sorted, or one twice")
    return reads


def _file(value: Any, where: str) -> FileRead:
    fields = Fields(value, where)
    path, tree_root, chunks = fields.text("path"), fields.digest("treeRoot"), fields.items("chunks", _range)
    row_groups = _items_or_nothing(fields, "rowGroups", _range)
    fields.done()
    if not chunks or not _ascend(chunks) or not _ascend(row_groups or ()):
        raise fields.refusal("has ranges that are missing, out of order, or touch")
    return FileRead(path, tree_root, chunks, row_groups)


def _items_or_nothing(fields: Fields, name: str, read: Callable[[Any, str], T]) -> tuple[T, ...] | None:
    value = fields.take(name)
    return None if value is None else Fields({name: value}, fields.where).items(name, read)


def _range(value: Any, where: str) -> Range:
    counts = isinstance(value, list) and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
    if not counts or len(value) != 2 or not 0 <= value[0] < value[1]:  # noqa: PLR2004 - first and last
        raise IntegrityError(f"{where} is not a range")
    return value[0], value[1]


def _ascend(ranges: Sequence[Range]) -> bool:
    return all(before[1] < after[0] for before, after in pairwise(ranges))


def _digest(value: Any, where: str) -> str:
    return Fields({"digest": value}, where).digest("digest")
