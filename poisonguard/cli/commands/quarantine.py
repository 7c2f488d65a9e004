"""``poisonguard quarantine``: a copy without the rows that findings name, and those rows apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from poisonguard.cli.options import fips_option, quiet_option, workers_option
from poisonguard.cli.progress import progress_bar
from poisonguard.cli.scan_options import ScanOptions, scan_options, scan_request
from poisonguard.errors import UsageError

if TYPE_CHECKING:
    from poisonguard.workflow.scan import ScanRequest

FOLDER = click.Path(path_type=Path)


@click.command("quarantine")
@click.argument("data", required=False)
@click.option("-o", "--output", type=FOLDER, required=True, help="New folder.")
@click.option(
    "--finding", "findings", multiple=True, metavar="FINGERPRINT", help="Only this finding's rows. Repeatable."
)
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only the rows of this check. Repeatable.")
@click.option(
    "--level",
    type=click.Choice(["note", "warning", "error"]),
    default="warning",
    show_default=True,
    help="Rows of findings at this level or above.",
)
@click.option("--restore", type=FOLDER, metavar="FOLDER", help="Put the rows of this quarantine back, instead.")
@scan_options
@fips_option
@workers_option
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
@quiet_option
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str | None,
    output: Path,
    findings: tuple[str, ...],
    checks: tuple[str, ...],
    level: str,
    restore: Path | None,
    fips: bool,  # noqa: FBT001 - click passes by name
    workers: int | None,
    progress: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001 - click passes by name
    **options: Unpack[ScanOptions],
) -> None:
    """Scan DATA, and write a copy without the rows that findings name, and those rows apart, to a new folder.

    DATA is never changed. The folder holds clean/, quarantined/, rows.jsonl (why each row went) and quarantine.json.
    """
    if (data is None) == (restore is None):
        raise UsageError("name either DATA or --restore FOLDER", hint="See `poisonguard quarantine --help`.")
    if restore is not None:
        _restore(restore, output, given=fips or bool(findings or checks or any(options.values())))
        return
    request = scan_request(str(data), options, workers=workers, fips=fips)
    _quarantine(request, output, (findings, checks, level), progress=progress and not quiet)


def _quarantine(
    request: ScanRequest, output: Path, chosen: tuple[tuple[str, ...], tuple[str, ...], str], *, progress: bool
) -> None:
    from poisonguard.domain.finding import Level  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above
    from poisonguard.workflow.quarantine import QuarantineRequest, quarantine, told  # noqa: PLC0415 - as above

    findings, checks, level = chosen
    wanted = QuarantineRequest(scan=request, folder=output, findings=findings, checks=checks, level=Level(level))
    with progress_bar(wanted=progress) as bar:
        record = quarantine(wanted, bar)
    for line in told(record):
        click.echo(terminal(line))


def _restore(folder: Path, output: Path, *, given: bool) -> None:
    from poisonguard.domain.wording import counts  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.quarantine_restore import restore  # noqa: PLC0415 - as above

    if given:
        raise UsageError("--restore puts all rows back", hint="Leave the other options out.")
    record, version = restore(folder, output)
    click.echo(f"restored {counts(row=record.source.rows, file=record.source.files)}")
    same = version == record.source.version
    click.echo(f"{version} {'the very version' if same else f'the same rows as {record.source.version}'}")
