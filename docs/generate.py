"""Write the reference pages from the code: commands, checks, Python API, errors.

``make docs`` runs it; a test fails when a page is not what the code says.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator
from pathlib import Path

import click

import poisonguard
from poisonguard import errors
from poisonguard.cli.main import COMMANDS, cli
from poisonguard.plugin.card import Card, load_pack, shipped_cards

HERE = Path(__file__).resolve().parent / "reference"
MADE = "<!-- Made by docs/generate.py from the code; edit the code. -->"
PACKS = ("baseline", "strict", "text")


def commands() -> str:
    """Every command and option, as ``--help`` prints them."""
    page = [
        MADE,
        "# Commands",
        "",
        "Every option can also be set as an environment variable: "
        "`POISONGUARD_<COMMAND>_<OPTION>`, for example `POISONGUARD_SCAN_WORKERS=4`.",
        "",
    ]
    context = click.Context(cli, info_name="poisonguard", max_content_width=100, terminal_width=100)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is None:
            raise RuntimeError(f"no command {name}")
        for path, item in _walk(name, command):
            page += [f"## `poisonguard {path}`", "", "```text", _help(path, item), "```", ""]
    return "\n".join(page)


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _walk(f"{path} {name}", child)


def _help(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"poisonguard {path}", max_content_width=100, terminal_width=100)
    return command.get_help(context)


def checks() -> str:
    """Every card, whole."""
    page = [MADE, "# Checks", ""]
    for pack in map(load_pack, PACKS):
        page += [f"**{pack.name}**: {' '.join(pack.what.split())} ({len(pack.checks)} checks)", ""]
    page += ["| id | level | signal | title |", "|---|---|---|---|"]
    page += [
        f"| [{card.id}](#{card.id.lower()}) | {card.level} | {card.signal} | {card.title} |"
        for card in shipped_cards().values()
    ]
    for card in shipped_cards().values():
        page += ["", *_card(card)]
    return "\n".join(page) + "\n"


def _card(card: Card) -> list[str]:
    lines = [
        f"## {card.id}",
        "",
        f"**{card.title}** · level {card.level} · signal {card.signal} · {card.status} · {', '.join(card.threats)}",
        "",
    ]
    lines += [
        _flat(card.what),
        "",
        f"*Why it matters.* {_flat(card.why)}",
        "",
        f"*What to do.* {_flat(card.remediation)}",
        "",
    ]
    lines += ["*Blind spots*", "", *(f"- {_flat(item)}" for item in card.blind_spots), ""]
    lines += ["*False positives*", "", *(f"- {_flat(item)}" for item in card.false_positives)]
    if card.params:
        lines += [
            "",
            "*Parameters*: " + ", ".join(f"`{name} = {value}`" for name, value in sorted(card.params.items())),
        ]
    if card.references:
        lines += ["", "*References*", "", *(f"- {_flat(item)}" for item in card.references)]
    return lines


def _flat(text: str) -> str:
    return " ".join(text.split())


def api() -> str:
    """Public functions with signature and docstring, then the error tree."""
    page = [MADE, "# Python API", "", "```python", "import poisonguard as pg", "```", ""]
    for name in poisonguard.__all__:
        item = getattr(poisonguard, name)
        if inspect.isfunction(item):
            page += [
                f"## `pg.{name}`",
                "",
                "```text",
                f"{name}{inspect.signature(item)}",
                "",
                inspect.getdoc(item) or "",
                "```",
                "",
            ]
    page += ["## Errors", "", "```text", _tree(), "```", ""]
    page += ["| error | exit code | slug |", "|---|---|---|"]
    page += [f"| `{kind.__name__}` | {kind.exit_code} | `{kind.slug}` |" for kind in _kinds(errors.PoisonguardError)]
    return "\n".join(page) + "\n"


def _tree() -> str:
    text = io.StringIO(inspect.getdoc(errors) or "")
    lines = [line.rstrip() for line in text if line.startswith("    ")]
    return "\n".join(line[4:] for line in lines)


def _kinds(base: type[errors.PoisonguardError]) -> Iterator[type[errors.PoisonguardError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)


PAGES = {"commands.md": commands, "checks.md": checks, "python.md": api}


def main() -> None:
    """Write every page."""
    HERE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
        print(f"wrote docs/reference/{name}")


if __name__ == "__main__":
    main()
