"""``poisonguard bundle``: carry everything the gate needs in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from poisonguard.cli.options import FILE
from poisonguard.cli.places import check_outputs
from poisonguard.domain.wording import count, counts
from poisonguard.errors import UsageError


@click.group("bundle")
def command() -> None:
    """Carry everything the gate needs in one file."""


@command.command("export")
@click.argument("version", required=False)
@click.option(
    "--revocations", is_flag=True, help="Write the newest list of revocations instead, for 'gate --revocations'."
)
@click.option("-o", "--output", type=FILE, required=True, help="Write the bundle to FILE.")
def export(version: str | None, revocations: bool, output: Path) -> None:  # noqa: FBT001 - click passes by name
    """Write the bundle of VERSION (NAME@N, NAME or pg1:...): trust roots, statements, log proofs, revocations."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.bundles import export_file  # noqa: PLC0415 - as above
    from poisonguard.workflow.revocation_lists import export_list_file  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,))
    with Workspace.required() as workspace:
        if version is None and revocations:
            export_list_file(workspace, output)
            click.echo(f"wrote the newest list of revocations to {output}", err=True)
            return
        if version is None or revocations:
            raise UsageError("name a version, or give --revocations instead", hint="See 'poisonguard versions'.")
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
    titles = ", ".join(terminal(title) for title in done.titles) or "revocations"
    click.echo(f"imported {titles}: {count(done.added, 'new statement')}, {done.known} known")


@command.command("prove-file")
@click.argument("version")
@click.argument("path")
@click.option("-o", "--output", type=FILE, required=True, help="Write the proof to FILE.")
def prove_file(version: str, path: str, output: Path) -> None:
    """Write the proof that the file at PATH in the dataset is in VERSION: a few kilobytes, whatever its size."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.store.durable import write_durably  # noqa: PLC0415 - as above
    from poisonguard.workflow.prove_file import prove_file as prove  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,))
    with Workspace.required() as workspace:
        write_durably(output, prove(workspace, version, path))
    click.echo(f"wrote the proof of {terminal(path)} to {output}", err=True)


@command.command("check-file")
@click.argument("proof", type=FILE)
@click.argument("file", required=False)
@click.option(
    "--trust", metavar="FILE|sha256:PIN", help="The trust root that is pinned; the workspace's own when not given."
)
def check_file(proof: Path, file: str | None, trust: str | None) -> None:
    """Check, offline, the proof that a file is in a published version; and that FILE is that file."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.store.file_proof import MAX_BYTES  # noqa: PLC0415 - as above
    from poisonguard.workflow.check_proof import check_proof, pin_here  # noqa: PLC0415 - as above
    from poisonguard.workflow.folder import read_small  # noqa: PLC0415 - as above

    pin = pin_here(trust)
    data = read_small(proof, MAX_BYTES, what="a proof of 'poisonguard bundle prove-file'")
    found = check_proof(data, pin, datetime.now(UTC), file=file)
    entry, release = found.entry, found.release
    click.echo(f"{terminal(entry.path)} is in {terminal(release.dataset)}@{release.number}  {release.version}")
    click.echo(f"{counts(byte=entry.size, row=entry.rows)}, SHA-256 {entry.sha256}")
    click.echo(f"published {release.created} by {', '.join(terminal(name) for name in found.people)}")
    if file is not None:
        click.echo(f"{terminal(file)} is that file")
