"""``poisonguard checks``: list the checks and explain one."""

from __future__ import annotations

import click

from poisonguard.cli.output import paragraph


@click.group("checks")
def command() -> None:
    """List the checks and explain one."""


@command.command("list")
@click.option("--pack", "packs", multiple=True, metavar="NAME", help="Only the checks of this pack. Repeatable.")
def list_checks(packs: tuple[str, ...]) -> None:
    """One line per check: id, level, what it speaks for, title."""
    from poisonguard.plugin.card import load_pack, shipped_cards  # noqa: PLC0415 - heavy imports wait for the command

    cards = shipped_cards()
    wanted = {entry.card for name in packs for entry in load_pack(name).checks} if packs else set(cards)
    for card in cards.values():
        if card.id in wanted:
            click.echo(f"{card.id:<16} {card.level:<8} {card.signal:<10} {card.title}")


@command.command("show")
@click.argument("card_id", metavar="ID")
def show(card_id: str) -> None:
    """Everything the card of a check says."""
    from poisonguard.errors import UsageError  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.plugin.card import shipped_cards  # noqa: PLC0415 - as above

    card = shipped_cards().get(card_id.upper())
    if card is None:
        raise UsageError(f"no check is called {card_id!r}", hint="See `poisonguard checks list`.")
    click.echo(click.style(f"{card.id}  {card.title}", bold=True))
    click.echo(f"level {card.level} · signal {card.signal} · {card.status} · threats {', '.join(card.threats)}")
    _paragraphs("What", (card.what,))
    _paragraphs("Why", (card.why,))
    _paragraphs("What to do", (card.remediation,))
    _paragraphs("Blind spots", card.blind_spots)
    _paragraphs("False positives", card.false_positives)
    _paragraphs("Parameters", tuple(f"{name} = {value}" for name, value in sorted(card.params.items())))
    _paragraphs("References", card.references)


def _paragraphs(title: str, texts: tuple[str, ...]) -> None:
    if not texts:
        return
    click.echo(f"\n{click.style(title, bold=True)}")
    for text in texts:
        click.echo(paragraph(text))
