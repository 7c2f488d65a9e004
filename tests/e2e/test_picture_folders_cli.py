"""Folders of picture files through the command line: scan, sign, approve, gate, tamper, diff, quarantine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evidence_fixtures import Captured
from picture_folders import png, put, put_strokes

import poisonguard as pg
from poisonguard.cli.main import run
from poisonguard.dataset import pictures
from poisonguard.errors import DataChanged

PACK = """
name: pictures
what: What can be said of pictures in folders.
checks: [{card: PG-DUP-001}, {card: PG-FILE-001}]
"""


def call(*arguments: object) -> int:
    return run([*map(str, arguments)])


def scan(*arguments: object) -> int:
    return call("scan", *arguments, "--no-progress")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put_strokes(tmp_path / "pictures")
    (tmp_path / "pack.yaml").write_text(PACK)
    return tmp_path


def test_a_scan_names_pictures_by_their_paths(here: Path) -> None:
    assert scan("pictures", "--report", "out.html", "--report", "out.json", "--scores", "scores.parquet") == 0
    scores = pd.read_parquet("scores.parquet")
    names = sorted(str(path.relative_to(here / "pictures")) for path in (here / "pictures").rglob("*.png"))
    assert scores["path"].tolist() == scores["key"].tolist() == names
    assert (scores["row"] == 0).all()
    document = json.loads(Path("out.json").read_text())
    assert document["data"]["rows"] == len(names)
    assert {item["name"]: item["role"] for item in document["columns"]} == {
        "path": "id", "label": "label", "image": "image",
    }  # fmt: skip
    page = Path("out.html").read_text()
    assert "120 pictures read as a table" in page
    assert "\\x89PNG" not in page


def test_a_result_does_not_depend_on_workers_and_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan("pictures", "--report", "one.json", "--workers", 1)
    monkeypatch.setattr(pictures, "RUN_FILES", 7)
    scan("pictures", "--report", "many.json", "--workers", 3)
    assert (here / "many.json").read_bytes() == (here / "one.json").read_bytes()


def test_copies_of_one_picture_under_other_names_are_found_and_can_be_quarantined(here: Path) -> None:
    content = png(7, side=12)
    for number in range(30):
        put(here / "pictures", f"flat/copy-{number:02d}.png", content)
    assert scan("pictures", "--pack", "pack.yaml", "--flagged", "flagged.csv", "--report", "out.json") == 0
    flagged = pd.read_csv("flagged.csv")
    assert flagged["path"].str.contains("/copy-").all()
    assert len(flagged) >= 15
    document = json.loads(Path("out.json").read_text())
    assert "/copy-" in document["findings"][0]["examples"][0]["path"]
    _quarantine(here, set(flagged["path"]))


def _quarantine(here: Path, gone: set[str]) -> None:
    before = {path.relative_to(here / "pictures"): path.read_bytes() for path in (here / "pictures").rglob("*.png")}
    assert call("quarantine", "pictures", "--pack", "pack.yaml", "-o", "apart") == 0
    assert {str(path.relative_to(here / "apart/clean")) for path in (here / "apart/clean").rglob("*.png")} == {
        str(path) for path in before
    } - gone
    assert call("quarantine", "--restore", "apart", "-o", "back") == 0
    assert {path.relative_to(here / "back"): path.read_bytes() for path in (here / "back").rglob("*.png")} == before


@pytest.fixture
def approved(here: Path) -> Path:
    for person in ("root", "paula", "steven"):
        assert call("keys", "new", f"{person}.key", "--insecure-no-passphrase") == 0
    people = [f"{person}={person}.key.pub" for person in ("root", "paula", "steven")]
    roles = ["root=root", "publisher=paula", "scanner=paula", "steward=steven"]
    assert call("init", "pictures") == 0
    options = [*(part for item in people for part in ("--person", item)), *(p for r in roles for p in ("--role", r))]
    assert call("trust", "init", "--key", "root.key", *options) == 0
    assert scan("pictures", "--sign", "paula.key", "--quiet") == 0
    assert call("approve", "pictures@1", "--key", "steven.key", "--reason", "looked at them") == 0
    return here


def test_an_approved_folder_passes_and_an_altered_picture_is_named(approved: Path, capsys: Captured) -> None:
    assert call("gate", "pictures") == 0
    assert (
        pg.open_dataset("pictures").open("flat/0002.png").read() == (approved / "pictures/flat/0002.png").read_bytes()
    )
    path = next((approved / "pictures/steep").iterdir())
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    capsys.readouterr()
    assert call("gate", "pictures") == 6
    assert f"steep/{path.name}" in capsys.readouterr().out
    with pytest.raises(DataChanged, match=path.name):
        pg.open_dataset("pictures").open(f"steep/{path.name}").read()


def test_the_next_version_is_compared_with_the_approved_one(approved: Path, capsys: Captured) -> None:
    shutil.copytree("pictures", "next")
    Path("next/flat/0002.png").rename("next/steep/0002.png")
    put(Path("next"), "flat/new.png", png(3))
    assert scan("next", "--name", "pictures", "--report", "out.json", "--quiet") in {0, 1}
    assert json.loads(Path("out.json").read_text())["data"]["rows"] == 121
    capsys.readouterr()
    assert call("diff", "pictures", "next") == 0
    printed = capsys.readouterr().out
    assert "flat/new.png" in printed
    assert approved.is_dir()


def test_signing_again_reads_only_what_changed_and_says_the_same(approved: Path) -> None:
    put(approved / "pictures", "flat/new.png", png(3))
    assert call("sign", "pictures", "--key", "paula.key") == 0
    assert call("sign", "pictures", "--key", "paula.key", "--full") == 0
    assert not any(path.is_file() for path in (approved / ".poisonguard/cache").rglob("*"))


def test_a_red_team_attacks_a_copy_of_the_pictures(here: Path) -> None:
    names = np.array(sorted(path.name for path in (here / "pictures").rglob("*.png")))
    assert call("redteam", "pictures", "--attack", "image-patch", "--rate", "0.1", "-f", "json", "-o", "out.json") == 0
    assert json.loads(Path("out.json").read_text())["attacks"]
    assert names.tolist() == sorted(path.name for path in (here / "pictures").rglob("*.png"))
