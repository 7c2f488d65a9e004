"""The same signed statement, whichever engine folded the rows, and whatever died meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cluster_nodes import DaskNodes, RayNodes

from poisonguard.attest.predicates_v1 import statement_of
from poisonguard.attest.scan_v1 import scan_of
from poisonguard.engine.progress import Silent
from poisonguard.errors import DataError
from poisonguard.reports.json_v1 import render
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import open_scan

FLIGHTS = Path(__file__).resolve().parents[2] / "sample_data" / "flights"
FILES, ROWS = 12, 3_000
pytestmark = pytest.mark.usefixtures("files_apart")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Counted(Silent):
    """Counts rows, and does something once the first of them are folded, or scored."""

    def __init__(self, then: Callable[[], object] = lambda: None, when: str = "reading rows") -> None:
        self.then, self.when, self.stage, self.rows = then, when, "", dict[str, int]()

    def start(self, stage: str, total: int, unit: str) -> None:
        self.stage = stage

    def advance(self, amount: int) -> None:
        first = self.stage == self.when and self.stage not in self.rows
        self.rows[self.stage] = self.rows.get(self.stage, 0) + amount
        if first:
            self.then()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "flights"
    folder.mkdir()
    table = pq.read_table(FLIGHTS / "next_poisoned_source_flips").slice(0, ROWS)
    rows = ROWS // FILES
    for number in range(FILES):
        pq.write_table(table.slice(number * rows, rows), folder / f"part-{number:03d}.parquet")
    return folder


@pytest.fixture(scope="module")
def request_of(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ScanRequest]:
    """A request with an empty work store that is shared by nobody else."""

    def made(**fields: str) -> ScanRequest:
        cache = str(tmp_path_factory.mktemp("store"))
        asked = ScanRequest(data=str(data), reference=str(FLIGHTS / "approved"), keep_profile=True, workers=2)
        return replace(asked, keep_states=True, cache=cache, **fields)

    return made


@pytest.fixture(scope="module")
def on_threads(request_of: Callable[..., ScanRequest]) -> str:
    return statement_digest(request_of())


def statement_digest(request: ScanRequest, progress: Silent | None = None) -> str:
    """Of the statement that would be signed: it binds the report and the profile."""
    with open_scan(request, progress) as finished:
        assert finished.result.findings
        report = hashlib.sha256(render(finished.result).encode()).hexdigest()
        profile = hashlib.sha256(finished.profile()).hexdigest()
        document = scan_of(finished.result, scanned=NOW, report_digest=report, profile_digest=profile)
        return hashlib.sha256(statement_of(document).payload()).hexdigest()


@pytest.mark.parametrize("when", ["reading rows", "scoring rows"])
def test_ray_says_the_same_with_a_node_killed_meanwhile(
    ray_nodes: RayNodes, request_of: Callable[..., ScanRequest], on_threads: str, when: str
) -> None:
    told = Counted(lambda: ray_nodes.kill(ray_nodes.working[0]), when)
    request = request_of(engine="ray", address=ray_nodes.address)
    assert statement_digest(request, told) == on_threads
    assert len(ray_nodes.working) == 1
    assert told.rows["reading rows"] == told.rows["scoring rows"] == ROWS
    ray_nodes.whole()


@pytest.mark.parametrize("when", ["reading rows", "scoring rows"])
def test_dask_says_the_same_with_a_worker_killed_meanwhile(
    dask_nodes: DaskNodes, request_of: Callable[..., ScanRequest], on_threads: str, when: str
) -> None:
    told = Counted(lambda: dask_nodes.kill(dask_nodes.workers[0]), when)
    request = request_of(engine="dask", address=dask_nodes.address)
    assert statement_digest(request, told) == on_threads
    assert len(dask_nodes.workers) == 1
    assert told.rows["reading rows"] == told.rows["scoring rows"] == ROWS
    dask_nodes.whole()


def test_what_an_interrupted_scan_on_ray_has_left_is_used_by_dask(
    ray_nodes: RayNodes, dask_nodes: DaskNodes, request_of: Callable[..., ScanRequest], on_threads: str
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    first = request_of(engine="ray", address=ray_nodes.address)
    with pytest.raises(KeyboardInterrupt):
        statement_digest(first, Counted(stop))
    kept = sum(1 for path in Path(str(first.cache)).rglob("*") if path.is_file())
    assert kept
    assert statement_digest(replace(first, engine="dask", address=dask_nodes.address)) == on_threads


def test_data_that_a_cluster_does_not_see_are_named(
    dask_nodes: DaskNodes, request_of: Callable[..., ScanRequest], tmp_path: Path
) -> None:
    """They are deleted when the rows are about to be read: to the workers, it is as if they had never been there."""
    moved = tmp_path / "data"
    moved.mkdir()
    pq.write_table(pq.read_table(FLIGHTS / "approved"), moved / "part-0.parquet")

    class Moving(Silent):
        def start(self, stage: str, total: int, unit: str) -> None:
            if stage == "reading rows":
                moved.rename(tmp_path / "elsewhere")

    request = replace(request_of(engine="dask", address=dask_nodes.address), data=str(moved), reference=None)
    with pytest.raises(DataError, match=rf"node \S+: {moved}: no such file or folder"):
        statement_digest(request, Moving())
