"""Whatever people point ``poisonguard scan`` at: an answer, or one clear line; never a traceback or a leftover.

Library warnings are errors here (pyproject), so none of them can reach a user.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import inputs_values  # noqa: F401 - its cases register themselves, as those of the others do
import pytest
from inputs import GOOD, REFUSED
from inputs_files import a_tree_of_everything, csv_by_another_name, hive_folders, json_of_numbers_and_strings
from inputs_refused import sounds_only

from poisonguard.cli.main import run

KNOWN: dict[str, set[str]] = {}
"""Checks that are known to fail on an input: reported, not yet mended."""


# --- the tests -------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and beside it the only place for temporary files; HOME is put back afterwards."""
    folder, scratch = tmp_path / "here", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(folder)
    return folder


def listing(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_can_be_read_is_scanned(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, rows = GOOD[name]
    arguments = case()
    before = listing(here.parent)
    code = run(["scan", *arguments, "--no-progress", "-f", "json"])
    printed = capsys.readouterr()
    assert not printed.err
    document = json.loads(printed.out)
    assert document["data"]["rows"] == rows
    failed = {item["check"] for item in document["outcomes"] if item["outcome"] == "failed"}
    assert failed <= KNOWN.get(name, set()), [item for item in document["outcomes"] if item["outcome"] == "failed"]
    assert code in ({0, 1, 4} if failed else {0, 1})
    assert listing(here.parent) == before


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_is_refused_in_one_line(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, code, line = REFUSED[name]
    arguments = case()
    before = listing(here.parent)
    assert run(["scan", *arguments, "--no-progress", "--report", "out.json", "--flagged", "rows.csv"]) == code
    printed = capsys.readouterr()
    first, second = printed.err.splitlines()
    assert first.startswith("error: ")
    assert line in first
    assert second.startswith(" hint: ")
    assert printed.err.replace("\n", "").isprintable()
    assert not printed.out
    assert listing(here.parent) == before


@pytest.mark.parametrize("name", ["a_column_of_every_type", "names_that_attack_terminals_and_pages"])
def test_every_report_and_row_file_can_be_written(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["a.json", "a.sarif", "a.xml", "a.md", "a.html"]
    options = [word for file in files for word in ("--report", file)]
    assert run(["scan", *GOOD[name][0](), *options, "--flagged", "f.csv", "--scores", "s.jsonl", "-v"]) in {0, 1}
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert all(Path(file).stat().st_size for file in [*files, "f.csv", "s.jsonl"])


def notes(*arguments: str) -> str:
    run(["scan", *arguments, "--no-progress", "-f", "json", "-o", "out.json"])
    document = json.loads(Path("out.json").read_text(encoding="utf-8"))
    return "\n".join(document["notes"])


def test_what_was_not_read_as_it_stands_is_said(here: Path) -> None:
    tree = notes(*a_tree_of_everything())
    assert "7 files hold no table" in tree
    assert "1 pickle" in tree
    assert "values in folder names are no columns and were not checked: year" in notes(*hive_folders(), "--name", "x")
    assert "adult: read as CSV" in notes(*csv_by_another_name())
    assert "mix kinds of values or hold integers beyond 64 bits: a" in notes(*json_of_numbers_and_strings())


def test_sounds_are_said_to_be_fit_for_signing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", *sounds_only()]) == 3
    assert "others can be signed, not scanned" in capsys.readouterr().err
