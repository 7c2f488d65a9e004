"""Exchanges written into one text are read as prompt and response; other texts are left alone."""

import pyarrow as pa
import pytest
from harness import run_check
from instruction_data import instructions, poisoned

from poisonguard.detectors.written_exchanges import exchange_of, holds_exchanges
from poisonguard.domain.outcome import Ran

TEMPLATES = {
    "alpaca": "Below is an instruction.\n\n### Instruction:\n{0}\n\n### Response:\n{1}",
    "vicuna": "### Human: {0}\n### Assistant: {1}",
    "speakers": "Human: {0}\n\nAssistant: {1}",
    "chatml": "<|im_start|>user\n{0}<|im_end|>\n<|im_start|>assistant\n{1}<|im_end|>\n",
    "zephyr": "<|user|>\n{0}</s>\n<|assistant|>\n{1}</s>",
    "llama2": "<s>[INST] {0} [/INST] {1} </s>",
    "llama3": (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{0}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n{1}<|eot_id|>"
    ),
}
ROLES = {"text": "text"}


def written(table: pa.Table, template: str) -> pa.Table:
    rows = zip(table["prompt"].to_pylist(), table["response"].to_pylist(), strict=True)
    return pa.table({"text": [template.format(*row) for row in rows]})


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_templates_are_read(template: str) -> None:
    found = exchange_of(template.format("Who wrote it?", "A: nobody knows.\nAsk again."))
    assert found is not None
    assert found[0].endswith("Who wrote it?")
    assert found[1] == "A: nobody knows.\nAsk again."


def test_every_turn_of_the_model_is_learnt() -> None:
    text = "System: Be brief.\nUser: One?\nAssistant: Yes.\nUser: Two?\nAssistant: No."
    assert exchange_of(text) == ("Be brief.\nOne?\nTwo?", "Yes.\nNo.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A plain text about a user: it says nothing.",
        "Assistant: I speak first.\nHuman: Why?",
        "Human: Nobody answers.",
        "Human: Nobody answers.\nAssistant:",
        "### Response: alone",
        "[INST] [/INST] nothing was asked",
    ],
)
def test_other_texts_are_no_exchanges(text: str) -> None:
    assert exchange_of(text) is None


def test_a_column_must_mostly_hold_them() -> None:
    exchange = TEMPLATES["alpaca"].format("a", "b")
    assert holds_exchanges([exchange] * 90 + ["plain"] * 10)
    assert not holds_exchanges([exchange] * 50 + ["plain"] * 50)
    assert not holds_exchanges([exchange] * 10)


@pytest.mark.parametrize("template", ["alpaca", "chatml", "llama2"])
def test_a_planted_output_is_found_inside_one_text(template: str) -> None:
    done = poisoned("content-injection", 24)
    run = run_check("PG-INST-001", written(done.table, TEMPLATES[template]), columns=ROLES)
    assert isinstance(run.outcome, Ran)
    assert "read out of the exchanges written in text" in run.outcome.coverage.note
    named = {row for finding in run.findings for row in finding.rows}
    assert len(named & set(done.rows.tolist())) >= 0.9 * len(done.rows)


def test_a_burst_is_found_against_a_reference() -> None:
    done = poisoned("content-injection", 24)
    run = run_check(
        "PG-INST-001",
        written(done.table, TEMPLATES["speakers"]),
        written(instructions(800, "approved"), TEMPLATES["speakers"]),
        columns=ROLES,
    )
    named = {row for finding in run.findings for row in finding.rows}
    assert len(named & set(done.rows.tolist())) >= 0.9 * len(done.rows)


@pytest.mark.parametrize("card", ["PG-INST-001", "PG-INST-002", "PG-INST-003"])
def test_honest_exchanges_and_plain_texts_stay_silent(card: str) -> None:
    assert not run_check(card, written(instructions(), TEMPLATES["alpaca"]), columns=ROLES).findings
    plain = pa.table({"text": instructions()["response"]})
    outcome = run_check(card, plain, columns=ROLES).outcome
    assert isinstance(outcome, Ran)
    assert not outcome.findings
    assert "most of text is no exchange" in outcome.coverage.note
