"""Options that several commands share, spelled once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)


class KeyType(click.Path):
    """A key: a private key file, a key reference, or the URI of a key that is held elsewhere.

    Taken as it is: whoever loads it tells the three apart.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)
        self.name = "key"


KEY = KeyType()
KEYS_OF_A_STEWARD = "Private key of a steward; repeat it for a second key of the same person, such as ML-DSA."


def output_option(command: CommandT) -> CommandT:
    """``-o FILE``: where the result goes; ``-`` is standard output."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(allow_dash=True, dir_okay=False),
        default="-",
        help="Write the result to FILE instead of standard output.",
    )(command)


def format_option(command: CommandT) -> CommandT:
    """``-f table|json``."""
    return click.option(
        "-f",
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="What to print.",
    )(command)


def quiet_option(command: CommandT) -> CommandT:
    """``-q``: only what was asked for."""
    return click.option("-q", "--quiet", is_flag=True, help="Print the verdict only.")(command)


def verbose_option(command: CommandT) -> CommandT:
    """``-v``: more of it."""
    return click.option("-v", "--verbose", is_flag=True, help="Print every detail.")(command)


def fips_option(command: CommandT) -> CommandT:
    """``--fips``, where manifests are made."""
    return click.option("--fips", is_flag=True, help="Bind the files by trees of SHA-256 instead of BLAKE3.")(command)


def workers_option(command: CommandT) -> CommandT:
    """``--workers N``."""
    return click.option(
        "--workers",
        type=click.IntRange(1, 256),
        default=None,
        help="Threads or processes; one per processor when not given. Never changes a result.",
    )(command)
