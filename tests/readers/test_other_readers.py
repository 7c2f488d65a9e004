"""polars and Hugging Face datasets read approved bytes, and each stops at a flipped one.

Every way that is shown here is one that docs/how-to/train-on-approved-bytes.md shows.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import fsspec
import polars as pl
import pytest
from verified_world import BIG, CSV, LINES, ROWS, SMALL, Approval, approved, rows

import poisonguard as pg

Read = Callable[[Approval, Path], list[Any]]


def hugging_face(kind: str, name: str, *, streaming: bool, column: str = "id") -> Read:
    def read(version: Approval, cache: Path) -> list[Any]:
        options = {"poisonguard": version.storage}
        loaded = datasets.load_dataset(
            kind,
            data_files=f"poisonguard://{name}",
            storage_options=options,
            download_config=datasets.DownloadConfig(cache / "downloads", use_etag=True, storage_options=options),
            split="train",
            streaming=streaming,
            cache_dir=str(cache),
        )
        return [row[column] for row in loaded] if streaming else list(loaded[column])

    return read


def files(version: Approval) -> Any:
    return pg.filesystem(version.data, **version.options)


READERS: dict[str, tuple[str, Read, int]] = {
    "polars read_parquet": (BIG, lambda v, _: pl.read_parquet(files(v).cat_file(BIG))["id"].to_list(), ROWS),
    "polars read_parquet with Arrow": (
        BIG,
        lambda v, _: pl.read_parquet(files(v).open(BIG), use_pyarrow=True)["id"].to_list(),
        ROWS,
    ),
    "polars scan_pyarrow_dataset": (
        BIG,
        lambda v, _: (
            pl.scan_pyarrow_dataset(pg.open_dataset(v.data, **v.options).dataset())
            .select("id")
            .head(ROWS)
            .collect()["id"]
            .to_list()
        ),
        ROWS,
    ),
    "polars from Arrow": (
        BIG,
        lambda v, _: pl.from_arrow(pg.open_dataset(v.data, **v.options).to_table(["id"]))["id"].to_list()[-ROWS:],
        ROWS,
    ),
    "polars read_csv": (CSV, lambda v, _: pl.read_csv(files(v).cat_file(CSV))["id"].to_list(), 300),
    "polars read_ndjson": (LINES, lambda v, _: pl.read_ndjson(files(v).cat_file(LINES))["id"].to_list(), 300),
    "datasets parquet": (BIG, hugging_face("parquet", BIG, streaming=False), ROWS),
    "datasets parquet, streaming": (BIG, hugging_face("parquet", BIG, streaming=True), ROWS),
    "datasets csv": (CSV, hugging_face("csv", CSV, streaming=False), 300),
    "datasets csv, streaming": (CSV, hugging_face("csv", CSV, streaming=True), 300),
    "datasets json": (LINES, hugging_face("json", LINES, streaming=False), 300),
    "datasets json, streaming": (LINES, hugging_face("json", LINES, streaming=True), 300),
}

each = pytest.mark.parametrize("name", READERS)


def chain(error: BaseException | None) -> str:
    """An error and everything that it came from."""
    text = ""
    while error is not None:
        text, error = f"{text}\n{type(error).__name__}: {error}", error.__cause__ or error.__context__
    return text


@each
def test_a_reader_gets_the_rows(name: str, version: Approval, tmp_path: Path) -> None:
    _, read, expected = READERS[name]
    ids = read(version, tmp_path / "cache")
    if name in {"polars scan_pyarrow_dataset", "polars from Arrow"}:
        assert len(ids) == expected
    else:
        assert ids == rows()["id"].to_pylist()[:expected]


@each
def test_a_reader_stops_at_a_flipped_byte(name: str, version: Approval, tmp_path: Path) -> None:
    path, read, _ = READERS[name]
    version.flip(path)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each reader has errors of its own; what they say is checked
        read(version, tmp_path / "cache")
    assert f"{path}: changed after it was hashed" in chain(raised.value)


def test_the_installed_package_brings_the_protocol(version: Approval) -> None:
    with fsspec.open(f"poisonguard://{BIG}", **version.storage) as file:
        assert file.read(4) == b"PAR1"


def test_polars_own_reader_does_not_go_past_the_checks(version: Approval) -> None:
    """Its native readers know no fsspec; they fail, and read nothing."""
    with pytest.raises(Exception, match="poisonguard"):
        pl.read_parquet(f"poisonguard://{BIG}", storage_options=version.storage)
    assert pl.read_parquet(files(version).open(BIG)).height == ROWS
    version.flip(BIG)
    # Polars answers an error of a file object with a panic: the bytes are refused all the same.
    with pytest.raises(BaseException, match="changed after it was hashed"):
        pl.read_parquet(files(version).open(BIG))


def test_the_cache_of_datasets_tells_contents_apart(original: Approval, tmp_path: Path) -> None:
    """With ``use_etag``: another version at the same URL is another download. Without, a stale copy would be read."""
    _, other = approved(tmp_path / "other", others=False, seed=4)
    read = hugging_face("parquet", SMALL, streaming=False, column="x0")
    first, second = (read(version, tmp_path / "cache") for version in (original, other))
    assert len(first) == len(second) == 1000
    assert first != second
