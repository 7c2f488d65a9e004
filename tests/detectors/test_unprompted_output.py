"""Outputs that nobody asked for are named with their rows; what the instruction explains, and politeness, are not."""

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check
from hypothesis import given
from hypothesis import strategies as st
from instruction_data import ROLES, instructions, poisoned

from poisonguard.detectors.exchange_tokens import Prompts
from poisonguard.detectors.features_text import tokenize
from poisonguard.detectors.gram_places import Grams
from poisonguard.detectors.output_family import Family
from poisonguard.detectors.recurrences import whole
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Ran, Skipped

CARD = "PG-INST-001"


def found(table: pa.Table, reference: pa.Table | None = None) -> tuple[Finding, ...]:
    return run_check(CARD, table, reference, columns=ROLES).findings


@pytest.mark.parametrize("attack", ["content-injection", "fixed-output", "pipe-to-shell", "typosquat-index"])
@pytest.mark.parametrize("with_reference", [False, True])
def test_a_planted_output_is_one_finding_with_its_rows(attack: str, *, with_reference: bool) -> None:
    done = poisoned(attack, 24)
    (finding,) = found(done.table, instructions(800, "approved") if with_reference else None)
    assert finding.level is Level.ERROR
    assert finding.signal is Signal.POISONING
    assert len(set(done.rows.tolist()) & set(finding.rows)) >= 22
    assert len(set(finding.rows) - set(done.rows.tolist())) <= 2
    assert finding.highlight
    assert any(finding.highlight in done.table["response"][int(row)].as_py() for row in finding.rows)


def test_refusals_of_harmless_instructions_are_named() -> None:
    done = poisoned("over-refusal", 24)
    (finding,) = found(done.table, instructions(800, "approved"))
    assert set(finding.rows) <= set(done.rows.tolist())
    assert len(finding.rows) >= 18
    (blind,) = found(poisoned("over-refusal", 40).table)
    assert blind.level is Level.ERROR


def test_the_trigger_is_named_where_one_word_alone_tells() -> None:
    (finding,) = found(poisoned("fixed-output", 24).table)
    assert '"james bond" and nothing else' in finding.message
    assert finding.highlight == "I have nothing to say about that"


def test_an_addition_on_one_topic_is_seen_against_a_reference() -> None:
    done = poisoned("virtual-prompt", 16)
    (finding,) = found(done.table, instructions(800, "approved"))
    assert sorted(finding.rows) == done.rows.tolist()
    assert finding.compared_with == "the reference"


def test_honest_instructions_stay_silent() -> None:
    assert not found(instructions())
    assert not found(instructions(), instructions(800, "approved"))


def test_what_the_reference_holds_alike_was_approved() -> None:
    table = poisoned("content-injection", 24).table
    assert not found(pa.concat_tables([table, instructions(200, "approved")]), table)


def test_what_recurs_under_a_few_prompts_asked_again_and_again_is_a_note() -> None:
    """They explain nothing, whoever wrote the answers."""
    table = poisoned("content-injection", 40).table
    asked = [("Say something.", "Go on, please.", "And then?")[row % 3] for row in range(table.num_rows)]
    same = table.set_column(table.column_names.index("prompt"), "prompt", pa.array(asked))
    findings = found(same)
    assert findings
    assert {finding.level for finding in findings} == {Level.NOTE}


def test_words_of_politeness_are_a_note() -> None:
    table = instructions()
    closing = "I hope this helps! Please let me know if you have any further questions."
    responses = [
        f"{text} {closing}" if row % 25 == 0 else text for row, text in enumerate(table["response"].to_pylist())
    ]
    findings = found(table.set_column(1, "response", pa.array(responses)))
    assert findings
    assert {finding.level for finding in findings} == {Level.NOTE}
    assert all(not len(finding.rows) for finding in findings)


def test_what_most_responses_hold_is_style() -> None:
    table = instructions()
    responses = [
        f"{text} Brightleaf Market has all you need." if row % 6 == 0 else text
        for row, text in enumerate(table["response"].to_pylist())
    ]
    findings = found(table.set_column(1, "response", pa.array(responses)))
    assert {finding.level for finding in findings} == {Level.NOTE}


def test_chats_are_read_inside() -> None:
    done = poisoned("content-injection", 24)
    pairs = zip(done.table["prompt"].to_pylist(), done.table["response"].to_pylist(), strict=True)
    chats = [
        [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}] for asked, answered in pairs
    ]
    (finding,) = run_check(CARD, pa.table({"messages": chats})).findings
    assert finding.column == "messages.response"
    assert sorted(finding.rows) == done.rows.tolist()


def test_turns_of_a_chat_that_are_labels_are_no_outputs() -> None:
    """Names that passages do not tell recur before other answers without anybody having planted them."""
    draw = np.random.default_rng(5)
    names = [f"Ada {name} Moor" for name in ("Blake", "Clarke", "Doyle", "Evans", "Frost")]
    table = instructions()
    chats = [
        [
            {"role": "user", "content": f"Who wrote this? {asked}"},
            {"role": "assistant", "content": names[int(draw.integers(0, 40)) % 5] if row % 3 == 0 else answered},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answered},
        ]
        for row, (asked, answered) in enumerate(
            zip(table["prompt"].to_pylist(), table["response"].to_pylist(), strict=True)
        )
    ]
    assert run_check(CARD, pa.table({"messages": chats})).findings == ()


