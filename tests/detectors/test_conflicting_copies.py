"""Copies under another label, end to end and as a pure function."""

import numpy as np
import pyarrow as pa
from harness import run_check

from poisonguard.detectors.conflicting_copies import find_conflicts
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Skipped

CARD = "PG-DUP-003"
TEXTS = {"text": "text", "label": "label"}
NUMBERS = {"label": "label"}


def texts(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(f"w{word}" for word in random.integers(0, 5000, 40)) for _ in range(count)]


def reviews(values: list[str], labels: list[str | None]) -> pa.Table:
    return pa.table({"text": values, "label": pa.array(labels, pa.string())})


def numbers(rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    values = {f"f{place}": random.normal(size=rows) for place in range(3)}
    return pa.table({**values, "label": random.choice(["yes", "no"], rows)})


def flipped(table: pa.Table, rows: list[int]) -> pa.Table:
    chosen = table.take(rows)
    labels = ["no" if label == "yes" else "yes" for label in chosen["label"].to_pylist()]
    return chosen.set_column(chosen.schema.get_field_index("label"), "label", pa.array(labels))


def test_relabelled_near_copies() -> None:
    base = texts(100)
    copies = [text.rsplit(" ", 1)[0] + " changed" for text in base[:20]]
    candidate = reviews(base + copies, ["good"] * 100 + ["bad"] * 20)
    for reference in (None, reviews(base, ["good"] * 100)):
        (finding,) = run_check(CARD, candidate, reference, columns=TEXTS).findings
        assert (finding.level, finding.signal) == (Level.ERROR, Signal.POISONING)
        assert list(finding.rows) == list(range(100, 120))


def test_a_flood_that_outvotes_its_original() -> None:
    base = texts(100)
    flood = [base[0].replace(" w", f" {number} w", 1) for number in range(15)]
    candidate = reviews(base + flood, ["good"] * 100 + ["bad"] * 15)
    (finding,) = run_check(CARD, candidate, reviews(base, ["good"] * 100), columns=TEXTS).findings
    assert list(finding.rows) == list(range(100, 115)), "the reference knows which side is right"
    (finding,) = run_check(CARD, candidate, columns=TEXTS).findings
    assert list(finding.rows) == list(range(100, 115)), "so many copies of one text are unusual here"


def test_a_flood_of_sentences_that_lack_a_word_each() -> None:
    """One word left out breaks most runs of five words of a sentence."""
    base = [" ".join(text.split()[:12]) for text in texts(200)]
    labels = ["good", "bad"] * 100
    words = base[0].split()
    flood = [" ".join([*words[: place % 12], *words[place % 12 + 1 :], *["so"] * (place // 12)]) for place in range(20)]
    candidate = reviews(base + flood, [*labels, *["bad"] * 20])
    (blind,) = run_check(CARD, candidate, columns=TEXTS).findings
    (known,) = run_check(CARD, candidate, reviews(base, [*labels]), columns=TEXTS).findings
    assert list(known.rows) == list(range(200, 220))
    assert set(range(200, 220)) <= set(blind.rows) <= {0, *range(200, 220)}
    for finding in (blind, known):
        assert (finding.level, finding.signal) == (Level.ERROR, Signal.POISONING)
    pairs = [base[0].replace(" ", " not ", 1), base[1].replace(" ", " not ", 1)]
    (finding,) = run_check(CARD, reviews([*base, *pairs], [*labels, "bad", "good"]), columns=TEXTS).findings
    assert finding.level is Level.NOTE, "sentences that differ in one word may differ in meaning"


def test_copies_in_a_list_of_all_that_is_possible() -> None:
    """Every row has near misses in every place, and yet no copy: chance is what is seen."""
    codes = np.arange(1024)
    listed = pa.table({f"bit{place}": (codes >> place) % 2 for place in range(10)})
    listed = listed.append_column(
        "label", pa.array(["even" if code.bit_count() % 2 == 0 else "odd" for code in codes.tolist()])
    )
    flood = pa.concat_tables([listed.slice(77, 1)] * 15)
    flood = flood.set_column(10, "label", pa.array(["odd" if flood["label"][0].as_py() == "even" else "even"] * 15))
    assert run_check(CARD, listed, columns=NUMBERS).findings == ()
    (finding,) = run_check(CARD, pa.concat_tables([listed, flood]), columns=NUMBERS).findings
    assert list(finding.rows) == list(range(1024, 1039))
    assert (finding.level, finding.signal) == (Level.ERROR, Signal.POISONING)


def test_groups_of_usual_size_are_no_floods() -> None:
    """Where texts stand in the data fifteen times by nature, one other label among them is a mistake."""
    base = texts(100)
    usual = [base[text].replace(" w", f" {number} w", 1) for text in range(6) for number in range(14)]
    candidate = reviews(base + usual, ["bad", *["good"] * (99 + len(usual))])
    (finding,) = run_check(CARD, candidate, columns=TEXTS).findings
    assert finding.level is Level.NOTE
    assert list(finding.rows) == [0, *range(100, 114)], "nobody knows which side is right"


def test_relabelled_copies_of_fine_grained_rows() -> None:
    base = numbers(300)
    candidate = pa.concat_tables([base, flipped(base, list(range(15)))])
    (finding,) = run_check(CARD, candidate, base, columns=NUMBERS).findings
    assert finding.signal is Signal.POISONING
    assert list(finding.rows) == list(range(300, 315))


def test_equal_inputs_of_a_coarse_table_are_chance() -> None:
    random = np.random.default_rng(0)
    coarse = {name: random.choice(["x", "y", "z"], 500) for name in "abcd"}
    table = pa.table({**coarse, "label": random.choice(["yes", "no"], 500)})
    assert run_check(CARD, table, columns=NUMBERS).findings == ()


def test_honest_disagreement_is_a_note() -> None:
    base = numbers(400)
    again = base.take(list(range(100)))
    candidate = pa.concat_tables([base, again, flipped(base, list(range(100, 112)))])
    (finding,) = run_check(CARD, candidate, columns=NUMBERS).findings
    assert (finding.level, finding.signal) == (Level.NOTE, Signal.QUALITY)
    assert finding.row_count == 12


def test_rows_without_a_label_contradict_nobody() -> None:
    base = texts(60)
    candidate = reviews(base + base[:20], ["good"] * 60 + [None] * 20)
    assert run_check(CARD, candidate, columns=TEXTS).findings == ()


def test_an_unlabelled_row_contradicts_nobody_even_where_it_comes_first() -> None:
    base = numbers(300)
    unlabelled = base.slice(0, 20).set_column(3, "label", pa.nulls(20, pa.string()))
    assert run_check(CARD, pa.concat_tables([unlabelled, base]), columns=NUMBERS).findings == ()


def test_measurements_are_no_classes() -> None:
    base = texts(30)
    table = pa.table({"text": base + base, "label": np.arange(60.0)})
    run = run_check(CARD, table, columns=TEXTS, params={"max_labels": 50})
    assert run.findings == ()
    assert run.outcome.coverage.rows_seen == 60
    assert "measurements" in run.outcome.coverage.note


def test_needs_a_label() -> None:
    assert isinstance(run_check(CARD, pa.table({"text": texts(9)}), columns={"text": "text"}).outcome, Skipped)


def test_what_the_reference_already_disagrees_on_is_not_named_again() -> None:
    groups = np.array([0, 0, 2, 0, 0])
    labels = np.array([1, 2, 1, 1, 2], dtype=np.uint64)
    known = np.array([True, True, False])
    found = find_conflicts(groups, labels, known, flood=5)
    assert found.rows.tolist() == []
    assert found.before == 0.5


def test_the_reference_outvotes_any_number_of_copies() -> None:
    groups = np.zeros(5, dtype=np.int64)
    labels = np.array([9, 9, 9, 9, 7], dtype=np.uint64)
    found = find_conflicts(groups, labels, np.zeros(4, dtype=np.bool_), flood=5)
    assert found.rows.tolist() == [0, 1, 2, 3]
    assert found.copies == 4
