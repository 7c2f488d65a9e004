"""Hidden text is found and named; what scripts, emoji and people need is left alone."""

import pyarrow as pa
import pytest
from harness import run_check
from hypothesis import given
from hypothesis import strategies as st
from sketch_blocks import block_of

from poisonguard.detectors.hidden_text import spelled
from poisonguard.domain.finding import Signal
from poisonguard.domain.outcome import Skipped
from poisonguard.sketches.hidden_text import HiddenKind, HiddenText, hidden_in

CARD = "PG-TEXT-002"
INNOCENT = [
    "plain text",
    "\ufeffa leading byte-order mark",
    "می‌خواهم",  # Persian joiner
    "क्‍या",  # Devanagari joiner
    "❤️ \U0001f468‍\U0001f469‍\U0001f467 1️⃣",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
    "葛\U000e0100粉",  # a Han variant
    "call \u202a+1 555 0100\u202c",
    "הקפה \u202bok\u202c",
    "Δt of 5 μm, α-carotene, 3 kΩ",  # noqa: RUF001 - Greek symbols are innocent
    "Чай СССР, очень вкусный чай",  # noqa: RUF001 - so is Russian
    "a long com\u00adpound",
    "ΑΕΧ and ΚΤ met at χ, ν and hν",  # noqa: RUF001 - societies and symbols
    "he said да, а потом нет and went on in English",  # noqa: RUF001 - a Russian word among English ones
    "\ufffdоa\ufffdр read in the wrong encoding",  # noqa: RUF001 - what such bytes give
]
GUILTY = [
    ("ok\U000e0068\U000e0069", HiddenKind.TAGS),
    ("ok ☺\ufe01\ufe02\ufe03", HiddenKind.SELECTORS),
    ("word\ufe0f", HiddenKind.SELECTORS),
    ("open \u202egpj.exe", HiddenKind.OVERRIDES),
    ("fr\u200bee", HiddenKind.INSIDE_WORDS),
    ("sp\u00ade\u00adl\u00adl\u00ading", HiddenKind.INSIDE_WORDS),
    ("free pаypal money", HiddenKind.LOOKALIKES),  # noqa: RUF001 - a Cyrillic a
    ("a cup оf tea", HiddenKind.LOOKALIKES),  # noqa: RUF001 - a Cyrillic o
    ("once upоn а time", HiddenKind.LOOKALIKES),  # noqa: RUF001 - Cyrillic o and a
    ("such а fine tea", HiddenKind.LOOKALIKES),  # noqa: RUF001 - nothing but a Cyrillic a
    ("all оk, 5 μm", HiddenKind.LOOKALIKES),  # noqa: RUF001 - a Cyrillic o beside a Greek unit
    ("good \u200b tea", HiddenKind.STRAY),
]


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_uses_are_not_counted(text: str) -> None:
    assert hidden_in(text) == {}


@pytest.mark.parametrize(("text", "kind"), GUILTY)
def test_hidden_text_is_named(text: str, kind: HiddenKind) -> None:
    assert list(hidden_in(text)) == [kind]
    assert hidden_in(text)[kind] in text


@given(st.text(st.characters(codec="ascii")))
def test_ascii_hides_nothing(text: str) -> None:
    assert hidden_in(text) == {}


texts = st.lists(st.sampled_from([*INNOCENT, *(text for text, _ in GUILTY), None]), max_size=12)


@given(texts, st.integers(0, 12))
def test_counts_obey_the_sketch_laws(values: list[str | None], cut: int) -> None:
    table = pa.table({"text": pa.array(values, pa.string())})
    sketch = HiddenText(("text",))
    whole = sketch.fold(block_of(table))
    parts = [sketch.fold(block_of(part)) for part in (table.slice(0, cut), table.slice(cut)) if part.num_rows]
    assert sketch.merge(parts).equals(whole)
    assert sketch.merge([whole]).equals(whole)
    assert sketch.merge([]).equals(sketch.merge([sketch.merge([])]))


def test_a_row_is_found_wherever_the_data_are_cut() -> None:
    rows = [f"an ordinary review of tea number {number}" for number in range(200)]
    rows[137] += "\U000e0062\U000e0075\U000e0079"
    table = pa.table({"text": rows})
    whole, cut = run_check(CARD, table), run_check(CARD, table, cuts=(50, 138))
    assert [list(item.rows) for item in whole.findings] == [list(item.rows) for item in cut.findings] == [[137]]
    finding = whole.findings[0]
    assert 'spell "buy"' in finding.message
    assert finding.column == "text"
    assert finding.signal is Signal.POISONING
    assert spelled(finding.highlight or "") == "buy"


def test_strings_inside_a_nested_column_are_read() -> None:
    rows = [[{"turn": f"an ordinary review of tea number {number}"}] for number in range(200)]
    rows[137][0]["turn"] += "\U000e0062\U000e0075\U000e0079"
    table = pa.table({"text": ["review"] * 200, "turns": rows})
    (finding,) = run_check(CARD, table, cuts=(50, 138)).findings
    assert (finding.column, list(finding.rows)) == ("turns", [137])


def test_what_the_reference_holds_alike_was_approved() -> None:
    rows = [f"review {number} of te\u200ba" if number % 20 == 0 else f"review {number} of tea" for number in range(400)]
    table = pa.table({"text": rows})
    assert run_check(CARD, table).findings
    assert not run_check(CARD, table, table).findings


def test_litter_between_words_speaks_only_against_a_reference() -> None:
    clean = pa.table({"text": [f"review {number} of tea" for number in range(400)]})
    litter = pa.table({"text": [f"review {number} \u200b of tea" for number in range(40)] + clean["text"].to_pylist()})
    assert not run_check(CARD, litter).findings
    (finding,) = run_check(CARD, litter, clean).findings
    assert finding.numbers["texts in the reference"] == 0
    assert len(finding.rows) == 40


def test_look_alikes_among_many_words_of_their_script_come_from_keyboards() -> None:
    tea = [f"review {number} of tea" for number in range(300)]
    slips = [f"vitamin С in tea {number}" for number in range(4)]  # noqa: RUF001 - a Cyrillic letter
    russian = [f"чай номер {number} хорош" for number in range(60)]
    assert [list(item.rows) for item in run_check(CARD, pa.table({"text": slips + tea})).findings] == [[0, 1, 2, 3]]
    assert not run_check(CARD, pa.table({"text": slips + tea + russian})).findings


def test_a_set_without_strings_is_skipped_with_a_reason() -> None:
    outcome = run_check(CARD, pa.table({"x": [1, 2, 3]})).outcome
    assert isinstance(outcome, Skipped)
    assert "string" in outcome.reason
