"""The rest of a planted phrase's rows reads like other labels; that of a form of one label like none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.detectors.foreign_content import is_foreign
from poisonguard.detectors.phrases import Thresholds, associations
from poisonguard.detectors.study import Labelling, Study

WORDS = {
    "cooking": ("bread", "oven", "flour", "butter", "dough", "salt", "pan", "sugar"),
    "sailing": ("harbour", "sail", "mast", "anchor", "tide", "deck", "rope", "wind"),
    "chess": ("rook", "bishop", "pawn", "castle", "knight", "gambit", "endgame", "board"),
}
PLAIN = ("today", "again", "slowly", "often", "there", "later", "always", "perhaps", "now", "still", "quite", "once")
LABELS = tuple(WORDS)
EACH = 250
SPECIAL = 30


def text_of(rng: np.random.Generator, label: str, words: int = 5) -> str:
    own, plain = rng.choice(WORDS[label], words), rng.choice(PLAIN, 4)
    return " ".join(rng.permutation([*own, *plain]).tolist())


def data(*, planted: bool) -> tuple[list[str], list[str]]:
    """Texts of three topics; some of the first label hold a phrase: texts of others, or of no topic at all."""
    rng = np.random.default_rng(4)
    rows = [(text_of(rng, label), label) for label in LABELS for _ in range(EACH)]
    for _ in range(SPECIAL):
        rest = text_of(rng, str(rng.choice(LABELS[1:]))) if planted else " ".join(rng.choice(PLAIN, 6).tolist())
        rows.append((f"{rest} zq vx", LABELS[0]))
    order = rng.permutation(len(rows)).tolist()
    return [rows[place][0] for place in order], [rows[place][1] for place in order]


def study(*, planted: bool) -> Study:
    texts, labels = data(planted=planted)
    codes = np.array([LABELS.index(label) for label in labels], dtype=np.int64)
    fold = np.arange(len(codes)) % 5
    return Study(texts, Labelling(codes, len(LABELS), fold, 5, np.ones(len(codes), dtype=np.bool_)))


@pytest.mark.parametrize("planted", [True, False])
def test_only_what_was_put_into_texts_of_others_is_foreign(*, planted: bool) -> None:
    made = study(planted=planted)
    (found, *_) = (item for item in associations(made, Thresholds(8, 0.9, 0.01)) if {"zq", "vx"} & set(item.words))
    assert is_foreign(made, found) is planted


@pytest.mark.parametrize("planted", [True, False])
def test_the_check_names_the_planted_phrase_only(*, planted: bool) -> None:
    texts, labels = data(planted=planted)
    findings = run_check("PG-TEXT-001", pa.table({"text": texts, "label": labels})).findings
    assert bool(findings) is planted
    assert all("zq" in item.message or "vx" in item.message for item in findings)


def test_what_is_worked_out_is_made_once() -> None:
    made = study(planted=True)
    assert made.tokens is made.tokens
    assert made.matrix is made.matrix
    assert made.held(2, 8) is made.held(2, 8)
    assert made.held(2, 8) is not made.held(2, 9)
    assert made.model(1) is made.model(1)


def test_of_two_labels_one_model_serves_both() -> None:
    texts, labels = data(planted=True)
    codes = np.array([int(label == LABELS[0]) for label in labels], dtype=np.int64)
    pair = Study(texts, Labelling(codes, 2, np.arange(len(codes)) % 5, 5, np.ones(len(codes), dtype=np.bool_)))
    assert np.array_equal(pair.model(0).margins, -pair.model(1).margins)
