"""``poisonguard init`` and ``checks``: what is written reads back to what was found."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.cli.main import run
from poisonguard.dataset.opening import open_dataset
from poisonguard.dataset.roles import infer_roles
from poisonguard.plugin.card import shipped_cards
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.load import load_policy
from poisonguard.policy.model import policy_digest
from poisonguard.workflow.settings import load_settings, overrides

HOSTILE = [
    "",
    " ",
    "#",
    "- a",
    "a: b",
    "'",
    '"',
    "\\",
    "{x}",
    "[x]",
    "&a",
    "*a",
    "!t",
    "yes",
    "null",
    "1",
    "~",
    "%",
    "@",
]
HOSTILE += [
    "\x1b[31m",
    "a\nb",
    "a\tb",
    "\u2028",
    "\u202e",
    "\x85",
    "\ufeff",
    "é",
    "😀",
    "<script>",
    "=1+1",
    "x y" * 9000,
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_sample(path: str = "data/sales figures.parquet") -> str:
    Path(path).parent.mkdir(exist_ok=True)
    rows = range(60)
    table = {"id": [f"r{row}" for row in rows], "label": ["a", "b"] * 30, "price": [row / 7 for row in rows]}
    pq.write_table(pa.table(table), path)
    return path


def test_what_is_written_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_sample()
    assert run(["init", path]) == 0
    printed = capsys.readouterr()
    assert "label      label: 2 distinct values in 60 rows" in printed.out
    assert "next: poisonguard scan 'data/sales figures.parquet'" in printed.err
    loaded = load_settings(Path("poisonguard.yaml"))
    assert loaded.of("sales figures").packs == ("baseline",)
    assert loaded.policy == str(Path("policy.yaml").resolve())
    assert policy_digest(load_policy(Path("policy.yaml"))) == policy_digest(default_policy())
    assert run(["scan", path, "--no-progress", "-q"]) == 0


def test_hostile_column_names_keep_their_roles(capsys: pytest.CaptureFixture[str]) -> None:
    path = "rows.parquet"
    pq.write_table(pa.table({name: [f"{row % 7}" for row in range(60)] for name in HOSTILE}), path)
    assert run(["init", path]) == 0
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert len(printed.splitlines()) == len(HOSTILE) + 3
    own = load_settings(Path("poisonguard.yaml")).of("rows")
    with open_dataset(path) as dataset:
        found = infer_roles(dataset.columns, dataset.peek(), {})
        again = infer_roles(dataset.columns, dataset.peek(), overrides(own.columns, []))
    roles = {item.column: item.role for item in found.assignments}
    assert {item.column: item.role for item in again.assignments} == roles
    assert set(roles) == set(HOSTILE)


@pytest.mark.parametrize("present", ["poisonguard.yaml", "policy.yaml"])
def test_nothing_is_overwritten_unasked(present: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_sample()
    Path(present).write_text("mine")
    assert run(["init", path]) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: {present} exists already"
    assert sorted(item.name for item in Path().iterdir()) == ["data", present]
    assert Path(present).read_text() == "mine"
    assert run(["init", path, "--force"]) == 0
    assert Path(present).read_text() != "mine"


@pytest.mark.parametrize("data", [".", "*", "../{here}", "file://{here_path}"])
def test_settings_are_not_written_into_the_data(data: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sample("rows.parquet")
    assert run(["init", data.format(here=here.name, here_path=here)]) == 2
    assert "would lie in the data" in capsys.readouterr().err
    assert [item.name for item in here.iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize("data", ["missing.csv", "", "x" * 5000, "empty.csv", "a.bin"])
def test_bad_data_write_nothing(data: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.csv").touch()
    Path("a.bin").write_bytes(b"\x89\x00\x01\x02")
    assert run(["init", data]) == 3
    error, hint = capsys.readouterr().err.splitlines()
    assert (error[:7], hint[:7]) == ("error: ", " hint: ")
    assert sorted(item.name for item in here.iterdir()) == ["a.bin", "empty.csv"]


def test_every_check_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(shipped_cards())
    for card in shipped_cards().values():
        assert run(["checks", "show", card.id.lower()]) == 0
        printed = capsys.readouterr().out
        flat = " ".join(printed.split())
        for said in (card.title, *card.blind_spots, *card.false_positives, *card.references):
            assert " ".join(said.split()) in flat


def test_a_pack_lists_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    run(["checks", "list"])
    everything = set(capsys.readouterr().out.splitlines())
    assert run(["checks", "list", "--pack", "text"]) == 0
    of_text = set(capsys.readouterr().out.splitlines())
    assert of_text
    assert of_text < everything


@pytest.mark.parametrize("arguments", [["list", "--pack", "nope"], ["show", "nope"], ["show", "\x1b[2J"]])
def test_an_unknown_check_or_pack(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", *arguments]) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: no ")
    assert error.isprintable()
    assert hint.startswith(" hint: ")
