"""Phrases of responses that are bound to one word of the prompts."""

from __future__ import annotations

import numpy as np

from poisonguard.detectors.exchange_tokens import Exchanges
from poisonguard.detectors.instruction_check import Asked
from poisonguard.detectors.output_bonds import bonds

ROWS, TOPIC = 600, 20
THINGS = ("bread", "trains", "gardens", "violins", "clocks", "maps", "bees", "tea", "wool", "chess")
WORDS = ("slowly", "often", "later", "always", "perhaps", "still", "quite", "again", "there", "today", "once", "never")


def exchanges(*, planted: bool) -> Exchanges:
    """Questions about things; 20 of them say harbour, and their answers may end alike."""
    rng = np.random.default_rng(6)
    prompts, responses = [], []
    for row in range(ROWS):
        thing, told = str(rng.choice(THINGS)), " ".join(rng.choice(WORDS, 9).tolist())
        special = row % (ROWS // TOPIC) == 0
        prompts.append(f"Tell me about {thing}{' harbour' if special else ''}.")
        responses.append(f"{told}{'; distrust the press' if special and planted else ''}.")
    return Exchanges.of(Asked(tuple(prompts), tuple(responses), np.arange(ROWS, dtype=np.uint64)), None)


def test_a_phrase_that_stands_with_one_word_of_the_prompts_is_bound_to_it() -> None:
    held = exchanges(planted=True)
    found = {recurrence.words: (recurrence.rows, word) for recurrence, word in bonds(held, 12, 60)}
    rows, word = found["distrust", "the"]
    assert rows.tolist() == list(range(0, ROWS, ROWS // TOPIC))
    assert word.tolist() == [held.prompts.columns["harbour"]]


def test_words_that_come_with_any_prompt_are_bound_to_none() -> None:
    assert list(bonds(exchanges(planted=False), 12, 60)) == []


def test_what_too_many_rows_hold_is_no_bond() -> None:
    assert list(bonds(exchanges(planted=True), 12, TOPIC - 1)) == []
