"""``trust next`` and ``trust cosign`` on the command line: what changes is shown to whoever signs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from evidence_project import START, Project, poisonguard

from poisonguard.attest.trust import RoleName
from poisonguard.workflow import trust_root

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project")
    for name in ("ann", "bob", "mallory", "olga"):
        made.key(name)
    monkeypatch.chdir(made.folder)
    return made


def next_(*arguments: str, key: str = "olga") -> int:
    return poisonguard("trust", "next", "-o", "next.json", "--key", f"{key}.key", *arguments)


def short(project: Project, name: str) -> str:
    return f"{project.keys[name].public.keyid[:16]} (p256)"


def review(capsys: Captured) -> list[str]:
    """The changes that were printed, but for the version's and the expiry's."""
    version, expires, *changes = capsys.readouterr().out.splitlines()
    assert version == "~ version   1 -> 2"
    assert re.fullmatch(r"~ expires   20\S+Z -> 20\S+Z", expires)
    return changes


def test_a_renewal_changes_nothing_but_version_and_expiry(project: Project, capsys: Captured) -> None:
    assert next_("--expires", "30d") == 0
    assert review(capsys) == []
    before = (project.folder / ".poisonguard" / "trust.json").read_bytes()
    old, new = trust_root.root_in(before), trust_root.root_in(Path("next.json").read_bytes())
    assert (old.people, old.roles) == (new.people, new.roles)
    assert poisonguard("trust", "update", "next.json") == 0


def test_what_changes_is_printed_and_holds_after_the_update(project: Project, capsys: Captured) -> None:
    changes = (
        "--add-person mallory=mallory.key.pub --add-role steward=mallory --remove-person bob --threshold steward=2"
    )
    assert next_(*changes.split()) == 0
    assert review(capsys) == [
        f"- person    bob: {short(project, 'bob')}",
        f"+ person    mallory: {short(project, 'mallory')}",
        "~ steward   1 of ann, bob, pub -> 2 of ann, mallory, pub",
    ]
    assert poisonguard("trust", "update", "next.json") == 0
    assert "steward   2 of ann, mallory, pub" in capsys.readouterr().out


def test_a_key_is_replaced_and_a_role_taken_and_given(project: Project, capsys: Captured) -> None:
    assert (
        next_("--replace-key", "bob=mallory.key.pub", "--remove-role", "steward=ann", "--add-role", "revoker=ann") == 0
    )
    assert review(capsys) == [
        f"~ person    bob: {short(project, 'bob')} -> {short(project, 'mallory')}",
        "+ revoker   1 of ann",
        "~ steward   1 of ann, bob, pub -> 1 of bob, pub",
    ]


def test_in_full_shows_what_changes_too(project: Project, capsys: Captured) -> None:
    people = [f"--person={name}={project.key(name)}.pub" for name in ("ann", "olga", "pub", "ci")]
    roles = [f"--role={text}" for text in ("root=olga", "publisher=pub", "scanner=pub,ci", "steward=ann,pub")]
    assert next_(*people, *roles, "--dataset", "reviews*", "--threshold", "steward=2") == 0
    changed = review(capsys)
    assert changed[0] == f"- person    bob: {short(project, 'bob')}"
    assert "~ steward   1 of ann, bob, pub -> 2 of ann, pub, for reviews*" in changed


def test_who_cosigns_sees_what_changes(project: Project, capsys: Captured, tmp_path: Path) -> None:
    assert next_("--add-person", "mallory=mallory.key.pub", key="bob") == 0
    changes = review(capsys)
    assert changes == [f"+ person    mallory: {short(project, 'mallory')}"]
    assert poisonguard("trust", "cosign", "next.json", "--key", "ann.key") == 2
    assert capsys.readouterr().out == "", "who may not sign is told so first"
    assert poisonguard("trust", "cosign", "next.json", "--key", "olga.key") == 0
    assert review(capsys) == changes


def test_who_cosigns_where_nothing_is_trusted_compares_with_nothing(
    project: Project, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert next_(key="bob") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    capsys.readouterr()
    file, key = str(project.folder / "next.json"), project.key("olga")
    assert poisonguard("trust", "cosign", file, "--key", key) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "signed by 1 of 1 (olga)\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--person ann=ann.key.pub", "--person and --role go together"),
        ("--role root=ann", "--person and --role go together"),
        ("--person ann=ann.key.pub --role root=ann --add-person bob=bob.key.pub", "nothing is left to change"),
        ("--role root=ann --remove-role steward=bob", "nothing is left to change"),
        ("--remove-person zoe", "nobody in the trust root is called 'zoe'"),
        ("--remove-person registry-log", "nobody in the trust root is called 'registry-log'"),
        ("--remove-person bob --add-person bob=mallory.key.pub", "bob is removed and given a key"),
        ("--threshold steward=9", "role steward has threshold 9"),
        ("--threshold revoker=1", "something is asked of the role revoker"),
        ("--expires 4000d", "one second to ten years"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    project: Project, arguments: str, why: str, capsys: Captured
) -> None:
    assert next_(*arguments.split()) == 2
    printed = capsys.readouterr()
    assert why in printed.err
    assert printed.out == ""
    assert not (project.folder / "next.json").exists()


def test_a_first_trust_root_is_said_in_full(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert poisonguard("trust", "init", "--key", project.key("olga")) == 2
    assert "--person and --role go together" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_names_that_steer_a_terminal_are_made_visible(project: Project, capsys: Captured) -> None:
    with project.workspace as workspace:
        request = project.request(datasets=("*\u202e", "*"))
        _, data = trust_root.next_root(workspace, request, [project.keys["olga"]], START)
        trust_root.update(workspace, data)
    assert RoleName.STEWARD in trust_root.root_in(data).roles
    assert poisonguard("trust", "show") == 0
    assert "for *\\u{202E}, *" in capsys.readouterr().out
