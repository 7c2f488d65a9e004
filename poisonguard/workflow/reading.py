"""The Python API of reading: train on approved bytes only.

Each of these asks the gate first, for everything but the bytes, which are checked as they are read: names and sizes
are compared at once, each chunk of 4 MiB when a reader asks for something in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from poisonguard.workflow.protocol import PathLike, PoisonguardFileSystem, ReadOptions, read_request

if TYPE_CHECKING:
    from poisonguard.workflow.approved_dataset import ApprovedDataset
    from poisonguard.workflow.training import TrainingRun


def open_dataset(data: PathLike, **options: Unpack[ReadOptions]) -> ApprovedDataset:
    """Open an approved version as a table.

    As in::

        table = pg.open_dataset("data/", bundle="reviews-13.pgbundle").to_table()

    Args:
        data: Path, glob or URL of the data.
        options: ``bundle``, ``registry``, ``trust``, ``policy``, ``dataset`` (its name), ``version``, ``min_version``,
            ``purpose``, ``revocations``, ``fips``: as for :func:`poisonguard.gate`.

    Returns:
        What has ``to_table()``, ``to_pandas()``, ``dataset()`` (Arrow's), ``open(path)``, ``files``, ``filesystem``,
        ``arrow_filesystem`` and ``decision``.

    Raises:
        GateFailed: The data are not approved; ``error.decision`` holds every reason.
        IntegrityError: The evidence, or the names and sizes of the files, are not what was signed.
        UsageError: There is no evidence to judge by, or an option is unknown.
    """
    from poisonguard.workflow.approved_dataset import ApprovedDataset  # noqa: PLC0415 - Arrow's datasets load slowly

    files = filesystem(data, **options)
    return ApprovedDataset(files, files.decision)


def filesystem(data: PathLike, **options: Unpack[ReadOptions]) -> PoisonguardFileSystem:
    """An approved version as an fsspec file system, read only; options and errors as for :func:`open_dataset`.

    The same is to be had by URL, with ``data`` among the options::

        pd.read_parquet("poisonguard://part-0.parquet", storage_options={"data": "data/"})
    """
    return PoisonguardFileSystem(data, **options)


def training_run(
    data: PathLike,
    *,
    key: PathLike | Sequence[PathLike],
    output: PathLike | None = None,
    passphrase_file: PathLike | None = None,
    **options: Unpack[ReadOptions],
) -> TrainingRun:
    """A training run that leaves a signed receipt of what it was really handed.

    As in::

        with pg.training_run("data/", key="trainer.key") as run:
            train(run.open_dataset().to_table())
        run.receipt.resolved_dependencies()  # for the model's SLSA provenance

    Args:
        data: Path, glob or URL of the data.
        key: Private key of a trainer, file or URI; or several keys.
        output: File for the receipt; without one, it must go into the workspace's log.
        passphrase_file: File whose first line is the passphrase; ``POISONGUARD_PASSPHRASE`` when not given.
        options: As for :func:`open_dataset`.

    Raises:
        GateFailed: On entering the block: the data are not approved; ``error.decision`` holds every reason.
        IntegrityError: On entering: the evidence, or the names and sizes of the files, are not what was signed.
        UsageError: A key is wrong, was revoked or does not play the role of trainer, or the receipt has no place.
    """
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - only signing needs it
    from poisonguard.workflow.training import TrainingRun  # noqa: PLC0415 - only receipts need the registry

    request = read_request(data, options)
    keys = [key] if isinstance(key, str | os.PathLike) else key
    passphrase = None if passphrase_file is None else Path(passphrase_file)
    signers = [load_key(Path(one), passphrase) for one in keys]
    return TrainingRun(request, signers, None if output is None else Path(output))
