"""Copies that carry another label: the same input, or nearly the same text, taught two ways.

1. Copies are rows whose input (everything but label, id, time, source and split) is equal, or whose texts are near
   copies. In a coarse table equal inputs are chance, not copies, and are left out (``copies``).
2. A group's label is what the reference says of it, or else the most frequent one, or else the first. A flood of
   copies outvotes its original: in a group larger than those whose copies agree let expect (``habits``) the many are
   named, or both sides where neither has it. That is no noise, whatever the other copies do. In a large group of
   usual size both sides are named, and the few are counted.
3. Where copies agree little more than rows at random, the input does not decide the label (``copy_agreement``).
4. Texts of fewer than ``SHORT`` words are compared by pairs of words, too: one word left out of a sentence breaks most
   of its longer runs. Short texts are alike by nature, so only floods count there.
5. People disagree now and then: without a reference up to ``noise`` of all copies may; with one, as many as there.
   More than that, and more than ``min_share`` of all rows, is a sign of poisoning; less is a note.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field
from scipy.special import bdtrc

from poisonguard.detectors.content_columns import NOT_INPUT, content_columns, text_columns
from poisonguard.detectors.copies import (
    Indices,
    Keys,
    Mask,
    content_groups,
    distinct_keys,
    groups_of,
    unexplained,
)
from poisonguard.detectors.copy_agreement import DOMINANT, undecided
from poisonguard.detectors.habits import SMALLEST, is_unusual
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.roles import Role
from poisonguard.domain.wording import count
from poisonguard.kernels.columnhash import combined
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.contents import ContentHashes, at_rows, key_chunks, null_key
from poisonguard.sketches.fingerprints import NearCopies, ShingleSets, ShortShingleSets, enough_words

SIGNIFICANCE = 0.01
SHORT = 24
"""Words; a sentence of fewer shares less than 60 % of its runs of five words with itself without one word."""


class ConflictingCopiesParams(Params):
    """What a near copy is, and how much disagreement is honest.

    Attributes:
        threshold: Jaccard similarity of shingle sets from which texts are near copies.
        min_words: Texts with fewer words are not compared.
        noise: Share of copies that honest labellers label otherwise.
        min_rows: Conflicting rows below which there is only a note.
        min_share: The same as a share of all rows, over the reference's.
        flood: Group size from which both sides of a contradiction count.
        max_labels: Columns with more labels are measurements, not classes.
    """

    threshold: float = Field(default=0.6, gt=0, le=1)
    min_words: int = Field(default=8, ge=1)
    noise: float = Field(default=0.2, ge=0, lt=1)
    min_rows: int = Field(default=10, ge=1)
    min_share: float = Field(default=0.002, ge=0, le=1)
    flood: int = Field(default=12, ge=3)
    max_labels: int = Field(default=1000, ge=2)


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Disagreement among copies.

    Attributes:
        rows: New candidate rows that contradict a copy of theirs, ascending.
        copies: New candidate rows that have an original to disagree with.
        total: Rows of the candidate.
        undecided: How many of the rows have an input that does not decide the label.
        floods: Those of the rows that are in a flood of one label, ascending.
        many: How many of the rows are in the majority of a group of usual size: either side may be wrong.
        reference_rows: Rows of the reference that contradict a copy of theirs in it.
        reference_total: Rows of the reference; 0 without one.
    """

    rows: Indices
    copies: int
    total: int
    reference_rows: int
    reference_total: int
    undecided: int = 0
    many: int = 0
    floods: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def before(self) -> float | None:
        """The same disagreement inside the reference, as a share of its rows; nothing without one."""
        return self.reference_rows / self.reference_total if self.reference_total else None


