"""``poisonguard scan``: look for signs of poisoning, drift, duplicates and label errors."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from poisonguard.cli.options import FILE, KEY, fips_option, output_option, quiet_option, verbose_option, workers_option
from poisonguard.cli.output import put
from poisonguard.cli.places import check_outputs
from poisonguard.cli.progress import progress_bar
from poisonguard.cli.scan_options import ScanOptions, data_read, files_read, scan_options, scan_request
from poisonguard.cli.work_options import WorkOptions, cache_options, work_fields, work_options
from poisonguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poisonguard.attest.keys import Signer
    from poisonguard.domain.result import ScanResult
    from poisonguard.workflow.scan import Scan, ScanRequest

FORMATS = ("table", "json", "sarif", "junit", "markdown")
PLAIN_WIDTH = 100


class Options(ScanOptions, WorkOptions):
    """Everything that is shared with other commands."""


@click.command("scan")
@click.argument("data")
@scan_options
@click.option(
    "--fail-on",
    type=click.Choice(["note", "warning", "error"]),
    help="Exit 1 at findings of this level; may only be stricter than the policy.",
)
@click.option(
    "-f", "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print."
)
@output_option
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=FILE,
    help="Also write FILE; .json, .sarif, .xml, .md or .html says how. Repeatable.",
)
@click.option("--flagged", type=FILE, help="Write the flagged rows to FILE (.parquet, .csv, .jsonl).")
@click.option("--scores", type=FILE, help="Write every row's score to FILE (.parquet, .csv, .jsonl).")
@click.option(
    "--sign",
    "keys",
    type=KEY,
    multiple=True,
    help="Sign manifest and scan result with this key and publish them in the registry. Repeatable.",
)
@click.option("--passphrase-file", type=FILE, help="Read the key's passphrase from FILE.")
@work_options
@cache_options
@fips_option
@workers_option
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
@quiet_option
@verbose_option
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str,
    fail_on: str | None,
    form: str,
    output: str,
    reports: tuple[Path, ...],
    flagged: Path | None,
    scores: Path | None,
    keys: tuple[Path, ...],
    passphrase_file: Path | None,
    no_cache: bool,  # noqa: FBT001 - click passes by name
    audit_units: int | None,
    fips: bool,  # noqa: FBT001 - click passes by name
    workers: int | None,
    progress: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001 - click passes by name
    verbose: bool,  # noqa: FBT001 - click passes by name
    **options: Unpack[Options],
) -> int:
    """Scan DATA (a file, a directory, a glob or a URL) and say what looks wrong.

    No configuration is needed: formats and column roles are found out, the built-in policy decides.
    """
    from poisonguard.reports.atomic import check_place, write_text  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.formats import by_extension  # noqa: PLC0415 - as above
    from poisonguard.reports.rowfile import check_extension  # noqa: PLC0415 - as above
    from poisonguard.workflow.scan import open_scan  # noqa: PLC0415 - as above

    work = work_fields(options, no_cache=no_cache, audit_units=audit_units)
    request = scan_request(data, options, workers=workers, keep_profile=bool(keys), fail_on=fail_on, fips=fips, **work)
    if passphrase_file and not keys:
        raise UsageError("--passphrase-file is given, but no key", hint="Say which key signs: --sign KEY.")
    writers = [(path, by_extension(path)) for path in reports]
    for path in filter(None, (flagged, scores)):
        check_extension(path)
    for path in filter(None, (*reports, flagged, scores, None if output == "-" else Path(output))):
        check_place(path)
    check_outputs(
        (output, *reports, flagged, scores),
        data=data_read(data, options),
        inputs=(*files_read(options), *keys, passphrase_file, options["cache_key"]),
    )
    signers = _signers(request, keys, passphrase_file) if keys else ()
    with progress_bar(wanted=progress and not quiet) as bar, open_scan(request, bar) as finished:
        _write_rows(finished, flagged, scores)
        result = finished.result
        for path, render in writers:
            write_text(path, render(result))
        published = _publish(finished, request, signers) if signers else ""
        remarks = finished.remarks
    for remark in remarks:
        click.echo(f"note: {remark}", err=True)
    put(_rendered(result, form, output, quiet=quiet, verbose=verbose), output, color=True)
    if published:
        click.echo(published, err=True)
    return result.decision.exit_code


def _write_rows(finished: Scan, flagged: Path | None, scores: Path | None) -> None:
    from poisonguard.workflow.rows import write_rows  # noqa: PLC0415 - heavy imports wait for the command

    if flagged:
        write_rows(finished, flagged, only_flagged=True)
    if scores:
        write_rows(finished, scores, only_flagged=False)


def _signers(request: ScanRequest, keys: Sequence[Path], passphrase_file: Path | None) -> Sequence[Signer]:
    from poisonguard.workflow.sign_scan import signers_of  # noqa: PLC0415 - only a signed scan needs the registry

    return signers_of(request, keys, passphrase_file, datetime.now(UTC))


def _publish(finished: Scan, request: ScanRequest, signers: Sequence[Signer]) -> str:
    from poisonguard.workflow.sign_scan import publish_scan  # noqa: PLC0415 - only a signed scan needs the registry

    published = publish_scan(finished, request, signers, datetime.now(UTC))
    return f"signed and published {published.title} ({published.release.version})"


def _rendered(result: ScanResult, form: str, output: str, *, quiet: bool, verbose: bool) -> str:
    from poisonguard.reports.console import render as render_table  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.console import terminal_options  # noqa: PLC0415 - as above
    from poisonguard.reports.formats import renderers  # noqa: PLC0415 - as above

    if form != "table":
        return renderers()[form](result)
    color, width = terminal_options(sys.stdout, os.environ) if output == "-" else (False, PLAIN_WIDTH)
    return render_table(result, color=color, width=width, verbose=verbose, quiet=quiet)
