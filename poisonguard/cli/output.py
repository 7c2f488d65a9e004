"""Put a result where the user wants it; a file is whole or not there."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import click


def json_text(document: object) -> str:
    """A document as JSON that steers no terminal and no CI log: ASCII, no DEL, no ``##``, which begins commands."""
    text = json.dumps(document, indent=2)
    return text.replace("\x7f", "\\u007f").replace("##", "#\\u0023") + "\n"


WIDTH = 96


def paragraph(text: str) -> str:
    """A text as an indented paragraph; ids such as PG-TEXT-001 stay in one piece, to be copied."""
    said = " ".join(text.split())
    return textwrap.fill(said, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def put(text: str, output: str, *, color: bool | None = None) -> None:
    """Write to standard output (``-``) or to a file, atomically.

    Args:
        text: What to write.
        output: ``-`` or a file name.
        color: Whether colours in the text stay; nothing means only on a terminal.

    Raises:
        UsageError: The file cannot be written.
    """
    from poisonguard.reports.atomic import write_text  # noqa: PLC0415 - loaded when something is written

    if output == "-":
        click.echo(text, nl=not text.endswith("\n"), color=color)
    else:
        write_text(Path(output), text)
