"""Evaluation sets as a user names them: paths, tables, settings; what is wrong is one clear line."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest

import poisonguard
from poisonguard.cli.main import run
from poisonguard.dataset.chunktree import BLAKE3_TREE
from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.domain.result import Assessment, ScanResult
from poisonguard.errors import DataError, NothingToScan, UsageError
from poisonguard.workflow.holdouts import read_holdout
from poisonguard.workflow.scan import ScanRequest, scan

QUESTION = "Which of the three old bridges was the first one to be built across the river?"
ANSWER = "The bridge by the mill is the oldest one; the other two were built much later."
LEAKED = f"Some say so. {QUESTION} Nobody knows."


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [f"Row number {row} tells of something else, and it is long enough to be a text." for row in range(30)]
    lines(tmp_path / "train.jsonl", [{"text": text} for text in [*rows, LEAKED]])
    lines(tmp_path / "exam.jsonl", [{"question": QUESTION, "answer": ANSWER}, {"question": "Why?", "answer": "No."}])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def leak(result: ScanResult) -> tuple[Ran, str]:
    outcome = next(item for item in result.outcomes if item.check == "PG-LEAK-001")
    assert isinstance(outcome, Ran)
    return outcome, outcome.findings[0].message


def test_the_set_is_named_by_its_content(here: Path) -> None:
    result = scan(ScanRequest(data="train.jsonl", holdout=("exam.jsonl",)))
    outcome, message = leak(result)
    version = poisonguard.scan(here / "exam.jsonl").version
    assert f"2 items of exam ({version}), of which not looked for: 1 too short" in outcome.coverage.note
    assert message.startswith("1 of 2 items of exam (50.0%) stands in 1 training row")
    assert outcome.findings[0].compared_with == f"exam ({version})"
    assert (result.assessment, result.decision.exit_code) == (Assessment.CLEAN, 1)


def test_a_table_in_memory_and_a_list_of_sets(here: Path) -> None:
    table = pa.table({"question": [QUESTION]})
    assert "1 of 1 item of holdout" in leak(poisonguard.scan(here / "train.jsonl", holdout=table))[1]
    both = poisonguard.scan(here / "train.jsonl", holdout=[table, here / "exam.jsonl"])
    assert "1 of 1 item of holdout (100.0%) and 1 of 2 items of exam (50.0%) stand in" in leak(both)[1]


def test_settings_name_sets_beside_themselves(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "poisonguard.yaml").write_text("datasets:\n  train:\n    holdout: exam.jsonl\n")
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    leak(scan(ScanRequest(data="../train.jsonl")))


def test_an_option_wins_over_the_settings(here: Path) -> None:
    (here / "poisonguard.yaml").write_text("holdout: [nowhere.jsonl]\n")
    leak(scan(ScanRequest(data="train.jsonl", holdout=("exam.jsonl",))))
    with pytest.raises(NothingToScan, match=r"nowhere\.jsonl"):
        scan(ScanRequest(data="train.jsonl"))


def test_without_a_set_it_is_skipped(here: Path) -> None:
    outcomes = scan(ScanRequest(data=str(here / "train.jsonl"))).outcomes
    assert Skipped("PG-LEAK-001", "no evaluation set was given (--holdout)") in outcomes


def test_a_chat_is_an_item_of_two_texts(here: Path) -> None:
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    lines(here / "chat.jsonl", [{"messages": turns}])  # type: ignore[dict-item]  # nested on purpose
    found = read_holdout("chat.jsonl", chosen={}, tree=BLAKE3_TREE, workers=1)
    assert (found.items, found.texts.to_pylist(), found.owners.to_pylist()) == (1, [QUESTION, ANSWER], [0, 0])


def test_items_are_numbered_over_all_files(here: Path) -> None:
    (here / "sets").mkdir()
    lines(here / "sets" / "a.jsonl", [{"text": ANSWER}, {"text": ANSWER}])
    lines(here / "sets" / "b.jsonl", [{"text": QUESTION}])
    _, message = leak(scan(ScanRequest(data="train.jsonl", holdout=("sets",))))
    assert "the best match is item 2 in row 30 (100%)" in message


def test_a_role_given_for_the_data_holds_for_the_set(here: Path) -> None:
    lines(here / "odd.jsonl", [{"stem": QUESTION}])
    lines(here / "data.jsonl", [{"stem": text} for text in (LEAKED, ANSWER)])
    leak(scan(ScanRequest(data="data.jsonl", holdout=("odd.jsonl",), columns=("text=stem",))))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "none.jsonl: no such file or directory"),
        ("empty.csv", "", "empty.csv"),
        ("numbers.csv", "x,y\n1,2\n3,4\n", "--holdout numbers.csv: no column of text"),
        ("header.csv", "text\n", "header.csv"),
    ],
)
def test_bad_sets_are_refused(here: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (here / name).write_text(content)
    with pytest.raises(DataError) as caught:
        scan(ScanRequest(data="train.jsonl", holdout=(name,)))
    assert message in caught.value.message
    assert caught.value.hint


def test_a_pack_that_does_not_look_is_refused(here: Path) -> None:
    (here / "pack.yaml").write_text("name: copies\nwhat: Only whole copies of rows.\nchecks: [{card: PG-DUP-001}]\n")
    with pytest.raises(UsageError, match="no check that is run looks for evaluation items"):
        scan(ScanRequest(data="train.jsonl", holdout=("exam.jsonl",), packs=("pack.yaml",)))


def test_the_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "train.jsonl", "--holdout", "exam.jsonl", "--flagged", "rows.csv"]) == 1
    assert "1 of 2 items of exam" in capsys.readouterr().out
    (row,) = csv.DictReader((here / "rows.csv").read_text(encoding="utf-8").splitlines())
    assert (row["row"], row["flagged"], row["checks"]) == ("30", "true", "PG-LEAK-001")
    assert float(row["score"]) >= 0.5
    assert run(["scan", "train.jsonl", "--holdout", "exam.jsonl", "-o", "exam.jsonl"]) == 2
    assert run(["scan", "train.jsonl", "--holdout", "nowhere"]) == 3
