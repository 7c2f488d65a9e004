"""``poisonguard reject``: reject a version, with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from poisonguard.cli.options import FILE, KEY, KEYS_OF_A_STEWARD
from poisonguard.cli.review import print_review, print_standing


@click.command("reject")
@click.argument("version")
@click.option("--key", "keys", type=KEY, multiple=True, required=True, help=KEYS_OF_A_STEWARD)
@click.option("--reason", required=True, metavar="TEXT", help="Why; everybody who asks will read it.")
@click.option("--policy", type=FILE, help="Policy file; the settings' or the built-in one when not given.")
@click.option("--passphrase-file", type=FILE, help="Read the key's passphrase from FILE.")
def command(
    version: str, keys: tuple[Path, ...], reason: str, policy: Path | None, passphrase_file: Path | None
) -> None:
    """Show VERSION (NAME@N, NAME or pg1:...) and sign a rejection; it stands until you approve with --supersede."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.approve import check_rejection, reject, review  # noqa: PLC0415 - as above
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.policies import policy_in_force  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    now = datetime.now(UTC)
    signers = [load_key(key, passphrase_file) for key in keys]
    with Workspace.required() as workspace:
        reviewed = review(workspace, version, now, policy=policy_in_force(policy))
        check_rejection(reviewed, signers, reason)
        print_review(reviewed)
        done = reject(workspace, reviewed, signers, reason, now)
    click.echo(f"rejected by {terminal(done.person)} (statement {done.digest[:16]})")
    print_standing(done.standing)
