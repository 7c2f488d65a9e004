"""``poisonguard log``: show and audit the transparency log."""

from __future__ import annotations

from pathlib import Path

import click

from poisonguard.cli.options import FILE, output_option
from poisonguard.cli.output import put


@click.group("log")
def command() -> None:
    """Show and audit the transparency log."""


@command.command("show")
def show() -> None:
    """Print every statement of the log: place, kind, subject, signers, digest."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.log_audit import entries  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required() as workspace:
        for item in entries(workspace):
            people = ", ".join(terminal(name) for name in item.people) or "-"
            click.echo(f"{item.position:>5}  {item.kind:<10}  {terminal(item.subject)}  {people}  {item.digest[:16]}")


@command.command("checkpoint")
@output_option
def checkpoint(output: str) -> None:
    """Print the newest signed checkpoint; whoever keeps it can prove any later rewrite."""
    from poisonguard.workflow.log_audit import newest_checkpoint  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required() as workspace:
        put(newest_checkpoint(workspace), output)


@command.command("audit")
@click.option("--against", "kept", type=FILE, multiple=True, help="Checkpoint kept from earlier. Repeatable.")
def audit(kept: tuple[Path, ...]) -> None:
    """Recompute the whole log, check every signature, and compare with checkpoints that were kept."""
    from poisonguard.attest.checkpoint import MAX_NOTE_BYTES  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.folder import read_small  # noqa: PLC0415 - as above
    from poisonguard.workflow.log_audit import audit as run  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    notes = [read_small(path, MAX_NOTE_BYTES, what="a checkpoint of 'poisonguard log checkpoint'") for path in kept]
    with Workspace.required() as workspace:
        report = run(workspace, notes)
    click.echo(f"log {report.origin}: sound")
    click.echo(f"{report.statements} statements, {report.checkpoints} checkpoints, {report.kept} kept ones compared")
    click.echo(f"root {report.root}, trust root version {report.trust_version}")
