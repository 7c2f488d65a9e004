"""A scan that is to be signed is refused before it runs, or published when it ran."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from evidence_project import Project, poisonguard

import poisonguard as pg
from poisonguard.attest.keyfile import save_private_key
from poisonguard.store.registry import Kind
from poisonguard.workflow import scan as scanning
from poisonguard.workflow import scan_run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("POISONGUARD_PASSPHRASE", raising=False)
    draw = random.Random(7)  # noqa: S311 - data, not secrets
    made.write("a.csv", "size,label\n" + "".join(f"{draw.random()},{draw.choice('ab')}\n" for _ in range(300)))
    (made.data / "b.csv").unlink()
    return made


@pytest.fixture
def never_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test when anything is scanned."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("the scan ran")

    monkeypatch.setattr(scanning, "_scan", refuse)
    monkeypatch.setattr(scan_run, "open_dataset", refuse)


def statements(project: Project) -> list[Kind]:
    with project.workspace as workspace, workspace.registry.read() as reader:
        return [item.kind for item in reader.each()]


def test_the_python_api_signs_and_publishes_with_a_profile(project: Project) -> None:
    result = pg.scan("reviews", key=project.key("pub"))
    assert statements(project) == [Kind.TRUST_ROOT, Kind.MANIFEST, Kind.SCAN]
    pg.approve("reviews@1", key=project.key("ann"), reason="read")
    assert pg.gate("reviews").evidence.version == result.version
    assert pg.scan("reviews").reference == "reviews@1"


def test_a_scanner_scans_a_published_version_over(project: Project) -> None:
    pg.sign("reviews", key=project.key("pub"))
    pg.scan("reviews", key=project.key("ci"))
    assert statements(project) == [Kind.TRUST_ROOT, Kind.MANIFEST, Kind.SCAN]


@pytest.mark.usefixtures("never_scanned")
@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("ann", "does not play the role scanner"),
        ("mallory", "not in the trust root"),
        ("ci", "does not play the role publisher"),
    ],
)
def test_a_key_without_the_role_costs_no_scan(
    project: Project, key: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(pg.UsageError, match=said):
        pg.scan("reviews", key=project.key(key))
    assert poisonguard("scan", "reviews", "--sign", project.key(key)) == 2
    assert said in capsys.readouterr().err
    assert statements(project) == [Kind.TRUST_ROOT]


@pytest.mark.usefixtures("never_scanned")
def test_a_wrong_passphrase_costs_no_scan(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    save_private_key(project.keys["pub"], Path("locked.key"), b"correct horse")
    Path("wrong").write_text("battery staple\n")
    with pytest.raises(pg.KeyMaterialError, match="wrong passphrase"):
        pg.scan("reviews", key="locked.key", passphrase_file=Path("wrong"))
    assert poisonguard("scan", "reviews", "--sign", "locked.key", "--passphrase-file", "wrong") == 2
    assert "wrong passphrase" in capsys.readouterr().err


@pytest.mark.usefixtures("never_scanned")
def test_what_could_not_be_published_is_not_scanned(project: Project) -> None:
    key = project.key("pub")
    with pytest.raises(pg.UsageError, match="dataset's name"):
        pg.scan("reviews", key=key, name="a@1")
    with pytest.raises(pg.UsageError, match="table in memory"):
        pg.scan(pa.table({"a": [1]}), key=key)
    with pytest.raises(pg.NothingToScan):
        pg.scan("nowhere", key=key)
    with pytest.raises(pg.KeyMaterialError, match=r"nowhere\.key"):
        pg.scan("reviews", key="nowhere.key")
    log_key = project.folder / ".poisonguard" / "log.key"
    log_key.rename(log_key.with_suffix(".gone"))
    with pytest.raises(pg.UsageError, match=r"log\.key"):
        pg.scan("reviews", key=key)


@pytest.mark.usefixtures("never_scanned")
def test_without_a_workspace_nothing_is_scanned(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder.parent)
    with pytest.raises(pg.UsageError, match=r"no \.poisonguard folder"):
        pg.scan("project/reviews", key=project.key("pub"))


@pytest.mark.usefixtures("project", "never_scanned")
def test_a_passphrase_without_a_key_is_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(pg.UsageError, match="no key"):
        pg.scan("reviews", passphrase_file=Path("secret"))
    assert poisonguard("scan", "reviews", "--passphrase-file", "secret") == 2
    assert "--sign KEY" in capsys.readouterr().err
