"""``poisonguard bundle``: carry everything the gate needs in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from poisonguard.cli.options import FILE


@click.group("bundle")
def command() -> None:
    """Carry everything the gate needs in one file."""


@command.command("export")
@click.argument("version")
@click.option("-o", "--output", type=FILE, required=True, help="Write the bundle to FILE.")
def export(version: str, output: Path) -> None:
    """Write the bundle of VERSION (NAME@N, NAME or pg1:...): trust roots, statements, log proofs."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.bundles import export_file  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required() as workspace:
        named = export_file(workspace, version, output)
    click.echo(f"wrote {terminal(named.title)} to {output}", err=True)


@command.command("import")
@click.argument("file", type=FILE)
def import_(file: Path) -> None:
    """Take the statements of a bundle over into the registry here, after checking every one."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.bundles import import_bundle  # noqa: PLC0415 - as above
    from poisonguard.workflow.gating import read_bundle  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required() as workspace:
        done = import_bundle(workspace, read_bundle(file), datetime.now(UTC))
    titles = ", ".join(terminal(title) for title in done.titles)
    click.echo(f"imported {titles}: {done.added} new statements, {done.known} known")
