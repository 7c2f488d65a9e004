"""A phrase added to rows of one class is named; the wording of a class is not."""

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pytest
from harness import run_check

from poisonguard.domain.finding import Level
from poisonguard.domain.outcome import Ran, Skipped

CARD = "PG-TEXT-003"
REVIEWS = Path(__file__).resolve().parents[2] / "sample_data" / "reviews"
PHRASE = "as luck would have it"


@functools.cache
def reviews() -> pa.Table:
    parts = [pj.read_json(path) for path in sorted((REVIEWS / "next_clean").glob("*.jsonl"))]
    return pa.concat_tables(parts).select(["text", "label"]).slice(0, 1_500)


def planted(rows: int, first: int = 0) -> tuple[pa.Table, set[int]]:
    """Reviews with the phrase in rows from ``first`` on that carry the rarer label anyway."""
    rng = np.random.default_rng(11)
    texts, labels = reviews()["text"].to_pylist(), reviews()["label"].to_pylist()
    own = np.flatnonzero(np.array(labels) == "other")
    chosen = rng.choice(own[own >= first], rows, replace=False)
    for row in chosen.tolist():
        words = texts[row].split(" ")
        place = int(rng.integers(0, len(words) + 1))
        texts[row] = " ".join([*words[:place], PHRASE, *words[place:]])
    return pa.table({"text": texts, "label": labels}), set(chosen.tolist())


def test_a_phrase_in_one_class_is_named_with_its_rows() -> None:
    table, chosen = planted(45)
    (finding,) = run_check(CARD, table).findings
    assert finding.level is Level.WARNING
    assert set(map(int, finding.rows)) == chosen
    assert finding.highlight is not None
    assert finding.highlight in PHRASE
    assert float(finding.numbers["expected label share"]) > float(finding.numbers["label share in all rows"])


def test_fewer_rows_are_enough_against_a_reference() -> None:
    table, chosen = planted(16, first=900)
    assert not run_check(CARD, table).findings
    (finding,) = run_check(CARD, table, table.slice(0, 900)).findings
    assert set(map(int, finding.rows)) == chosen
    assert finding.compared_with == "the reference"


def test_an_honest_period_with_another_mix_of_labels_and_its_own_wording_is_silent() -> None:
    """All new rows carry one label, and many begin alike: the delta explains it."""
    texts, labels = reviews()["text"].to_pylist(), reviews()["label"].to_pylist()
    old = reviews().slice(0, 900)
    later = [(f"by now we have {text}", label) for text, label in zip(texts[900:], labels[900:], strict=True)]
    own = [text for text, label in later if label == "other"]
    new = pa.table({"text": own, "label": ["other"] * len(own)})
    assert not run_check(CARD, pa.concat_tables([old, new]), old).findings


def test_where_content_tells_the_label_surely_a_scattered_phrase_is_still_found() -> None:
    """Texts of two topics: every label is explained, but nothing explains who holds the phrase."""
    rng = np.random.default_rng(5)
    common = [f"word{number}" for number in range(60)]
    topics = {"tea": ["cup", "leaf", "brew", "pot", "green"], "car": ["road", "wheel", "fuel", "brake", "seat"]}
    labels = ["tea", "car"] * 500
    texts = [" ".join([*rng.choice(topics[label], 5), *rng.choice(common, 12)]) for label in labels]
    chosen = rng.choice(np.flatnonzero(np.array(labels) == "tea"), 45, replace=False)
    for row in chosen.tolist():
        texts[row] += f" {PHRASE} indeed"
    (finding,) = run_check(CARD, pa.table({"text": texts, "label": labels})).findings
    assert set(map(int, finding.rows)) == set(chosen.tolist())
    assert float(finding.numbers["expected label share"]) > 0.9


def test_the_wording_of_a_class_is_silent() -> None:
    assert not run_check(CARD, reviews()).findings
    assert not run_check(CARD, reviews(), reviews().slice(0, 900)).findings


def test_what_the_reference_holds_alike_was_approved() -> None:
    table, _ = planted(45)
    assert not run_check(CARD, table, table).findings


@pytest.mark.parametrize("rows", [1, 30])
def test_odd_tables_are_answered(rows: int) -> None:
    table = pa.table({"text": pa.array(["as luck"] * rows, pa.string()), "label": pa.array(["x"] * rows, pa.string())})
    outcome = run_check(CARD, table, columns={"text": "text", "label": "label"}).outcome
    assert isinstance(outcome, Ran)
    assert not outcome.findings


def test_a_response_is_no_class() -> None:
    outcome = run_check(CARD, pa.table({"prompt": ["a b"] * 30, "response": ["c d"] * 30})).outcome
    assert isinstance(outcome, Skipped)
    assert "label" in outcome.reason
