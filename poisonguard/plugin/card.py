"""A card says what a check looks for and why; YAML under ``checks/cards``, packs under ``checks/packs``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.result import Rule
from poisonguard.errors import ConfigurationError
from poisonguard.plugin.strict_yaml import load_yaml

CARD_ID = r"^PG-[A-Z]+-\d{3}$"


class Card(BaseModel):
    """One check's card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=CARD_ID)
    title: str = Field(min_length=5, max_length=80)
    detector: str = Field(min_length=1)
    level: Level
    signal: Signal
    status: Literal["experimental", "stable", "deprecated"]
    threats: tuple[str, ...] = Field(min_length=1)
    params: dict[str, Any] = Field(default_factory=dict)
    what: str = Field(min_length=20)
    formula: str = Field(min_length=20)
    why: str = Field(min_length=20)
    remediation: str = Field(min_length=20)
    blind_spots: tuple[str, ...] = Field(min_length=1)
    false_positives: tuple[str, ...] = Field(min_length=1)
    references: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule:
        """The card as reports show it."""
        return Rule(
            id=self.id,
            title=self.title,
            level=self.level,
            signal=self.signal,
            threats=self.threats,
            what=self.what,
            why=self.why,
            remediation=self.remediation,
            blind_spots=self.blind_spots,
            false_positives=self.false_positives,
            references=self.references,
        )


class PackEntry(BaseModel):
    """One card of a pack, with parameters that differ from the card's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: str = Field(pattern=CARD_ID)
    params: dict[str, Any] = Field(default_factory=dict)


class Pack(BaseModel):
    """A named list of cards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    what: str = Field(min_length=20)
    checks: tuple[PackEntry, ...] = Field(min_length=1)


def checks_folder() -> Path:
    """Where the shipped cards are: inside the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_checks"
    return installed if installed.is_dir() else package.parent / "checks"


def load_card(path: Path) -> Card:
    """Read one card.

    Raises:
        ConfigurationError: It is no valid card, or its id is not its file name.
    """
    try:
        card = Card.model_validate(load_yaml(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path.name}: {_first_problem(error)}", hint="See checks/schema.") from error
    if card.id != path.stem:
        raise ConfigurationError(f"{path.name} holds card {card.id}", hint="A card's file is named after its id.")
    return card


@cache
def shipped_cards() -> dict[str, Card]:
    """Every shipped card by id, sorted."""
    paths = sorted((checks_folder() / "cards").glob("*.yaml"))
    return {card.id: card for card in map(load_card, paths)}


def load_pack(name: str) -> Pack:
    """Read a shipped pack by name, or a pack file by path.

    Raises:
        ConfigurationError: There is no such pack, or it is not valid.
    """
    shipped = checks_folder() / "packs" / f"{name}.yaml"
    path = shipped if shipped.is_file() else Path(name)
    if path.suffix != ".yaml" or not path.is_file():
        known = ", ".join(sorted(item.stem for item in (checks_folder() / "packs").glob("*.yaml")))
        raise ConfigurationError(f"no pack is called {name!r}", hint=f"Shipped packs: {known}.")
    try:
        return Pack.model_validate(load_yaml(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path.name}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}"
