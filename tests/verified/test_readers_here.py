"""Arrow, pandas and plain ``open`` read approved bytes, and each stops at a flipped one."""

import json
from collections.abc import Callable
from typing import Any

import fsspec
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from verified_world import BIG, CSV, LINES, PICTURE, ROWS, SMALL, Approval, rows

import poisonguard as pg

Read = Callable[[Approval], Any]


def arrow(version: Approval) -> Any:
    return pg.open_dataset(version.data, **version.options).arrow_filesystem


def by_url(version: Approval, name: str) -> tuple[str, dict[str, Any]]:
    return f"poisonguard://{name}", version.storage


def lines(version: Approval) -> list[Any]:
    with pg.filesystem(version.data, **version.options).open(LINES, "r") as file:
        return [json.loads(line) for line in file]


READERS: dict[str, tuple[str, Read, int]] = {
    "pq.read_table": (BIG, lambda v: pq.read_table(BIG, filesystem=arrow(v)), ROWS),
    "pq.read_table, no pre_buffer": (BIG, lambda v: pq.read_table(BIG, filesystem=arrow(v), pre_buffer=False), ROWS),
    "pq.read_table, fsspec": (
        BIG,
        lambda v: pq.read_table(BIG, filesystem=pg.filesystem(v.data, **v.options)),
        ROWS,
    ),
    "pq.ParquetFile": (BIG, lambda v: pq.ParquetFile(pg.filesystem(v.data, **v.options).open(BIG)).read(), ROWS),
    "Arrow dataset": (BIG, lambda v: ds.dataset(BIG, filesystem=arrow(v)).to_table(use_threads=True), ROWS),
    "Arrow dataset of a folder": (SMALL, lambda v: ds.dataset("more", filesystem=arrow(v)).to_table(), 1000),
    "Arrow CSV": (CSV, lambda v: ds.dataset(CSV, format="csv", filesystem=arrow(v)).to_table(), 300),
    "Arrow JSON": (LINES, lambda v: ds.dataset(LINES, format="json", filesystem=arrow(v)).to_table(), 300),
    "pandas Parquet": (BIG, lambda v: pd.read_parquet(by_url(v, BIG)[0], storage_options=v.storage), ROWS),
    "pandas CSV": (CSV, lambda v: pd.read_csv(by_url(v, CSV)[0], storage_options=v.storage), 300),
    "pandas JSON": (LINES, lambda v: pd.read_json(by_url(v, LINES)[0], lines=True, storage_options=v.storage), 300),
    "lines": (LINES, lines, 300),
}

each = pytest.mark.parametrize("name", READERS)


@pytest.fixture(autouse=True)
def _protocol() -> None:
    """The entry point of the installed package does this; the tests do not depend on how it was installed."""
    from poisonguard.workflow.protocol import PoisonguardFileSystem

    fsspec.register_implementation("poisonguard", PoisonguardFileSystem, clobber=True)


@each
def test_a_reader_gets_the_rows(name: str, original: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    _, read, expected = READERS[name]
    got = read(original)
    assert len(got) == expected
    frame = pd.DataFrame(got) if isinstance(got, list) else got if isinstance(got, pd.DataFrame) else got.to_pandas()
    wanted = rows().slice(0, expected).to_pandas()[frame.columns]
    pd.testing.assert_frame_equal(frame, wanted, check_dtype=False)


@each
def test_a_reader_stops_at_a_flipped_byte(name: str, version: Approval) -> None:
    path, read, _ = READERS[name]
    version.flip(path)
    with pytest.raises(pg.DataChanged, match=path):
        read(version)


def test_a_torch_like_dataset_reads_file_by_file(version: Approval) -> None:
    files = pg.filesystem(version.data, **version.options)
    items = {path: files.open(path).read() for path in files.find("")}
    assert items == {path: (version.data / path).read_bytes() for path in (BIG, SMALL, CSV, LINES, PICTURE)}
    version.flip(PICTURE)
    with pytest.raises(pg.DataChanged, match=r"images/dot\.bin: changed"):
        files.open(PICTURE).read()


def test_the_whole_version_as_one_table(version: Approval) -> None:
    for name in (CSV, LINES):
        table = pg.open_dataset(version.data, **version.options)
        assert name in table.files
    assert pg.open_dataset(version.data, **version.options).to_table(["id", "label"]).num_rows == ROWS + 1600


def test_columns_and_filters(original: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    frame = pg.open_dataset(original.data, **original.options).to_pandas(["id"], ds.field("id") < 2)
    assert sorted(frame["id"]) == [0] * 4 + [1] * 4
