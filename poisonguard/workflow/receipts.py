"""Make, sign, store and hand on training receipts.

Rules:

1. Whoever signs plays the role of trainer for the dataset, by the trust root that the gate established, with keys that
   the list of revocations that holds there does not name.
2. A receipt is logged in the workspace when that knows the very manifest, and holds the log's key; whoever signs then
   plays that role by the workspace's trust root and list of revocations too.
3. A list of files that is too long for the statement is stored with it, in the same transaction, and beside its file.
4. Row groups are named where the file's own footer, read through the same checks, says where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from poisonguard.attest.envelope import Envelope, sign
from poisonguard.attest.keys import Signer
from poisonguard.attest.predicates_v1 import statement_of
from poisonguard.attest.receipt_v1 import (
    FileRead,
    GateRecord,
    Range,
    ReceiptDocument,
    Status,
    list_bytes,
    reads_of,
)
from poisonguard.attest.trust import RoleName
from poisonguard.dataset.read_record import bytes_in, chunks_of, overlapped
from poisonguard.dataset.sniff import PARQUET
from poisonguard.dataset.verified_files import VerifiedFiles
from poisonguard.domain.dataset import FileEntry
from poisonguard.errors import DataError, InternalError
from poisonguard.store.durable import write_durably
from poisonguard.store.registry import Kind, Statement
from poisonguard.version import VERSION
from poisonguard.workflow.folder import LOG_KEY
from poisonguard.workflow.gate_decision import GateEvidence
from poisonguard.workflow.publish import require_role
from poisonguard.workflow.revocation_lists import trusted_list
from poisonguard.workflow.verified_read import Approved
from poisonguard.workflow.workspace import Workspace

LIST_SUFFIX = ".files.json"
"""Added to the name of a receipt's file for the list of files, when that is too long for the receipt."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed receipt.

    Attributes:
        document: What it says.
        envelope: The signed statement.
        files: What was read of each file, sorted by path.
    """

    document: ReceiptDocument
    envelope: Envelope
    files: tuple[FileRead, ...]

    def resolved_dependencies(self) -> list[dict[str, Any]]:
        """The version and this receipt as SLSA ``resolvedDependencies`` (in-toto resource descriptors)."""
        document, digest = self.document, self.envelope.digest
        version = {
            "name": document.title,
            "uri": f"poisonguard:{document.version}",
            "digest": {"sha256": document.subject[1]},
            "annotations": {
                "manifestStatement": document.manifest_statement,
                "trainingReceipt": digest,
                "status": str(document.status),
                "complete": document.reads.complete,
            },
        }
        name = f"training receipt of {document.title}"
        receipt = {"name": name, "digest": {"sha256": digest}, "mediaType": "application/vnd.in-toto+json"}
        return [version, receipt]

    def write(self, path: Path) -> None:
        """Write the signed statement, and the list of files beside it when the statement has no room for that.

        Raises:
            UsageError: A file cannot be written.
        """
        if self.document.reads.listed is None:
            write_durably(path.with_name(path.name + LIST_SUFFIX), list_bytes(self.files))
        write_durably(path, self.envelope.to_bytes())

    def log(self, workspace: Workspace) -> None:
        """Append it to a workspace's log.

        Raises:
            UsageError: It cannot be appended.
            IntegrityError: The log was altered.
        """
        document = self.document
        statement = Statement(
            kind=Kind.RECEIPT,
            dataset=document.dataset,
            version=document.version,
            payload_digest=self.envelope.digest,
            envelope=self.envelope.to_bytes(),
        )
        with workspace, workspace.registry.write() as writer:
            if document.reads.listed is None:
                writer.put_blob(list_bytes(self.files))
            writer.append([statement], workspace.checkpoint_signer())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run did.

    Attributes:
        status: How it ended.
        started: When the gate had passed.
        finished: When it was over.
        read: Files of which something was handed out, with the byte ranges, by path.
    """

    status: Status
    started: datetime
    finished: datetime
    read: tuple[tuple[FileEntry, tuple[Range, ...]], ...]


