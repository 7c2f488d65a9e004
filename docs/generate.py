"""Write the reference pages from the code: commands, checks, Python API, contract, reasons, Airflow operators.

``make docs`` runs it; a test fails when a page is not what the code says.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

import click

import poisonguard
from poisonguard import errors
from poisonguard.cli.main import COMMANDS, cli
from poisonguard.detectors.contract_suite import EXACT, SAMPLED
from poisonguard.domain.result import ScanResult
from poisonguard.plugin.card import Card, checks_folder, load_pack, shipped_cards
from poisonguard.policy import approvals, decide, judgement, revoked, scans
from poisonguard.workflow import gate
from poisonguard.workflow.approve import Decided
from poisonguard.workflow.gate_decision import GateDecision, GateEvidence
from poisonguard.workflow.publish import Published

HERE = Path(__file__).resolve().parent / "reference"
MADE = "<!-- Made by docs/generate.py from the code; edit the code. -->"
WAIVING = (
    "`poisonguard explain FINGERPRINT` says all this of one finding; "
    "[a steward may waive it](../../how-to/approve-as-a-steward.md)."
)
RESULTS = (ScanResult, GateDecision, GateEvidence, Published, Decided)
"""What the functions return, so far as a caller will look into it."""
OPERATORS = Path(poisonguard.__file__).parent / "airflow" / "operators.py"


def commands() -> str:
    """Every command and option, as ``--help`` prints them."""
    page = [
        MADE,
        "# Commands",
        "",
        "As `--help` prints them. Every option can also be set by an environment variable, whose name stands below.",
        "",
    ]
    context = click.Context(cli, info_name="poisonguard", max_content_width=100, terminal_width=100)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is None:
            raise RuntimeError(f"no command {name}")
        for path, item in _walk(name, command):
            page += [f"## `poisonguard {path}`", "", "```text", _help(path, item), "```", "", *_variables(item)]
    return "\n".join(page)


def _variables(command: click.Command) -> list[str]:
    """The environment variables of a command's options."""
    names = [f"`{item.envvar}`" for item in command.params if isinstance(item, click.Option)]
    return [f"Environment: {', '.join(names)}", ""] if names else []


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _walk(f"{path} {name}", child)


def _help(path: str, command: click.Command) -> str:
    context = click.Context(
        command,
        info_name=f"poisonguard {path}",
        max_content_width=100,
        terminal_width=100,
        help_option_names=["-h", "--help"],
    )
    return command.get_help(context)


def checks() -> str:
    """Every card in one line; each has a page of its own."""
    page = [MADE, "# Checks", ""]
    for pack in map(load_pack, sorted(path.stem for path in (checks_folder() / "packs").glob("*.yaml"))):
        page += [f"**{pack.name}**: {' '.join(pack.what.split())} ({len(pack.checks)} checks)", ""]
    page += ["| id | level | signal | title |", "|---|---|---|---|"]
    page += [
        f"| [{card.id}](checks/{card.id}.md) | {card.level} | {card.signal} | {card.title} |"
        for card in shipped_cards().values()
    ]
    return "\n".join(page) + "\n"


