"""``poisonguard trust``: who may publish, scan and approve."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poisonguard.cli.options import FILE, KEY
from poisonguard.cli.places import check_outputs

if TYPE_CHECKING:
    from poisonguard.attest.keys import Signer
    from poisonguard.attest.trust import TrustedRoot, TrustRoot
    from poisonguard.workflow.trust_root import TrustRequest


@click.group("trust")
def command() -> None:
    """Say who may publish, scan and approve; the trust root is one signed, versioned document."""


def _request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--person",
            "people",
            multiple=True,
            required=True,
            metavar="NAME=PUBFILE",
            help="Somebody and a public key of theirs. Repeatable.",
        ),
        click.option(
            "--role",
            "roles",
            multiple=True,
            required=True,
            metavar="ROLE=NAME[,NAME]",
            help="Who is root, publisher, scanner, steward, revoker, trainer. Repeatable.",
        ),
        click.option(
            "--threshold",
            "thresholds",
            multiple=True,
            metavar="ROLE=K",
            help="How many people a role takes; 1 when not given. Repeatable.",
        ),
        click.option(
            "--dataset",
            "datasets",
            multiple=True,
            metavar="GLOB",
            help="Limit publishers, scanners, stewards and trainers to these datasets: '*' and '?' stand for any "
            "characters, '/' too. Repeatable.",
        ),
        click.option(
            "--post-quantum",
            "post_quantum",
            multiple=True,
            metavar="ROLE",
            help="In this role each must sign with a classical and an ML-DSA key. Repeatable.",
        ),
        click.option("--expires", default="365d", show_default=True, metavar="DURATION", help="How long it holds."),
    )
    for option in reversed(options):
        function = option(function)
    return _key_options(function)


def _key_options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--passphrase-file", type=FILE, help="Read the keys' passphrase from FILE.")(function)
    return click.option(
        "--key",
        "keys",
        type=KEY,
        multiple=True,
        required=True,
        help="Private key that signs the trust root. Repeatable.",
    )(function)


@command.command("init")
@_request_options
@click.option(
    "--registry",
    metavar="URL",
    envvar="POISONGUARD_REGISTRY",
    show_envvar=True,
    help="Keep the registry there, for a team: postgresql+psycopg://USER@HOST/DATABASE. "
    "A file in .poisonguard when not given.",
)
def init(keys: tuple[Path, ...], passphrase_file: Path | None, registry: str | None, **asked: Any) -> None:
    """Make .poisonguard here: registry, log key, and the first trust root, pinned."""
    from poisonguard.workflow import trust_root  # noqa: PLC0415 - heavy imports wait for the command

    request = _request(**asked)
    trusted = trust_root.init(Path.cwd(), request, _signers(keys, passphrase_file), _now(), registry=registry)
    _print(trusted)
    _warn(trusted.root)
    click.echo("made .poisonguard; hand the pin to whoever runs the gate elsewhere", err=True)


@command.command("join")
@click.option(
    "--registry",
    metavar="URL",
    envvar="POISONGUARD_REGISTRY",
    show_envvar=True,
    required=True,
    help="The team's registry.",
)
@click.option(
    "--trust", "pin", metavar="FILE|sha256:PIN", required=True, help="A trust root of the team's, or its pin."
)
@click.option("--log-key", type=FILE, help="A copy of the team's log key, to publish and approve from here.")
def join(registry: str, pin: str, log_key: Path | None) -> None:
    """Make .poisonguard here for a registry that a team shares."""
    from poisonguard.workflow.join import join as run  # noqa: PLC0415 - heavy imports wait for the command

    trusted = run(Path.cwd(), registry, pin, log_key)
    _print(trusted)
    may = "publish, approve and gate" if log_key is not None else "gate and audit; publishing takes --log-key"
    click.echo(f"joined: this workspace may {may}", err=True)


@command.command("show")
def show() -> None:
    """Print the trust root that is trusted here: people, roles, thresholds, expiry and pin."""
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - heavy imports wait for the command

    with Workspace.required() as workspace, workspace.registry.read() as reader:
        trusted = workspace.newest_root(reader)
    _print(trusted)
    _warn(trusted.root)


@command.command("next")
@_request_options
@click.option("-o", "--output", type=FILE, required=True, help="Write the next trust root to FILE.")
@click.option("--rotate-log-key", is_flag=True, help="Give the log a new key, which signs from 'trust update' on.")
@click.option("--retire-log-key", is_flag=True, help="Believe no more what only older log keys signed.")
def next_(
    keys: tuple[Path, ...],
    passphrase_file: Path | None,
    output: Path,
    *,
    rotate_log_key: bool,
    retire_log_key: bool,
    **asked: Any,
) -> None:
    """Write the next version of the trust root, in full, for 'trust update' everywhere.

    Sign with enough root keys of the old version and of the new one, here or with 'trust cosign'.
    """
    from poisonguard.store.durable import write_durably  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow import trust_root  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,), inputs=(*keys, passphrase_file))
    request = _request(**asked)
    with Workspace.required() as workspace:
        root, data = trust_root.next_root(
            workspace,
            request,
            _signers(keys, passphrase_file),
            _now(),
            rotate_log_key=rotate_log_key,
            retire_log_key=retire_log_key,
        )
    write_durably(output, data)
    _warn(root)
    click.echo(f"wrote trust root version {root.version} to {output}; make it hold with 'trust update'", err=True)


@command.command("cosign")
@click.argument("file", type=FILE)
@_key_options
def cosign(file: Path, keys: tuple[Path, ...], passphrase_file: Path | None) -> None:
    """Add signatures to the trust root in FILE that was written by 'trust next'.

    Who plays the role root in it may sign; in a workspace, also who plays it in the trust root that is trusted there.
    """
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.store.durable import write_durably  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow import trust_root  # noqa: PLC0415 - as above

    done = trust_root.cosign(trust_root.read_file(file), _signers(keys, passphrase_file), _root_here())
    write_durably(file, done.data)
    signed = f" ({', '.join(terminal(name) for name in done.signed)})" if done.signed else ""
    missing = f"; missing: {', '.join(terminal(name) for name in done.missing)}" if done.missing else ""
    click.echo(f"signed by {len(done.signed)} of {done.needed}{signed}{missing}", err=True)


def _root_here() -> TrustRoot | None:
    """The trust root that is trusted here; nothing outside of workspaces."""
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - heavy imports wait for the command

    found = Workspace.find()
    if found is None:
        return None
    with found as workspace, workspace.registry.read() as reader:
        return workspace.newest_root(reader).root


@command.command("update")
@click.argument("file", type=FILE)
def update(file: Path) -> None:
    """Trust the next version of the trust root, in FILE, if it follows from the one trusted here."""
    from poisonguard.workflow import trust_root  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required() as workspace:
        trusted = trust_root.update(workspace, trust_root.read_file(file))
    _print(trusted)
    _warn(trusted.root)


def _print(trusted: TrustedRoot) -> None:
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above

    root = trusted.root
    click.echo(f"trust root version {root.version}, expires {format_time(root.expires)}")
    click.echo(f"pin sha256:{trusted.digest}")
    for person in root.people:
        keys = ", ".join(f"{key.keyid[:16]} ({key.algorithm})" for key in person.keys)
        click.echo(f"person    {terminal(person.name)}: {keys}")
    for role, grant in sorted(root.roles.items()):
        names = ", ".join(terminal(name) for name in grant.people)
        datasets = "" if grant.datasets == ("*",) else f", for {', '.join(terminal(item) for item in grant.datasets)}"
        kinds = ", each with a post-quantum signature too" if grant.post_quantum else ""
        click.echo(f"{role:<9} {grant.threshold} of {names}{datasets}{kinds}")


def _warn(root: TrustRoot) -> None:
    from poisonguard.workflow.trust_warnings import warnings  # noqa: PLC0415 - heavy imports wait for the command

    for warning in warnings(root):
        click.echo(f"warning: {warning}", err=True)


def _request(expires: str, **asked: Any) -> TrustRequest:
    from poisonguard.attest.times import parse_duration  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.trust_root import read_request  # noqa: PLC0415 - as above

    return read_request(**asked, lifetime=parse_duration(expires))


def _signers(keys: tuple[Path, ...], passphrase_file: Path | None) -> list[Signer]:
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - heavy imports wait for the command

    return [load_key(path, passphrase_file) for path in keys]


def _now() -> datetime:
    return datetime.now(UTC)
