"""Where rows are folded, and where their states are kept: options of ``scan`` and ``worker``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from poisonguard.cli.options import FILE
from poisonguard.errors import UsageError

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
ENGINES = ("threads", "processes", "ray", "dask")


class WorkOptions(TypedDict):
    """The options as click hands them over."""

    engine: str | None
    address: str | None
    cache: str | None
    cache_key: Path | None


OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        help="Where rows are folded; the settings', or threads. ray and dask are extras. Never changes a result.",
    ),
    click.option(
        "--address", metavar="ADDRESS", help="Address of the Ray or Dask cluster; one is started when not given."
    ),
    click.option(
        "--cache",
        "--store",
        "cache",
        metavar="DIR|URL",
        help="Work store: keeps partial results for other machines and later scans; your own when not given.",
    ),
    click.option("--cache-key", type=FILE, help="Secret that proves what is in the work store; needed for a URL."),
)


def work_options(command: CommandT) -> CommandT:
    """``--engine`` ... ``--cache-key``, in the order of the help."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def cache_options(command: CommandT) -> CommandT:
    """``--no-cache`` and ``--audit-units``, for whoever reads the store."""
    command = click.option(
        "--audit-units",
        type=click.IntRange(min=0),
        help="Partial results of the work store that are computed again; one in 50 of a named store when not given.",
    )(command)
    return click.option("--no-cache", is_flag=True, help="Keep and read no partial results or judgements.")(command)


def work_fields(options: WorkOptions, *, no_cache: bool = False, audit_units: int | None = None) -> dict[str, Any]:
    """The fields of a scan's request that say where it works.

    Raises:
        UsageError: A work store is both named and refused.
    """
    if no_cache and (options["cache"] or options["cache_key"] or audit_units is not None):
        raise UsageError("--no-cache excludes --cache, --cache-key and --audit-units")
    key = options["cache_key"]
    return {
        "engine": options["engine"],
        "address": options["address"],
        "cache": options["cache"],
        "cache_key": str(key) if key else None,
        "keep_states": not no_cache,
        "audit_units": audit_units,
    }
