"""``poisonguard scan`` as people run it."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from poisonguard.cli.main import run

ROWS = 400


def frame(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    width = draw.normal(10, 2, rows)
    height = width * 0.5 + draw.normal(0, 1, rows)
    return pd.DataFrame(
        {
            "id": [f"r{seed}-{number:05d}" for number in range(rows)],
            "width": width,
            "height": height,
            "colour": draw.choice(["red", "green", "blue"], rows),
            "label": np.where(height + draw.normal(0, 0.2, rows) > 5, "big", "small"),
        }
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scan(*arguments: str) -> int:
    return run(["scan", *arguments, "--no-progress"])


def report(path: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads(path.read_text())
    return document


def test_a_clean_file_needs_no_configuration(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame().to_csv("data.csv", index=False)
    assert scan("data.csv", "--report", "out.json") == 0
    printed = capsys.readouterr().out
    assert "PASSED" in printed
    document = report(here / "out.json")
    assert document["assessment"] == "clean"
    assert not (here / ".poisonguard").exists(), "a scan leaves nothing behind"


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_report_is_the_same_for_every_worker_count(here: Path, workers: str) -> None:
    Path("data").mkdir()
    for part in range(4):
        pq.write_table(pa.Table.from_pandas(frame(part)), f"data/part-{part}.parquet", row_group_size=90)
    scan("data", "--report", "one.json", "--workers", "1")
    scan("data", "--report", "many.json", "--workers", workers)
    assert Path("one.json").read_bytes() == Path("many.json").read_bytes()


def test_every_format_and_encoding_names_the_same_rows(here: Path) -> None:
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    pq.write_table(table, "a.parquet")
    pyarrow.csv.write_csv(table, "a.csv")
    Path("a.csv.gz").write_bytes(gzip.compress(Path("a.csv").read_bytes(), mtime=0))
    frame().to_json("a.jsonl", orient="records", lines=True, double_precision=15)
    frame().to_csv("a.tsv", index=False, sep="\t")
    with pa.OSFile("a.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    digests = set()
    for name in ("a.parquet", "a.csv", "a.csv.gz", "a.tsv", "a.arrow"):
        scan(name, "-f", "json", "-o", "out.json")
        digests.add(json.loads(Path("out.json").read_text())["data"]["rowsDigest"])
    assert len(digests) == 1


def test_flagged_and_scored_rows_are_written(here: Path) -> None:
    data = pd.concat([frame(), frame().head(1).loc[[0] * 60]], ignore_index=True)
    data["id"] = [f"k{number}" for number in range(len(data))]
    data.to_csv("data.csv", index=False)
    scan("data.csv", "--scores", "scores.parquet", "--flagged", "flagged.csv")
    scores = pd.read_parquet("scores.parquet")
    assert list(scores.columns) == ["path", "row", "key", "score", "flagged", "checks"]
    assert len(scores) == len(data)
    assert scores["score"].between(0, 1).all()
    assert scores["row"].tolist() == list(range(len(data)))
    assert scores["key"].tolist() == data["id"].tolist()
    flagged = pd.read_csv("flagged.csv")
    assert len(flagged) == scores["flagged"].sum()
    assert flagged["flagged"].all()


def test_the_same_scan_as_a_process(here: Path) -> None:
    frame().to_csv("data.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-m", "poisonguard", "scan", "data.csv", "-f", "json"],
        capture_output=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["assessment"] == "clean"


def bad_inputs() -> dict[str, tuple[str, bytes | None, str]]:
    whole = pq_bytes()
    return {
        "no such path": ("missing.csv", None, "missing.csv"),
        "empty file": ("empty.csv", b"", "empty.csv"),
        "header only": ("header.csv", b"a,b\n", "no rows"),
        "wrong extension": ("really.parquet", b"a,b\n1,2\n", "really.parquet"),
        "truncated parquet": ("cut.parquet", whole[: len(whole) // 2], "cut.parquet"),
        "malformed json line": ("bad.jsonl", b'{"a": 1}\n{"a": \n{"a": 3}\n', "bad.jsonl"),
        "invalid utf-8": ("bytes.csv", b"a,b\nx,\xff\xfe\n", "bytes.csv"),
        "duplicate column": ("twins.csv", b"a,a\n1,2\n", "'a'"),
        "ragged row": ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "ragged.csv"),
        "truncated gzip": ("cut.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 5000)[:40], "cut.csv.gz"),
    }


def pq_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": list(range(1000))}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize("case", sorted(bad_inputs()))
def test_bad_input_gives_one_clear_line_and_exit_3(case: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, content, named = bad_inputs()[case]
    if content is not None:
        Path(name).write_bytes(content)
    assert scan(name, "--report", "out.json", "--flagged", "rows.csv") == 3
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert named in lines[0]
    assert len(lines) <= 2
    assert lines[1:] == [] or lines[1].startswith(" hint: ")
    assert sorted(path.name for path in here.iterdir()) == ([name] if content is not None else []), (
        "nothing half-written"
    )


def test_an_empty_directory_is_nothing_to_scan(here: Path) -> None:
    Path("data").mkdir()
    assert scan("data") == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--column", "label=nope"], "nope"),
        (["--column", "labl=label"], "labl"),
        (["--column", "label"], "ROLE=NAME"),
        (["--pack", "nope"], "nope"),
        (["--policy", "nope.yaml"], "nope.yaml"),
        (["--config", "nope.yaml"], "nope.yaml"),
        (["--contract", "nope.json"], "nope.json"),
        (["--reference", "reviews@12"], "reviews@12"),
        (["--report", "out.docx"], "out.docx"),
        (["--flagged", "out.docx"], "out.docx"),
        (["--report", "no/such/folder/out.json"], "no/such/folder/out.json"),
        (["--no-reference", "--reference", "x"], "exclude"),
        (["--bogus"], "bogus"),
    ],
)
def test_a_wrong_request_is_exit_2(
    here: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame().to_csv("data.csv", index=False)
    assert scan("data.csv", *arguments) == 2
    assert named in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["data.csv"]


def test_settings_inside_the_data_are_not_believed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data").mkdir()
    frame().to_csv("data/rows.csv", index=False)
    Path("data/poisonguard.yaml").write_text("columns: {label: nope}\n")
    assert scan("data") == 0
    Path("poisonguard.yaml").write_text("columns: {label: nope}\n")
    assert scan("data") == 2
    assert "nope" in capsys.readouterr().err


def test_settings_for_one_dataset_win(here: Path) -> None:
    frame().to_csv("data.csv", index=False)
    Path("poisonguard.yaml").write_text("datasets: {data: {columns: {label: colour}}}\n")
    scan("data.csv", "-f", "json", "-o", "out.json")
    roles = {item["column"]: item["role"] for item in json.loads(Path("out.json").read_text())["roles"]}
    assert roles["colour"] == "label"
    scan("data.csv", "-f", "json", "-o", "out.json", "--column", "label=label")
    roles = {item["column"]: item["role"] for item in json.loads(Path("out.json").read_text())["roles"]}
    assert roles["label"] == "label"


def test_fail_on_may_only_be_stricter(here: Path) -> None:
    frame().to_csv("data.csv", index=False)
    assert scan("data.csv", "--fail-on", "note") in (0, 1)
    Path("policy.yaml").write_text("nonsense: true\n")
    assert scan("data.csv", "--policy", "policy.yaml") == 2


@pytest.mark.parametrize(
    ("suite", "named"),
    [
        ("not json", "JSON"),
        ('{"expectations": []}', "no expectation"),
        (
            json.dumps(
                {
                    "name": "evil",
                    "expectations": [
                        {
                            "type": "expect_column_values_to_not_be_null",
                            "kwargs": {"column": "width", "row_condition": "@__import__('os').system('touch pwned')"},
                        }
                    ],
                }
            ),
            "row_condition",
        ),
    ],
)
def test_a_contract_that_is_wrong_or_runs_code_is_refused(
    here: Path, suite: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame().to_csv("data.csv", index=False)
    Path("contract.json").write_text(suite)
    assert scan("data.csv", "--contract", "contract.json") == 2
    assert named in capsys.readouterr().err
    assert not (here / "pwned").exists()


@pytest.mark.parametrize("option", ["text=width", "label=id,colour", "label=nope"])
def test_a_role_that_the_column_cannot_play_is_exit_2(
    here: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame().to_csv("data.csv", index=False)
    assert scan("data.csv", "--column", option) == 2
    assert option.partition("=")[2].split(",")[0] in capsys.readouterr().err
