"""``poisonguard sign``: hash a dataset and publish its signed manifest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from poisonguard.cli.options import FILE, KEY, fips_option
from poisonguard.cli.places import check_outputs
from poisonguard.domain.wording import counts
from poisonguard.errors import UsageError


@click.command("sign")
@click.argument("data")
@click.option("--key", "keys", type=KEY, multiple=True, required=True, help="Private key of a publisher. Repeatable.")
@click.option("--name", help="Name of the dataset; the last part of DATA when not given.")
@click.option(
    "--parent",
    "parents",
    multiple=True,
    metavar="VERSION",
    help="Published version that DATA were made from; the last approved one when not given. Repeatable.",
)
@click.option("--oms", type=FILE, help="Also write an OpenSSF Model Signing bundle to FILE, signed by the first key.")
@click.option("--passphrase-file", type=FILE, help="Read the keys' passphrase from FILE.")
@fips_option
@click.option("--full", is_flag=True, help="Read every file again, also those that the last trusted version has.")
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str,
    keys: tuple[Path, ...],
    name: str | None,
    parents: tuple[str, ...],
    oms: Path | None,
    passphrase_file: Path | None,
    fips: bool,  # noqa: FBT001 - click passes by name
    full: bool,  # noqa: FBT001 - as above
) -> None:
    """Hash DATA (a file, a directory, a glob or a URL) and publish its manifest in the registry, without a scan.

    The same content under the same name is published once. Outside of a workspace, --oms alone is done.
    """
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.sign import sign  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((oms,), data=(data,), inputs=(*keys, passphrase_file))
    if oms is not None and Workspace.find(data=data) is None:
        if parents:
            raise UsageError("--parent names a published version, and there is no workspace here")
        if fips:
            raise UsageError("--fips is about the manifest, which is published in a workspace, and there is none here")
        _sign_alone(data, keys, name, oms, passphrase_file)
        return
    with Workspace.required(data=data) as workspace:
        signers = [load_key(path, passphrase_file) for path in keys]
        now = datetime.now(UTC)
        done = sign(workspace, data, signers, now, name=name, oms=oms, fips=fips, full=full, parents=parents)
    for note in done.notes:
        click.echo(f"note: {terminal(note)}", err=True)
    published = done.published
    click.echo(f"{terminal(published.title)}  {published.release.version}")
    click.echo(counts(file=done.files, row=done.rows))
    if published.new:
        click.echo(f"published by {', '.join(terminal(name) for name in published.people)}")
    else:
        click.echo("published before; nothing was added")
    if oms is not None:
        click.echo(f"OpenSSF Model Signing bundle written to {terminal(str(oms))}")


def _sign_alone(data: str, keys: tuple[Path, ...], name: str | None, oms: Path, passphrase_file: Path | None) -> None:
    """Write the OMS bundle where there is no registry to publish in."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.oms import sign_alone  # noqa: PLC0415 - as above

    if len(keys) != 1 or name is not None:
        raise UsageError(
            "without a workspace, --oms takes one --key and no --name",
            hint="Make a workspace with 'poisonguard trust init' to publish under a name.",
        )
    inventory, notes = sign_alone(oms, load_key(keys[0], passphrase_file), data)
    for note in notes:
        click.echo(f"note: {terminal(note)}", err=True)
    click.echo(inventory.version)
    click.echo(counts(file=inventory.manifest.file_count, row=inventory.manifest.rows))
    click.echo(f"OpenSSF Model Signing bundle written to {terminal(str(oms))}")
    click.echo("nothing was published: there is no workspace here")
