"""``poisonguard redteam``: plant published attacks in copies of a dataset and say what would have been caught."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from poisonguard.cli.options import output_option, workers_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs
from poisonguard.cli.progress import progress_bar
from poisonguard.cli.scan_options import ScanOptions, data_read, files_read, scan_options, scan_request
from poisonguard.errors import IncompleteScan

if TYPE_CHECKING:
    from poisonguard.domain.exercise import Exercise

FORMATS = ("table", "json", "html")
MOST_ROWS = 20_000
"""The workflow's default, spelled here so that ``--help`` loads nothing."""


@click.command("redteam")
@click.argument("data")
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    metavar="NAME",
    help="Attack to try; all that apply when not given. Repeatable.",
)
@click.option(
    "--rate",
    "rates",
    multiple=True,
    type=float,
    help="Share of the rows to poison; as published when not given. Repeatable.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draw everything random from this.")
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=MOST_ROWS,
    show_default=True,
    help="Rows of a copy; a larger dataset is sampled.",
)
@scan_options
@click.option(
    "-f", "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print."
)
@output_option
@workers_option
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str,
    attacks: tuple[str, ...],
    rates: tuple[float, ...],
    seed: int,
    rows: int,
    form: str,
    output: str,
    workers: int | None,
    progress: bool,  # noqa: FBT001 - click passes by name
    **options: Unpack[ScanOptions],
) -> int:
    """Plant published attacks in copies of DATA, scan each copy, and say what would have been caught.

    DATA itself is only read. It takes one scan for each attack and rate.
    """
    from poisonguard.workflow.redteam import RedteamRequest, redteam  # noqa: PLC0415 - heavy imports wait for the command

    scan = scan_request(data, options, workers=workers)
    check_outputs((output,), data=data_read(data, options), inputs=files_read(options))
    with progress_bar(wanted=progress) as bar:
        exercise = redteam(RedteamRequest(scan, attacks, rates, seed, rows), bar)
    put(_rendered(exercise, form), output)
    return IncompleteScan.exit_code if exercise.incomplete else 0


def _rendered(exercise: Exercise, form: str) -> str:
    from poisonguard.reports import exercise as report  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.exercise_page import render  # noqa: PLC0415 - as above

    if form == "html":
        return render(exercise)
    return json_text(report.document(exercise)) if form == "json" else report.render_text(exercise)
