"""``approve`` and ``reject``: what cannot be signed anyway is said before anybody reads a review for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from evidence_project import FLIPPED, Project, poisonguard

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project")
    made.publish(findings=[FLIPPED])
    for name in ("ann", "bob", "ci", "mallory", "pub"):
        made.key(name)
    monkeypatch.chdir(made.folder)
    return made


WRONG = [
    ("reviews@1 --key none.key --reason x", 2, "none.key"),
    ("reviews@1 --key ann.key.pub --reason x", 2, "ann.key.pub"),
    ("reviews@1 --key mallory.key --reason x", 2, "not in the trust root"),
    ("reviews@1 --key ci.key --reason x", 2, "does not play the role steward"),
    ("reviews@1 --key ann.key --key bob.key --reason x", 2, "the keys are of 2 people"),
    ("reviews@1 --key ann.key --reason=", 2, "no reason is given"),
    ("reviews@7 --key ann.key --reason x", 2, "reviews@7"),
    ("other --key ann.key --reason x", 2, "other"),
]
"""What is wrong with an approval as well as with a rejection."""


@pytest.mark.parametrize("command", ["approve", "reject"])
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_is_refused_anyway_shows_no_review(
    project: Project, command: str, wrong: tuple[str, int, str], capsys: Captured
) -> None:
    arguments, code, why = wrong
    assert project.data.is_dir()
    assert poisonguard(command, *arguments.split()) == code
    printed = capsys.readouterr()
    assert why in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ("--key pub.key", 5, "cannot approve it"),
        ("--key ann.key --expires 4000d", 2, "one second to ten years"),
        ("--key ann.key --waive nonsense", 2, "not FINGERPRINT=WHY"),
    ],
)
def test_what_nobody_may_approve_shows_no_review(
    project: Project, arguments: str, code: int, why: str, capsys: Captured
) -> None:
    assert project.data.is_dir()
    assert poisonguard("approve", "reviews", "--reason", "x", *arguments.split()) == code
    printed = capsys.readouterr()
    assert why in printed.err
    assert printed.out == ""


def test_what_the_review_explains_is_refused_after_it(project: Project, capsys: Captured) -> None:
    assert project.data.is_dir()
    assert poisonguard("approve", "reviews", "--key", "ann.key", "--reason", "x", "--waive", "0000=known") == 2
    printed = capsys.readouterr()
    assert "has no finding '0000'" in printed.err
    assert f"            {FLIPPED.fingerprint}  error" in printed.out


def test_the_review_comes_before_the_signature(project: Project, capsys: Captured) -> None:
    assert project.data.is_dir()
    assert poisonguard("reject", "reviews", "--key", "ann.key", "--reason", "labels") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "version     reviews@1"
    assert lines[2].startswith("content     2 files, 0 rows")
    assert lines[-2].startswith("rejected by ann (statement ")
