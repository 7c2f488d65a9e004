"""``poisonguard log``: show and audit the transparency log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, format_option, output_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs
from poisonguard.domain.wording import count, counts
from poisonguard.errors import IntegrityError

if TYPE_CHECKING:
    from poisonguard.workflow.log_audit import AuditReport, Entry


@click.group("log")
def command() -> None:
    """Show and audit the transparency log."""


@command.command("show")
@click.argument("version", required=False)
@format_option
@click.option("--policy", type=FILE, help="Policy file; the settings' or the built-in one when not given.")
@output_option
def show(version: str | None, form: str, policy: Path | None, output: str) -> None:
    """Print every statement of the log; or the story of VERSION (NAME@N, NAME or pg1:...), told from the log."""
    from poisonguard.cli.story import story_as_json, story_as_text  # noqa: PLC0415 - heavy imports wait
    from poisonguard.workflow.log_audit import entries  # noqa: PLC0415 - as above
    from poisonguard.workflow.policies import policy_in_force  # noqa: PLC0415 - as above
    from poisonguard.workflow.story import tell  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,), inputs=(policy,))
    with Workspace.required() as workspace:
        if version is not None:
            story = tell(workspace, version, policy_in_force(policy), datetime.now(UTC))
            put(story_as_json(story) if form == "json" else story_as_text(story), output)
        else:
            listed = entries(workspace)
            put(_as_json(listed) if form == "json" else _as_table(listed), output)


@command.command("checkpoint")
@output_option
def checkpoint(output: str) -> None:
    """Print the newest signed checkpoint; whoever keeps it can prove any later rewrite."""
    from poisonguard.workflow.log_audit import newest_checkpoint  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,))
    with Workspace.required() as workspace:
        put(newest_checkpoint(workspace), output)


@command.command("audit")
@click.option("--against", "kept", type=FILE, multiple=True, help="Checkpoint kept from earlier. Repeatable.")
@format_option
@output_option
def audit(kept: tuple[Path, ...], form: str, output: str) -> None:
    """Recompute the whole log, check every signature, and compare with checkpoints that were kept."""
    from poisonguard.workflow.log_audit import audit as run  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,), inputs=kept)
    notes = [_kept_checkpoint(path) for path in kept]
    with Workspace.required() as workspace:
        report = run(workspace, notes)
    put(json_text(report.to_json()) if form == "json" else _audited(report), output)


@command.command("prove")
@click.option("--from", "kept", type=FILE, required=True, help="Checkpoint kept from earlier.")
@output_option
def prove(kept: Path, output: str) -> None:
    """Print a proof that the log only grew since a checkpoint, for whoever has no access to the registry.

    It is a request as C2SP witnesses take it: the consistency proof and the newest checkpoint.
    """
    from poisonguard.workflow.growth import growth  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,), inputs=(kept,))
    note = _kept_checkpoint(kept)
    with Workspace.required() as workspace:
        put(growth(workspace, note), output)


def _kept_checkpoint(path: Path) -> bytes:
    """A checkpoint in a file; whose it is, is for the log to say."""
    from poisonguard.attest.checkpoint import MAX_NOTE_BYTES, check_form  # noqa: PLC0415 - heavy imports wait
    from poisonguard.workflow.folder import read_small  # noqa: PLC0415 - as above

    what = "a checkpoint of 'poisonguard log checkpoint'"
    note = read_small(path, MAX_NOTE_BYTES, what=what)
    try:
        check_form(note)
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error.message}", hint=f"It should be {what}.") from error
    return note


def _audited(report: AuditReport) -> str:
    held = counts(statement=report.statements, checkpoint=report.checkpoints)
    lines = [f"log {report.origin}: sound", f"{held}, {report.kept} kept ones compared"]
    if report.absent:
        verb = "is" if report.absent == 1 else "are"
        what = count(report.absent, "report or profile", "reports or profiles")
        lines.append(f"{what} that scans name {verb} not kept here")
    lines.append(f"root {report.root}, trust root version {report.trust_version}")
    return "".join(f"{line}\n" for line in lines)


def _as_json(entries: Sequence[Entry]) -> str:
    document = {"schema": "poisonguard-log/v1", "entries": [entry.to_json() for entry in entries]}
    return json_text(document)


def _as_table(entries: Sequence[Entry]) -> str:
    return "".join(f"{_line(item)}\n" for item in entries)


def _line(item: Entry) -> str:
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above

    time = "-" if item.time is None else format_time(item.time)
    people = ", ".join(terminal(name) for name in item.people) or "-"
    subject = terminal(item.subject)
    return f"{item.position:>5}  {time:<20}  {item.kind:<11}  {subject}  {people}  {item.digest[:16]}"