class ConflictingCopies(Check[ConflictingCopiesParams]):
    """Flags rows that copy another row and contradict its label."""

    detector = "conflicting-copies"
    params_model = ConflictingCopiesParams

    _label: ContentHashes
    _inputs: ContentHashes
    _texts: ShingleSets | None
    _short: ShortShingleSets | None
    _note: str = ""

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Hashes of the input and of the label, shingle sets where there are texts."""
        label, inputs = context.roles.first(Role.LABEL), content_columns(context, without=NOT_INPUT)
        if label is None:
            return NotApplicable("no label column")
        if not inputs:
            return NotApplicable("no column that the label could be given to")
        texts = text_columns(context)
        self._label, self._inputs = ContentHashes((label,)), ContentHashes(inputs)
        self._texts = ShingleSets(texts) if texts else None
        self._short = ShortShingleSets(texts) if texts else None
        return [self._label, self._inputs, *(sketch for sketch in (self._texts, self._short) if sketch)]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """At most one finding: all rows that contradict their original."""
        versions = [evidence, *([reference] if reference else [])]
        distinct = distinct_keys(key_chunks(evidence[self._label]))
        if distinct > self.params.max_labels:
            self._note = f"{distinct} different labels are measurements, not classes: copies were not compared"
            return
        conflicts = self._with_short(self._conflicts(versions, *self._members(versions)), versions)
        if conflicts.rows.size:
            yield self._finding(conflicts, reference.name if reference else "honest disagreement")

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows: where there is nothing to compare, all labels were read to know it."""
        return evidence.rows, self._note

    def _members(self, versions: Sequence[Evidence]) -> tuple[Indices, Indices]:
        """Rows of all versions that are copies, ascending, and each one's group; without those that chance explains."""
        if self._texts is not None:
            return self._near(versions, self._texts, None)
        return _copied(pa.concat_tables([version[self._inputs] for version in versions]))

    def _near(self, versions: Sequence[Evidence], sketch: ShingleSets, below: int | None) -> tuple[Indices, Indices]:
        """Rows that are near copies by the sets of ``sketch``, of fewer words than ``below``; and each one's group."""
        states = [version[sketch] for version in versions]
        chosen = np.concatenate([enough_words(state, self.params.min_words) for state in states])
        if below is not None:
            chosen &= ~np.concatenate([enough_words(state, below) for state in states])
        if not chosen.any():
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        asked = NearCopies(sketch, tuple(states), chosen, self.params.threshold, versions[0].seed)
        labels = versions[0].near_copies(asked).labels
        groups = groups_of(labels, labels.size)
        return groups.members, groups.owners

    def _with_short(self, conflicts: Conflicts, versions: Sequence[Evidence]) -> Conflicts:
        """The same with floods of short texts."""
        if self._short is None:
            return conflicts
        short = self._conflicts(versions, *self._near(versions, self._short, SHORT))
        if short.undecided or not short.floods.size:
            return conflicts
        rows = np.union1d(conflicts.rows, short.floods)
        return replace(
            conflicts,
            rows=rows,
            floods=np.union1d(conflicts.floods, short.floods),
            copies=conflicts.copies + rows.size - conflicts.rows.size,
        )

    def _conflicts(self, versions: Sequence[Evidence], members: Indices, owners: Indices) -> Conflicts:
        """Disagreement among the copies ``members`` of the groups ``owners``."""
        labels = at_rows(_keys(versions, self._label), members)
        # A row without a label contradicts nobody: it stands alone.
        labelled = labels != null_key(self._label)
        members, owners, labels = members[labelled], owners[labelled], labels[labelled]
        inputs = at_rows(_keys(versions, self._inputs), members)
        new = int(np.searchsorted(members, versions[0].rows))
        keys = combined(np.column_stack([inputs, labels]))
        found = find_conflicts(_first_places(owners), labels, np.isin(keys[:new], keys[new:]), self.params.flood)
        free = undecided(owners, labels, self.params.flood) if len(versions) == 1 else np.zeros(members.size, np.bool_)
        return replace(
            found,
            undecided=int(free[found.rows].sum()),
            rows=members[found.rows],
            floods=members[found.floods],
            total=versions[0].rows,
            reference_total=sum(version.rows for version in versions[1:]),
        )

    def _finding(self, conflicts: Conflicts, against: str) -> Finding:
        rows = int(conflicts.rows.size)
        grave = self._excessive(conflicts)
        return self.finding(
            subject="conflicting copies",
            message=_message(conflicts),
            level=self.card.level if grave else Level.NOTE,
            signal=self.card.signal if grave else Signal.QUALITY,
            confidence=0.9 if grave else 0.3,
            compared_with=against,
            column=self._label.contents[0],
            numbers={
                "conflicting rows": rows,
                "copies": conflicts.copies,
                "rows": conflicts.total,
                **({} if conflicts.before is None else {"reference share": conflicts.before}),
            },
            rows=conflicts.rows,
            row_count=rows,
        )

    def _excessive(self, conflicts: Conflicts) -> bool:
        """Whether noise, or the reference, does not explain the disagreement."""
        rows, total = int(conflicts.rows.size) - conflicts.undecided - conflicts.many, conflicts.total
        if not conflicts.undecided and conflicts.floods.size >= max(
            self.params.min_rows, self.params.min_share * total
        ):
            return True
        if rows < max(self.params.min_rows, (self.params.min_share + (conflicts.before or 0.0)) * total):
            return False
        if conflicts.before is None:
            return bool(bdtrc(rows - 1, max(rows, conflicts.copies), self.params.noise) < SIGNIFICANCE)
        return bool(bdtrc(rows - 1, total, max(conflicts.before, 1 / total)) < SIGNIFICANCE)


def _message(conflicts: Conflicts) -> str:
    rows = int(conflicts.rows.size)
    message = (
        f"{count(rows, 'row')} ({rows / conflicts.total:.2%} of all) {'copies' if rows == 1 else 'copy'} another row, "
        f"under a different label; there {'is' if conflicts.copies == 1 else 'are'} "
        f"{count(conflicts.copies, 'new copy', 'new copies')} in all"
    )
    if not conflicts.undecided:
        return message
    return f"{message}; copies agree little more than rows at random, so the rest of a row does not decide the label"


