"""``poisonguard diff``: what differs between two versions."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from poisonguard.cli.options import format_option, output_option, workers_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs

MOST_THREADS = 8


@click.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--key", metavar="COLUMN", help="Rows of one value in COLUMN are the same thing; default: the role id.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when the files differ, with 0 when they do not.")
@format_option
@output_option
@workers_option
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    before: str,
    after: str,
    key: str | None,
    exit_code: bool,  # noqa: FBT001 - as above
    form: str,
    output: str,
    workers: int | None,
) -> int:
    """Compare BEFORE with AFTER: each a path, or a version (NAME@N, NAME or pg1:...).

    Files, row groups, rows and columns: by digest, exactly. A name that exists as a path is a path.
    """
    from poisonguard.domain.difference import Likeness  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.difference import document, render_text  # noqa: PLC0415 - as above
    from poisonguard.workflow.diff import DiffRequest, diff  # noqa: PLC0415 - as above

    check_outputs((output,), data=(before, after))
    threads = workers or min(MOST_THREADS, len(os.sched_getaffinity(0)))
    found = diff(DiffRequest(before, after, key, threads), datetime.now(UTC))
    put(json_text(document(found)) if form == "json" else render_text(found), output)
    return int(exit_code and found.likeness is not Likeness.IDENTICAL)
