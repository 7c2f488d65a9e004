"""Exact duplicates end to end, through the engine."""

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Skipped

CARD = "PG-DUP-001"
COLUMNS = {"id": "id", "label": "label"}


def table(rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "id": [f"{seed}-{number}" for number in range(rows)],
            "size": random.normal(size=rows),
            "weight": random.normal(size=rows),
            "label": random.choice(["a", "b"], rows),
        }
    )


def with_copies(base: pa.Table, row: int, copies: int) -> pa.Table:
    flood = base.take([row] * copies).set_column(0, "id", pa.array([f"copy-{number}" for number in range(copies)]))
    return pa.concat_tables([base, flood])


def test_a_burst_against_a_reference_speaks_for_poisoning() -> None:
    base = table(300)
    (finding,) = run_check(CARD, with_copies(base, 7, 30), base, columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("burst", Level.WARNING, Signal.POISONING)
    assert list(finding.rows) == list(range(300, 330))
    assert finding.numbers["largest"] == 31


def test_without_a_reference_a_burst_is_a_warning_but_no_verdict() -> None:
    (finding,) = run_check(CARD, with_copies(table(300), 7, 30), columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("burst", Level.WARNING, Signal.QUALITY)


def test_what_the_reference_repeats_as_well_is_no_burst() -> None:
    both = with_copies(table(300), 7, 30)
    (finding,) = run_check(CARD, both, both, columns=COLUMNS).findings
    assert (finding.subject, finding.level) == ("copies", Level.NOTE)


def test_few_copies_are_a_note() -> None:
    (finding,) = run_check(CARD, with_copies(table(300), 7, 3), columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("copies", Level.NOTE, Signal.QUALITY)
    assert finding.row_count == 3


def test_a_load_that_ran_twice_is_a_change_and_no_poisoning() -> None:
    base, more = table(300), table(300, seed=1)
    twice = pa.concat_tables([base, more, more.set_column(0, "id", pa.array([f"again-{n}" for n in range(300)]))])
    (finding,) = run_check(CARD, twice, base, columns=COLUMNS).findings
    assert (finding.subject, finding.level, finding.signal) == ("copies", Level.WARNING, Signal.DRIFT)


def test_coarse_tables_are_silent_and_say_why() -> None:
    random = np.random.default_rng(1)
    coarse = pa.table({name: random.choice(["x", "y", "z"], 400) for name in "abcd"})
    run = run_check(CARD, coarse)
    assert run.findings == ()
    assert "chance explains" in run.outcome.coverage.note


def test_short_texts_may_repeat_and_long_ones_not() -> None:
    long = "a sentence that is long enough that nobody writes it twice by accident"
    others = [f"{number} is one of many different texts in this little table of numbers" for number in range(300)]
    columns = {"text": "text"}
    short = run_check(CARD, pa.table({"text": ["Thanks!"] * 2 + others}), columns=columns)
    assert short.findings == ()
    (finding,) = run_check(CARD, pa.table({"text": [long] * 25 + others}), columns=columns).findings
    assert finding.subject == "burst"


def test_ids_alone_are_no_content() -> None:
    assert isinstance(run_check(CARD, pa.table({"id": ["x", "x"]}), columns={"id": "id"}).outcome, Skipped)


@pytest.mark.parametrize("workers", [1, 2])
def test_partition_and_workers_change_nothing(workers: int) -> None:
    base = table(300)
    candidate = with_copies(base, 7, 30)
    whole = run_check(CARD, candidate, base, columns=COLUMNS).findings
    cut = run_check(CARD, candidate, base, columns=COLUMNS, cuts=[1, 17, 310], workers=workers).findings
    assert [finding.message for finding in cut] == [finding.message for finding in whole]
    assert [list(finding.rows) for finding in cut] == [list(finding.rows) for finding in whole]


@pytest.mark.parametrize("copies", [25, 100])
def test_copies_of_a_text_under_one_label_are_no_chance(copies: int) -> None:
    """Of two columns, what is left without one is the other: its holders must not be counted twice."""
    rng = np.random.default_rng(5)
    words = np.array([f"w{number}" for number in range(500)])
    texts = [" ".join(rng.choice(words, 14)) for _ in range(1000)] + ["one text again and again, " * 4] * copies
    labels = ["good", "bad"] * 500 + ["good"] * copies
    table = pa.table({"text": texts, "label": labels})
    (finding,) = run_check("PG-DUP-001", table, columns={"text": "text", "label": "label"}).findings
    assert finding.numbers["largest"] == copies


def test_a_copy_among_hundreds_of_rows_is_not_worth_a_note() -> None:
    assert run_check(CARD, with_copies(table(300), 7, 1), columns=COLUMNS).findings == ()
