"""Every benchmark runs in a tiny size, peers left out: they are installed by the benchmark itself, never by a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import contract, curves, drift, evidence, outliers, rescan, startup, whole
from benchmarks.child import Cost, run
from benchmarks.near_duplicates import main as near_duplicates
from benchmarks.packs import only
from poisonguard.detectors.contract_suite import parse_suite
from poisonguard.plugin.card import load_pack

Main = Callable[[list[str]], None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("main", "options", "said"),
    [
        (evidence.main, ["--megabytes", "8", "--no-peers"], "gate: speed to the read ceiling"),
        (near_duplicates, ["--documents", "60", "--no-peers"], "near duplicates: pair recall"),
        (outliers.main, ["--rows", "4000", "--rounds", "1", "--no-peers"], "odd rows: speed to COPOD"),
        (contract.main, ["--rows", "2000", "--rounds", "1", "--no-peers"], "2 of 2, 0 false"),
    ],
    ids=["evidence", "near_duplicates", "outliers", "contract"],
)
def test_a_tiny_run(main: Main, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(options)
    told = capsys.readouterr().out
    assert said in told
    assert "not measured" in told


def test_planted_rows_are_odd() -> None:
    draw = np.random.default_rng(1)
    values = outliers.honest(draw, 4_000)
    before = values.copy()
    kinds = outliers.plant(draw, values)
    assert sorted(np.unique(kinds)) == [0, 1, 2, 3]
    changed = (values != before).any(axis=1)
    assert changed[kinds > 0].mean() > 0.9
    assert not changed[kinds == 0].any()
    assert outliers.precision((kinds > 0).astype(float), kinds) == [1.0, 1.0, 1.0]


def test_the_suite_of_the_contract_is_one_that_we_accept() -> None:
    assert len(parse_suite(json.dumps(contract.suite()))) == 35
    assert len(parse_suite(json.dumps(whole.suite()))) == 13


def test_a_pack_of_one_check(tmp_path: Path) -> None:
    assert [entry.card for entry in load_pack(str(only("PG-DRIFT-001", tmp_path))).checks] == ["PG-DRIFT-001"]


def test_moved_columns_are_counted() -> None:
    assert drift.right(None) == "none given"
    assert drift.right(["price", "flag", "city"]) == "2 of 4, 1 false"
    assert set(drift.MOVED) <= {*drift.moved(np.random.default_rng(1), 10).column_names}


def test_what_is_planted_for_the_whole_scan() -> None:
    texts = [" ".join(f"word{row * 31 + place}" for place in range(40)) for row in range(900)]
    draw = np.random.default_rng(2)
    new = whole.columns(draw, texts, draw.normal(size=(3, whole.NUMBERS)))
    planted = whole.plant(draw, new)
    rows = np.concatenate(list(planted.values()))
    assert len(np.unique(rows)) == len(rows)
    assert new[whole.NOT_NULL].null_count == len(planted["forbidden nulls"])
    assert all(whole.PHRASE in new["text"][row] for row in planted["trigger phrase"])
    assert (
        whole.share(rows.tolist(), planted["far out"]) == f"{len(planted['far out'])} of {len(planted['far out'])} rows"
    )
    assert whole.others(rows.tolist(), planted, 900) == "0.0%"
    assert whole.verdict({whole.MOVED, "n1"}) == "yes, 1 others"


def test_growth_is_in_proportion() -> None:
    assert curves.growth(None, 10, Cost(1, 1, 1, "")) == ""
    assert curves.growth((10, Cost(1, 1, 1, "")), 40, Cost(9, 4, 1, "")) == "1.00"


def test_small_files_of_the_curves(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    curves.write_columns(tmp_path / "columns.parquet", 5)
    curves.write_documents(tmp_path / "documents.parquet", 20)
    assert pq.read_schema(tmp_path / "columns.parquet").names == ["x0", "x1", "x2", "x3", "label"]
    assert pq.read_metadata(tmp_path / "documents.parquet").num_rows == 20


def test_stages_of_a_scan_are_timed() -> None:
    clock = rescan.Clock()
    for stage in ("hashing", rescan.FOLD, "end"):
        clock.start(stage, 1, "rows")
        clock.advance(1)
    assert [*clock.seconds] == ["start", "hashing", rescan.FOLD]
    assert all(seconds >= 0 for seconds in clock.seconds.values())


def test_the_command_line_is_among_those_that_start_up(tmp_path: Path) -> None:
    found = startup.commands(tmp_path)
    assert {"--help", "gate"} <= found.keys()
    assert "--help" in run(found["--help"], cwd=Path(startup.__file__).parents[1]).output
