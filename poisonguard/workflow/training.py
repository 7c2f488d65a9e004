"""A training run that leaves a signed receipt of what it was really handed.

Rules:

1. What can be refused is refused before training: data that the gate does not pass, a key that is wrong, was revoked or
   has not the role, nowhere to put the receipt.
2. Only what is read through the run's file system is recorded, and before it is handed out. A run that completed
   without reading anything that way is an error, and gets no receipt.
3. A receipt says ``completed`` only when the block ended without an error and no byte was refused, whoever caught that
   error; otherwise it says ``failed``, and the error goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from poisonguard.attest.keys import Signer
from poisonguard.attest.receipt_v1 import Status
from poisonguard.dataset.names import shown
from poisonguard.dataset.read_record import ReadRecord
from poisonguard.dataset.verified_files import VerifiedFiles
from poisonguard.dataset.verified_fsspec import VerifiedFileSystem
from poisonguard.errors import DataChanged, PoisonguardError, UsageError
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.receipts import Receipt, Run, receipt_of, require_trainer, workspace_for
from poisonguard.workflow.signers import prove
from poisonguard.workflow.verified_read import open_approved

if TYPE_CHECKING:
    from poisonguard.workflow.approved_dataset import ApprovedDataset
    from poisonguard.workflow.workspace import Workspace


class RecordedFileSystem(VerifiedFileSystem):
    """The files of an approved version; what is read of them is recorded."""

    def __init__(self, files: VerifiedFiles, record: ReadRecord) -> None:
        super().__init__(files)
        self.observer_of = record.of

    def __reduce__(self) -> NoReturn:
        """Refuse to go to another process."""
        raise UsageError(
            "the file system of a training run cannot go to another process: reads there would not be recorded",
            hint="Read with threads, or begin a run in that process.",
        )


class TrainingRun:
    """One training run, for a ``with`` block; see the rules of the module.

    Args:
        request: What to read, on what evidence.
        signers: Keys of a trainer.
        output: File for the receipt; without one, it must go into the workspace's log.

    Attributes:
        filesystem: The version's files.
        decision: What the gate said.
        receipt: The receipt, once the block is over.
    """

    filesystem: RecordedFileSystem
    decision: GateDecision
    receipt: Receipt | None = None

    def __init__(self, request: GateRequest, signers: Sequence[Signer], output: Path | None = None) -> None:
        self._request = request
        self._signers = tuple(signers)
        self._output = output
        self._record = ReadRecord()
        self._workspace: Workspace | None = None

    def __enter__(self) -> Self:
        self._approved = open_approved(self._request, _now())
        require_trainer(self._approved, self._signers)
        self._started = _now()
        self._workspace = workspace_for(self._approved, self._request.start, self._signers, self._started)
        if self._workspace is None and self._output is None:
            raise UsageError(
                "there is nowhere to put the receipt: no workspace here knows the version and may append to its log",
                hint="Give output=FILE.",
            )
        for signer in self._signers:
            prove(signer)
        self.decision = self._approved.decision
        self.filesystem = RecordedFileSystem(self._approved.files, self._record)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        refused = self._record.refused
        try:
            self._leave_receipt(Status.FAILED if error is not None or refused else Status.COMPLETED)
        except PoisonguardError as problem:
            if error is None:
                raise
            error.add_note(f"No receipt was left: {problem.message}.")
        if error is None and refused:
            raise DataChanged(
                f"{shown(refused[0])}: changed, but the run went on; its receipt says that it failed",
                hint="Let the error end the run.",
            )

    def open_dataset(self) -> ApprovedDataset:
        """The version as a table; what is read of it is recorded."""
        from poisonguard.workflow.approved_dataset import ApprovedDataset  # noqa: PLC0415 - only tables pay for Arrow's

        return ApprovedDataset(self.filesystem, self.decision)

    def _leave_receipt(self, status: Status) -> None:
        read = tuple(self._record.end())
        if status is Status.COMPLETED and not read:
            raise UsageError(
                "nothing was read through the training run, so there is no receipt",
                hint="Read through run.filesystem or run.open_dataset().",
            )
        run = Run(status=status, started=self._started, finished=max(_now(), self._started), read=read)
        receipt = receipt_of(self._approved, run, self._signers)
        # Where both are wanted, the log comes first: only a receipt that is logged lies in the file.
        if self._workspace is not None:
            receipt.log(self._workspace)
        self.receipt = receipt
        if self._output is not None:
            receipt.write(self._output)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
