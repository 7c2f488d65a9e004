"""Noise behind a trigger, flooded claims and reworded families are named with their rows; honest documents are not."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pytest
from harness import TableSource, roles_of, run_check

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.redteam.catalogue import attack_named

NOISE, CLAIM, FAMILY = CARDS = ("PG-DOC-001", "PG-DOC-002", "PG-DOC-003")
ATTACKS = {NOISE: "gibberish", CLAIM: "claim-flooding", FAMILY: "paraphrase-family"}
REVIEWS = Path(__file__).resolve().parents[2] / "sample_data" / "reviews"
ROWS = 700


@functools.cache
def documents(version: str = "approved") -> pa.Table:
    parts = [pj.read_json(path) for path in sorted((REVIEWS / version).glob("*.jsonl"))]
    texts = [text for text in pa.concat_tables(parts)["text"].to_pylist() if len(text.split()) >= 60]
    return pa.table({"text": texts[:ROWS]})


@functools.cache
def attacked(card: str, count: int = 20) -> tuple[pa.Table, frozenset[int]]:
    table = documents()
    roles = roles_of(TableSource(table), {"text": "text"})
    poisoned = attack_named(ATTACKS[card]).apply_count(table, roles, count, np.random.default_rng(3))
    return poisoned.table, frozenset(np.asarray(poisoned.rows).tolist())


def named(findings: tuple[Finding, ...]) -> set[int]:
    return {int(row) for finding in findings for row in finding.rows}


@pytest.mark.parametrize("card", CARDS)
def test_an_attack_is_one_finding_with_its_rows(card: str) -> None:
    table, rows = attacked(card)
    (finding,) = run_check(card, table).findings
    assert finding.signal is Signal.POISONING
    assert finding.level is not Level.NOTE
    assert len(rows & named((finding,))) >= 0.95 * len(rows)
    # The originals of a family belong to it.
    assert len(named((finding,)) - rows) <= (1 if card == FAMILY else 0)


@pytest.mark.parametrize("card", CARDS)
def test_an_attack_in_new_rows_is_found_against_a_reference(card: str) -> None:
    table, rows = attacked(card)
    finding = run_check(card, table, documents()).findings[0]
    assert len(rows & named((finding,))) >= 0.95 * len(rows)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("version", ["approved", "next_clean"])
def test_honest_documents_stay_silent(card: str, version: str) -> None:
    assert run_check(card, documents(version)).findings == ()
    assert run_check(card, documents(version), documents()).findings == ()


@pytest.mark.parametrize("card", CARDS)
def test_what_the_reference_holds_was_approved(card: str) -> None:
    table, _ = attacked(card)
    assert run_check(card, table, table).findings == ()


@pytest.mark.parametrize("card", CARDS)
def test_the_result_does_not_depend_on_how_rows_are_cut(card: str) -> None:
    table, _ = attacked(card)
    whole, cut = run_check(card, table), run_check(card, table, cuts=[1, 100, 333], workers=2)
    assert whole.book is not None
    assert cut.book is not None
    assert np.array_equal(whole.book.scores[card], cut.book.scores[card])
    assert [item.message for item in whole.findings] == [item.message for item in cut.findings]
    assert [item.fingerprint for item in whole.findings] == [item.fingerprint for item in cut.findings]


def test_the_finding_shows_the_trigger_and_the_gain_around_it() -> None:
    table, _ = attacked(NOISE)
    (finding,) = run_check(NOISE, table).findings
    assert finding.highlight is not None
    assert finding.highlight in "<SUDO>"
    assert len(finding.highlight) >= 4
    assert float(finding.numbers["mean gain behind the phrase"]) < float(finding.numbers["mean gain before the phrase"])


def test_the_finding_shows_the_claim_as_written() -> None:
    table, _ = attacked(CLAIM)
    (finding,) = run_check(CLAIM, table).findings
    assert finding.highlight is not None
    assert "Velmora" in finding.highlight
    assert any(finding.highlight in text for text in table["text"].to_pylist())
    assert "velmora" in finding.subject


def scattered(table: pa.Table) -> pa.Table:
    """Another trigger in each document."""
    texts = [text.replace("<SUDO>", f"zq{number}") for number, text in enumerate(table["text"].to_pylist())]
    return pa.table({"text": texts})


def test_a_reference_shows_noise_without_a_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    table, rows = attacked(NOISE)
    assert rows <= named(run_check(NOISE, scattered(table), documents()).findings)
    monkeypatch.setattr("poisonguard.detectors.incoherent_passage.change_phrases", lambda *_: [])
    (finding,) = run_check(NOISE, scattered(table), documents()).findings
    assert "20 of 20 new documents" in finding.message
    assert "without a phrase in common" in finding.message
    assert named((finding,)) == rows
    assert run_check(NOISE, scattered(table), scattered(table)).findings == ()
    assert run_check(NOISE, scattered(table)).findings == ()
    few, _ = attacked(NOISE, 6)
    assert run_check(NOISE, scattered(few), documents()).findings == ()


def test_noise_ranks_first_even_without_a_phrase() -> None:
    """A different trigger in each document leaves no phrase to find: ranked, not flagged."""
    table, rows = attacked(NOISE)
    run = run_check(NOISE, scattered(table))
    assert run.findings == ()
    assert run.book is not None
    first = np.argsort(-run.book.scores[NOISE])[: len(rows)]
    assert len(rows & set(first.tolist())) >= 0.9 * len(rows)


@pytest.mark.parametrize(
    "passage",
    [
        lambda draw: " ".join(f"{number:02x}" for number in draw.integers(0, 256, 200)),
        lambda draw: "\n".join(f"| {a} | {b} |" for a, b in draw.integers(0, 999, (60, 2))),
        lambda draw: " ".join("".join(chr(0x4E00 + number) for number in draw.integers(0, 900, 4)) for _ in range(60)),
        lambda draw: "\n".join(f"    x{a} = call_{b}(y{a}, {b})" for a, b in draw.integers(0, 99, (40, 2))),
    ],
)
def test_dumps_tables_scripts_and_code_behind_a_heading_are_no_noise(
    passage: Callable[[np.random.Generator], str],
) -> None:
    draw = np.random.default_rng(1)
    texts = documents()["text"].to_pylist()
    for row in range(0, 300, 10):
        texts[row] += f"\nListing follows ::\n{passage(draw)}"
    assert run_check(NOISE, pa.table({"text": texts})).findings == ()
    assert run_check(NOISE, pa.table({"text": texts}), documents()).findings == ()


def test_a_licence_at_the_end_of_unrelated_documents_is_no_claim() -> None:
    texts = documents()["text"].to_pylist()
    footer = " Provided by the Quendar Archive under the Fintwell Public Licence without warranty of any kind."
    texts = [text + footer if row % 25 == 0 else text for row, text in enumerate(texts)]
    assert run_check(CLAIM, pa.table({"text": texts})).findings == ()


def test_a_heading_in_the_middle_of_unrelated_documents_is_no_claim() -> None:
    heading = "QUENDAR ANNALS AND FINTWELL MORVANE DELBRISH"
    texts = [text.split() for text in documents()["text"].to_pylist()]
    held = [[*words[: 20 + row % 30], heading, *words[20 + row % 30 :]] for row, words in enumerate(texts)]
    texts = [" ".join(held[row] if row % 25 == 0 else words) for row, words in enumerate(texts)]
    assert run_check(CLAIM, pa.table({"text": texts})).findings == ()


def test_copies_and_templates_are_no_rewordings() -> None:
    texts = documents()["text"].to_pylist()
    copies = [" ".join([*texts[0].split()[:number], *texts[0].split()[number + 1 :]]) for number in range(30)]
    names = [
        f"Unit qx{number} weighs {number * 37} grams and measures zz{number * 91} by vv{number}."
        for number in range(40)
    ]
    assert run_check(FAMILY, pa.table({"text": [*texts, *copies, *names]})).findings == ()


LANGUAGES = [
    "Català",
    "Česky",
    "Deutsch",
    "Español",
    "Français",
    "Magyar",
    "Italiano",
    "Nederlands",
    "Português",
    "Svenska",
    "Suomi",
    "Polski",
]


def test_a_list_and_a_form_are_no_stories() -> None:
    """What varies is what they are filled with: which languages a page was translated to, what a button does."""
    random = np.random.default_rng(8)
    chosen = [sorted(random.choice(LANGUAGES, 9, replace=False)) for _ in range(16)]
    lists = [f"Other languages: {' , '.join(names)} . About automatic language selection ." for names in chosen]
    forms = [
        f"After the show it was {' and '.join(names)} who had the most to say about it, and that is what we all do."
        for names in chosen
    ]
    texts = documents()["text"].to_pylist()
    for family in (lists, forms):
        assert run_check(FAMILY, pa.table({"text": [*texts, *family]})).findings == ()


def test_names_that_are_listed_in_many_languages_are_a_habit() -> None:
    """Several companies of six documents let one of eight expect; a claim in twenty is none of them."""
    rng = np.random.default_rng(9)
    texts = documents()["text"].to_pylist()

    def listed(name: str, count: int) -> None:
        words = [f"{name}{number}x" for number in range(5)]
        for row in rng.choice(len(texts), count, replace=False).tolist():
            text = texts[row].split()
            place = int(rng.integers(20, len(text) - 20))
            held = f"{words[row % 5]} to {words[(row + 1) % 5]} {'or ' * (row % 3)}{words[(row + 2) % 5]} of "
            held += " ".join(words[number] for number in rng.permutation(5))
            texts[row] = " ".join([*text[:place], held, *text[place:]])

    for number in range(4):
        listed(f"zq{number}", 6)
    listed("vy", 9)
    assert run_check(CLAIM, pa.table({"text": texts})).findings == ()
    listed("wu", 20)
    (finding,) = run_check(CLAIM, pa.table({"text": texts})).findings
    assert "wu0x" in finding.message


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "texts",
    [[""], ["a"], [None], ["x y z"] * 50, ["", None, "\u200b", "\x00"], ["word " * 20_000], ["\U0001f600" * 50] * 3],
)
def test_odd_documents_do_not_break_it(card: str, texts: list[str | None]) -> None:
    table = pa.table({"text": pa.array(texts, pa.string())})
    assert run_check(card, table, columns={"text": "text"}).findings == ()
    assert run_check(card, table, documents(), columns={"text": "text"}).findings == ()


@pytest.mark.parametrize("card", CARDS)
def test_a_dictionary_column_is_read_like_any_other(card: str) -> None:
    table, rows = attacked(card)
    encoded = pa.table({"text": table["text"].combine_chunks().dictionary_encode()})
    run = run_check(card, encoded, columns={"text": "text"})
    if isinstance(run.outcome, Ran):
        assert len(rows & named(run.findings)) >= 0.95 * len(rows)
    else:
        assert isinstance(run.outcome, Skipped)


@pytest.mark.parametrize("card", CARDS)
def test_a_labelled_table_is_no_corpus_of_documents(card: str) -> None:
    table = documents().append_column("label", pa.array(["a", "b"] * ROWS)[: documents().num_rows])
    outcome = run_check(card, table, columns={"text": "text", "label": "label"}).outcome
    assert isinstance(outcome, Skipped)
    assert "label" in outcome.reason


@pytest.mark.parametrize("card", CARDS)
def test_a_reference_without_the_column_is_said(card: str) -> None:
    table, rows = attacked(card)
    run = run_check(card, table, pa.table({"body": ["a b c"]}), columns={"text": "text"})
    assert len(rows & named(run.findings)) >= 0.95 * len(rows)
    assert "without the reference" in run.outcome.coverage.note
