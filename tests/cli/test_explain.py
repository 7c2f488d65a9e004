"""``poisonguard explain``: a finding by its fingerprint, a check by its id, one clear line for everything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evidence_project import FLIPPED, Project

from poisonguard.cli.main import run
from poisonguard.plugin.card import shipped_cards

FINGERPRINT = FLIPPED.fingerprint


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    project = Project.start(tmp_path)
    project.publish(findings=[FLIPPED])
    return project


def report(folder: Path, *findings: dict[str, object]) -> str:
    (folder / "report.json").write_text(json.dumps({"schema": "poisonguard-report/v1", "findings": findings}))
    return "report.json"


def found(fingerprint: str = FINGERPRINT, **more: object) -> dict[str, object]:
    return {"fingerprint": fingerprint, "check": "PG-LABEL-002", "message": "web-7 lies", "rowCount": 3, **more}


@pytest.mark.parametrize("card", sorted(shipped_cards()))
def test_every_check_says_what_why_how_and_how_to_waive_it(card: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", card.lower()]) == 0
    out = capsys.readouterr().out
    for title in ("What it looks for", "Why it matters", "How it is computed", "Blind spots", "False positives"):
        assert f"\n{title}\n" in out
    assert shipped_cards()[card].title in out
    assert "--waive 'FINGERPRINT=WHY'" in out


def test_a_published_finding_is_found_by_the_beginning_of_its_fingerprint(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", FINGERPRINT[:6]]) == 0
    out = capsys.readouterr().out
    assert "labels of web-7 are flipped" in out
    assert "in reviews@1, compared with the other sources" in out
    assert f"approve reviews@1 --key KEY --reason WHY --waive '{FINGERPRINT}=WHY'" in " ".join(out.split())


def test_only_the_version_asked_for_is_looked_at(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("c.csv", "id,label\n4,pos\n")
    project.publish(minutes=2)
    assert run(["explain", FINGERPRINT, "--version", "reviews@2"]) == 2
    assert "no finding" in capsys.readouterr().err
    assert run(["explain", FINGERPRINT, "--version", "reviews@1"]) == 0
    assert run(["explain", FINGERPRINT]) == 0


def test_numbers_and_rows_of_a_report_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "path": "a.csv",
        "row": 7,
        "values": [{"column": "text", "value": "x" * 500 + " cf " + "y" * 500}],
        "highlight": {"column": "text", "text": "cf"},
    }
    path = report(tmp_path, found(numbers={"rate": 0.25}, examples=[row]))
    assert run(["explain", FINGERPRINT, "--report", str(tmp_path / path)]) == 0
    out = capsys.readouterr().out
    assert "rate = 0.25" in out
    assert " cf " in out
    assert "x" * 400 not in out


def test_what_an_attacker_wrote_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = report(tmp_path, found(message="\x1b[31mred", numbers={"\x1b[2J": "\x1b[2J"}))
    assert run(["explain", FINGERPRINT, "--report", str(tmp_path / path)]) == 0
    assert "\x1b[2J" not in capsys.readouterr().out


FOUND = {"fingerprint": "abcdef0123456789", "check": "PG-BLOB-001"}


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ("zz", None, "neither a check nor a fingerprint"),
        ("abc", None, "neither a check nor a fingerprint"),
        ("abcd1234", [], "no finding abcd1234 in report.json"),
        ("abcd", [found("abcd000000000000"), found("abcd111111111111")], "fits several findings"),
        ("abcd", [found("abcd000000000000", check="PG-NONE-001")], "has no check PG-NONE-001"),
        ("abcd", [{"check": "PG-LABEL-002"}], "no JSON report"),
        ("abcd", [7], "no JSON report"),
        ("abcd", [FOUND | {"examples": [3]}], "no JSON report"),
        ("abcd", [FOUND | {"examples": [{"path": "a", "row": 1, "values": [1]}]}], "no JSON report"),
        ("abcd", [FOUND | {"rowCount": "\x1b[31m"}], "no JSON report"),
        ("abcd", [FOUND | {"numbers": [1]}], "no JSON report"),
    ],
)
def test_what_cannot_be_explained_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, content: list[dict[str, object]] | None, said: str
) -> None:
    path = tmp_path / report(tmp_path, *(content or []))
    assert run(["explain", asked, "--report", str(path)]) in {2, 3}
    shown = capsys.readouterr().err.splitlines()
    assert said in shown[0]
    assert len(shown) <= 2


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_report_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert run(["explain", "abcd", "--report", str(tmp_path / "x.json")]) == 3
    assert "no JSON report" in capsys.readouterr().err
