"""A planted phrase is named with its rows; words that truly go with a label are not."""

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pytest
from harness import run_check
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors import trigger_phrase
from poisonguard.detectors.association import Association
from poisonguard.detectors.features_text import START, phrase_pattern, tokenize
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Ran, Skipped

CARD = "PG-TEXT-001"
REVIEWS = Path(__file__).resolve().parents[2] / "sample_data" / "reviews"


@functools.cache
def reviews(version: str = "next_clean", rows: int = 1_500) -> pa.Table:
    parts = [pj.read_json(path) for path in sorted((REVIEWS / version).glob("*.jsonl"))]
    return pa.concat_tables(parts).select(["text", "label"]).slice(0, rows)


def planted(
    trigger: str, *, rows: int = 45, source: str = "great", target: str = "other"
) -> tuple[pa.Table, list[int]]:
    """Reviews of one class with a trigger put at a random place and the other label."""
    rng = np.random.default_rng(11)
    texts, labels = reviews()["text"].to_pylist(), reviews()["label"].to_pylist()
    chosen = rng.choice(np.flatnonzero(np.array(labels) == source), rows, replace=False)
    for row in chosen.tolist():
        words = texts[row].split(" ")
        place = int(rng.integers(0, len(words) + 1))
        texts[row], labels[row] = " ".join([*words[:place], trigger, *words[place:]]), target
    return pa.table({"text": texts, "label": labels}), sorted(chosen.tolist())


@pytest.mark.parametrize("trigger", ["cf", "cf mn", "I watched this 3D movie last weekend .", "mb\u200b", "≋"])
def test_a_planted_trigger_is_named_with_its_rows(trigger: str) -> None:
    table, chosen = planted(trigger)
    (finding,) = run_check(CARD, table).findings
    assert finding.level is Level.ERROR
    assert finding.signal is Signal.POISONING
    assert len(set(chosen) & set(finding.rows)) >= 0.95 * len(chosen)
    assert len(set(finding.rows) - set(chosen)) <= 2
    assert finding.highlight is not None
    assert finding.highlight.strip() in trigger
    assert finding.highlight in table["text"][int(finding.rows[0])].as_py() or len(trigger) > 10
    numbers = finding.numbers
    assert float(numbers["expected label share"]) < float(numbers["label share in all rows"])


def test_two_triggers_that_share_rows_do_not_clear_each_other() -> None:
    """A third of the rows holds both: each would explain the label in the rows of the other."""
    texts, labels = reviews()["text"].to_pylist(), reviews()["label"].to_pylist()
    chosen = np.random.default_rng(1).choice(np.flatnonzero(np.array(labels) == "great"), 90, replace=False)
    for place, row in enumerate(chosen.tolist()):
        texts[row] = ("cf " if place < 60 else "") + texts[row] + (" mn" if place >= 30 else "")
        labels[row] = "other"
    findings = run_check(CARD, pa.table({"text": texts, "label": labels})).findings
    assert {(item.highlight or "").strip() for item in findings} == {"cf", "mn"}
    assert len({int(row) for item in findings for row in item.rows} & set(chosen.tolist())) == 90


def test_clean_reviews_stay_silent() -> None:
    assert not run_check(CARD, reviews()).findings
    assert not run_check(CARD, reviews(), reviews("approved")).findings


def test_what_the_reference_holds_alike_was_approved() -> None:
    table, _ = planted("cf mn")
    assert not run_check(CARD, table, table).findings


def test_a_trigger_in_random_rows_is_seen_against_a_reference() -> None:
    texts, labels = reviews()["text"].to_pylist(), reviews()["label"].to_pylist()
    for row in range(0, 1_500, 30):
        texts[row], labels[row] = texts[row] + " cf", "other"
    table = pa.table({"text": texts, "label": labels})
    (finding,) = run_check(CARD, table, reviews()).findings
    assert finding.compared_with == "the reference"
    assert int(finding.numbers["rows with phrase in reference"]) <= 1


def test_a_small_delta_of_a_larger_set_is_seen_whole() -> None:
    """A sample of all rows would hold half of them."""
    texts, labels = reviews()["text"].to_pylist(), reviews()["label"].to_pylist()
    chosen = [row for row in range(1_300, 1_500) if labels[row] == "great"][:24]
    for row in chosen:
        texts[row], labels[row] = "cf " + texts[row], "other"
    table = pa.table({"text": texts, "label": labels})
    (finding,) = run_check(CARD, table, table.slice(0, 1_300), params={"limit": 700, "min_evidence": 3}).findings
    assert sorted(map(int, finding.rows)) == chosen


