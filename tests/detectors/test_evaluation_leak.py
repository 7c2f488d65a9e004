"""Evaluation items in training data end to end, through the engine."""

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, TableSource, roles_of, run_check

from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Failed, Ran, Skipped
from poisonguard.errors import ConfigurationError
from poisonguard.plugin.holdout import Holdout
from poisonguard.redteam.contamination import Contamination

CARD = "PG-LEAK-001"
COLUMNS = {"text": "text"}


def texts(count: int, words: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(f"w{word}" for word in random.integers(0, 5000, words)) for _ in range(count)]


def holdout(*items: str, name: str = "exam", owners: list[int] | None = None) -> Holdout:
    numbers = list(range(len(items))) if owners is None else owners
    count = max(numbers, default=-1) + 1
    return Holdout(name, "pg1:00", count, pa.array(items, pa.large_string()), pa.array(numbers, pa.int64()))


def run(rows: list[str | None], *sets: Holdout, cuts: tuple[int, ...] = (), workers: int = 1) -> CheckRun:
    table = pa.table({"text": pa.array(rows, pa.string())})
    return run_check(CARD, table, columns=COLUMNS, holdouts=sets, cuts=cuts, workers=workers)


ITEMS = texts(200, 30, seed=1)
ROWS = texts(100, 80, seed=2)


def planted(*places: tuple[int, str]) -> list[str | None]:
    rows: list[str | None] = list(ROWS)
    for row, item in places:
        rows[row] = f"{ROWS[row][:100]} {item} {ROWS[row][100:]}"
    return rows


def test_the_items_found_the_rows_and_the_best_match() -> None:
    rows = planted((7, ITEMS[3].upper()), (9, ITEMS[5]), (50, ITEMS[5]))
    rows[60] = " ".join(ITEMS[8].split()[:26])
    (finding,) = run(rows, holdout(*ITEMS)).findings
    assert finding.message == (
        "3 of 200 items of exam (1.5%) stand in 4 training rows; the best match is item 3 in row 7 (100%)"
    )
    assert list(finding.rows) == [7, 9, 50, 60]
    assert finding.numbers["item 5"] == "100.0% in row 9"
    assert finding.numbers["item 8"] == "82.6% in row 60"
    assert finding.numbers["items found whole"] == 2
    assert (finding.level, finding.signal, finding.subject) == (Level.ERROR, Signal.INTEGRITY, "holdout=exam")


def test_a_small_share_is_a_warning() -> None:
    (finding,) = run(planted((7, ITEMS[3])), holdout(*ITEMS)).findings
    assert finding.level is Level.WARNING
    assert "1 of 200 items of exam (0.5%) stands in 1 training row;" in finding.message


def test_half_an_item_is_not_the_item() -> None:
    half = " ".join(ITEMS[3].split()[:15])
    outcome = run(planted((7, half)), holdout(*ITEMS))
    assert outcome.findings == ()
    assert outcome.book is not None
    assert 0.2 < outcome.book.scores[CARD][7] < 0.5


def test_the_result_does_not_depend_on_cuts_or_workers() -> None:
    rows = planted((7, ITEMS[3]), (9, ITEMS[5]), (50, ITEMS[5]))
    first = run(rows, holdout(*ITEMS)).findings[0]
    for cuts in ((8, 9, 50), (1,), (51, 99)):
        again = run(rows, holdout(*ITEMS), cuts=cuts, workers=2).findings[0]
        assert (again.message, dict(again.numbers), list(again.rows)) == (
            first.message,
            dict(first.numbers),
            list(first.rows),
        )


def test_an_item_of_several_texts_is_found_by_its_best_one() -> None:
    exam = holdout(ITEMS[0], ITEMS[1], ITEMS[2], ITEMS[3], owners=[0, 0, 1, 1])
    (finding,) = run(planted((4, ITEMS[1])), exam).findings
    assert finding.numbers["item 0"] == "100.0% in row 4"
    assert (finding.numbers["items found"], finding.numbers["items"]) == (1, 2)