def _copied(state: pa.Table) -> tuple[Indices, Indices]:
    """Rows that are copies, ascending, and the group of each; without what chance repeats."""
    groups = content_groups(state, None)
    copied = unexplained(state, groups)[groups.owners]
    return groups.members[copied], groups.owners[copied]


def _keys(versions: Sequence[Evidence], sketch: ContentHashes) -> Iterator[Keys]:
    """Keys of the rows of all versions, chunk by chunk."""
    return chain.from_iterable(key_chunks(version[sketch]) for version in versions)


def _first_places(owners: Indices) -> Indices:
    """Where each one's group occurs first, shape kept."""
    _, firsts, groups = np.unique(owners, return_index=True, return_inverse=True)
    places: Indices = firsts[groups]
    return places


def find_conflicts(groups: Indices, labels: Keys, known: Mask, flood: int) -> Conflicts:
    """Rows that contradict a copy of theirs.

    Args:
        groups: First row of each row's group, candidate first, then reference; rows that stand alone may be left out
            of all arguments.
        labels: Hash of each row's label.
        known: Candidate rows that the reference holds as they are, shape (rows of the candidate,).
        flood: Size from which both sides of a contradiction count.
    """
    rows = known.size
    approved = np.arange(groups.size) >= rows
    sides = _contradicting(groups, labels, approved, flood)
    reference = groups.size - rows
    alone = _contradicting(groups[rows:], labels[rows:], np.zeros(reference, dtype=np.bool_), flood).wrong
    copies = _second(groups, rows) & ~known
    found = sides.wrong[:rows] & ~known
    return Conflicts(
        np.flatnonzero(found),
        int(copies.sum()),
        rows,
        int(alone.sum()),
        reference,
        floods=np.flatnonzero(sides.flooding[:rows] & found),
        many=int((sides.many[:rows] & found).sum()),
    )


class _Sides(NamedTuple):
    """Who contradicts whom, shapes (rows,).

    Attributes:
        wrong: Rows that contradict their group; both sides of it where nobody can tell.
        flooding: Which of them outvote the others of an unusually large group, or so many against an approved label.
        many: Which of them are in the majority of a large group of usual size.
    """

    wrong: Mask
    flooding: Mask
    many: Mask


def _contradicting(groups: Indices, labels: Keys, approved: Mask, flood: int) -> _Sides:
    """Rows that contradict their group, and on which side of the contradiction they are."""
    named, codes = np.unique(labels, return_inverse=True)
    pairs = groups * max(1, named.size) + codes
    unique, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    votes = np.bincount(inverse, minlength=unique.size)
    trusted = np.bincount(inverse, weights=approved, minlength=unique.size)
    group, label = np.divmod(unique, max(1, named.size))
    order = np.lexsort((first, -votes, -trusted, group))
    firsts = order[np.flatnonzero(np.append([True], np.diff(group[order]) != 0)[: order.size])]
    place = np.searchsorted(group[firsts], groups)
    wrong = codes != label[firsts][place]
    sizes = np.bincount(place, minlength=firsts.size)
    mixed = np.bincount(place, weights=wrong, minlength=firsts.size) > 0
    large = mixed & (sizes >= flood) & (trusted[firsts] == 0)
    outvoted = large & _unusual(sizes, sizes[~mixed], flood)
    dominated = outvoted & (votes[firsts] >= DOMINANT * sizes)
    contradicting: Mask = np.where(dominated[place], ~wrong, wrong | large[place]) & ~approved
    against = np.bincount(place, weights=wrong & ~approved, minlength=firsts.size).astype(np.int64)
    flooded = dominated | ((trusted[firsts] > 0) & _unusual(against, sizes[~mixed], flood))
    return _Sides(contradicting, contradicting & flooded[place], contradicting & ~wrong & ~outvoted[place])


def _unusual(sizes: Indices, agreeing: Indices, flood: int) -> Mask:
    """Groups that are much larger than the groups whose copies agree let expect, shape (groups,)."""
    usual = [*agreeing[agreeing >= SMALLEST].tolist(), int(agreeing.max(initial=0))]
    large = np.unique(sizes[sizes >= flood]).tolist()
    # What is larger than an unusual group is unusual, too.
    least = bisect_left(large, True, key=lambda size: is_unusual(size, usual))  # noqa: FBT003 - what is looked for
    return np.isin(sizes, large[least:])


def _second(groups: Indices, rows: int) -> Mask:
    """Candidate rows that are not the first of their group, or whose group the reference holds, shape (rows,)."""
    approved = np.zeros(groups.size, dtype=np.bool_)
    approved[groups[rows:]] = True
    second: Mask = approved[groups[:rows]] | (groups[:rows] != np.arange(rows))
    return second
