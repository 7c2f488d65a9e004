"""A scan's findings depend on the rows alone: not on how they are cut into files and row groups, not on workers."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import poisonguard as pg

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data" / "flights" / "next_poisoned_source_flips"
ROWS = 4_000

CUTS: dict[str, tuple[tuple[int, ...], int]] = {
    # name: (rows at which a new file starts, rows in a row group)
    "one file, one group": ((), ROWS),
    "one file, many groups": ((), 333),
    "three uneven files": ((17, 2900), 1000),
    "many files": (tuple(range(250, ROWS, 250)), 100),
}


def rows() -> pa.Table:
    return pq.read_table(SAMPLE).slice(0, ROWS).combine_chunks()


def write(folder: Path, cuts: tuple[int, ...], group: int) -> Path:
    folder.mkdir()
    edges = [0, *cuts, ROWS]
    for number, start in enumerate(edges[:-1]):
        part = rows().slice(start, edges[number + 1] - start)
        pq.write_table(part, folder / f"part-{number:03d}.parquet", row_group_size=group)
    return folder


def facts(result: pg.ScanResult) -> dict[str, Any]:
    """Everything a scan says of the rows, without the names of files."""
    return {
        "rows_digest": result.manifest.rows_digest,
        "assessment": result.assessment,
        "findings": [
            (
                item.fingerprint,
                item.level,
                item.message,
                item.confidence,
                dict(item.numbers),
                [int(r) for r in item.rows],
            )
            for item in result.findings
        ],
        "outcomes": [repr(item)[:60] for item in result.outcomes],
        "columns": result.columns,
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "approved.parquet"
    pq.write_table(pq.read_table(SAMPLE.parent / "approved").slice(0, ROWS), path)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> dict[str, Any]:
    folder = write(tmp_path_factory.mktemp("whole") / "data", *CUTS["one file, one group"])
    return facts(pg.scan(folder, reference=reference, workers=1))


def test_there_is_something_to_compare(whole: dict[str, Any]) -> None:
    assert whole["findings"]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("cut", sorted(set(CUTS) - {"one file, one group"}))
def test_findings_do_not_depend_on_partitioning_or_workers(
    cut: str, workers: int, whole: dict[str, Any], reference: Path, tmp_path: Path
) -> None:
    folder = write(tmp_path / "data", *CUTS[cut])
    assert facts(pg.scan(folder, reference=reference, workers=workers)) == whole
