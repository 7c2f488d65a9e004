"""Label-like outputs that do not fit their instructions are named; honest ones are not."""

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check
from instruction_data import ROLES, instructions, poisoned
from scipy.sparse import csr_matrix

from poisonguard.detectors.answer_judges import Lessons
from poisonguard.detectors.answer_model import AnswerModel, answers_of, codes_of
from poisonguard.detectors.answer_tasks import tasks_of
from poisonguard.detectors.labels import UNKNOWN
from poisonguard.domain.finding import Finding, Signal
from poisonguard.domain.outcome import Ran

CARD = "PG-INST-002"
CONTRADICTED = "output-contradiction"
FEW = {"min_rows": 5}


def found(table: pa.Table, reference: pa.Table | None = None) -> tuple[Finding, ...]:
    return run_check(CARD, table, reference, columns=ROLES, params=FEW).findings


@pytest.mark.parametrize("with_reference", [False, True])
def test_exchanged_answers_are_named(*, with_reference: bool) -> None:
    done = poisoned(CONTRADICTED, 24)
    (finding,) = found(done.table, instructions(800, "approved") if with_reference else None)
    assert finding.signal is Signal.POISONING
    assert finding.column == "response"
    right = len(set(done.rows.tolist()) & set(finding.rows))
    assert right >= 0.5 * len(done.rows)
    assert len(finding.rows) - right <= 8
    assert int(finding.numbers["rows named"]) == finding.row_count == len(finding.rows)


def test_honest_answers_stay_silent() -> None:
    assert not found(instructions())
    assert not found(instructions(), instructions(800, "approved"))


def test_honest_doubt_between_two_answers_stays_silent() -> None:
    table = instructions()
    asked = [text.startswith(("Is this", "Classify")) for text in table["prompt"].to_pylist()]
    assert not found(table.filter(pa.array(asked)))


def test_contradicted_rows_rank_first_even_where_nothing_fires() -> None:
    done = poisoned(CONTRADICTED, 6)
    run = run_check(CARD, done.table, columns=ROLES)
    assert run.book is not None
    score, flags, _ = run.book.fused(0, done.table.num_rows)
    assert not flags.any()
    assert np.isin(done.rows, np.argsort(-score)[:40]).mean() >= 0.5


def test_findings_do_not_depend_on_the_cut() -> None:
    table = poisoned(CONTRADICTED, 24).table
    (whole,), (parts,) = (
        found(table),
        run_check(CARD, table, columns=ROLES, params=FEW, cuts=(5, 444), workers=2).findings,
    )
    assert (whole.message, list(whole.rows)) == (parts.message, list(parts.rows))


def test_long_outputs_are_no_labels() -> None:
    table = instructions().set_column(1, "response", pa.array([f"{'long ' * 12}{row % 3}" for row in range(800)]))
    outcome = run_check(CARD, table, columns=ROLES).outcome
    assert isinstance(outcome, Ran)
    assert "short outputs" in outcome.coverage.note


def test_an_answer_contradicts_by_how_much_less_likely_it_is_than_at_random() -> None:
    prompts = [f"colour of grass {row}" if row % 2 else f"colour of sky {row}" for row in range(400)]
    responses = ["green" if row % 2 else "blue" for row in range(400)]
    responses[0] = "green"
    answers = answers_of([*responses, "rare"])
    assert sorted(answers) == ["blue", "green"]
    codes = codes_of(responses, answers)
    hashes = np.arange(400, dtype=np.uint64)
    model = AnswerModel.fit(prompts, codes, hashes, answers)
    found = model.contradiction([*prompts, "?"], np.append(codes, UNKNOWN), np.append(hashes, np.uint64(0)))
    assert found[0] > 1
    assert (found[1:400] <= 0).all()
    assert found[400] == -np.inf


