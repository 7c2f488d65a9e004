"""``poisonguard explain``: everything there is to say of one finding, or of one check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE
from poisonguard.cli.output import paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poisonguard.plugin.card import Card
    from poisonguard.workflow.explain import Record

MOST_EXAMPLES = 3
LONGEST_VALUE = 240


@click.command("explain")
@click.argument("finding")
@click.option("--report", type=FILE, help="Look in this JSON report; in the registry's scans when not given.")
@click.option("--version", metavar="VERSION", help="Look only in the scans of VERSION (NAME@N, NAME or pg1:...).")
def command(finding: str, report: Path | None, version: str | None) -> None:
    """Explain FINDING (the beginning of a fingerprint) or the check of that id: what, why, how, how to waive it."""
    from poisonguard.workflow.explain import explain  # noqa: PLC0415 - heavy imports wait for the command

    found = explain(finding, report=report, version=version)
    card = found.card
    click.echo(click.style(f"{card.id}  {card.title}", bold=True))
    click.echo(f"level {card.level} · signal {card.signal} · {card.status} · threats {', '.join(card.threats)}")
    if found.finding is not None:
        _section("Finding", _finding(found.finding, found.version))
    for title, texts in _card(card):
        _section(title, texts)
    _section("How to waive it", _waiver(found.finding, found.version))


def _card(card: Card) -> Iterator[tuple[str, Sequence[str]]]:
    yield "What it looks for", (card.what,)
    yield "Why it matters", (card.why,)
    yield "How it is computed", (card.formula,)
    yield "Parameters", [f"{name} = {value}" for name, value in sorted(card.params.items())]
    yield "Blind spots", card.blind_spots
    yield "False positives", card.false_positives
    yield "What to do", (card.remediation,)
    yield "References", card.references


def _finding(finding: Record, version: str) -> Iterator[str]:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    yield terminal(str(finding.get("message", "")))
    yield f"in {terminal(version)}, compared with {terminal(str(finding.get('comparedWith', '')))}"
    yield f"fingerprint {terminal(finding['fingerprint'])}, rows {finding.get('rowCount', 0)}"
    for name, value in sorted(dict(finding.get("numbers") or {}).items()):
        yield f"{terminal(str(name))} = {terminal(str(value))}"
    for example in list(finding.get("examples") or ())[:MOST_EXAMPLES]:
        yield f"{terminal(example['path'])} row {example['row']}: {_excerpt(example)}"


def _excerpt(example: Record) -> str:
    """What stands around the suspicious part, or else the beginning of the row."""
    from poisonguard.reports.escape import excerpt  # noqa: PLC0415 - heavy imports wait for the command

    mark = example.get("highlight") or {}
    shown = [item for item in example["values"] if item["column"] == mark.get("column")]
    text = ", ".join(f"{item['column']}: {item['value']}" for item in shown or example["values"])
    return str(excerpt(text, mark.get("text"), LONGEST_VALUE).text)


def _waiver(finding: Record | None, version: str) -> Iterator[str]:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    name = terminal(finding["fingerprint"]) if finding is not None else "FINGERPRINT"
    target = terminal(version) if version else "VERSION"
    yield "A steward excuses one finding, with a reason and for a time, when they approve the version:"
    yield f"poisonguard approve {target} --key KEY --reason WHY --waive '{name}=WHY' --waive-until 30d"


def _section(title: str, texts: Sequence[str] | Iterator[str]) -> None:
    said = list(texts)
    if not said:
        return
    click.echo(f"\n{click.style(title, bold=True)}")
    for text in said:
        click.echo(paragraph(text))
