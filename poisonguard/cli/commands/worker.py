"""``poisonguard worker``: do a share of a scan in a shared work store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from poisonguard.cli.options import fips_option, quiet_option, workers_option
from poisonguard.cli.progress import progress_bar
from poisonguard.cli.scan_options import ScanOptions, scan_options, scan_request
from poisonguard.cli.work_options import WorkOptions, work_fields, work_options
from poisonguard.domain.wording import count

if TYPE_CHECKING:
    from poisonguard.engine.progress import Progress
    from poisonguard.workflow.request import ScanRequest
    from poisonguard.workflow.worker import Shard

FOLD = "fold"
STAGES = (FOLD, "plan", "digests", "copies", "bands", "buckets", "gather", "verify", "join")
"""In their order: after the first, those of the search for near copies (``workflow.near_worker``)."""


class Options(ScanOptions, WorkOptions):
    """Everything that is shared with ``scan``."""


@click.command("worker")
@click.argument("data")
@click.option("--shard", required=True, metavar="i/N", help="Which share: every N-th task, from number i (from 0).")
@click.option(
    "--stage",
    type=click.Choice(STAGES),
    default=FOLD,
    show_default=True,
    help="Which part of a scan is done: all shards of one, then the next, in this order. Only fold is always of use.",
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
    """Do one share of a scan of DATA in the work store --cache; `poisonguard scan` with the same options then judges.

    Workers of one stage need not know of each other; a share that nobody did is done by the scan.
    """
    from poisonguard.workflow.worker import Shard  # noqa: PLC0415 - heavy imports wait for the command

    request, share = scan_request(data, options, workers=workers, fips=fips, **work_fields(options)), Shard.parse(shard)
    with progress_bar(wanted=progress and not quiet) as bar:
        told = _folded(request, share, bar) if stage == FOLD else _staged(request, stage, share, bar)
    if not quiet:
        click.echo(f"{stage} {shard}: {told}")


def _folded(request: ScanRequest, shard: Shard, bar: Progress) -> str:
    from poisonguard.workflow.worker import fold_shard  # noqa: PLC0415 - as above

    done = fold_shard(request, shard, bar)
    return (
        f"{done.partitions} of {count(done.total, 'partition')}, {count(done.rows, 'row')}; folded before: {done.found}"
    )


def _staged(request: ScanRequest, stage: str, shard: Shard, bar: Progress) -> str:
    from poisonguard.workflow.near_worker import near_shard  # noqa: PLC0415 - as above

    done = near_shard(request, stage, shard, bar)
    return f"{done.tasks} of {count(done.total, 'task')}; done before: {done.found}"
