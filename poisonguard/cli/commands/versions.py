"""``poisonguard versions``: published versions and who approved them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, output_option
from poisonguard.cli.output import put

if TYPE_CHECKING:
    from poisonguard.workflow.versions import VersionRow


@click.command("versions")
@click.argument("name", required=False)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What to print.",
)
@click.option("--policy", type=FILE, help="Policy file; the settings' or the built-in one when not given.")
@output_option
def command(name: str | None, form: str, policy: Path | None, output: str) -> None:
    """List the versions of dataset NAME, or of all, newest first, and where each stands."""
    from poisonguard.workflow.context import policy_in_force  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.versions import list_versions  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required() as workspace:
        rows = list_versions(workspace, name, policy_in_force(policy), datetime.now(UTC))
    put(_as_json(rows) if form == "json" else _as_table(rows), output)


def _as_json(rows: tuple[VersionRow, ...]) -> str:
    document = {"schema": "poisonguard-versions/v1", "versions": [row.to_json() for row in rows]}
    return json.dumps(document, indent=2) + "\n"


def _as_table(rows: tuple[VersionRow, ...]) -> str:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    head = ("VERSION", "CREATED", "BY", "ASSESSMENT", "APPROVALS", "STATE", "DIGEST")
    cells = [head, *(tuple(terminal(text) for text in row.cells()) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells)
    return "".join(f"{line}\n" for line in lines)
