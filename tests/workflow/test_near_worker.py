"""Near copies that are searched for by an engine or by workers of their own: the scan says the same."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.cli.main import run
from poisonguard.engine import near
from poisonguard.engine.near_plan import Work
from poisonguard.engine.near_tasks import Receipt, run_task
from poisonguard.errors import IncompleteScan
from poisonguard.reports.json_v1 import render
from poisonguard.workflow.near_worker import NEAR_STAGES, StageWork, near_shard
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import open_scan
from poisonguard.workflow.worker import Shard, fold_shard

ROWS = 250
pytestmark = pytest.mark.usefixtures("files_apart")
PACK = """
name: few
what: What searches for near copies, and something beside it.
checks: [{card: PG-DUP-001}, {card: PG-DUP-002}, {card: PG-DUP-003}]
"""
REQUEST = ScanRequest(data="data", reference="approved", packs=("few.yaml",), workers=2)


def table(seed: int, varied: int) -> pa.Table:
    """Texts of which some vary the same one, each row with a label."""
    draw = random.Random(seed)  # noqa: S311 - data, not secrets
    words = [f"word{number}" for number in range(400)]
    base = [f"base{number}" for number in range(60)]
    texts = [" ".join(draw.choices(words, k=40)) for _ in range(ROWS - varied)]
    for _ in range(varied):
        changed = list(base)
        changed[draw.randrange(60)] = draw.choice(words)
        texts.append(" ".join(changed))
    draw.shuffle(texts)
    return pa.table({"text": texts, "label": draw.choices("ab", k=ROWS)})


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(near, "FEWEST", 0)
    monkeypatch.setattr(near, "PART", 100)
    monkeypatch.setattr(near, "SEGMENT", 150)
    (tmp_path / "few.yaml").write_text(PACK)
    for folder, first, varied in (("data", 0, 15), ("approved", 10, 1)):
        (tmp_path / folder).mkdir()
        for number in range(3):
            pq.write_table(table(first + number, varied), tmp_path / folder / f"{number}.parquet", row_group_size=125)
    return tmp_path


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages of the tasks that a scan did itself, on threads."""
    stages: list[str] = []

    def counted(work: Work, stage: str, number: int) -> Receipt:
        stages.append(stage)
        return run_task(work, stage, number)

    monkeypatch.setattr("poisonguard.engine.near.run_task", counted)
    return stages


def said(request: ScanRequest) -> str:
    with open_scan(request) as finished:
        return render(finished.result)


def on_shards(request: ScanRequest, stage: str, count: int) -> list[StageWork]:
    return [near_shard(request, stage, Shard(number, count)) for number in range(count)]


def test_processes_search_for_near_copies_and_the_scan_says_the_same() -> None:
    plain = said(REQUEST)
    assert "PG-DUP-002" in plain
    assert "vary" in plain
    assert said(replace(REQUEST, engine="processes")) == plain


def test_workers_do_every_stage_and_the_scan_finds_it_done(done: list[str]) -> None:
    plain = said(REQUEST)
    shared = replace(REQUEST, cache="store")
    assert not done
    for number in range(2):
        fold_shard(shared, Shard(number, 2))
    for stage in NEAR_STAGES:
        works = on_shards(shared, stage, 2)
        assert sum(work.tasks for work in works) == works[0].total > 0
        assert [work.found for work in works] == [0, 0]
    assert said(replace(shared, keep_states=True)) == plain
    assert set(done) == {"join-1"}  # the answer is no other's
    assert on_shards(shared, "verify", 1)[0].found == on_shards(shared, "verify", 1)[0].total


def test_what_no_worker_did_is_done_by_the_scan(done: list[str]) -> None:
    shared = replace(REQUEST, cache="store")
    for stage in NEAR_STAGES[:3]:
        on_shards(shared, stage, 1)
    near_shard(shared, "bands", Shard(0, 2))
    assert said(replace(shared, keep_states=True)) == said(REQUEST)
    assert set(done) == {"bands", "buckets", "gather", "verify", "join-1"}


def test_a_stage_before_its_time_says_which_comes_first() -> None:
    shared = replace(REQUEST, cache="store")
    with pytest.raises(IncompleteScan, match="the stage plan comes first"):
        on_shards(shared, "digests", 1)
    on_shards(shared, "plan", 1)
    with pytest.raises(IncompleteScan, match="the stage digests comes first: its task 0 is not done"):
        on_shards(shared, "copies", 1)
    with pytest.raises(IncompleteScan, match="the stage copies comes first"):
        on_shards(shared, "join", 1)


def test_few_texts_have_no_tasks(monkeypatch: pytest.MonkeyPatch, done: list[str]) -> None:
    monkeypatch.setattr(near, "FEWEST", 10_000)
    shared = replace(REQUEST, cache="store")
    on_shards(shared, "plan", 1)
    assert on_shards(shared, "digests", 1) == [StageWork(0, 0, 0)]
    assert said(replace(shared, keep_states=True)) == said(REQUEST)
    assert not done


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--reference", "approved", "--pack", "few.yaml", "--cache", "store"]
    assert run(["worker", "data", "--stage", "buckets", "--shard", "0/1", *common]) == 4
    assert "the stage plan comes first" in capsys.readouterr().err
    said_by: dict[str, Any] = {}
    for stage in ("plan", "digests"):
        assert run(["worker", "data", "--stage", stage, "--shard", "0/2", *common]) == 0
        said_by[stage] = capsys.readouterr().out
    assert said_by["plan"] == "plan 0/2: 1 of 1 task; done before: 0\n"
    assert said_by["digests"].startswith("digests 0/2: ")
