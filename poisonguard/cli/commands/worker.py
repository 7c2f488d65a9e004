"""``poisonguard worker``: fold a share of a dataset into a shared work store."""

from __future__ import annotations

from typing import Unpack

import click

from poisonguard.cli.options import fips_option, quiet_option, workers_option
from poisonguard.cli.progress import progress_bar
from poisonguard.cli.scan_options import ScanOptions, scan_options, scan_request
from poisonguard.cli.work_options import WorkOptions, work_fields, work_options
from poisonguard.domain.wording import count

STAGES = ("fold",)


class Options(ScanOptions, WorkOptions):
    """Everything that is shared with ``scan``."""


@click.command("worker")
@click.argument("data")
@click.option(
    "--shard", required=True, metavar="i/N", help="Which share: every N-th partition, from number i (from 0)."
)
@click.option(
    "--stage", type=click.Choice(STAGES), default="fold", show_default=True, help="Which part of a scan is done."
)
@scan_options
@work_options
@fips_option
@workers_option
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
@quiet_option
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str,
    shard: str,
    stage: str,
    fips: bool,  # noqa: FBT001 - click passes by name
    workers: int | None,
    progress: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001 - click passes by name
    **options: Unpack[Options],
) -> None:
    """Fold one share of DATA into the work store --cache; `poisonguard scan` with the same options then judges.

    Workers need not know of each other; a share that nobody folded is folded by the scan.
    """
    from poisonguard.workflow.worker import Shard, fold_shard  # noqa: PLC0415 - heavy imports wait for the command

    request = scan_request(data, options, workers=workers, fips=fips, **work_fields(options))
    with progress_bar(wanted=progress and not quiet) as bar:
        done = fold_shard(request, Shard.parse(shard), bar)
    if not quiet:
        click.echo(
            f"{stage} {shard}: {done.partitions} of {count(done.total, 'partition')}, {count(done.rows, 'row')}; "
            f"folded before: {done.found}"
        )
