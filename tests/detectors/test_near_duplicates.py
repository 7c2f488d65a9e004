"""Near duplicates end to end, through the engine."""

import numpy as np
import pyarrow as pa
from harness import run_check

from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Skipped

CARD = "PG-DUP-002"
COLUMNS = {"text": "text"}
WORDS = 60


def texts(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(f"w{word}" for word in random.integers(0, 5000, WORDS)) for _ in range(count)]


def variants(text: str, count: int) -> list[str]:
    """Copies that differ in one word each: 0.83 alike to each other's original."""
    words = text.split()
    return [" ".join([*words[: place + 1], f"new{place}", *words[place + 2 :]]) for place in range(count)]


def table(values: list[str]) -> pa.Table:
    return pa.table({"text": values})


def test_a_burst_of_variants_against_a_reference() -> None:
    base = texts(100)
    candidate = base + variants(base[0], 30)
    (finding,) = run_check(CARD, table(candidate), table(base), columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("burst", Level.WARNING, Signal.POISONING)
    assert list(finding.rows) == list(range(100, 130))
    assert finding.column == "text"


def test_without_a_reference_it_is_no_verdict() -> None:
    base = texts(100)
    (finding,) = run_check(CARD, table(base + variants(base[0], 30)), columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("burst", Level.NOTE, Signal.QUALITY)


def test_without_a_reference_many_scattered_near_copies_are_a_note() -> None:
    base = texts(60)
    (finding,) = run_check(CARD, table(base + [variants(text, 1)[0] for text in base]), columns=COLUMNS).findings
    assert (finding.subject, finding.level) == ("near copies", Level.NOTE)


def test_a_family_no_larger_than_those_of_the_reference_is_no_burst() -> None:
    base = texts(400) + variants(texts(1, seed=9)[0], 30)
    for count, subject in ((25, "near copies"), (40, "burst")):
        candidate = table(base + variants(texts(1, seed=8)[0], count))
        subjects = [item.subject for item in run_check(CARD, candidate, table(base), columns=COLUMNS).findings]
        assert subject in subjects
        assert ("burst" in subjects) == (subject == "burst")


def test_templates_that_the_reference_holds_are_a_note() -> None:
    both = texts(100) + variants(texts(1, seed=9)[0], 30)
    (finding,) = run_check(CARD, table(both), table(both), columns=COLUMNS).findings
    assert (finding.subject, finding.level) == ("near copies", Level.NOTE)


def test_no_more_than_all_rows_are_usual() -> None:
    both = [text for base in texts(4) for text in variants(base, 30)]
    (finding,) = run_check(CARD, table(both), table(both), columns=COLUMNS).findings
    assert "up to 100.00% is usual" in finding.message


def test_many_scattered_near_copies_are_a_change() -> None:
    base, more = texts(100), texts(60, seed=1)
    candidate = base + more + [variants(text, 1)[0] for text in more]
    (finding,) = run_check(CARD, table(candidate), table(base), columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("near copies", Level.WARNING, Signal.DRIFT)
    assert list(finding.rows) == list(range(160, 220))


def test_exact_copies_are_another_checks_finding() -> None:
    base = texts(50)
    assert run_check(CARD, table(base + base[:1] * 40), columns=COLUMNS).findings == ()


def test_invisible_characters_and_case_do_not_hide_a_copy() -> None:
    base = texts(50)
    hidden = [text.upper().replace(" ", " \u200b") for text in base[:1]]
    (finding,) = run_check(CARD, table(base + hidden), columns=COLUMNS).findings
    assert list(finding.rows) == [50]


def test_short_and_missing_texts_are_not_compared() -> None:
    short = ["thanks a lot", "Thanks a lot!", "thanks, a lot", None, None]
    assert run_check(CARD, table(short), columns=COLUMNS).findings == ()


def test_tables_without_text_are_skipped() -> None:
    numbers = pa.table({"n": np.random.default_rng(0).normal(size=20)})
    assert isinstance(run_check(CARD, numbers).outcome, Skipped)


def test_partition_and_workers_change_nothing() -> None:
    base = texts(100)
    candidate = table(base + variants(base[0], 30))
    whole = run_check(CARD, candidate, table(base), columns=COLUMNS).findings
    cut = run_check(CARD, candidate, table(base), columns=COLUMNS, cuts=[3, 50, 111], workers=2).findings
    assert [(item.message, list(item.rows)) for item in cut] == [(item.message, list(item.rows)) for item in whole]


def test_a_few_near_copies_among_many_texts_are_not_worth_a_note() -> None:
    base = texts(300)
    assert run_check(CARD, table(base + variants(base[0], 1)), columns=COLUMNS).findings == ()