def check(card: Card) -> str:
    """One card, whole."""
    lines = [
        MADE,
        f"# {card.id}",
        "",
        f"**{card.title}** · level {card.level} · signal {card.signal} · {card.status} · {', '.join(card.threats)}",
        "",
    ]
    lines += [
        _flat(card.what),
        "",
        f"*Why it matters.* {_flat(card.why)}",
        "",
        f"*How it is computed.* {_flat(card.formula)}",
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
    lines += ["", f"Found by `{card.detector}`, in the packs {', '.join(_packs(card)) or 'of nobody'}. " + WAIVING]
    return "\n".join(lines) + "\n"


def _packs(card: Card) -> list[str]:
    names = sorted(path.stem for path in (checks_folder() / "packs").glob("*.yaml"))
    return [name for name in names if card.id in {entry.card for entry in load_pack(name).checks}]


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
    page += ["## Results", ""]
    for kind in RESULTS:
        page += [f"### `{kind.__name__}`", "", "```text", inspect.getdoc(kind) or "", *_members(kind), "```", ""]
    page += ["## Errors", "", "```text", _tree(), "```", ""]
    page += ["| error | exit code | slug |", "|---|---|---|"]
    page += [f"| `{kind.__name__}` | {kind.exit_code} | `{kind.slug}` |" for kind in _kinds(errors.PoisonguardError)]
    return "\n".join(page) + "\n"


def _members(kind: type) -> Iterator[str]:
    """Fields, and public properties and methods with their first line."""
    yield ""
    yield from (f"{name}: {annotation}" for name, annotation in inspect.get_annotations(kind).items())
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else member
        if not name.startswith("_") and inspect.isfunction(function):
            call = "" if isinstance(member, property) else "(...)"
            yield f"{name}{call}: {(inspect.getdoc(function) or '').splitlines()[0]}"


def _tree() -> str:
    text = io.StringIO(inspect.getdoc(errors) or "")
    lines = [line.rstrip() for line in text if line.startswith("    ")]
    return "\n".join(line[4:] for line in lines)


def _kinds(base: type[errors.PoisonguardError]) -> Iterator[type[errors.PoisonguardError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)


def contract() -> str:
    """Every expectation that a data contract may hold."""
    page = [
        MADE,
        "# Data contract",
        "",
        "What a [data contract](../how-to/write-a-data-contract.md) may hold, with required arguments in bold.",
        "Anything else is refused, because a suite can carry code.",
        "",
        "## Decided on every row",
        "",
        *_expectations(EXACT),
        "",
        "## Decided by Great Expectations on a sample of the rows",
        "",
        "The report says how large the sample is.",
        "",
        *_expectations(SAMPLED),
    ]
    return "\n".join(page) + "\n"


def _expectations(allowed: Mapping[str, Mapping[str, bool]]) -> Iterator[str]:
    yield "| type | arguments |"
    yield "|---|---|"
    for name, arguments in sorted(allowed.items()):
        listed = (f"**`{item}`**" if required else f"`{item}`" for item, required in arguments.items())
        yield f"| `{name}` | {', '.join(listed)} |"


def reasons() -> str:
    """Every code of a reason, out of the modules that give them."""
    page = [MADE, "# Reasons", "", "Stable codes, in `scan --format json` and `gate --format json`.", ""]
    page += ["## What a policy says of a scan", "", *_codes(decide), ""]
    page += ["## Why an approval does not count", "", "At the gate; each stands for exit code 5.", ""]
    page += [*_codes(approvals), "", "## Which scans count", "", "At the gate.", "", *_codes(scans), ""]
    page += ["## What was revoked", "", "At the gate.", "", *_codes(revoked), ""]
    page += ["## Whether the policy is the one", "", "At the gate.", "", *_codes(judgement), ""]
    page += ["## What the gate says", "", "In its order; what speaks against comes first.", "", *_codes(gate), ""]
    return "\n".join(page)


def _codes(module: ModuleType) -> Iterator[str]:
    """The table of codes in a module's docstring, as Markdown."""
    rows = re.findall(r"^``([a-z-]+)`` +(?:(\d) +)?(\S.*)$", inspect.getdoc(module) or "", re.MULTILINE)
    if not rows:
        raise RuntimeError(f"{module.__name__} has no table of codes")
    yield "| code | exit code | meaning |"
    yield "|---|---|---|"
    yield from (f"| `{code}` | {number or 5} | {meaning} |" for code, number, meaning in rows)


def airflow() -> str:
    """The operators' docstrings, read without importing Airflow."""
    page = [MADE, "# Airflow operators", "", "How to use them: [Airflow](../how-to/airflow.md).", ""]
    for item in ast.parse(OPERATORS.read_text(encoding="utf-8")).body:
        if isinstance(item, ast.ClassDef) and not item.name.startswith("_"):
            said = ast.get_docstring(item) or ""
            page += [f"## `{item.name}`", "", "```text", "from poisonguard.airflow.operators import " + item.name]
            page += ["", said, "```", ""]
    return "\n".join(page)


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "checks.md": checks,
    "python.md": api,
    "contract.md": contract,
    "reasons.md": reasons,
    "airflow.md": airflow,
    **{f"checks/{card.id}.md": partial(check, card) for card in shipped_cards().values()},
}


def main() -> None:
    """Write every page."""
    (HERE / "checks").mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
        print(f"wrote docs/reference/{name}")


if __name__ == "__main__":
    main()
