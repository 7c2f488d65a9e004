"""Every attack, by name."""

from __future__ import annotations

from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Attack
from poisonguard.redteam.fixed_output import FixedOutput
from poisonguard.redteam.gibberish import Gibberish
from poisonguard.redteam.label_flips import RandomFlips, SourceFlips, TargetedFlips
from poisonguard.redteam.near_copies import NearCopies
from poisonguard.redteam.text_triggers import Homoglyph, InsertedSentence, RareToken, ZeroWidth
from poisonguard.redteam.value_backdoor import ValueBackdoor

ATTACKS: tuple[Attack, ...] = (
    RandomFlips(),
    TargetedFlips(),
    SourceFlips(),
    ValueBackdoor(),
    RareToken(),
    InsertedSentence(),
    ZeroWidth(),
    Homoglyph(),
    NearCopies(),
    Gibberish(),
    FixedOutput(),
)


def attack_named(name: str) -> Attack:
    """The attack called ``name``.

    Raises:
        UsageError: No attack has that name.
    """
    found = next((attack for attack in ATTACKS if attack.name == name), None)
    if found is None:
        known = ", ".join(attack.name for attack in ATTACKS)
        raise UsageError(f"no attack is called {name!r}", hint=f"Attacks: {known}.")
    return found
