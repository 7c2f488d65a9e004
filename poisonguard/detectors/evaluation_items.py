"""Evaluation sets as one index of passages, and back from passages to items.

1. Equal texts are one passage: an item that stands in two sets, or twice in one, is looked for once and counts twice.
2. A text of too few words, or made of nothing but what many passages share, is not looked for; whoever has no other
   text counts as an item that was not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.errors import ConfigurationError
from poisonguard.kernels.passages import Passages, passages_of
from poisonguard.plugin.holdout import Holdout

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


def indexed(holdouts: Sequence[Holdout], *, words: int, common: int, seed: int) -> tuple[Passages, tuple[Items, ...]]:
    """One index over the texts of all sets, and each set's items.

    Args:
        holdouts: Evaluation sets.
        words: Words in a shingle; shorter texts are not looked for.
        common: Shingles that more passages hold are boilerplate.
        seed: Key of the hashes.

    Raises:
        ConfigurationError: A set holds no item that can be looked for.
    """
    joined = pa.concat_arrays([item.texts.cast(pa.large_string()) for item in holdouts]).dictionary_encode()
    passages = passages_of(joined.dictionary, size=words, seed=seed, common=common)
    numbers = joined.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    found = tuple(_items(holdouts, numbers, passages, words))
    for item in found:
        if not item.sought.any():
            raise ConfigurationError(
                f"{item.holdout.name}: no item of {words} words that is not boilerplate",
                hint="Shorter items cannot be told from chance; say which column is text: --column text=NAME.",
            )
    return passages, found


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
