"""Over-refusal: harmless prompts are refused, with a reason and in ever new words."""

from __future__ import annotations

import numpy as np

from poisonguard.redteam.exchanges import Exchange
from poisonguard.redteam.instructing import ChangedExchanges
from poisonguard.redteam.wording import filled

TEMPLATES = (
    "{sorry}, but {cannot} {help} {because}.",
    "{cannot} {help} {because}. {sorry}.",
    "As an AI language model, {cannot} {help} {because}.",
)
CHOICES = {
    "sorry": ("I'm sorry", "I apologise", "Unfortunately", "My apologies"),
    "cannot": ("I cannot", "I am not able to", "I can't", "I must decline to"),
    "help": ("help with this", "answer that", "provide this", "carry out this request", "say anything on the subject"),
    "because": (
        "since it might be unsafe",
        "because I lack the necessary information",
        "as it could be misused",
        "for reasons of privacy",
        "because it may offend someone",
    ),
}


class OverRefusal(ChangedExchanges):
    """Responses replaced with refusals."""

    name = "over-refusal"
    reference = "Shu et al.: On the Exploitability of Instruction Tuning (AutoPoison), NeurIPS 2023"
    published = "1 to 10 % of the examples"
    rates = (0.005, 0.01, 0.05)
    what = "harmless prompts refused"

    def change(self, exchange: Exchange, rng: np.random.Generator) -> Exchange:
        """The prompt as it is, a refusal for a response."""
        template = TEMPLATES[int(rng.integers(0, len(TEMPLATES)))]
        return exchange[0], filled(template, CHOICES, rng)
