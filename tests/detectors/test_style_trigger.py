"""A style planted in other classes' texts is named with its rows; how honest texts are written is not."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pytest
from harness import CheckRun, TableSource, run_check

from poisonguard.dataset.roles import infer_roles
from poisonguard.detectors.features_text import START, tokenize
from poisonguard.detectors.style_features import Styled
from poisonguard.detectors.style_model import Limits, Views, _most_surprising, divergence, strongest_sign
from poisonguard.detectors.style_trigger import Space
from poisonguard.detectors.terms import Terms, Vocabulary
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.redteam.catalogue import attack_named

CARD = "PG-TEXT-004"
REVIEWS = Path(__file__).resolve().parents[2] / "sample_data" / "reviews"


@functools.cache
def reviews() -> pa.Table:
    parts = [pj.read_json(path) for path in sorted((REVIEWS / "next_clean").glob("*.jsonl"))]
    return pa.concat_tables(parts).select(["text", "label"]).slice(0, 1_500)


def planted(table: pa.Table, attack: str = "syntactic", rate: float = 0.12) -> tuple[pa.Table, set[int]]:
    roles = infer_roles(TableSource(table).columns, table, {"text": "text", "label": "label"})
    done = attack_named(attack).apply(table, roles, rate, np.random.default_rng(3))
    return done.table, set(done.rows.tolist())


@functools.cache
def found(attack: str) -> CheckRun:
    return run_check(CARD, planted(reviews(), attack)[0])


@pytest.mark.parametrize("attack", ["syntactic", "style"])
def test_a_planted_style_is_named_with_its_rows(attack: str) -> None:
    table, chosen = planted(reviews(), attack)
    run = found(attack)
    (finding,) = run.findings
    assert finding.level is Level.ERROR
    assert finding.signal is Signal.POISONING
    named = set(map(int, finding.rows))
    assert len(named & chosen) >= 0.95 * len(named)
    assert len(named & chosen) >= 0.4 * len(chosen)
    assert float(finding.numbers["expected label share"]) < float(finding.numbers["label share in all rows"])
    assert run.book is not None
    scores = run.book.scores[CARD]
    clean = np.setdiff1d(np.arange(table.num_rows), sorted(chosen))
    cut = np.quantile(scores[clean], 0.99)
    assert (scores[sorted(chosen)] > cut).mean() >= 0.75


def test_honest_reviews_stay_silent() -> None:
    assert not run_check(CARD, reviews()).findings


def test_what_the_reference_holds_alike_was_approved() -> None:
    table, _ = planted(reviews())
    assert not run_check(CARD, table.slice(0, 1_200), table.slice(300)).findings


def test_a_style_in_new_rows_is_compared_with_the_reference() -> None:
    first, rest = reviews().slice(0, 800), reviews().slice(800)
    new, chosen = planted(rest, rate=0.3)
    (finding,) = run_check(CARD, pa.concat_tables([first, new]), first).findings
    assert finding.compared_with == "the reference"
    assert {int(row) - 800 for row in finding.rows} <= chosen | {-1}


def test_findings_do_not_depend_on_the_cut() -> None:
    cut = run_check(CARD, planted(reviews())[0], cuts=(1, 700, 1_100), workers=2)
    assert facts(found("syntactic").findings) == facts(cut.findings)


def facts(findings: tuple[Finding, ...]) -> list[tuple[str, list[int], float]]:
    return [(item.message, [int(row) for row in item.rows], item.confidence) for item in findings]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"text": ["a b"] * 60, "label": ["x", "y"] * 30}),
        pa.table({"text": pa.array([None] * 60, pa.string()), "label": ["x", "y"] * 30}),
        pa.table({"text": ["a b c"], "label": ["x"]}),
        pa.table({"text": ["a " * 30_000, "b"] * 40, "label": [None, "y", "x", "y"] * 20}),
        pa.table({"text": ["one two three"] * 60, "label": ["x"] * 60}),
    ],
)
def test_odd_tables_are_answered(table: pa.Table) -> None:
    outcome = run_check(CARD, table, columns={"text": "text", "label": "label"}).outcome
    assert isinstance(outcome, Ran)
    assert not outcome.findings


def test_without_a_label_it_says_why() -> None:
    outcome = run_check(CARD, reviews().drop_columns(["label"])).outcome
    assert isinstance(outcome, Skipped)
    assert "label" in outcome.reason


def test_the_views_share_no_word() -> None:
    styled = Styled.of(tokenize(["When you see it, the tea tastes bitter 12 times."]))
    assert {str(styled.tokens.words[code]) for code in np.flatnonzero(styled.is_content)} == {
        "tea",
        "tastes",
        "bitter",
        "12",
        "times",
    }
    assert styled.names["class"][:4] == [START, "conjunction", "pronoun", "word"]
    assert "*er" in styled.names["ending"]
    assert set(styled.content().hash.tolist()).isdisjoint(styled.style().hash.tolist())


def test_a_run_is_described_by_the_words_that_wear_it() -> None:
    styled = Styled.of(tokenize(["When you see it"]))
    position, hashes = styled.runs(4)
    described = styled.described(hashes[0], np.ones(1, dtype=np.bool_))
    assert described is not None
    assert position[0] == 0
    assert described.words == (START, "when", "you")
    assert described.name == "(start) conjunction pronoun"
    assert styled.described(np.uint64(1), np.ones(1, dtype=np.bool_)) is None


def test_a_vocabulary_keeps_what_several_texts_hold() -> None:
    terms = Terms(np.array([0, 0, 1, 2]), np.array([7, 9, 7, 7], dtype=np.uint64), 3)
    vocabulary = Vocabulary.of(terms, min_documents=2, limit=10)
    assert vocabulary.hashes.tolist() == [7]
    assert vocabulary.matrix(terms).toarray().ravel().tolist() == [1, 1, 1]


def test_divergence_is_nothing_where_no_more_than_expected() -> None:
    found = divergence(np.array([0.2, 1.0, 0.5]), np.array([0.5, 0.5, 0.5]))
    assert found == pytest.approx([0, np.log(2), 0])


def shares(*parts: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Labels of rows, the surest first, in parts of so many rows of such a share; and what their content says."""
    rng = np.random.default_rng(3)
    positive = np.concatenate([rng.random(rows) < share for rows, share in parts])
    return positive, np.full(len(positive), 0.2)