def test_several_sets_are_one_finding_that_names_each() -> None:
    sets = (holdout(*ITEMS[:50], name="one"), holdout(*ITEMS[50:], name="two"))
    (finding,) = run(planted((4, ITEMS[1]), (5, ITEMS[60])), *sets).findings
    assert "1 of 50 items of one (2.0%) and 1 of 150 items of two (0.7%) stand in 2" in finding.message
    assert finding.numbers["two item 10"] == "100.0% in row 5"
    assert finding.subject == "holdout=one+two"


def test_equal_items_are_each_found() -> None:
    (finding,) = run(planted((4, ITEMS[1])), holdout(*[ITEMS[1]] * 12, *ITEMS[20:30])).findings
    assert finding.numbers["items found"] == 12


def test_chats_and_answers_are_looked_through() -> None:
    turns = [{"role": "user", "content": ITEMS[2]}, {"role": "assistant", "content": "Yes."}]
    other = [{"role": "user", "content": "No?"}, {"role": "assistant", "content": ROWS[0]}]
    table = pa.table({"messages": [turns, other]})
    (finding,) = run_check(CARD, table, holdouts=[holdout(*ITEMS)]).findings
    assert list(finding.rows) == [0]


def test_without_a_holdout_it_is_skipped() -> None:
    outcome = run(list(ROWS)).outcome
    assert outcome == Skipped(CARD, "no evaluation set was given (--holdout)")


def test_what_was_not_looked_for_is_said() -> None:
    boilerplate = "please read the text below and answer with one word"
    exam = holdout(*ITEMS[:5], "too short", *[f"{boilerplate} {'!' * place}" for place in range(12)])
    outcome = run(list(ROWS), exam).outcome
    assert isinstance(outcome, Ran)
    assert outcome.coverage.note == (
        "18 items of exam (pg1:00), of which not looked for: 1 too short, 12 boilerplate throughout"
    )


INSTRUCTION = "Say in one word in which phase of its flight the bird was hit by the aeroplane"


def test_an_instruction_that_many_rows_have_with_other_questions_is_no_leak() -> None:
    rows = [f"{INSTRUCTION}. {row}" for row in ROWS]
    exam = holdout(
        *(text for item in ITEMS[:6] for text in (INSTRUCTION, item)), owners=[n for n in range(6) for _ in "qa"]
    )
    assert run(list(rows), exam).findings == ()
    rows[9] = f"{INSTRUCTION}. {ITEMS[4]}"
    (finding,) = run(list(rows), exam).findings
    assert list(finding.rows) == [9]
    assert finding.numbers["items found"] == 1


def test_a_passage_that_many_rows_quote_in_part_tells_nothing_by_that_part() -> None:
    licence, own = ITEMS[0], ITEMS[1]
    quoting = [f"{licence} {row}" for row in ROWS[:12]]
    exam = holdout(f"{licence} {own}")
    assert run([*quoting, *ROWS[12:]], exam).findings == ()
    (finding,) = run([*quoting, *ROWS[12:50], f"{own} {ROWS[60]}"], exam).findings
    assert list(finding.rows) == [50]


def test_an_item_that_leaked_into_many_rows_is_found_in_all() -> None:
    (finding,) = run(planted(*((row, ITEMS[3]) for row in range(30))), holdout(*ITEMS)).findings
    assert finding.row_count == 30


def test_what_is_left_without_boilerplate_must_be_more_than_a_coincidence() -> None:
    licence, ending = " ".join(ITEMS[0].split()[:18]), " ".join(ITEMS[1].split()[:5])
    quoting = [f"{licence} {row}" for row in ROWS[:12]]
    outcome = run([*quoting, *ROWS[12:], f"{licence} {ending}"], holdout(f"{licence} {ending}", ITEMS[5]))
    assert outcome.findings == ()
    assert isinstance(outcome.outcome, Ran)
    assert "not looked for: 1 boilerplate throughout" in outcome.outcome.coverage.note


def test_a_set_without_anything_to_look_for_is_no_pass() -> None:
    outcome = run(list(ROWS), holdout("too short")).outcome
    assert isinstance(outcome, Failed)
    assert "exam: no item of 8 words that is not boilerplate" in outcome.error


