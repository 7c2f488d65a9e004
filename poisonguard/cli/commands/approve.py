"""``poisonguard approve``: approve a scanned version for training."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from poisonguard.cli.options import FILE, KEY, KEYS_OF_A_STEWARD
from poisonguard.cli.review import print_review, print_standing
from poisonguard.errors import UsageError


@click.command("approve")
@click.argument("version")
@click.option("--key", "keys", type=KEY, multiple=True, required=True, help=KEYS_OF_A_STEWARD)
@click.option("--reason", required=True, metavar="TEXT", help="Why; everybody who asks will read it.")
@click.option(
    "--expires",
    default="90d",
    show_default=True,
    metavar="DURATION",
    help="How long the approval holds; the policy may allow less.",
)
@click.option(
    "--not-before", metavar="TIME", help="From when it holds, for example 2026-05-01T12:00:00Z; now when not given."
)
@click.option("--purpose", default="training", show_default=True, help="What the data may be used for.")
@click.option(
    "--waive",
    "waivers",
    multiple=True,
    metavar="FINGERPRINT=WHY",
    help="Excuse one finding, with a reason. Repeatable.",
)
@click.option(
    "--waive-until",
    "waive_for",
    metavar="DURATION",
    help="How long the waivers hold, for example 14d; as long as approval and policy allow when not given.",
)
@click.option("--supersede", is_flag=True, help="Take back a rejection of your own.")
@click.option("--policy", type=FILE, help="Policy file; the settings' or the built-in one when not given.")
@click.option("--passphrase-file", type=FILE, help="Read the key's passphrase from FILE.")
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    version: str,
    keys: tuple[Path, ...],
    reason: str,
    expires: str,
    not_before: str | None,
    purpose: str,
    waivers: tuple[str, ...],
    waive_for: str | None,
    supersede: bool,  # noqa: FBT001 - click passes by name
    policy: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Show VERSION (NAME@N, NAME or pg1:...) and sign an approval of exactly what was shown."""
    from poisonguard.attest.times import format_time, parse_duration, parse_time  # noqa: PLC0415 - heavy imports wait
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above
    from poisonguard.workflow.approve import Consent, approve, check_approval, review  # noqa: PLC0415 - as above
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.policies import policy_in_force  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    consent = Consent(
        reason=reason,
        lifetime=parse_duration(expires),
        not_before=parse_time(not_before) if not_before else None,
        purpose=purpose,
        waive=_waivers(waivers),
        waive_for=parse_duration(waive_for) if waive_for else None,
        supersede=supersede,
    )
    now = datetime.now(UTC)
    signers = [load_key(key, passphrase_file) for key in keys]
    with Workspace.required() as workspace:
        reviewed = review(workspace, version, now, policy=policy_in_force(policy), purpose=purpose)
        check_approval(reviewed, signers, consent)
        print_review(reviewed)
        done = approve(workspace, reviewed, signers, consent, now)
    until = format_time(done.until) if done.until else "?"
    click.echo(f"approved by {terminal(done.person)} until {until} (statement {done.digest[:16]})")
    if done.waived_until is not None:
        click.echo(f"waived until {format_time(done.waived_until)}: {', '.join(map(terminal, sorted(consent.waive)))}")
    if done.replaced is not None:
        click.echo(f"this replaces the approval of {format_time(done.replaced.approval.created)}, with its waivers")
    print_standing(done.standing)


def _waivers(texts: tuple[str, ...]) -> dict[str, str]:
    waived: dict[str, str] = {}
    for text in texts:
        fingerprint, equals, why = text.partition("=")
        if not equals or not fingerprint or not why.strip():
            raise UsageError(f"--waive {text}: not FINGERPRINT=WHY", hint="A waiver needs a reason.")
        waived[fingerprint.strip()] = why.strip()
    return waived