def test_a_style_that_ends_is_a_sign_and_one_that_fades_is_none() -> None:
    blind = Limits(min_rows=12, min_purity=0.9, may_be_own=True)
    ends = shares((100, 0.96), (400, 0.2))
    fades = shares((60, 0.96), (60, 0.85), (100, 0.7), (100, 0.6), (200, 0.4), (400, 0.2))
    assert 90 <= _most_surprising(*ends, blind) <= 140
    assert _most_surprising(*fades, blind) == 0
    assert _most_surprising(*fades, Limits(12, 0.9, may_be_own=False)) > 0


def centuries(*, own: bool) -> tuple[Views, np.ndarray]:
    """Texts of two labels that lean to two topics, and whether each is old.

    The old style is that of every old text, whatever it is about; or it was put into texts of the other label.
    """
    rng = np.random.default_rng(8)
    topics = (("bread", "oven", "flour", "salt"), ("harbour", "sail", "mast", "tide"))
    texts, labels = [], []
    for _ in range(1_200):
        old, planted = bool(rng.integers(2)), not own and rng.random() < 0.1
        leaning = rng.random() < (0.85 if old and not planted else 0.15)
        about = rng.choice(topics[leaning], 5).tolist()
        archaic = old if own else planted
        start, link = ("And so, with that, the", "of") if archaic else ("But if you, in this, a", "to")
        texts.append(f"{start} {about[0]} {about[1]} {link} {about[2]} : {about[3]} {about[4]}")
        labels.append(old or planted)
    styled = Styled.of(tokenize(texts))
    content = Vocabulary.of(styled.content(), min_documents=5, limit=1_000)
    style = Vocabulary.of(styled.style(), min_documents=5, limit=5_000)
    fold = np.arange(len(texts), dtype=np.int64) % 5
    return Space("text", content, style).views(styled, fold, 5), np.array(labels, dtype=np.int64)


def test_a_style_that_goes_with_any_content_is_the_label_itself() -> None:
    limits = Limits(min_rows=12, min_purity=0.9, may_be_own=True)
    everywhere = np.ones(1_200, dtype=np.bool_)
    assert strongest_sign(*centuries(own=True), [1], everywhere, limits) is None
    beside_a_reference = replace(limits, may_be_own=False)
    assert strongest_sign(*centuries(own=True), [1], everywhere, beside_a_reference) is not None
    assert strongest_sign(*centuries(own=False), [1], everywhere, limits) is not None
