"""Nonsense where poisonguard expects a file, a place or a registry: one clear line, and never a pass."""

import os
from pathlib import Path

import pytest
from evidence_fixtures import Captured, gate
from evidence_project import Project

import poisonguard as pg

TRUST = ("--bundle", "reviews.pgbundle", "--trust", ".poisonguard/trust.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 100_000, b"{" + b'"a":{' * 5000, b"1" * 10_000, b"\xff\xfe", b'{"a":1e999}', b"null", b'"\\ud800"'],
)
@pytest.mark.parametrize("target", [".poisonguard/trust.json", ".poisonguard/state.json", "reviews.pgbundle"])
@pytest.mark.usefixtures("approved", "bundle")
def test_nonsense_in_a_file_is_one_clear_line(capsys: Captured, target: str, content: bytes) -> None:
    Path(target).write_bytes(content)
    capsys.readouterr()
    assert gate("reviews", *TRUST) in {2, 5, 6}
    captured = capsys.readouterr()
    assert "bug" not in captured.err
    assert captured.err.count("\n") <= 2


@pytest.mark.parametrize(
    "location",
    [
        "x" * 5000,
        "a/" * 3000,
        "\udcff",
        "\x1b[2J",
        "-",
        "~",
        "/",
        "**",
        "[",
        "http://",
        "s3://",
        "sqlite://",
        "file:",
        "x://y",
    ],
)
@pytest.mark.usefixtures("approved")
def test_nonsense_as_a_location_is_refused(capsys: Captured, location: str) -> None:
    assert gate("--name", "reviews", "--", location) in {2, 3, 5, 6}
    captured = capsys.readouterr()
    assert "bug" not in captured.err
    assert "\x1b" not in captured.out + captured.err


def test_nonsense_from_python_is_refused(approved: Project) -> None:
    for location in ("a\0b", "", "x" * 5000):
        with pytest.raises(pg.PoisonguardError):
            pg.gate(location)


@pytest.mark.parametrize(
    "registry",
    [
        "x://y",
        "postgresql://nobody@localhost:1/x",
        "mysql://x",
        "sqlite://",
        "sqlite:///",
        "/",
        "reviews",
        "reviews/a.csv",
        "x" * 5000,
    ],
)
@pytest.mark.usefixtures("approved")
def test_nonsense_as_a_registry_is_refused(capsys: Captured, registry: str) -> None:
    assert gate("reviews", "--registry", registry) in {2, 6}
    assert "bug" not in capsys.readouterr().err


def test_a_working_directory_that_is_gone_is_refused(approved: Project, tmp_path: Path, capsys: Captured) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert gate(str(approved.data)) in {2, 5, 6}
    finally:
        os.chdir(approved.folder)
    assert "bug" not in capsys.readouterr().err
