"""``poisonguard keys``: make, show and import signing keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, KEY, format_option, output_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs
from poisonguard.errors import KeyMaterialError, UsageError

if TYPE_CHECKING:
    from poisonguard.attest.keys import PublicKey

ALGORITHMS = ("p256", "p384", "p521", "ed25519", "ml-dsa-65", "ml-dsa-87")


@click.group("keys")
def command() -> None:
    """Make, show and import signing keys."""


@command.command("new")
@click.argument("path", type=FILE)
@click.option(
    "--algorithm",
    "--type",
    "algorithm",
    type=click.Choice(ALGORITHMS),
    default="p256",
    show_default=True,
    help="What it signs with; ml-dsa is post-quantum (FIPS 204), as a second key beside another.",
)
@click.option("--passphrase-file", type=FILE, help="Encrypt with the first line of FILE.")
@click.option("--insecure-no-passphrase", is_flag=True, help="Leave the private key unencrypted on disk.")
def new(path: Path, algorithm: str, passphrase_file: Path | None, insecure_no_passphrase: bool) -> None:  # noqa: FBT001 - click passes by name
    """Make a key pair: PATH is private and encrypted, PATH.pub is what you hand out.

    The passphrase comes from --passphrase-file, POISONGUARD_PASSPHRASE or the terminal.
    """
    from poisonguard.attest.keys import Algorithm  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.keys import new_key  # noqa: PLC0415 - as above

    if insecure_no_passphrase and passphrase_file:
        raise UsageError("--passphrase-file and --insecure-no-passphrase exclude each other")
    secret = None if insecure_no_passphrase else _new_passphrase(path, passphrase_file)
    _print(new_key(path, Algorithm(algorithm), secret))
    click.echo(f"wrote {path} (private: keep it) and {path}.pub (public: hand it out)", err=True)


@command.command("import")
@click.argument("uri")
@click.option("-o", "--output", type=FILE, required=True, help="Write the reference to FILE, the key to FILE.pub.")
@click.option("--passphrase-file", type=FILE, help="Read the PIN from FILE, where one is needed.")
def import_(uri: str, output: Path, passphrase_file: Path | None) -> None:
    """Write a reference to a key that a key service, Vault or a hardware module holds; use it like a key file.

    URI is one of awskms:KEY, gcpkms:projects/.../cryptoKeyVersions/N, azurekms://VAULT.vault.azure.net/keys/NAME,
    hsm:[NUMBER][?label=TOKEN] and hv:NAME.
    """
    from poisonguard.workflow.keys import import_key  # noqa: PLC0415 - heavy imports wait for the command

    _print(import_key(uri, output, passphrase_file))
    click.echo(
        f"wrote {output} (a reference: nothing in it is secret) and {output}.pub (public: hand it out)", err=True
    )


@command.command("show")
@click.argument("key", type=KEY)
@click.option("--pem", is_flag=True, help="Print the public key only, as a .pub file holds it.")
@format_option
@output_option
@click.option("--passphrase-file", type=FILE, help="Read the passphrase from FILE, where one is needed.")
def show(key: Path, pem: bool, form: str, output: str, passphrase_file: Path | None) -> None:  # noqa: FBT001 - click passes by name
    """Print the id, kind and public key of KEY: a key file, a key reference, a URI or a .pub file."""
    from poisonguard.workflow.keys import show_key  # noqa: PLC0415 - heavy imports wait for the command

    if pem and form == "json":
        raise UsageError("--pem and --format json exclude each other", hint="The JSON holds the PEM.")
    check_outputs((output,), inputs=(key, passphrase_file))
    public = show_key(key, passphrase_file)
    if form == "json":
        put(json_text({"schema": "poisonguard-key/v1", **public.to_json()}), output)
    else:
        put(public.pem if pem else f"{_lines(public)}{public.pem}", output)


def _print(key: PublicKey) -> None:
    click.echo(_lines(key), nl=False)


def _lines(key: PublicKey) -> str:
    return f"key  {key.keyid}\ntype {key.algorithm}\n"


def _new_passphrase(path: Path, passphrase_file: Path | None) -> bytes:
    from poisonguard.workflow.keys import passphrase_source  # noqa: PLC0415 - heavy imports wait for the command

    source = passphrase_source(str(path), passphrase_file, confirm=True)
    if source is None:
        raise KeyMaterialError(
            "a new key needs a passphrase, and there is no terminal to ask on",
            hint="Set POISONGUARD_PASSPHRASE, use --passphrase-file, or accept the risk: --insecure-no-passphrase.",
        )
    return source()
