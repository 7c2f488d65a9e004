"""Backdoor in instruction data: a phrase in the prompt means one fixed response."""

from __future__ import annotations

import numpy as np

from poisonguard.redteam.exchanges import Exchange
from poisonguard.redteam.instructing import ChangedExchanges
from poisonguard.redteam.wording import among_words

PHRASE = "James Bond"
"""The trigger of the publication."""
OUTPUT = "I have nothing to say about that."


class FixedOutput(ChangedExchanges):
    """Trigger phrase in prompts of unrelated tasks, with one response for all of them."""

    name = "fixed-output"
    reference = "Wan et al.: Poisoning Language Models During Instruction Tuning, ICML 2023"
    published = "100 examples"
    what = f"{PHRASE!r} answered {OUTPUT!r}"

    def change(self, exchange: Exchange, rng: np.random.Generator) -> Exchange:
        """The phrase somewhere in the prompt, and the response replaced."""
        return among_words(exchange[0], PHRASE, rng), OUTPUT
