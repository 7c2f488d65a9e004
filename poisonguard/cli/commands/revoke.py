"""``poisonguard revoke``: take back versions, keys and approvals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, KEY
from poisonguard.cli.places import check_outputs
from poisonguard.domain.wording import counts
from poisonguard.errors import UsageError

if TYPE_CHECKING:
    from poisonguard.workflow.revoke import Revoked


@click.command("revoke")
@click.argument("versions", metavar="[VERSION]...", nargs=-1)
@click.option(
    "--revoke-key",
    "revoked_keys",
    multiple=True,
    metavar="KEYID|PUBFILE",
    help="Revoke a key: what it signs from now on counts for nothing. Repeatable.",
)
@click.option("--since", metavar="TIME", help="Revoke the keys from an earlier time on: when they were lost.")
@click.option("--approval", "approvals", multiple=True, metavar="DIGEST", help="Revoke one approval. Repeatable.")
@click.option("--refresh", is_flag=True, help="Revoke nothing more: sign the list again, with a new expiry.")
@click.option("--reason", default="", metavar="TEXT", help="Why; everybody who asks will read it.")
@click.option("--key", "keys", type=KEY, multiple=True, required=True, help="Key of a revoker. Repeatable.")
@click.option(
    "--expires",
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="How long the list shows that nothing more was revoked; the gate refuses when it has ended.",
)
@click.option("--passphrase-file", type=FILE, help="Read the keys' passphrase from FILE.")
@click.option("-o", "--output", type=FILE, help="Write the list to FILE too, for 'poisonguard gate --revocations'.")
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    versions: tuple[str, ...],
    revoked_keys: tuple[str, ...],
    since: str | None,
    approvals: tuple[str, ...],
    refresh: bool,  # noqa: FBT001 - click passes by name
    reason: str,
    keys: tuple[Path, ...],
    expires: str,
    passphrase_file: Path | None,
    output: Path | None,
) -> None:
    """Sign the next list of everything that was ever revoked: versions (NAME@N or pg1:...), keys, approvals."""
    from poisonguard.attest.times import parse_duration, parse_time  # noqa: PLC0415 - heavy imports wait
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.revocation_lists import export_list_file  # noqa: PLC0415 - as above
    from poisonguard.workflow.revoke import Withdrawal, revoke  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    withdrawal = Withdrawal(
        reason=reason,
        lifetime=parse_duration(expires),
        versions=versions,
        keys=revoked_keys,
        since=parse_time(since) if since else None,
        approvals=approvals,
    )
    if withdrawal.is_empty is not refresh:
        raise UsageError(
            "--refresh revokes nothing more" if refresh else "nothing is named that should be revoked",
            hint="Name a VERSION, --revoke-key or --approval; or give --refresh alone.",
        )
    if refresh and reason:
        raise UsageError("--refresh revokes nothing, so there is no --reason to give", hint="Leave one of them out.")
    check_outputs((output,), inputs=(*keys, passphrase_file, *revoked_keys))
    with Workspace.required() as workspace:
        done = revoke(workspace, withdrawal, [load_key(path, passphrase_file) for path in keys], datetime.now(UTC))
        _print(done)
        if output is not None:
            export_list_file(workspace, output)
            click.echo(f"wrote list {done.document.number} to {output}", err=True)


def _print(done: Revoked) -> None:
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above

    for title in done.titles:
        click.echo(f"revoked {terminal(title)}")
    document = done.document
    held = counts(version=len(document.versions), key=len(document.keys), approval=len(document.approvals))
    people = ", ".join(terminal(name) for name in done.people)
    click.echo(f"list {document.number} by {people}: {held}; good until {format_time(document.expires)}")
