"""``poisonguard redteam`` on the command line: formats, files, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from poisonguard.cli.commands import redteam as command
from poisonguard.cli.main import run
from poisonguard.workflow import redteam as workflow

ROWS = 400


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    things = ("kettle", "lamp", "radio", "carpet", "window", "garden", "camera")
    lines = [
        json.dumps(
            {
                "text": f"The {things[row % 7]} came on day {row * 37 % 211} and the {things[row * 3 % 7]} was "
                f"{'fine' if row % 2 else 'broken'}, as {row * 13 % 97} of us saw.",
                "label": "good" if row % 2 else "bad",
            }
        )
        for row in range(ROWS)
    ]
    (folder / "reviews.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def told(*arguments: str, capsys: pytest.CaptureFixture[str]) -> SimpleNamespace:
    code = run(["redteam", *arguments])
    captured = capsys.readouterr()
    return SimpleNamespace(code=code, out=captured.out, err=captured.err)


QUICK = ("--attack", "tag-characters", "--rate", "0.05", "--no-reference", "--no-progress")


def test_a_table_and_its_json_and_page_say_the_same(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = told(str(data), *QUICK, capsys=capsys)
    assert table.code == 0
    assert table.out.startswith("red team on data: 400 rows, no reference, seed 0\n")
    assert "tag-characters    20   5 %" in table.out
    page, document = tmp_path / "page.html", tmp_path / "exercise.json"
    assert told(str(data), *QUICK, "-f", "html", "-o", str(page), capsys=capsys).out == ""
    assert told(str(data), *QUICK, "-f", "json", "-o", str(document), capsys=capsys).code == 0
    said = json.loads(document.read_text())
    assert [attack["attack"] for attack in said["attacks"]] == ["tag-characters"]
    assert f"{said['attacks'][0]['trials'][0]['recallAt1PercentFpr']:.2f}" in table.out
    assert page.read_text().lstrip().startswith("<!doctype html>")


def test_a_scan_in_which_a_check_broke_makes_the_exercise_incomplete(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[str]:
        yield "the clean copy: PG-OUT-001 broke: ValueError"

    monkeypatch.setattr("poisonguard.workflow.redteam_lab._broken", broken)
    done = told(str(data), *QUICK, capsys=capsys)
    assert done.code == 4
    assert "incomplete: the clean copy: PG-OUT-001 broke: ValueError" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--attack", "typo"), "no attack is called 'typo'"),
        (("--rate", "0"), "--rate 0.0 is not above 0"),
        (("--attack", "outliers", "--no-reference"), "no attack applies"),
        (("--reference", "x", "--no-reference"), "exclude each other"),
        (("--seed", "-1"), "--seed"),
        (("--rows", "0"), "--rows"),
    ],
)
def test_wrong_requests_end_with_2_and_a_hint(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    done = told(str(data), *arguments, capsys=capsys)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""


def test_data_that_are_not_there_end_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(str(tmp_path / "nothing"), capsys=capsys).code == 3


def test_the_page_is_not_written_into_the_data(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = told(str(data), *QUICK, "-f", "html", "-o", str(data / "page.html"), capsys=capsys)
    assert done.code == 2
    assert "lies in the data" in done.err


def test_help_names_the_workflows_default() -> None:
    assert command.MOST_ROWS == workflow.MOST_ROWS
