"""``poisonguard trust``: who may publish, scan and approve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poisonguard.cli.options import FILE, KEY, format_option, output_option
from poisonguard.cli.output import put
from poisonguard.cli.places import check_outputs
from poisonguard.cli.trust_text import review_as_text, trust_as_json, trust_as_text
from poisonguard.errors import UsageError

if TYPE_CHECKING:
    from poisonguard.attest.keys import Signer
    from poisonguard.attest.trust import TrustRoot
    from poisonguard.workflow.trust_changes import TrustChanges
    from poisonguard.workflow.trust_request import TrustRequest


@click.group("trust")
def command() -> None:
    """Say who may publish, scan and approve; the trust root is one signed, versioned document."""


EITHER = "Name everybody and every role; or, for 'trust next', only what changes: --add-person, --add-role and so on."
PEOPLE = (
    click.option(
        "--person",
        "people",
        multiple=True,
        metavar="NAME=PUBFILE",
        help="Somebody and a public key of theirs. Repeatable.",
    ),
    click.option(
        "--role",
        "roles",
        multiple=True,
        metavar="ROLE=NAME[,NAME]",
        help="Who is root, publisher, scanner, steward, revoker, trainer. Repeatable.",
    ),
)
RULES = (
    click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        metavar="ROLE=K",
        help="How many people a role takes; 1 when it was never said. Repeatable.",
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
CHANGES = (
    click.option(
        "--add-person",
        "add",
        multiple=True,
        metavar="NAME=PUBFILE",
        help="Change: somebody new with a public key, or one more key of somebody. Repeatable.",
    ),
    click.option(
        "--remove-person",
        "remove",
        multiple=True,
        metavar="NAME",
        help="Change: they leave, with every key and role of theirs. Repeatable.",
    ),
    click.option(
        "--replace-key",
        "replace",
        multiple=True,
        metavar="NAME=PUBFILE",
        help="Change: somebody has this key in place of those they had. Repeatable.",
    ),
    click.option(
        "--add-role",
        "grant",
        multiple=True,
        metavar="ROLE=NAME[,NAME]",
        help="Change: they play the role too. Repeatable.",
    ),
    click.option(
        "--remove-role",
        "withdraw",
        multiple=True,
        metavar="ROLE=NAME[,NAME]",
        help="Change: they do not play the role any more. Repeatable.",
    ),
)


def _options(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Many options as one decorator, in the order of the help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return _key_options(function)

    return decorate


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
@_options(*PEOPLE, *RULES)
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

    request = _in_full(**asked)
    trusted = trust_root.init(Path.cwd(), request, _signers(keys, passphrase_file), _now(), registry=registry)
    click.echo(trust_as_text(trusted), nl=False)
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
    click.echo(trust_as_text(trusted), nl=False)
    may = "publish, approve and gate" if log_key is not None else "gate and audit; publishing takes --log-key"
    click.echo(f"joined: this workspace may {may}", err=True)


@command.command("show")
@format_option
@output_option
def show(form: str, output: str) -> None:
    """Print the trust root that is trusted here: people, roles, thresholds, expiry and pin."""
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - heavy imports wait for the command

    check_outputs((output,))
    with Workspace.required() as workspace, workspace.registry.read() as reader:
        trusted = workspace.newest_root(reader)
    put(trust_as_json(trusted) if form == "json" else trust_as_text(trusted), output)
    _warn(trusted.root)


@command.command("next")
@_options(*PEOPLE, *CHANGES, *RULES)
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
    """Write the next version of the trust root, for 'trust update' everywhere, and print what changes.

    Say what changes: all else stays, and the expiry is new. Or say it in full, with --person and --role.
    Sign with enough root keys of the old version and of the new one, here or with 'trust cosign'.
    """
    from poisonguard.store.durable import write_durably  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow import trust_root  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    check_outputs((output,), inputs=(*keys, passphrase_file))
    request = _in_full(**asked) if _is_in_full(asked) else _changes(**asked)
    with Workspace.required() as workspace:
        with workspace.registry.read() as reader:
            before = workspace.newest_root(reader).root
        root, data = trust_root.next_root(
            workspace,
            request,
            _signers(keys, passphrase_file),
            _now(),
            rotate_log_key=rotate_log_key,
            retire_log_key=retire_log_key,
        )
    click.echo(review_as_text(before, root), nl=False)
    write_durably(output, data)
    _warn(root)
    click.echo(f"wrote trust root version {root.version} to {output}; make it hold with 'trust update'", err=True)


def _is_in_full(asked: Mapping[str, Any]) -> bool:
    """Whether people and roles are said in full, and not by changes as well."""
    full = bool(asked["people"] or asked["roles"])
    if full and any(asked[name] for name in ("add", "remove", "replace", "grant", "withdraw")):
        raise UsageError("--person and --role say the whole trust root, so nothing is left to change", hint=EITHER)
    return full


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

    data, here = trust_root.read_file(file), _root_here()
    done = trust_root.cosign(data, _signers(keys, passphrase_file), here)
    if here is not None:
        click.echo(review_as_text(here, trust_root.root_in(data)), nl=False)
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
    click.echo(trust_as_text(trusted), nl=False)
    _warn(trusted.root)


def _warn(root: TrustRoot) -> None:
    from poisonguard.workflow.trust_warnings import warnings  # noqa: PLC0415 - heavy imports wait for the command

    for warning in warnings(root):
        click.echo(f"warning: {warning}", err=True)


def _in_full(people: tuple[str, ...], roles: tuple[str, ...], expires: str, **asked: Any) -> TrustRequest:
    from poisonguard.attest.times import parse_duration  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.trust_request import read_request  # noqa: PLC0415 - as above

    if not (people and roles):
        raise UsageError("--person and --role go together: they say the whole trust root", hint=EITHER)
    rules = {name: asked[name] for name in ("thresholds", "datasets", "post_quantum")}
    return read_request(people, roles, lifetime=parse_duration(expires), **rules)


def _changes(expires: str, **asked: Any) -> TrustChanges:
    from poisonguard.attest.times import parse_duration  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.trust_changes import read_changes  # noqa: PLC0415 - as above

    said = {name: value for name, value in asked.items() if name not in {"people", "roles"}}
    return read_changes(lifetime=parse_duration(expires), **said)


def _signers(keys: tuple[Path, ...], passphrase_file: Path | None) -> list[Signer]:
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - heavy imports wait for the command

    return [load_key(path, passphrase_file) for path in keys]


def _now() -> datetime:
    return datetime.now(UTC)