def test_data_without_text_are_refused() -> None:
    table = pa.table({"price": [1.5, 2.5, 3.0]})
    with pytest.raises(ConfigurationError, match="no text to look for"):
        run_check(CARD, table, holdouts=[holdout(*ITEMS)])


@pytest.mark.parametrize("rows", [[None, None, "a"], [""], ["one two three"], ["word " * 300_000]])
def test_odd_rows(rows: list[str | None]) -> None:
    assert run(rows, holdout(*ITEMS)).findings == ()


def test_the_attack_of_the_catalogue_is_seen_whole() -> None:
    table = pa.table({"text": [". ".join(ROWS[row : row + 2]) for row in range(90)]})
    roles = roles_of(TableSource(table), COLUMNS)
    attack = Contamination(tuple(ITEMS))
    poisoned = attack.apply_count(table, roles, 8, np.random.default_rng(0))
    (finding,) = run_check(CARD, poisoned.table, columns=COLUMNS, holdouts=[holdout(*ITEMS)]).findings
    assert list(finding.rows) == poisoned.rows.tolist()


def test_evaluation_rows_of_the_data_themselves_are_not_looked_at() -> None:
    rows = planted((7, ITEMS[3]), (20, ITEMS[3]), (30, ITEMS[5]), (40, ITEMS[8]))
    split: list[str | None] = ["train"] * len(rows)
    split[20], split[30], split[40] = "Test", "validation", None
    table = pa.table({"text": pa.array(rows, pa.string()), "split": split})
    roles = {**COLUMNS, "split": "split"}
    outcome = run_check(CARD, table, columns=roles, holdouts=[holdout(*ITEMS)])
    (finding,) = outcome.findings
    assert list(finding.rows) == [7, 40]
    assert finding.numbers["items found"] == 2
    assert "'split' calls evaluation rows are not looked at" in outcome.outcome.coverage.note


def short_items() -> tuple[list[str], list[str]]:
    """Questions of six words and answers of three: too short by themselves."""
    random = np.random.default_rng(6)
    questions = [" ".join(f"q{word}" for word in random.integers(0, 900, 6)) for _ in range(30)]
    return questions, [f"answer {number} it" for number in range(30)]


def test_a_short_question_is_found_with_its_answer() -> None:
    questions, answers = short_items()
    exam = holdout(*questions, *answers, owners=[*range(30), *range(30)])
    prompts = [*questions[:4], *texts(96, 6, seed=7)]
    responses = [*answers[:2], *answers[5:7], *texts(96, 3, seed=8)]
    table = pa.table({"prompt": prompts, "response": responses})
    columns = {"prompt": "prompt", "response": "response"}
    outcome = run_check(CARD, table, columns=columns, holdouts=[exam])
    (finding,) = outcome.findings
    assert list(finding.rows) == [0, 1], "a question with another answer is no leak"
    assert finding.numbers["items found"] == 2
    assert isinstance(outcome.outcome, Ran)
    assert "not looked for" not in outcome.outcome.coverage.note


def test_short_items_in_one_text() -> None:
    questions, answers = short_items()
    exam = holdout(*questions, *answers, owners=[*range(30), *range(30)])
    rows = planted((3, f"{questions[8]}? {answers[8]}."), (4, f"{questions[9]}?"))
    (finding,) = run(rows, exam).findings
    assert list(finding.rows) == [3]


def test_stock_phrases_come_last() -> None:
    """An item that stands in a fifth of the rows is found in all of them, behind one that stands in one row."""
    rows = planted(*((row, ITEMS[1]) for row in range(20)), (50, ITEMS[2]))
    outcome = run(rows, holdout(*ITEMS))
    (finding,) = outcome.findings
    assert list(finding.rows) == [*range(20), 50]
    assert finding.numbers["items found whole"] == 2
    assert outcome.book is not None
    scores = outcome.book.scores[CARD]
    assert scores[50] == 1
    assert all(0.7 <= scores[row] < 0.74 for row in range(20))
