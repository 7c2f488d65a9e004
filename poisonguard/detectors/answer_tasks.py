"""Tasks: answers that the same kind of question asks for, and models that know them.

1. Two answers belong to one task when the frequent words of prompts that get either make the other likelier than it
   is anywhere.
2. By the chain rule, an answer contradicts its prompt because another task was asked for, or because another answer
   of the task was: log-odds of the two add up. Apart, a hard task cannot blur an easy one, and a task of many rare
   answers is not drowned by one of two frequent ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poisonguard.detectors.answer_judges import Judges, Lessons, Mask
from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Integers

FRAMED = 0.05
"""Words that this share of the prompts hold are what questions are made of: they tell tasks apart, not answers."""

ALIKE = 0.85
"""How many times as likely as anywhere an answer must be where the other one is given, both ways: within the tasks of
three sets 0.95 and more, between them, with 3 % of the answers exchanged, 0.75 and less (2026-11)."""

MIN_TAUGHT = 20
"""A task of fewer rows is not learnt."""

ROUNDS = 4
"""Wrong answers teach, too: in a task of rare answers a quarter of the rows may be wrong."""

MISTAUGHT = 0.5
"""Rows whose answer belongs to another task by this much do not teach their own."""


def tasks_of(lessons: Lessons, answers: int) -> Integers:
    """Task of each answer, shape (answers,)."""
    codes, everyone = lessons.codes, np.ones(len(lessons.codes), dtype=np.bool_)
    frames = _frames(lessons.matrix)
    if not frames.shape[1]:
        return np.zeros(answers, dtype=np.int64)
    framed = Lessons(frames, codes, lessons.fold)
    chances = np.exp(Judges.fit(framed, everyone, answers).logs(framed))
    given = np.zeros((answers, len(codes)))
    given[codes, np.arange(len(codes))] = 1.0
    return _merged(given @ chances)


def _merged(joint: Floats) -> Integers:
    """Group of each answer: the two that are most alike become one until none are ``ALIKE``.

    ``joint`` holds how often rows that gave one answer are likely to get another, shape (answers, answers).
    """
    group, joint = np.arange(len(joint)), joint.copy()
    while len(joint) > 1:
        expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0) / joint.sum()
        lift = joint / np.maximum(expected, np.finfo(np.float64).tiny)
        alike = np.minimum(lift, lift.T)
        np.fill_diagonal(alike, -1.0)
        first, second = sorted(int(place) for place in np.unravel_index(int(alike.argmax()), alike.shape))
        if alike[first, second] < ALIKE:
            break
        for axis in (0, 1):
            joint = _joined(joint, first, second, axis)
        group[group == second] = first
        group[group > second] -= 1
    return group.astype(np.int64)


def _joined(joint: Floats, first: int, second: int, axis: int) -> Floats:
    """``second`` added to ``first`` along an axis."""
    moved = np.moveaxis(joint, axis, 0).copy()
    moved[first] += moved[second]
    return np.moveaxis(np.delete(moved, second, axis=0), 0, axis)


def _frames(matrix: Any) -> Any:
    """The columns of words that many prompts hold."""
    return matrix[:, np.flatnonzero((matrix > 0).mean(axis=0) >= FRAMED)]


@dataclass(frozen=True, slots=True)
class Examiners:
    """Models of which task a prompt sets, and of each task's answers.

    Attributes:
        task: Task of each answer, shape (answers,).
        place: Code of each answer within its task, shape (answers,).
        between: Tells tasks apart.
        within: Tells the answers of each task apart; nothing where there is nothing to learn.
    """

    task: Integers
    place: Integers
    between: Judges
    within: tuple[Judges | None, ...]

    @classmethod
    def fit(cls, lessons: Lessons, task: Integers) -> Examiners:
        """Fit in rounds, each without the answers that the one before found to belong to another task."""
        place = np.array([int((task[:answer] == own).sum()) for answer, own in enumerate(task)], dtype=np.int64)
        tasks = int(task.max()) + 1
        asked = Lessons(lessons.matrix, task[lessons.codes], lessons.fold)
        teaches = np.ones(len(lessons.codes), dtype=np.bool_)
        for _ in range(ROUNDS):
            between = Judges.fit(asked, teaches, tasks)
            teaches = between.contradiction(asked) < MISTAUGHT
        within = tuple(_of_task(lessons, teaches, task == number, place) for number in range(tasks))
        return cls(task, place, between, within)

    def contradiction(self, rows: Lessons) -> Floats:
        """Of each row, shape (rows,)."""
        task = self.task[rows.codes]
        # That the right task was answered speaks for no answer of it.
        found = np.maximum(self.between.contradiction(Lessons(rows.matrix, task, rows.fold)), 0.0)
        for number, judges in enumerate(self.within):
            inside = np.flatnonzero(task == number)
            if judges is not None and len(inside):
                found[inside] += judges.contradiction(rows.where(inside, self.place[rows.codes[inside]]))
        return found

    def everything(self, rows: Lessons) -> tuple[Floats, Floats]:
        """(log-probability, contradiction) of every answer to each row, shapes (rows, answers)."""
        between, count = self.between.logs(rows), len(rows.codes)
        logs, against = np.zeros((count, len(self.task))), np.zeros((count, len(self.task)))
        for number, judges in enumerate(self.within):
            own = np.flatnonzero(self.task == number)
            asked = between[:, [number]]
            inside = np.full((count, len(own)), -np.log(len(own))) if judges is None else judges.logs(rows)
            logs[:, own] = asked + inside
            # As in ``contradiction``: that the right task was answered speaks for no answer of it.
            against[:, own] = np.maximum(self.between.shares[number] - asked, 0.0)
            if judges is not None:
                against[:, own] += judges.shares - inside
        return logs, against


def _of_task(lessons: Lessons, fitting: Mask, belongs: Mask, place: Integers) -> Judges | None:
    """A model of one task's answers."""
    inside = np.flatnonzero(fitting & belongs[lessons.codes])
    if belongs.sum() < 2 or len(inside) < MIN_TAUGHT:  # noqa: PLR2004 - one answer cannot be exchanged
        return None
    own = lessons.where(inside, place[lessons.codes[inside]])
    return Judges.fit(own, np.ones(len(inside), dtype=np.bool_), int(belongs.sum()))
