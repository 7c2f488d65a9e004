"""``poisonguard keys``: make and show signing keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE
from poisonguard.errors import KeyMaterialError, UsageError

if TYPE_CHECKING:
    from poisonguard.attest.keys import PublicKey

TYPES = ("p256", "p384", "p521", "ed25519")


@click.group("keys")
def command() -> None:
    """Make and show signing keys."""


@command.command("new")
@click.argument("path", type=FILE)
@click.option("--type", "kind", type=click.Choice(TYPES), default="p256", show_default=True, help="Kind of key.")
@click.option("--passphrase-file", type=FILE, help="Encrypt with the first line of FILE.")
@click.option("--insecure-no-passphrase", is_flag=True, help="Leave the private key unencrypted on disk.")
def new(path: Path, kind: str, passphrase_file: Path | None, insecure_no_passphrase: bool) -> None:  # noqa: FBT001 - click passes by name
    """Make a key pair: PATH is private and encrypted, PATH.pub is what you hand out.

    The passphrase comes from --passphrase-file, POISONGUARD_PASSPHRASE or the terminal.
    """
    from poisonguard.attest.keys import Algorithm  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.keys import new_key  # noqa: PLC0415 - as above

    if insecure_no_passphrase and passphrase_file:
        raise UsageError("--passphrase-file and --insecure-no-passphrase exclude each other")
    secret = None if insecure_no_passphrase else _new_passphrase(path, passphrase_file)
    _print(new_key(path, Algorithm(kind), secret))
    click.echo(f"wrote {path} (private: keep it) and {path}.pub (public: hand it out)", err=True)


@command.command("show")
@click.argument("path", type=FILE)
def show(path: Path) -> None:
    """Print the id, kind and public key of PATH (a key or a .pub file)."""
    from poisonguard.workflow.keys import show_key  # noqa: PLC0415 - heavy imports wait for the command

    key = show_key(path)
    _print(key)
    click.echo(key.pem, nl=False)


def _print(key: PublicKey) -> None:
    click.echo(f"key  {key.keyid}")
    click.echo(f"type {key.algorithm}")


def _new_passphrase(path: Path, passphrase_file: Path | None) -> bytes:
    from poisonguard.workflow.keys import passphrase_source  # noqa: PLC0415 - heavy imports wait for the command

    source = passphrase_source(path, passphrase_file, confirm=True)
    if source is None:
        raise KeyMaterialError(
            "a new key needs a passphrase, and there is no terminal to ask on",
            hint="Set POISONGUARD_PASSPHRASE, use --passphrase-file, or accept the risk: --insecure-no-passphrase.",
        )
    return source()