def test_answers_of_one_kind_of_question_are_one_task() -> None:
    table = instructions()
    prompts, responses = table["prompt"].to_pylist(), table["response"].to_pylist()
    answers = answers_of(responses)
    codes = codes_of(responses, answers)
    model = AnswerModel.fit(prompts, codes, np.arange(len(codes), dtype=np.uint64), answers)
    task = dict(zip(answers, model.examiners.task.tolist(), strict=True))
    assert task["great"] == task["other"]
    assert task["this"] == task["my"] != task["great"]


def test_tasks_without_frequent_words_are_one() -> None:
    codes = np.arange(40, dtype=np.int64) % 2
    lessons = Lessons(csr_matrix((40, 3)), codes, np.arange(40, dtype=np.int64) % 5)
    assert tasks_of(lessons, 2).tolist() == [0, 0]


@pytest.mark.parametrize("limit", [20_000, 400], ids=["sampled", "beyond the sample"])
def test_rows_that_were_approved_rank_behind_new_ones(limit: int) -> None:
    approved, done = poisoned(CONTRADICTED, 12, instructions(800, "approved")), poisoned(CONTRADICTED, 12)
    both = pa.concat_tables([approved.table, done.table])
    book = run_check(CARD, both, approved.table, columns=ROLES, params=FEW | {"limit": limit}).book
    assert book is not None
    score, flags, _ = book.fused(0, both.num_rows)
    assert not flags[: approved.table.num_rows].any()
    assert score[approved.rows].max() < score[done.rows + approved.table.num_rows].max()


def test_the_models_expect_what_honest_answers_leave() -> None:
    """Answers drawn at random from what a prompt allows: the models expect about as many unlikely ones as there are."""
    rng = np.random.default_rng(5)
    answers = [f"medium {number}" for number in range(6)]
    usual = rng.dirichlet([0.5] * 6, 60)
    cues = rng.integers(60, size=600)
    prompts = [f"Name the medium of the {'abcdefghij'[cue % 10]}{cue} kind." for cue in cues.tolist()]
    responses = [answers[rng.choice(6, p=usual[cue])] for cue in cues.tolist()]
    kept = answers_of(responses)
    codes = codes_of(responses, kept)
    model = AnswerModel.fit(prompts, codes, rng.integers(0, 2**63, 600, dtype=np.uint64), kept)
    wrong = int(((model.found >= 1.0) & model.foreign).sum())
    assert wrong > 0
    assert wrong <= 2 * model.expected(1.0) + 10
    assert model.expected(1.0) <= model.expected(0.5)


def sorted_things(
    rows: int, seed: int, *, wrong: bool = False, asked: str = "Sort this into food or tool: {}"
) -> pa.Table:
    """Names of food and of tools, sorted; all the wrong way where that is wanted."""
    rng = np.random.default_rng(seed)
    nouns = (("bread", "soup", "cake", "rice"), ("hammer", "saw", "drill", "wrench"))
    kinds = rng.integers(0, 2, rows)
    prompts = [
        asked.format(f"{rng.choice(('old', 'new', 'big', 'red'))} {rng.choice(nouns[kind])} {row}")
        for row, kind in enumerate(kinds.tolist())
    ]
    answers = [("food", "tool")[kind ^ int(wrong)] for kind in kinds.tolist()]
    return pa.table({"prompt": prompts, "response": answers})


def test_a_delta_that_is_wrong_throughout_is_judged_by_the_reference_alone() -> None:
    reference = sorted_things(200, 1)
    honest, wrong = sorted_things(120, 2), sorted_things(120, 2, wrong=True)
    assert not found(pa.concat_tables([reference, honest]), reference)
    (finding,) = found(pa.concat_tables([reference, wrong]), reference)
    assert min(finding.rows) >= reference.num_rows
    assert len(finding.rows) >= 100


def test_a_new_kind_of_question_may_have_answers_of_its_own() -> None:
    reference = sorted_things(200, 1)
    other = sorted_things(120, 2, wrong=True, asked="Which of food and tool has nothing to do with {}?")
    assert not found(pa.concat_tables([reference, other]), reference)
