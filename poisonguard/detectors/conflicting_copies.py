"""Copies that carry another label: the same input, or nearly the same text, taught two ways.

1. Copies are rows whose input (everything but label, id, time, source and split) is equal, or whose texts are near
   copies. In a coarse table equal inputs are chance, not copies, and are left out (``copies``).
2. A group's label is what the reference says of it, or else the most frequent one, or else the first. In a large
   group that the reference does not know, both sides count: a flood of copies outvotes its original.
3. Where copies agree little more than rows at random, the input does not decide the label (``copy_agreement``).
4. People disagree now and then: without a reference up to ``noise`` of all copies may; with one, as many as there.
   More than that, and more than ``min_share`` of all rows, is a sign of poisoning; less is a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

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
from poisonguard.detectors.copy_agreement import undecided
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.roles import Role
from poisonguard.domain.wording import count
from poisonguard.kernels.columnhash import combined
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.contents import ContentHashes, at_rows, key_chunks, null_key
from poisonguard.sketches.fingerprints import NearCopies, ShingleSets, enough_words

SIGNIFICANCE = 0.01


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
        reference_rows: Rows of the reference that contradict a copy of theirs in it.
        reference_total: Rows of the reference; 0 without one.
    """

    rows: Indices
    copies: int
    total: int
    reference_rows: int
    reference_total: int
    undecided: int = 0

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
        return [self._label, self._inputs, *([self._texts] if self._texts else [])]

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """At most one finding: all rows that contradict their original."""
        versions = [evidence, *([reference] if reference else [])]
        distinct = distinct_keys(key_chunks(evidence[self._label]))
        if distinct > self.params.max_labels:
            self._note = f"{distinct} different labels are measurements, not classes: copies were not compared"
            return
        conflicts = self._conflicts(versions, *self._members(versions))
        if conflicts.rows.size:
            yield self._finding(conflicts, reference.name if reference else "honest disagreement")

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows: where there is nothing to compare, all labels were read to know it."""
        return evidence.rows, self._note

    def _members(self, versions: Sequence[Evidence]) -> tuple[Indices, Indices]:
        """Rows of all versions that are copies, ascending, and each one's group; without those that chance explains."""
        if self._texts is not None:
            states = [version[self._texts] for version in versions]
            enough = np.concatenate([enough_words(state, self.params.min_words) for state in states])
            asked = NearCopies(self._texts, tuple(states), enough, self.params.threshold, versions[0].seed)
            labels = versions[0].near_copies(asked).labels
            groups = groups_of(labels, labels.size)
            return groups.members, groups.owners
        return _copied(pa.concat_tables([version[self._inputs] for version in versions]))

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
        rows, total = int(conflicts.rows.size) - conflicts.undecided, conflicts.total
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
    wrong = _contradicting(groups, labels, approved, flood)
    reference = groups.size - rows
    alone = _contradicting(groups[rows:], labels[rows:], np.zeros(reference, dtype=np.bool_), flood)
    copies = _second(groups, rows) & ~known
    return Conflicts(np.flatnonzero(wrong[:rows] & ~known), int(copies.sum()), rows, int(alone.sum()), reference)


def _contradicting(groups: Indices, labels: Keys, approved: Mask, flood: int) -> Mask:
    """Rows whose label is not their group's; all rows of a large group that has no approved label."""
    named, codes = np.unique(labels, return_inverse=True)
    pairs = groups * max(1, named.size) + codes
    unique, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    votes = np.bincount(inverse, minlength=unique.size)
    trusted = np.bincount(inverse, weights=approved, minlength=unique.size)
    group, label = np.divmod(unique, max(1, named.size))
    order = np.lexsort((first, -votes, -trusted, group))
    starts = np.flatnonzero(np.append([True], np.diff(group[order]) != 0)[: order.size])
    place = np.searchsorted(group[order[starts]], groups)
    wrong = codes != label[order[starts]][place]
    sizes = np.bincount(place, minlength=starts.size)
    mixed = np.bincount(place, weights=wrong, minlength=starts.size) > 0
    undecided = mixed & (sizes >= flood) & (trusted[order[starts]] == 0)
    contradicting: Mask = (wrong | undecided[place]) & ~approved
    return contradicting


def _second(groups: Indices, rows: int) -> Mask:
    """Candidate rows that are not the first of their group, or whose group the reference holds, shape (rows,)."""
    approved = np.zeros(groups.size, dtype=np.bool_)
    approved[groups[rows:]] = True
    second: Mask = approved[groups[:rows]] | (groups[:rows] != np.arange(rows))
    return second
