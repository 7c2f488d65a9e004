"""``poisonguard versions``: published versions and who approved them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, format_option, output_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs

if TYPE_CHECKING:
    from poisonguard.workflow.versions import VersionRow


@click.command("versions")
@click.argument("name", metavar="[NAME|NAME@N|pg1:...]", required=False)
@format_option
@click.option("--policy", type=FILE, help="Policy file; the settings' or the built-in one when not given.")
@output_option
def command(name: str | None, form: str, policy: Path | None, output: str) -> None:
    """List the versions of dataset NAME, or of all, newest first; or tell the story of one, NAME@N or pg1:..."""
    from poisonguard.cli.story import story_as_json, story_as_text  # noqa: PLC0415 - heavy imports wait
    from poisonguard.workflow.context import policy_in_force  # noqa: PLC0415 - as above
    from poisonguard.workflow.story import tell  # noqa: PLC0415 - as above
    from poisonguard.workflow.versions import list_versions  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,), inputs=(policy,))
    with Workspace.required() as workspace:
        if name is not None and ("@" in name or ":" in name):  # no dataset is called so
            story = tell(workspace, name, policy_in_force(policy), datetime.now(UTC))
            put(story_as_json(story) if form == "json" else story_as_text(story), output)
            return
        rows = list_versions(workspace, name, policy_in_force(policy), datetime.now(UTC))
    put(_as_json(rows) if form == "json" else _as_table(rows), output)


def _as_json(rows: tuple[VersionRow, ...]) -> str:
    document = {"schema": "poisonguard-versions/v1", "versions": [row.to_json() for row in rows]}
    return json_text(document)


def _as_table(rows: tuple[VersionRow, ...]) -> str:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    head = ("VERSION", "CREATED", "BY", "ASSESSMENT", "APPROVALS", "STATE", "DIGEST")
    cells = [head, *(tuple(terminal(text) for text in row.cells()) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells)
    return "".join(f"{line}\n" for line in lines)
