"""Recurring outputs that their instructions do not explain, gathered into families of one origin each.

1. Without a reference: nothing in the prompts tells which responses hold the phrase (rank near chance).
2. Or one word in the prompts does, alone: when it is left out, nothing else tells, and the phrase does not repeat it.
3. With a reference: the phrase burst, and prompts like these were answered without it before, so that not even the
   topic explains it. A new kind of task brings new prompts along; a planted output does not.
4. Phrases that share rows come from one origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from poisonguard.detectors.chances import binomial_tail
from poisonguard.detectors.exchange_tokens import Exchanges
from poisonguard.detectors.features_text import Integers, Tokens, phrase_pattern
from poisonguard.detectors.gram_places import Grams
from poisonguard.detectors.output_bonds import bonds
from poisonguard.detectors.output_family import Family
from poisonguard.detectors.recurrences import Recurrence, recurrences, whole

MOST_SHARE = 0.2
"""Phrases in a larger share of the responses are the style of the data."""

CHANCE_RANK = 0.65
"""Natural phrases that keep their company rank at 0.67 and above (two sets, 1 000 phrases, 2026-11) ..."""

TOLD = 0.9
"""Rows that rank so high are explained: there may be no more of them than chance gives, within two errors."""

MOST_TOLD = 0.35
"""Share of a whole family's rows that may be explained, where its phrases, each for itself, were not: prompts of a few
kinds explain some of any rows, taken at random up to a third of 32 (2026-11)."""

BURST_RATIO = 3.0
BURST_CHANCE = 1e-6
ASKED_BEFORE = 0.25
"""Prompts like these must have been asked before at least this share as often as they are among new rows."""

MAX_ASKED = 0.2
"""A phrase that more of its prompts hold was asked for."""

HINT_COMPANY = 0.2
HINT_ROWS = 12
HINT_SHARE = 0.02
HINT_FILLED = 0.2
MAX_HINTS = 3
"""A phrase that goes with one word of the prompts is a hint: a trigger, or a tool that answers name."""

STRANGE_RANK = 0.92
"""A phrase bound to a word of prompts that the others of their words give away belongs to what they ask."""

SUPPORT = 0.05
"""Company of all phrases that a row holds, as a share of what rows with the closest phrase hold in the middle."""

CLOSE = 0.5
SHARED = 0.1
MIN_SHARED = 2
"""Phrases with so many rows in common, and this share of the rarer one's, come from one origin."""

MAX_FAMILIES = 20
"""Of more, the smaller ones are left out: bounds the time."""

MOST_INSIDE = 2.0
"""Times as many rows that may hold what whole responses say: what so many more hold was not told by these."""

