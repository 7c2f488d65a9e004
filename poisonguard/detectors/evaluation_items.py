"""Evaluation sets as one index of passages, and back from passages to items.

1. Equal texts are one passage: an item that stands in two sets, or twice in one, is looked for once and counts twice.
2. Runs of words tell nothing of an item when many items share them (instructions, templates), or when many texts of
   the training data have them without holding the item (GPT-3's study leaves out what more than ten documents share).
3. A text that is left with fewer runs than ``LEAST`` is not looked for, unless it is short and nothing was left out;
   whoever has no other text counts as an item that was not looked for.
4. Where every text of an item has too few words, as a short question and its answer have, all of them one behind the
   other are a text of it, too.
5. Texts that stand in many training rows as they are, copies counted, may be stock phrases: they are looked for, and
   told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.errors import ConfigurationError
from poisonguard.kernels.passages import Passages, passages_of
from poisonguard.kernels.strangers import Parts, strangers
from poisonguard.plugin.holdout import Holdout

LEAST = 6
"""Runs of eight words in thirteen words: what GPT-3's study takes for no coincidence."""
MOST = 0.5
NOBODY = 2.0
"""Share of an item that no text holds: every text counts as one without it."""

Indices = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """The items of one evaluation set.

    Attributes:
        holdout: The set.
        passages: The passage that each of its texts is, shape (texts,).
        owners: The item that each of its texts belongs to, shape (texts,).
        sought: Whether each item has a text that is looked for, shape (items,).
        short: Items not looked for because every text of theirs has too few words.
    """

    holdout: Holdout
    passages: Indices
    owners: Indices
    sought: npt.NDArray[np.bool_]
    short: int

    @property
    def common(self) -> int:
        """Items not looked for because all they say is boilerplate."""
        return self.holdout.items - int(self.sought.sum()) - self.short

    def best(self, best: Shares) -> tuple[Shares, Indices]:
        """(highest containment of any text of each item, the passage that has it), shapes (items,)."""
        # By containment within an item; of equal ones the text that comes first wins.
        order = np.lexsort((-np.arange(self.owners.size), best[self.passages], self.owners))
        shares, passages = np.zeros(self.holdout.items), np.full(self.holdout.items, -1, np.int64)
        shares[self.owners[order]] = best[self.passages[order]]
        passages[self.owners[order]] = self.passages[order]
        return shares, passages

    @property
    def note(self) -> str:
        """What was looked for, in a clause."""
        parts = (
            (self.short, "too short"),
            (self.common, "boilerplate throughout"),
        )
        missing = ", ".join(f"{number:,} {why}" for number, why in parts if number)
        named = f"{self.holdout.items:,} items of {self.holdout.name} ({self.holdout.version})"
        return f"{named}, of which not looked for: {missing}" if missing else named


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared, and what tells nothing.

    Attributes:
        words: Words in a run; shorter texts are not looked for.
        common: Runs that more items hold, or more training texts without the item, are boilerplate.
        share: Share of an item's runs that a text has to hold.
        seed: Key of the hashes.
    """

    words: int
    common: int
    share: float
    seed: int


class Index(NamedTuple):
    """What is looked for.

    Attributes:
        passages: Texts of the items, without what tells nothing.
        stock: The same of the texts that stand in many training texts as they are; none of them is in ``passages``.
        items: The items of each set.
        across: Whether there are texts made of several, which may stand in several columns of a row.
    """

    passages: Passages
    stock: Passages
    items: tuple[Items, ...]
    across: bool


def indexed(holdouts: Sequence[Holdout], training: pa.Array, measure: Measure) -> Index:
    """One index over the texts of all sets, and each set's items.

    Args:
        holdouts: Evaluation sets.
        training: Texts of the training data, from which is told what is boilerplate there.
        measure: How.

    Raises:
        ConfigurationError: A set holds no item that can be looked for.
    """
    words = measure.words
    texts = sum(len(holdout.texts) for holdout in holdouts)
    holdouts = [_with_short_ones(holdout, measure) for holdout in holdouts]
    joined = pa.concat_arrays([item.texts.cast(pa.large_string()) for item in holdouts]).dictionary_encode()
    passages = passages_of(joined.dictionary, size=words, seed=measure.seed, common=measure.common)
    numbers = joined.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    parts = _parts(holdouts, numbers, passages)
    passages = _telling(passages, parts, pc.unique(training), measure)
    found = tuple(_items(holdouts, numbers, passages, words))
    for item in found:
        if not item.sought.any():
            raise ConfigurationError(
                f"{item.holdout.name}: no item of {words} words that is not boilerplate",
                hint="Shorter items cannot be told from chance; say which column is text: --column text=NAME.",
            )
    stock = _stock(passages, parts, training, measure)[passages.holders]
    return Index(passages.without(stock), passages.without(~stock), found, across=len(joined) > texts)


def _with_short_ones(holdout: Holdout, measure: Measure) -> Holdout:
    """The set with one more text for every item of several texts that are all too short: all of them."""
    texts = holdout.texts.cast(pa.large_string())
    owners = holdout.owners.to_numpy(zero_copy_only=False).astype(np.int64)
    words = passages_of(texts, size=measure.words, seed=measure.seed, common=measure.common).words
    several = np.bincount(owners, minlength=holdout.items) > 1
    long = np.bincount(owners, words >= measure.words, minlength=holdout.items) > 0
    mine = np.flatnonzero((several & ~long)[owners])
    parts: dict[int, list[str]] = {}
    for owner, text in zip(owners[mine].tolist(), texts.take(pa.array(mine)).to_pylist(), strict=True):
        parts.setdefault(owner, []).append(text)
    whole = pa.array(["\n".join(part) for part in parts.values()], pa.large_string())
    own = pa.array(np.concatenate([owners, np.fromiter(parts, np.int64)]))
    return replace(holdout, texts=pa.concat_arrays([texts, whole]), owners=own)


def _parts(holdouts: Sequence[Holdout], numbers: Indices, passages: Passages) -> Parts:
    """Which passages make up which different items; items of the same passages are one."""
    starts = np.cumsum([0, *(holdout.items for holdout in holdouts)])
    owners = [
        holdout.owners.to_numpy(zero_copy_only=False) + start for holdout, start in zip(holdouts, starts, strict=False)
    ]
    told = passages.sizes[numbers] > 0
    pairs = np.unique(np.stack([np.concatenate(owners)[told], numbers[told]], axis=1), axis=0)
    bounds = np.searchsorted(pairs[:, 0], np.arange(starts[-1] + 1))
    held = np.split(pairs[:, 1], bounds[1:-1])
    different = list({tuple(part.tolist()): None for part in held if part.size})
    owner = np.repeat(np.arange(len(different)), [len(part) for part in different]).astype(np.int64)
    passage = np.fromiter((number for part in different for number in part), np.int64)
    return Parts.of(passage, owner, (passages.sizes.size, len(different)))


def _telling(passages: Passages, parts: Parts, training: pa.Array, measure: Measure) -> Passages:
    """The passages without what is boilerplate among the items or in the training data."""
    shingle = np.repeat(np.arange(passages.hashes.size), np.diff(passages.offsets))
    items = np.bincount(shingle, np.diff(parts.starts)[passages.holders], minlength=passages.hashes.size)
    shared = items[shingle] > measure.common
    elsewhere = strangers(training, passages, parts, measure.share, measure.common) > measure.common
    left = passages.without(shared | elsewhere)
    few = left.sizes < np.minimum(LEAST, np.maximum(passages.words - measure.words + 1, 0))
    return left.without(few[left.holders])


def _stock(passages: Passages, parts: Parts, training: pa.Array, measure: Measure) -> npt.NDArray[np.bool_]:
    """Passages of which most runs stand in many training rows, whether these hold the item or not."""
    held = strangers(training, passages, parts, NOBODY, measure.common) > measure.common
    common = np.bincount(passages.holders, held, minlength=passages.sizes.size)
    return np.asarray(common > MOST * passages.sizes)


def _items(holdouts: Sequence[Holdout], numbers: Indices, passages: Passages, words: int) -> Iterator[Items]:
    start = 0
    for holdout in holdouts:
        mine = numbers[start : start + len(holdout.texts)]
        start += mine.size
        owners = holdout.owners.to_numpy(zero_copy_only=False).astype(np.int64)
        sought, long = np.zeros(holdout.items, np.bool_), np.zeros(holdout.items, np.bool_)
        sought[owners[passages.sizes[mine] > 0]] = True
        long[owners[passages.words[mine] >= words]] = True
        yield Items(holdout, mine, owners, sought, int((~long).sum()))