def receipt_of(approved: Approved, run: Run, signers: Sequence[Signer]) -> Receipt:
    """The signed receipt of a run."""
    evidence, files = approved.decision.evidence, tuple(_file_reads(approved.files, run))
    document = ReceiptDocument(
        dataset=str(evidence.dataset),
        number=evidence.number,
        version=str(evidence.version),
        manifest_statement=str(evidence.manifest_statement),
        purpose=evidence.purpose,
        gate=GateRecord(evidence.policy_digest, evidence.trust_version, _statements(evidence)),
        status=run.status,
        started=run.started,
        created=run.finished,
        tool_version=VERSION,
        reads=reads_of(
            files,
            size=sum(bytes_in(ranges) for _, ranges in run.read),
            complete=sum(item.chunk_count for item in files) == approved.files.chunk_count,
        ),
    )
    return Receipt(document, sign(statement_of(document).payload(), signers), files)


def require_trainer(approved: Approved, signers: Sequence[Signer]) -> None:
    """Do nothing when the signers may sign receipts of the dataset (rule 1).

    Raises:
        UsageError: A key does not play the role of trainer, or was revoked.
    """
    evidence = approved.decision.evidence
    if evidence.root is None:
        raise InternalError("the gate passed without a trust root")
    held = None if evidence.revocations is None else evidence.revocations.document
    require_role(evidence.root, signers, RoleName.TRAINER, str(evidence.dataset), held)


def workspace_for(approved: Approved, start: Path | None, signers: Sequence[Signer], now: datetime) -> Workspace | None:
    """The workspace in whose log the receipt belongs, if there is one (rule 2).

    Raises:
        UsageError: A key does not play the role of trainer, or was revoked.
        KeyMaterialError: The workspace's log key does not play its role.
        IntegrityError: Registry or trust root are not what was written.
        GateFailed: The trust root has expired.
    """
    evidence = approved.decision.evidence
    workspace = Workspace.find(start, data=evidence.location)
    if workspace is None or not (workspace.folder / LOG_KEY).exists():
        return None
    with workspace, workspace.registry.read() as reader:
        held = reader.find_manifest(str(evidence.dataset), evidence.number)
        if held is None or held.payload_digest != evidence.manifest_statement:
            return None
        root = workspace.trusted(reader, now).root
        revocations = trusted_list(reader, root, workspace.origin)
        require_role(root, signers, RoleName.TRAINER, str(evidence.dataset), revocations)
        workspace.checkpoint_signer()
    return workspace


def _statements(evidence: GateEvidence) -> tuple[str, ...]:
    scans, approvals = (item.statement for item in evidence.scans), (item.statement for item in evidence.approvals)
    revocations = () if evidence.revocations is None else (evidence.revocations.statement,)
    return tuple(sorted({*scans, *approvals, *revocations}))


def _file_reads(files: VerifiedFiles, run: Run) -> Iterator[FileRead]:
    for entry, ranges in run.read:
        yield FileRead(entry.path, entry.tree_root, chunks_of(ranges), _row_groups(files, entry, ranges))


def _row_groups(files: VerifiedFiles, entry: FileEntry, ranges: Iterable[Range]) -> tuple[Range, ...] | None:
    if entry.format != PARQUET:
        return None
    import pyarrow as pa  # noqa: PLC0415 - only Parquet pays for it
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    try:
        with files.open(entry.path) as file:
            footer = pq.read_metadata(file)
    except (DataError, pa.ArrowException, OSError):
        return None
    groups = (footer.row_group(place) for place in range(footer.num_row_groups))
    return overlapped(
        ([_extent(group.column(index)) for index in range(group.num_columns)] for group in groups), ranges
    )


def _extent(column: Any) -> Range:
    """Where a column's pages lie; the dictionary, if there is one, comes first."""
    start = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size