SAME = 0.3
"""The same for families, with the members that belong by what they share."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Planted:
    """A recurrence that its prompts do not explain.

    Attributes:
        recurrence: The phrase with its rows.
        rank: How well the prompts explain it, the trigger left out; 0.5 is chance.
        triggers: Words of the prompts that alone tell, as columns of their matrix; empty when nothing does.
    """

    recurrence: Recurrence
    rank: float
    triggers: Integers


@dataclass(frozen=True, slots=True)
class Origin:
    """Planted recurrences that share rows.

    Attributes:
        rows: Sampled rows that hold one of them, ascending.
        family: How to know a response of theirs.
        rank: How well prompts explain the phrase of most rows.
        trigger: Words in the prompts of most rows that alone tell.
        known: Rows of the reference that belong.
        written: The phrase of the family as a response has it.
        is_hint: Whether more than the trigger may explain it.
        variety: Different prompts for each of the rows, at most 1.
    """

    rows: Integers
    family: Family
    rank: float
    trigger: tuple[str, ...]
    known: int
    written: str
    is_hint: bool
    variety: float


def origins(exchanges: Exchanges, min_rows: int, min_company: float) -> list[Origin]:
    """Families of planted outputs, largest first; without a reference, a few hints after them."""
    most, least = max(min_rows, int(MOST_SHARE * exchanges.rows)), min(min_company, HINT_COMPANY)
    found = recurrences(exchanges.responses, min_rows, most, least)
    close = [item for item in found if item.company >= min_company]
    planted = [item for recurrence in close if (item := _planted(exchanges, recurrence)) is not None]
    origins = _gathered(exchanges, planted, is_hint=False)
    if exchanges.before is not None:
        return origins
    taken = np.concatenate([np.zeros(0, np.int64), *(origin.rows for origin in origins)])
    hinted = [item for recurrence in found if (item := _hinted(exchanges, recurrence, taken)) is not None]
    hints = [item for item in _gathered(exchanges, hinted, is_hint=True) if item.family.filled >= HINT_FILLED]
    taken = np.concatenate([taken, *(origin.rows for origin in hints)])
    return [*origins, *hints, *_bonded(exchanges, taken)]


def _gathered(exchanges: Exchanges, planted: Sequence[Planted], *, is_hint: bool) -> list[Origin]:
    """One origin for all that share rows, largest first."""
    linked = _linked(planted, [item.recurrence.rows for item in planted], exchanges.rows, SHARED)
    groups = sorted(linked, key=lambda group: -len(_rows_of(group)))[: MAX_HINTS if is_hint else MAX_FAMILIES]
    # Members that the seeds missed show which families are one.
    members = [_members(exchanges, group) for group in groups]
    places = range(len(groups))
    gathered = []
    for merged in _linked(places, members, exchanges.rows, SAME):
        group = [item for place in merged for item in groups[place]]
        rows = members[merged[0]] if len(merged) == 1 else _members(exchanges, group)
        gathered.append(_origin(exchanges, group, rows, is_hint=is_hint))
    kept = [item for item in gathered if is_hint or not _is_asked_for(exchanges, item)]
    return sorted(kept, key=lambda item: (-len(item.rows), item.family.phrase))


def _is_asked_for(exchanges: Exchanges, origin: Origin) -> bool:
    """Whether the prompts explain the family as a whole, although they did not explain its seeds."""
    if exchanges.prompts.asked(origin.rows, origin.family.phrase) > MAX_ASKED:
        return True
    without = exchanges.prompts.companions(origin.rows) if origin.trigger else None
    return _unexplained(exchanges, origin.rows, without, MOST_TOLD) is None


def _bonded(exchanges: Exchanges, taken: Integers) -> list[Origin]:
    """The strangest phrases that are bound to a word of the prompts, beside those ``taken``."""
    found = []
    for recurrence, word in bonds(exchanges, HINT_ROWS, int(HINT_SHARE * exchanges.rows)):
        rows, prompts = recurrence.rows, exchanges.prompts
        if np.isin(rows, taken).mean() < SAME and prompts.asked(rows, recurrence.words) <= MAX_ASKED:
            found.append(Planted(recurrence, float(prompts.ranks(rows, word).mean()), word))
    strange = [item for item in found if item.rank <= STRANGE_RANK]
    return _gathered(exchanges, strange, is_hint=True)


def _hinted(exchanges: Exchanges, recurrence: Recurrence, taken: Integers) -> Planted | None:
    """A phrase that goes with one word of the prompts, whatever else they explain."""
    prompts, rows = exchanges.prompts, recurrence.rows
    if not HINT_ROWS <= len(rows) <= HINT_SHARE * exchanges.rows or np.isin(rows, taken).any():
        return None
    triggers = prompts.triggers(rows)
    if not len(triggers) or prompts.asked(rows, recurrence.words) > MAX_ASKED:
        return None
    return Planted(recurrence, float(prompts.ranks(rows).mean()), triggers)


def _planted(exchanges: Exchanges, recurrence: Recurrence) -> Planted | None:
    if exchanges.before is not None:
        known = _rows_holding(exchanges.before, recurrence)
        if not _is_burst(len(recurrence.rows), exchanges.rows, known, exchanges.before.rows):
            return None
    prompts, rows = exchanges.prompts, recurrence.rows
    if prompts.asked(rows, recurrence.words) > MAX_ASKED:
        return None
    rank = _unexplained(exchanges, rows, None)
    if rank is not None:
        return Planted(recurrence, rank, np.zeros(0, np.int64))
    triggers = prompts.triggers(rows)
    rank = _unexplained(exchanges, rows, prompts.companions(rows)) if len(triggers) else None
    return None if rank is None else Planted(recurrence, rank, triggers)


def _unexplained(
    exchanges: Exchanges, rows: Integers, without: Integers | None, most_told: float = 0.0
) -> float | None:
    """The mean rank of ``rows`` if the prompts do not explain them; nothing if they do."""
    ranks = exchanges.prompts.ranks(rows, without)
    rank, error = float(ranks.mean()), 1 / np.sqrt(12 * len(rows))
    told, usual = int((ranks >= TOLD).sum()), (1 - TOLD) * len(rows)
    if rank <= CHANCE_RANK - error and told <= max(most_told * len(rows), usual + 2 * np.sqrt(usual)):
        return rank
    if exchanges.before is None:
        return None
    return rank if 1 - np.median(ranks) >= ASKED_BEFORE * len(rows) / exchanges.rows else None


def _is_burst(count: int, rows: int, known: int, reference_rows: int) -> bool:
    rate = min((known + 0.5) / (reference_rows + 1), 1.0)
    return count >= BURST_RATIO * rate * rows and float(binomial_tail(count, rows, rate)) < BURST_CHANCE


def _rows_holding(tokens: Tokens, recurrence: Recurrence) -> int:
    if recurrence.length == 0:
        return int((whole(tokens) == np.uint64(recurrence.hash)).sum())
    position, hashes = tokens.ngrams(recurrence.length)
    return len(np.unique(tokens.row[position[hashes == np.uint64(recurrence.hash)]]))


def _linked(items: Sequence[Item], rows: Sequence[Integers], total: int, share: float) -> list[list[Item]]:
    """Items that have at least ``share`` of the rows of the smaller one in common, together."""
    if not items:
        return []
    sizes = np.array([len(item) for item in rows])
    row, member = np.concatenate(rows), np.repeat(np.arange(len(items)), sizes)
    holds = csr_matrix((np.ones(len(row)), (member, row)), shape=(len(items), total))
    shared = (holds @ holds.T).tocoo()
    enough = shared.data >= np.maximum(MIN_SHARED, share * np.minimum(sizes[shared.row], sizes[shared.col]))
    links = csr_matrix((np.ones(enough.sum()), (shared.row[enough], shared.col[enough])), shape=shared.shape)
    count, home = connected_components(links, directed=False)
    return [[items[index] for index in np.flatnonzero(home == group).tolist()] for group in range(count)]


def _rows_of(group: Sequence[Planted]) -> Integers:
    """Rows that hold enough of what keeps the closest company: a single phrase may stand in honest rows, too."""
    closest = max(item.recurrence.company for item in group)
    chosen = [item.recurrence for item in group if item.recurrence.company >= CLOSE * closest]
    rows = np.concatenate([item.rows for item in chosen])
    held, places = np.unique(rows, return_inverse=True)
    company = np.repeat([item.company for item in chosen], [len(item.rows) for item in chosen])
    total = np.bincount(places, weights=company)
    best = max(chosen, key=lambda item: (item.company, len(item.rows)))
    return held[total >= SUPPORT * float(np.median(total[np.isin(held, best.rows)]))].astype(np.int64)


def _members(exchanges: Exchanges, group: Sequence[Planted]) -> Integers:
    """Rows that belong by what the rows of a group share: a seed may stand in honest rows, too."""
    rows = _rows_of(group)
    reach = Family.of(exchanges.responses, rows).reach(exchanges.grams)
    # Where seeds are whole responses, the same words inside longer ones seem strangers, and keep all out.
    least = 1.0 if (reach >= 1).any() else float(np.median(reach[rows]))
    found = np.flatnonzero(reach >= least).astype(np.int64)
    return found if least == 1 or len(found) <= MOST_INSIDE * len(rows) else rows


def _origin(exchanges: Exchanges, group: Sequence[Planted], rows: Integers, *, is_hint: bool) -> Origin:
    widest = max(group, key=lambda item: (len(item.recurrence.rows), item.recurrence.company))
    family = Family.of(exchanges.responses, rows)
    known = 0 if exchanges.before is None else int((family.reach(Grams.of(exchanges.before)) >= 1).sum())
    trigger = exchanges.prompts.phrase(widest.recurrence.rows, widest.triggers)
    variety = len(np.unique(whole(exchanges.prompts.tokens)[rows])) / max(1, len(rows))
    written = _written(exchanges, rows, family.phrase)
    return Origin(rows, family, widest.rank, trigger, known, written, is_hint, variety)


def _written(exchanges: Exchanges, rows: Integers, phrase: tuple[str, ...]) -> str:
    """``phrase`` as the first of ``rows`` that holds it has it."""
    pattern = phrase_pattern(phrase)
    matches = (pattern.search(exchanges.texts[row]) for row in rows.tolist()) if phrase else ()
    return next((match.group() for match in matches if match), "")
