"""``poisonguard sign``: hash a dataset and publish its signed manifest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from poisonguard.cli.options import FILE


@click.command("sign")
@click.argument("data")
@click.option("--key", "keys", type=FILE, multiple=True, required=True, help="Private key of a publisher. Repeatable.")
@click.option("--name", help="Name of the dataset; the last part of DATA when not given.")
@click.option("--passphrase-file", type=FILE, help="Read the keys' passphrase from FILE.")
def command(data: str, keys: tuple[Path, ...], name: str | None, passphrase_file: Path | None) -> None:
    """Hash DATA (a file, a directory, a glob or a URL) and publish its manifest in the registry, without a scan.

    The same content under the same name is published once.
    """
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.sign import sign  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required(data=data) as workspace:
        signers = [load_key(path, passphrase_file) for path in keys]
        done = sign(workspace, data, signers, datetime.now(UTC), name=name)
    for note in done.notes:
        click.echo(f"note: {terminal(note)}", err=True)
    published = done.published
    click.echo(f"{terminal(published.title)}  {published.release.version}")
    click.echo(f"{done.files} files, {done.rows} rows")
    if published.new:
        click.echo(f"published by {', '.join(terminal(name) for name in published.people)}")
    else:
        click.echo("published before; nothing was added")
