"""What every command that scans is told: what to compare with, which checks run, what the columns are, who decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from poisonguard.cli.options import FILE
from poisonguard.errors import UsageError

if TYPE_CHECKING:
    from poisonguard.workflow.scan import ScanRequest

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class ScanOptions(TypedDict):
    """The options as click hands them over."""

    reference: str | None
    no_reference: bool
    name: str | None
    packs: tuple[str, ...]
    columns: tuple[str, ...]
    contract: Path | None
    holdouts: tuple[str, ...]
    embeddings: str | None
    policy: Path | None
    config: Path | None


OPTIONS = (
    click.option(
        "--reference",
        "--against",
        metavar="PATH|VERSION",
        help="Compare with this; by default the last approved version of the same dataset.",
    ),
    click.option("--no-reference", is_flag=True, help="Compare with nothing, even when an approved version exists."),
    click.option("--name", help="Name of the dataset; the last part of DATA when not given."),
    click.option(
        "--pack",
        "packs",
        multiple=True,
        metavar="NAME",
        help="Checks to run: baseline, strict, text, or a pack file; the policy's when not given. Repeatable.",
    ),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="ROLE=NAME",
        help="Say what a column is, for example label=sentiment. Repeatable.",
    ),
    click.option("--contract", type=FILE, help="Great Expectations suite (JSON) the data must meet."),
    click.option(
        "--holdout",
        "holdouts",
        multiple=True,
        metavar="PATH",
        help="Evaluation set whose items must not stand in DATA: file, directory, glob or URL. Repeatable.",
    ),
    click.option(
        "--embeddings",
        metavar="MODEL",
        help="Embedding model on this machine: folder, ONNX file or package:NAME. Nothing is fetched.",
    ),
    click.option("--policy", type=FILE, help="Policy file; a documented built-in one when not given."),
    click.option("--config", type=FILE, help="Settings file; the nearest poisonguard.yaml when not given."),
)


def scan_options(command: CommandT) -> CommandT:
    """``--reference`` ... ``--config``, in the order of the help."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def data_read(data: str, options: ScanOptions) -> tuple[str | None, ...]:
    """The data that such a scan reads, which no output may overwrite."""
    return (data, options["reference"], *options["holdouts"])


def files_read(options: ScanOptions) -> tuple[str | Path | None, ...]:
    """The files besides data that such a scan reads."""
    return (*options["packs"], options["embeddings"], options["contract"], options["policy"], options["config"])


def scan_request(data: str, options: ScanOptions, *, workers: int | None, **more: Any) -> ScanRequest:
    """The request that was spelled out, with what else the command knows.

    Raises:
        UsageError: A reference is both given and refused.
    """
    from poisonguard.workflow.scan import ScanRequest  # noqa: PLC0415 - heavy imports wait for the command

    if options["no_reference"] and options["reference"]:
        raise UsageError("--reference and --no-reference exclude each other")
    return ScanRequest(
        data=data,
        name=options["name"],
        reference=options["reference"],
        compare=not options["no_reference"],
        packs=options["packs"],
        columns=options["columns"],
        contract=_text(options["contract"]),
        holdout=options["holdouts"],
        embeddings=options["embeddings"],
        policy=_text(options["policy"]),
        config=_text(options["config"]),
        workers=workers or 0,
        **more,
    )


def _text(path: Path | None) -> str | None:
    return str(path) if path else None
