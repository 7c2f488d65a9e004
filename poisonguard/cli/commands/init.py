"""``poisonguard init``: infer column roles, write settings and policy."""

from __future__ import annotations

import shlex
from pathlib import Path

import click


@click.command("init")
@click.argument("data")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(data: str, force: bool) -> None:  # noqa: FBT001 - click passes by name
    """Look at DATA, say what each column is, and write poisonguard.yaml and policy.yaml here."""
    from poisonguard.dataset.names import shown  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above
    from poisonguard.workflow.init import init  # noqa: PLC0415 - as above

    done = init(data, Path.cwd(), force=force)
    click.echo(f"dataset {terminal(done.dataset)}")
    for item in done.roles.assignments:
        click.echo(f"  {item.role.value:<10} {terminal(shown(item.column))}: {terminal(shown(item.reason))}")
    for path in done.written:
        click.echo(f"wrote {path.name}")
    click.echo(f"next: poisonguard scan {terminal(shlex.quote(data))}", err=True)
