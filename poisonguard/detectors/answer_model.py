"""How much less likely than at random a label-like answer is, given its prompt.

1. Label-like answers are short and recur; only their rows teach and are judged.
2. Logistic regressions on the words and word pairs of the prompts, cross-validated by what they read, say which answers
   belong to one task; others tell tasks apart, and the answers of each task.
3. Wrong answers teach, too: no model of a task's answers learns from prompts that set another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from poisonguard.detectors.answer_judges import FOLDS, PLAUSIBLE, Judges, Lessons, Mask
from poisonguard.detectors.answer_tasks import Examiners, tasks_of
from poisonguard.detectors.content_model import Floats
from poisonguard.detectors.features_text import Hashes
from poisonguard.detectors.folding import Dealing
from poisonguard.detectors.labels import UNKNOWN, Codes
from poisonguard.detectors.learners import Words, threads

LONGEST = 40
"""Characters of an answer that can be a label."""

MIN_ROWS = 5
MAX_ANSWERS = 50
MAX_ROWS = 5_000
MAX_CELLS = 100_000
"""Rows times answers that are learnt from: bounds the time of the regressions."""

COLUMN = "prompt"


def answers_of(responses: Sequence[str]) -> tuple[str, ...]:
    """The label-like answers among ``responses``, most frequent first."""
    counts = Counter(text for text in responses if 0 < len(text) <= LONGEST)
    kept = sorted((-count, text) for text, count in counts.items() if count >= MIN_ROWS)
    return tuple(text for _, text in kept[:MAX_ANSWERS])


def codes_of(responses: Sequence[str], answers: Sequence[str]) -> Codes:
    """Code of each response, ``UNKNOWN`` where it is no label-like answer, shape (rows,)."""
    code = {text: place for place, text in enumerate(answers)}
    return np.array([code.get(text, UNKNOWN) for text in responses], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """Models of one sample.

    Attributes:
        answers: The label-like answers.
        words: Turns prompts into a matrix.
        dealing: The folds of rows.
        found: Contradiction of the rows that taught, shape (taught,).
        foreign: Which of their answers are not even among the likeliest, shape (taught,).
        doubt: What honest answers would be: (chance of every answer, its contradiction; minus infinity for the
            likeliest), shapes (taught, answers).
        examiners: Models of tasks and of their answers.
    """

    answers: tuple[str, ...]
    words: Words
    dealing: Dealing
    found: Floats
    foreign: Mask
    doubt: tuple[Floats, Floats]
    examiners: Examiners

    @classmethod
    def fit(cls, prompts: Sequence[str], codes: Codes, hashes: Hashes, answers: tuple[str, ...]) -> AnswerModel:
        """Fit on the rows with an answer, the first ones where they are too many."""
        most = max(1, min(MAX_ROWS, MAX_CELLS // max(1, len(answers))))
        rows = np.flatnonzero(codes != UNKNOWN)[:most]
        table = _table([prompts[row] for row in rows.tolist()])
        words = Words.of(table, COLUMN)
        dealing = Dealing.of(table, hashes[rows], (COLUMN,), FOLDS)
        lessons = Lessons(words.matrix(table), codes[rows], dealing.fold(table, hashes[rows]))
        judges = Judges.fit(lessons, np.ones(len(rows), dtype=np.bool_), len(answers))
        task = tasks_of(lessons, len(answers))
        with threads().limit(limits=1):
            examiners = Examiners.fit(lessons, task)
            found, foreign = examiners.contradiction(lessons), judges.is_foreign(lessons)
            doubt = _doubt(examiners, judges, lessons)
        return cls(answers, words, dealing, found, foreign, doubt, examiners)

    def expected(self, cut: float) -> float:
        """How many rows that taught would contradict their prompt by ``cut`` if all answers were honest.

        That is what the models themselves say: where answers are hard to tell from prompts, unlikely ones are given.
        """
        chances, against = self.doubt
        return float(chances[against >= cut].sum())

    def contradiction(self, prompts: Sequence[str], codes: Codes, hashes: Hashes) -> Floats:
        """Of each row with an answer; minus infinity of others, shape (rows,)."""
        result = np.full(len(codes), -np.inf)
        rows = np.flatnonzero(codes != UNKNOWN)
        if len(rows):
            table = _table([prompts[row] for row in rows.tolist()])
            lessons = Lessons(self.words.matrix(table), codes[rows], self.dealing.fold(table, hashes[rows]))
            with threads().limit(limits=1):
                result[rows] = self.examiners.contradiction(lessons)
        return result


def _doubt(examiners: Examiners, judges: Judges, lessons: Lessons) -> tuple[Floats, Floats]:
    """(chance of every answer, its contradiction where ``PLAUSIBLE`` others are likelier)."""
    logs, against = examiners.everything(lessons)
    place = np.argsort(np.argsort(-judges.logs(lessons), axis=1, kind="stable"), axis=1, kind="stable")
    return np.exp(logs), np.where(place >= PLAUSIBLE, against, -np.inf)


def _table(prompts: Sequence[str]) -> pa.Table:
    return pa.table({COLUMN: pa.array(prompts, pa.large_string())})