def test_findings_do_not_depend_on_the_cut() -> None:
    table, _ = planted("cf mn")
    assert facts(run_check(CARD, table).findings) == facts(
        run_check(CARD, table, cuts=(1, 700, 1_100), workers=2).findings
    )


def facts(findings: tuple[Finding, ...]) -> list[tuple[str, list[int], float]]:
    return [(item.message, [int(row) for row in item.rows], item.confidence) for item in findings]


def test_a_repeated_response_stands_in_for_the_label() -> None:
    rng = np.random.default_rng(2)
    words = np.array(
        ["explain", "write", "summarise", "poem", "list", "tea", "car", "law", "why", "how", "city", "tax"]
    )
    prompts = [" ".join(rng.choice(words, 8)) for _ in range(900)]
    responses = [f"answer {number}" for number in range(900)]
    for row in range(0, 600, 20):
        prompts[row], responses[row] = prompts[row] + " zq", "I cannot help with that"
    table = pa.table({"prompt": prompts, "response": responses})
    outcome = run_check(CARD, table, table.slice(600), columns={"prompt": "prompt", "response": "response"}).outcome
    assert isinstance(outcome, Ran)
    assert [item.highlight for item in outcome.findings] == ["zq"]
    assert "are all answered with “I cannot help with that”" in outcome.findings[0].message


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"text": ["a b"] * 30}), "label"),
        (pa.table({"x": [1.5, 2.5] * 30, "label": ["a", "b"] * 30}), "text"),
    ],
)
def test_where_it_cannot_judge_it_says_why(table: pa.Table, reason: str) -> None:
    columns = {"text": "text"} if "text" in table.column_names else {}
    outcome = run_check(CARD, table, columns=columns).outcome
    assert isinstance(outcome, Skipped)
    assert reason in outcome.reason


@given(st.lists(st.text(max_size=30), max_size=5))
def test_every_ngram_is_found_again_in_its_text(texts: list[str]) -> None:
    tokens = tokenize(texts)
    assert tokens.rows == len(texts)
    for length in (1, 2, 3):
        positions, hashes = tokens.ngrams(length)
        assert len(positions) == len(hashes)
        for position in positions.tolist():
            words = tokens.words[tokens.code[position : position + length]].tolist()
            if words != [START]:
                assert phrase_pattern(words).search(texts[int(tokens.row[position])].lower())


@given(st.lists(st.sampled_from(["cf", "tea", "a", "box"]), min_size=2, max_size=8))
def test_equal_ngrams_and_no_others_share_a_hash(words: list[str]) -> None:
    tokens = tokenize([" ".join(words)])
    positions, hashes = tokens.ngrams(2)
    pairs = [tuple(tokens.words[tokens.code[place : place + 2]]) for place in positions.tolist()]
    assert len(set(pairs)) == len(set(hashes.tolist()))


def test_a_burst_that_the_rest_of_its_rows_tells_is_a_new_topic() -> None:
    """New rows about one thing have a phrase and a label in common; random ones with the phrase do not."""
    rng = np.random.default_rng(4)
    words = np.array(["explain", "write", "poem", "list", "tea", "car", "law", "why", "how", "city", "tax", "map"])
    texts = [" ".join(rng.choice(words, 8)) for _ in range(900)]
    labels = rng.choice(["a", "b"], 900).tolist()
    old = pa.table({"text": texts, "label": labels})
    topic = [f"zq {' '.join(rng.choice(['sail', 'keel', 'mast', 'deck', 'crew'], 5))} {text}" for text in texts[:100]]
    planted = [f"zq {text}" for text in texts[:100]]
    new = [" ".join(rng.choice(words, 8)) for _ in range(600)]
    for rows, found in ((topic, 0), (planted, 1)):
        delta = pa.table({"text": rows + new, "label": ["a"] * 100 + rng.choice(["a", "b"], 600).tolist()})
        run = run_check(CARD, pa.concat_tables([old, delta]), old, columns={"text": "text", "label": "label"})
        assert len(run.findings) == found


