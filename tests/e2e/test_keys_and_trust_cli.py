"""Keys and trust roots, as people make and follow them."""

import io
from pathlib import Path

import pytest
from evidence_fixtures import Captured
from evidence_project import Project, poisonguard

# Keys


def test_a_new_key_is_encrypted_private_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "correct horse")
    path = tmp_path / "ann.key"
    assert poisonguard("keys", "new", str(path)) == 0
    made = capsys.readouterr().out
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE KEY" not in path.read_bytes()
    assert poisonguard("keys", "show", str(path)) == 0
    assert capsys.readouterr().out.startswith(made)


def test_a_key_is_never_made_over_another(tmp_path: Path, capsys: Captured) -> None:
    path = str(tmp_path / "ann.key")
    assert poisonguard("keys", "new", path, "--insecure-no-passphrase", "--type", "ed25519") == 0
    assert poisonguard("keys", "new", path, "--insecure-no-passphrase") == 2
    assert "exists" in capsys.readouterr().err


def test_without_a_passphrase_no_key_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.delenv("POISONGUARD_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert poisonguard("keys", "new", str(tmp_path / "ann.key")) == 2
    assert "passphrase" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_passphrase_is_one_clear_line_and_signs_nothing(
    project: Project, tmp_path: Path, capsys: Captured
) -> None:
    project.publish()
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    path = str(tmp_path / "new.key")
    assert poisonguard("keys", "new", path, "--passphrase-file", str(right)) == 0
    capsys.readouterr()
    arguments = ("approve", "reviews", "--key", path, "--reason", "ok", "--passphrase-file", str(wrong))
    assert poisonguard(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: wrong passphrase for {path}")
    assert "Traceback" not in captured.err
    assert poisonguard("log", "show") == 0
    assert "approval" not in capsys.readouterr().out


# Trust


def trust(command: str, project: Project, *more: str) -> int:
    people = [f"--person={name}={project.key(name)}.pub" for name in ("olga", "pub", "ci", "ann", "bob")]
    roles = ["--role=root=olga", "--role=publisher=pub", "--role=scanner=ci", "--role=steward=ann,bob"]
    return poisonguard("trust", command, *people, *roles, *more)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the commands run."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_trust_root_is_made_shown_and_followed(project: Project, fresh: Path, capsys: Captured) -> None:
    assert trust("init", project, "--key", project.key("olga"), "--threshold", "steward=2") == 0
    made = capsys.readouterr().out
    assert "steward   2 of ann, bob" in made
    assert poisonguard("trust", "show") == 0
    assert capsys.readouterr().out == made
    assert trust("next", project, "--key", project.key("mallory"), "-o", "next.json") == 0
    assert poisonguard("trust", "update", "next.json") == 6
    before = Path("next.json").read_bytes()
    assert poisonguard("trust", "cosign", "next.json", "--key", project.key("mallory")) == 2
    assert Path("next.json").read_bytes() == before
    assert poisonguard("trust", "cosign", "next.json", "--key", project.key("olga")) == 0
    assert "signed by 1 of 1 (olga)\n" in capsys.readouterr().err
    assert poisonguard("trust", "update", "next.json") == 0
    assert "trust root version 2" in capsys.readouterr().out
    assert poisonguard("log", "audit") == 0


def test_a_trust_root_that_lets_nothing_pass_is_warned_of(project: Project, fresh: Path, capsys: Captured) -> None:
    assert trust("init", project, "--key", project.key("olga"), "--role", "publisher=ann,bob") == 0
    assert "warning: only 0 of 1 needed stewards" in capsys.readouterr().err


def test_a_trust_root_that_cannot_be_is_not_made(project: Project, fresh: Path, capsys: Captured) -> None:
    key = ("--key", project.key("olga"))
    assert trust("init", project, *key, "--threshold", "steward=3") == 2
    assert trust("init", project, *key, "--role", "king=ann") == 2
    assert trust("init", project, *key, "--expires", "999999w") == 2
    assert trust("init", project, "--key", project.key("ann")) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert list(fresh.iterdir()) == []
