"""Parquet and Arrow files that were compressed as a whole: the same rows, and nothing left behind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from poisonguard.dataset import streams, unpack
from poisonguard.dataset.opening import open_dataset
from poisonguard.errors import DataChanged, UnreadableData

TABLE = pa.table({"a": list(range(5000)), "b": [f"text {index}" for index in range(5000)]})
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def encoded(suffix: str) -> bytes:
    sink = io.BytesIO()
    if suffix == "parquet":
        pq.write_table(TABLE, sink, row_group_size=1000)
    else:
        pyarrow.feather.write_feather(TABLE, sink, compression="uncompressed")
    return sink.getvalue()


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
@pytest.mark.parametrize("compression", COMPRESS)
def test_the_rows_are_those_of_the_plain_file(tmp_path: Path, scratch: Path, suffix: str, compression: str) -> None:
    path = tmp_path / f"x.{suffix}.{compression}"
    path.write_bytes(COMPRESS[compression](encoded(suffix)))
    with open_dataset(str(path)) as dataset:
        parts = [batch.table for part in dataset.partitions() for batch in dataset.read(part)]
        assert pa.Table.from_batches(parts).equals(TABLE)
        assert dataset.name == "x"
        assert dataset.files[0].format in {f"{kind}+{name}" for kind in ("parquet", "arrow") for name in NAMES}
        (folder,) = scratch.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
    assert not list(scratch.iterdir())


NAMES = ("gzip", "zstd", "bzip2", "xz")


def test_a_refusal_leaves_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.parquet.gz").write_bytes(gzip.compress(encoded("parquet")))
    (tmp_path / "data" / "b.parquet.gz").write_bytes(gzip.compress(encoded("parquet")[:-30]))
    with pytest.raises(UnreadableData, match=r"^b\.parquet\.gz: not readable as Parquet"):
        open_dataset(str(tmp_path / "data"))
    assert not list(scratch.iterdir())


def test_a_bomb_is_not_unpacked(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "FREE_ALLOWANCE", 1 << 20)
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress(b"PAR1" + bytes(64 << 20)))
    with pytest.raises(UnreadableData, match=r"x\.parquet\.gz: expands to more than .* a decompression bomb"):
        open_dataset(str(tmp_path / "x.parquet.gz"))
    assert not list(scratch.iterdir())


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack.Scratch, "new_file", lambda _self: Path("/dev/full/x"))
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress(encoded("parquet")))
    with pytest.raises(UnreadableData, match=r"x\.parquet\.gz: cannot be unpacked to the temporary folder") as caught:
        open_dataset(str(tmp_path / "x.parquet.gz"))
    assert "TMPDIR" in caught.value.hint


def test_what_was_unpacked_is_checked_when_it_is_read(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "x.feather.gz").write_bytes(gzip.compress(encoded("feather")))
    with open_dataset(str(tmp_path / "x.feather.gz")) as dataset:
        (file,) = scratch.rglob("1")
        content = bytearray(file.read_bytes())
        content[content.index(b"text 17")] ^= 1
        file.write_bytes(content)
        with pytest.raises(DataChanged, match=r"x\.feather\.gz: changed after it was hashed"):
            list(dataset.read(dataset.partitions()[0]))