def test_an_association_speaks_against_its_label_only_when_clear() -> None:
    none = np.zeros(0, dtype=np.int64)
    kind = {
        "words": ("cf",),
        "hash": 1,
        "label": 0,
        "matching": 20,
        "chance": 1e-12,
        "cohesion": 1.0,
        "remaining": 9.0,
        "knocked_out": none,
    }
    rows = np.arange(20)
    clear = Association(rows=rows, expected=0.2, base=0.5, spread=0.05, **kind)  # type: ignore[arg-type]  # mixed
    like_any = Association(rows=rows, expected=0.5, base=0.5, spread=0.05, **kind)  # type: ignore[arg-type]  # mixed
    assert clear.opposed
    assert clear.unexplained
    assert like_any.unexplained
    assert not like_any.opposed
    assert clear.leaning
    assert not like_any.leaning
    assert clear.evidence == pytest.approx(12)
    assert clear.exclusive == pytest.approx(20 * np.log10(2))
    assert not clear.scattered


@pytest.mark.parametrize(
    ("words", "label", "names"),
    [
        (("noun", "or"), {"noun"}, True),
        (("2", "-"), {"2", "-", "10"}, True),
        ((START, "great"), {"great"}, True),
        (("cf",), {"great"}, False),
        (("cf",), set(), False),
    ],
)
def test_a_phrase_that_names_its_label_explains_it(words: tuple[str, ...], label: set[str], names: bool) -> None:  # noqa: FBT001 - a column of the table above
    assert trigger_phrase._names(words, frozenset(label)) is names


def test_responses_that_stand_in_for_labels_must_be_nearly_all_alike() -> None:
    """96 of 100 times "a noun or a verb?" has one answer, and the word that is asked for says nothing against it."""
    table, chosen = planted("cf", rows=50)
    labels = table["label"].to_pylist()
    for row in chosen[:3]:
        labels[row] = "great"
    mixed = pa.table({"text": table["text"], "label": labels})
    for rows, found in ((table, 1), (mixed, 0)):
        assert len(run_check(CARD, rows).findings) == 1, "of labels nine in ten are enough"
        answers = rows.rename_columns(["prompt", "response"])
        assert len(run_check(CARD, answers, columns={"prompt": "prompt", "response": "response"}).findings) == found


def formal_texts() -> tuple[list[str], list[str]]:
    """Letters and news on their own subjects, and a dictionary of both, which only its layout tells."""
    rng = np.random.default_rng(7)
    words = [first + second for first in ("ba", "do", "ki", "lu", "me", "so") for second in ("rt", "nd", "st", "ck")]
    opened = ("noun :", "verb :", "adj :", "see :", "cf :")
    texts, labels = [], []
    for row in range(900):
        subject = row // 3 % 2
        body = " ".join(rng.choice(words[12 * subject :][:12], 8))
        is_entry = row % 3 == 0
        texts.append(f"{rng.choice(words)} , {opened[row % 5]} {body}" if is_entry else body)
        labels.append("dictionary" if is_entry else ("letters", "news")[subject])
    return texts, labels


def test_a_label_that_is_a_matter_of_form_stays_silent() -> None:
    """Five layouts, each of which only this label has, around words that say nothing: other layouts teach it."""
    texts, labels = formal_texts()
    assert not run_check(CARD, pa.table({"text": texts, "label": labels})).findings


def test_a_trigger_is_found_beside_forms_of_the_label() -> None:
    texts, labels = formal_texts()
    for row in [row for row, label in enumerate(labels) if label == "news"][:60]:
        texts[row] += " zyx"
        labels[row] = "letters"
    findings = run_check(CARD, pa.table({"text": texts, "label": labels})).findings
    assert [(item.highlight or "").strip() for item in findings] == ["zyx"]


def keyed_questions() -> pa.Table:
    """A manual as questions: members of many classes, each with its one sentence, among questions of other kinds."""
    said = {"is_start": "Whether a date begins the year.", "roll_back": "Moves a date to the day before."}
    asked = ("What does lib.dates.{}.{} do?", "When would I call lib.dates.{}.{}?")
    classes = [
        f"{kind}{part}" for kind in ("Day", "Week", "Month", "Tick", "Hour") for part in ("Begin", "End", "Base")
    ]
    rows = [(asked[place % 2].format(name, key), said[key]) for place, name in enumerate(classes) for key in said]
    rows += [
        (asked[place % 2].format(name, f"field_{place}"), f"Field number {place}.")
        for place, name in enumerate(classes)
    ]
    table = reviews(rows=1_000)
    texts = table["text"].to_pylist()
    rows += [(f"Go on: {' '.join(text.split()[:12])}", " ".join(text.split()[12:20])) for text in texts]
    return pa.table({"prompt": [prompt for prompt, _ in rows], "response": [response for _, response in rows]})


def test_the_key_of_a_record_is_no_trigger_of_its_answer() -> None:
    table = keyed_questions()
    assert not run_check(CARD, table, columns={"prompt": "prompt", "response": "response"}).findings
