"""Copies that carry another label: the same input, or nearly the same text, taught two ways.

1. Copies are rows whose input (everything but label, id, time, source and split) is equal, or whose texts are near
   copies. In a coarse table equal inputs are chance, not copies, and are left out (``copies``).
2. A group's label is what the reference says of it, or else the most frequent one, or else the first. In a large
   group that the reference does not know, both sides count: a flood of copies outvotes its original.
3. People disagree now and then: without a reference up to ``noise`` of all copies may; with one, as many as there.
   More than that, and more than ``min_share`` of all rows, is a sign of poisoning; less is a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field
from scipy.special import bdtrc

from poisonguard.detectors.content_columns import NOT_INPUT, content_columns, text_columns
from poisonguard.detectors.copies import Indices, Keys, Mask, equal_labels, groups_of, unexplained
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.roles import Role
from poisonguard.kernels.columnhash import combined
from poisonguard.kernels.neighbours import cluster
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.contents import ContentHashes, null_key, row_keys
from poisonguard.sketches.fingerprints import ShingleSets, documents, word_counts

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
    flood: int = Field(default=5, ge=3)
    max_labels: int = Field(default=1000, ge=2)


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Disagreement among copies.

    Attributes:
        rows: New candidate rows that contradict a copy of theirs, ascending.
        copies: New candidate rows that have an original to disagree with.
        total: Rows of the candidate.
        before: The same disagreement inside the reference, as a share of its rows; nothing without one.
    """

    rows: Indices
    copies: int
    total: int
    before: float | None


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
        labels = np.concatenate([row_keys(version[self._label]) for version in versions])
        distinct = np.unique(labels[: evidence.rows]).size
        if distinct > self.params.max_labels:
            self._note = f"{distinct} different labels are measurements, not classes: copies were not compared"
            return
        # A row without a label contradicts nobody: it stands alone.
        members = np.where(labels == null_key(self._label), np.arange(labels.size), self._groups(versions))
        conflicts = find_conflicts(members, labels, self._known(versions, labels), self.params.flood)
        if conflicts.rows.size:
            yield self._finding(conflicts, reference.name if reference else "honest disagreement")

    def coverage_note(self, evidence: Evidence) -> tuple[int, str]:
        """All rows, or none when the label is no class."""
        return (0 if self._note else evidence.rows), self._note

    def _groups(self, versions: Sequence[Evidence]) -> Indices:
        """First row of each row's group over all versions; a row that chance explains is its own group."""
        if self._texts is not None:
            states = [version[self._texts] for version in versions]
            words = np.concatenate([word_counts(state) for state in states])
            enough = words >= self.params.min_words
            return cluster(documents(*states), threshold=self.params.threshold, eligible=enough).labels
        return _copied(pa.concat_tables([version[self._inputs] for version in versions]))

    def _known(self, versions: Sequence[Evidence], labels: Keys) -> Mask:
        """Candidate rows that the reference holds with the same input and label, shape (rows,)."""
        keys = np.concatenate([row_keys(version[self._inputs]) for version in versions])
        keys = combined(np.column_stack([keys, labels]))
        rows = versions[0].rows
        known: Mask = np.isin(keys[:rows], keys[rows:])
        return known

    def _finding(self, conflicts: Conflicts, against: str) -> Finding:
        count = int(conflicts.rows.size)
        grave = self._excessive(conflicts)
        return self.finding(
            subject="conflicting copies",
            message=(
                f"{count} rows ({count / conflicts.total:.2%} of all) copy one another, or another row, under "
                f"different labels; there are {conflicts.copies} new copies in all"
            ),
            level=self.card.level if grave else Level.NOTE,
            signal=self.card.signal if grave else Signal.QUALITY,
            confidence=0.9 if grave else 0.3,
            compared_with=against,
            column=self._label.contents[0],
            numbers={
                "conflicting rows": count,
                "copies": conflicts.copies,
                "rows": conflicts.total,
                **({} if conflicts.before is None else {"reference share": conflicts.before}),
            },
            rows=conflicts.rows,
            row_count=count,
        )

    def _excessive(self, conflicts: Conflicts) -> bool:
        """Whether noise, or the reference, does not explain the disagreement."""
        count, total = int(conflicts.rows.size), conflicts.total
        if count < max(self.params.min_rows, (self.params.min_share + (conflicts.before or 0.0)) * total):
            return False
        if conflicts.before is None:
            return bool(bdtrc(count - 1, max(count, conflicts.copies), self.params.noise) < SIGNIFICANCE)
        return bool(bdtrc(count - 1, total, max(conflicts.before, 1 / total)) < SIGNIFICANCE)


def _copied(state: pa.Table) -> Indices:
    """First row of each row's group of copies; a row that chance repeats is its own group."""
    groups = groups_of(equal_labels(row_keys(state)), state.num_rows)
    by_chance = np.zeros(groups.rows, dtype=np.bool_)
    by_chance[groups.firsts[~unexplained(state, groups)]] = True
    return np.where(by_chance[groups.labels], np.arange(groups.rows), groups.labels)


def find_conflicts(groups: Indices, labels: Keys, known: Mask, flood: int) -> Conflicts:
    """Rows that contradict a copy of theirs.

    Args:
        groups: First row of each row's group, candidate first, then reference.
        labels: Hash of each row's label.
        known: Candidate rows that the reference holds as they are, shape (rows of the candidate,).
        flood: Size from which both sides of a contradiction count.
    """
    rows = known.size
    approved = np.arange(groups.size) >= rows
    wrong = _contradicting(groups, labels, approved, flood)
    before = None
    if groups.size > rows:
        alone = _contradicting(groups[rows:], labels[rows:], np.zeros(groups.size - rows, dtype=np.bool_), flood)
        before = float(alone.mean())
    copies = _second(groups, rows) & ~known
    return Conflicts(np.flatnonzero(wrong[:rows] & ~known), int(copies.sum()), rows, before)


def _contradicting(groups: Indices, labels: Keys, approved: Mask, flood: int) -> Mask:
    """Rows whose label is not their group's; all rows of a large group that has no approved label."""
    pairs = np.empty(groups.size, dtype=[("group", np.int64), ("label", np.uint64)])
    pairs["group"], pairs["label"] = groups, labels
    unique, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    votes = np.bincount(inverse, minlength=unique.size)
    trusted = np.bincount(inverse, weights=approved, minlength=unique.size)
    order = np.lexsort((first, -votes, -trusted, unique["group"]))
    starts = np.flatnonzero(np.append([True], np.diff(unique["group"][order]) != 0)[: order.size])
    place = np.searchsorted(unique["group"][order[starts]], groups)
    wrong = labels != unique["label"][order[starts]][place]
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
