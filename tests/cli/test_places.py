"""What a command may not write over: data, inputs, other outputs, keys, the workspace; and wrong files are named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from evidence_project import Project, poisonguard

from poisonguard.cli.places import check_outputs
from poisonguard.errors import UsageError

Captured = pytest.CaptureFixture[str]
IN_DATA = "lies in the data"
READ = "is read by this command"
KEY = "is a key"
OWN = "lies in .poisonguard"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all: what is refused here changes nothing."""
    made = Project.start(tmp_path_factory.mktemp("places") / "project", revokers=("rita",))
    made.publish()
    made.approve("ann")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        _fill(made)
    return made


@pytest.fixture
def project(shared: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(shared.folder)
    return shared


def _fill(made: Project) -> None:
    for name in ("pub", "olga", "rita"):
        made.key(name)
    Path("pub.pub").write_text(made.keys["pub"].public.pem)
    Path("link.csv").symlink_to("reviews/a.csv")
    os.link("reviews/a.csv", "hard.csv")
    assert poisonguard("bundle", "export", "reviews", "-o", "b.pgbundle") == 0
    assert poisonguard("revoke", "--refresh", "--key", "rita.key") == 0
    assert poisonguard("log", "checkpoint", "-o", "kept.txt") == 0
    Path("old.json").write_text("{}")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the database's own beside it."""
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and "registry" not in path.name
    }


def words(line: str) -> Sequence[str]:
    return line.split()


REFUSED = [
    ("gate reviews --vsa reviews/a.csv", IN_DATA),
    ("gate reviews -o reviews/new.json", IN_DATA),
    ("gate reviews/a.csv -o link.csv", IN_DATA),
    ("gate reviews/a.csv -o hard.csv", IN_DATA),
    ("gate reviews/*.csv -o reviews/c.csv", IN_DATA),
    ("gate reviews --bundle b.pgbundle -o b.pgbundle", READ),
    ("gate reviews --bundle b.pgbundle --revocations kept.txt --vsa kept.txt", READ),
    ("gate reviews --trust kept.txt -o ./kept.txt", READ),
    ("gate reviews --vsa new.json -o new.json", "written twice"),
    ("gate reviews --vsa pub.key", KEY),
    ("gate reviews -o .poisonguard/state.json", OWN),
    ("scan reviews -o reviews/a.csv", IN_DATA),
    ("scan reviews --report reviews/new.json", IN_DATA),
    ("scan reviews --flagged reviews/a.csv", IN_DATA),
    ("scan reviews --scores reviews/a.csv", IN_DATA),
    ("scan reviews/b.csv --reference reviews/a.csv --scores reviews/a.csv", IN_DATA),
    ("scan reviews --flagged rows.csv --scores rows.csv", "written twice"),
    ("scan reviews -o pub.pub", KEY),
    ("diff reviews reviews@1 -o reviews/a.csv", IN_DATA),
    ("diff reviews@1 reviews -o reviews/new.txt", IN_DATA),
    ("versions -o pub.key", KEY),
    ("versions -o .poisonguard/trust.json", OWN),
    ("versions --policy kept.txt -o kept.txt", READ),
    ("log show -o pub.key", KEY),
    ("log checkpoint -o pub.key", KEY),
    ("log prove --from kept.txt -o kept.txt", READ),
    ("bundle export reviews -o pub.key", KEY),
    ("bundle export --revocations -o .poisonguard/registry.db", OWN),
    ("bundle prove-file reviews a.csv -o pub.pub", KEY),
    ("revoke --refresh --key rita.key -o rita.key", READ),
    ("revoke --refresh --key rita.key -o pub.key", KEY),
    ("sign reviews --key pub.key --oms pub.pub", KEY),
    ("sign reviews --key pub.key --oms pub.key", READ),
    ("sign reviews --key pub.key --oms reviews/a.csv", IN_DATA),
    ("verify reviews --oms b.pgbundle --public-key pub.pub -o b.pgbundle", READ),
    (
        "trust next --person olga=pub.pub --role root=olga --key olga.key -o olga.key",
        READ,
    ),
]


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_nothing_is_written_over(project: Project, capsys: Captured, line: str, why: str) -> None:
    before = contents(project.folder)
    capsys.readouterr()
    assert poisonguard(*words(line)) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert "hint: " in said.err
    assert said.out == ""
    assert contents(project.folder) == before


@pytest.mark.parametrize(
    "line",
    [
        "gate reviews -o - --vsa new.json",
        "gate reviews -o old.json",
        "diff reviews reviews@1 -o new.txt",
        "log checkpoint -o kept.txt",
        "bundle export reviews -o b.pgbundle",
    ],
)
def test_elsewhere_is_written(project: Project, line: str) -> None:
    assert project.data.is_dir()
    assert poisonguard(*words(line)) == 0


@pytest.mark.parametrize("first", ["-----BEGIN X", "\n-----BEGIN X", '{"kdf":{},"kind":"poisonguard-private-key/v1"}'])
def test_keys_are_known_by_what_they_hold(tmp_path: Path, first: str) -> None:
    path = tmp_path / "anything"
    path.write_text(first)
    with pytest.raises(UsageError, match=KEY):
        check_outputs((path,))
    path.write_text(f"text {first!r}".replace('"', '\\"'))
    check_outputs((None, "-", path), data=("s3://bucket/data", None), inputs=(None, "sha256:00"))


def test_a_link_in_the_data_is_data_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match=IN_DATA):
        check_outputs((tmp_path / "data" / "link",), data=(str(tmp_path / "data"),))


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("trust update kept.txt", 6, "kept.txt: "),
        ("trust cosign kept.txt --key olga.key", 6, "kept.txt: "),
        ("log audit --against kept.txt --against pub.pub", 6, "pub.pub: the checkpoint is not"),
        ("log prove --from pub.pub", 6, "pub.pub: the checkpoint is not"),
        ("gate reviews --trust sha256:zz", 2, "--trust sha256:zz: not a pin"),
        ("bundle check-file x.proof --trust sha256:zz", 2, "--trust sha256:zz: not a pin"),
        ("gate reviews --passphrase-file kept.txt", 2, "--passphrase-file is given, but no key"),
        ("revoke --refresh --reason x --key rita.key", 2, "no --reason to give"),
        ("sign reviews --key reviews", 2, "reviews is not a regular file"),
    ],
)
def test_a_wrong_file_or_option_is_named(project: Project, capsys: Captured, line: str, code: int, said: str) -> None:
    assert project.data.is_dir()
    capsys.readouterr()
    assert poisonguard(*words(line)) == code
    assert said in capsys.readouterr().err


def test_a_pipe_stays_a_pipe(project: Project, tmp_path: Path, capsys: Captured) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_outputs((pipe, pipe), data=("reviews",))
    assert poisonguard("gate", str(project.data), "--vsa", str(pipe)) == 2
    assert "is a device or a pipe" in capsys.readouterr().err
    assert pipe.is_fifo()
