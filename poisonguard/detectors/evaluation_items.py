"""Evaluation sets as one index of passages, and back from passages to items.

1. Equal texts are one passage: an item that stands in two sets, or twice in one, is looked for once and counts twice.
2. Runs of words tell nothing of an item when many items share them (instructions, templates), or when many texts of
   the training data have them without holding the item (GPT-3's study leaves out what more than ten documents share).
3. A text that is left with fewer runs than ``LEAST`` is not looked for, unless it is short and nothing was left out;
   whoever has no other text counts as an item that was not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.errors import ConfigurationError
from poisonguard.kernels.passages import Passages, passages_of
from poisonguard.kernels.strangers import Parts, strangers
from poisonguard.plugin.holdout import Holdout

LEAST = 6
"""Runs of eight words in thirteen words: what GPT-3's study takes for no coincidence."""
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


def indexed(holdouts: Sequence[Holdout], training: pa.Array, measure: Measure) -> tuple[Passages, tuple[Items, ...]]:
    """One index over the texts of all sets, and each set's items.

    Args:
        holdouts: Evaluation sets.
        training: Different texts of the training data, from which is told what is boilerplate there.
        measure: How.

    Raises:
        ConfigurationError: A set holds no item that can be looked for.
    """
    joined = pa.concat_arrays([item.texts.cast(pa.large_string()) for item in holdouts]).dictionary_encode()
    words = measure.words
    passages = passages_of(joined.dictionary, size=words, seed=measure.seed, common=measure.common)
    numbers = joined.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    passages = _telling(passages, _parts(holdouts, numbers, passages), training, measure)
    found = tuple(_items(holdouts, numbers, passages, words))
    for item in found:
        if not item.sought.any():
            raise ConfigurationError(
                f"{item.holdout.name}: no item of {words} words that is not boilerplate",
                hint="Shorter items cannot be told from chance; say which column is text: --column text=NAME.",
            )
    return passages, found


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