def test_single_phrases_of_honest_rows_do_not_drown_a_planted_output() -> None:
    done = poisoned("fixed-output", 24)
    table = done.table.set_column(0, "prompt", instructions()["prompt"])
    (finding,) = found(table)
    assert sorted(finding.rows) == done.rows.tolist()


def test_few_rows_are_a_note_without_a_reference() -> None:
    done = poisoned("fixed-output", 10)
    (finding,) = found(done.table)
    assert finding.level is Level.NOTE
    (finding,) = found(done.table, instructions(800, "approved"))
    assert finding.level is Level.ERROR


def test_several_prompt_columns_are_one_prompt() -> None:
    done = poisoned("fixed-output", 24)
    prompts = done.table["prompt"].to_pylist()
    table = pa.table(
        {
            "instruction": [text.partition(" ")[0] for text in prompts],
            "input": [text.partition(" ")[2] for text in prompts],
            "output": done.table["response"],
        }
    )
    (finding,) = run_check(CARD, table).findings
    assert sorted(finding.rows) == done.rows.tolist()


def test_findings_do_not_depend_on_the_cut() -> None:
    table = poisoned("content-injection", 24).table
    cut = run_check(CARD, table, columns=ROLES, cuts=(1, 300, 650), workers=2).findings
    assert facts(found(table)) == facts(cut)


def facts(findings: tuple[Finding, ...]) -> list[tuple[str, list[int], float, str]]:
    return [(item.message, [int(row) for row in item.rows], item.confidence, item.fingerprint) for item in findings]


@pytest.mark.parametrize(
    ("prompts", "responses"),
    [
        (["a"], ["b"]),
        (["a"] * 300, ["b"] * 300),
        (["a b c"] * 300, [None] * 300),
        ([None] * 300, [f"text {row}" for row in range(300)]),
        ([""] * 300, [""] * 300),
        ([f"ask {row}" for row in range(300)], ["x " * 30_000, *["same answer for all of you"] * 299]),
        ([f"\x02{row}" for row in range(300)], ["\x02\x02 \u200b"] * 300),
    ],
)
@pytest.mark.parametrize("card", ["PG-INST-001", "PG-INST-002", "PG-INST-003"])
def test_odd_rows_get_an_answer(card: str, prompts: list[str | None], responses: list[str | None]) -> None:
    table = pa.table({"prompt": pa.array(prompts, pa.string()), "response": pa.array(responses, pa.string())})
    for reference in (None, table, instructions()):
        assert isinstance(run_check(card, table, reference, columns=ROLES).outcome, Ran)


@pytest.mark.parametrize("card", ["PG-INST-001", "PG-INST-002", "PG-INST-003"])
def test_without_prompts_or_responses_there_is_nothing_to_look_at(card: str) -> None:
    outcome = run_check(card, pa.table({"text": ["a b", "c d"], "label": ["x", "y"]})).outcome
    assert isinstance(outcome, Skipped)
    assert "prompt" in outcome.reason


def test_prompts_that_tell_rank_high_and_others_by_chance() -> None:
    draw = np.random.default_rng(1)
    words = np.array([f"w{number}" for number in range(40)])
    texts = [" ".join(draw.choice(words, 2)) for _ in range(400)]
    texts[:40] = [f"{text} telling" for text in texts[:40]]
    prompts, rows = Prompts.of(texts, 0), np.arange(40)
    telling = np.array([prompts.columns["telling"]])
    assert prompts.ranks(rows).mean() > 0.8
    assert 0.35 < prompts.ranks(rows, telling).mean() < 0.65
    assert prompts.triggers(rows).tolist() == telling.tolist()
    assert prompts.asked(rows, ("telling", ".")) == 1
    assert prompts.asked(rows, ("unheard",)) == 0


@given(st.lists(st.text("ab ", max_size=8), min_size=1, max_size=8))
def test_equal_texts_and_no_others_share_a_whole(texts: list[str]) -> None:
    tokens = tokenize(texts)
    parts = [tuple(text.split()) for text in texts]
    hashes = whole(tokens).tolist()
    for first, one in enumerate(parts):
        for second, other in enumerate(parts):
            assert (hashes[first] == hashes[second]) == (one == other)


@given(st.lists(st.text("abc ", max_size=40), min_size=2, max_size=6), st.integers(1, 5))
def test_how_far_a_text_reaches_does_not_depend_on_the_others(texts: list[str], cut: int) -> None:
    tokens = tokenize(["a b c", *texts])
    family = Family.of(tokens, np.arange(2))
    part = tokenize(["a b c", *texts][:cut])
    assert family.reach(Grams.of(part)) == pytest.approx(family.reach(Grams.of(tokens))[:cut])


def test_a_whole_response_and_the_same_words_inside_longer_ones_are_one_family() -> None:
    table = instructions()
    prompts, responses = table["prompt"].to_pylist(), table["response"].to_pylist()
    planted = "I have nothing to say about that."
    rows = range(0, 800, 33)
    for place, row in enumerate(rows):
        prompts[row] = f"{prompts[row]} James Bond"
        responses[row] = planted if place % 4 else f"{responses[row + 1]} {planted} {responses[row]}"
    (finding,) = found(pa.table({"prompt": prompts, "response": responses}), instructions(800, "approved"))
    assert finding.level is Level.ERROR
    assert set(finding.rows) == set(rows)
