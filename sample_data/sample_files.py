"""Writes and reads the sample versions: the same rows always give the same bytes."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 4096
PARQUET_FILES = 2
JSONL_FILES = 2

Location = tuple[str, int]
"""A row: path within the dataset folder, row number within that file, from 0."""


def write_parquet(table: pa.Table, folder: Path) -> list[Location]:
    """Write ``table`` as Parquet files; the location of each row."""
    parts = _parts(table.num_rows, PARQUET_FILES)
    for name, (start, stop) in _named(parts, "parquet"):
        _fresh(folder / name)
        part = table.slice(start, stop - start)
        pq.write_table(part, folder / name, compression="zstd", row_group_size=ROW_GROUP)
    return _locations(parts, "parquet")


def write_jsonl(table: pa.Table, folder: Path) -> list[Location]:
    """Write ``table`` as JSON Lines files; the location of each row."""
    parts = _parts(table.num_rows, JSONL_FILES)
    for name, (start, stop) in _named(parts, "jsonl"):
        _fresh(folder / name)
        rows = table.slice(start, stop - start).to_pylist()
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name).write_bytes(text.encode())
    return _locations(parts, "jsonl")


def read(folder: Path) -> pa.Table:
    """All rows of a version, in file order."""
    paths = sorted(folder.iterdir())
    if paths[0].suffix == ".parquet":
        return pa.concat_tables(pq.read_table(path) for path in paths)
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return pa.Table.from_pylist([json.loads(line) for line in lines])


def write_truth(path: Path, locations: Sequence[Location]) -> None:
    """Write which rows are poisoned."""
    _fresh(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "row"))
        writer.writerows(sorted(locations))


def new_rows(candidate: pa.Table, reference: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows of ``candidate`` the reference does not hold, each of its rows used once; shape (rows,)."""
    stock: dict[tuple[object, ...], int] = {}
    for row in reference.to_pylist():
        key = _key(row)
        stock[key] = stock.get(key, 0) + 1
    fresh = np.zeros(candidate.num_rows, dtype=bool)
    for index, row in enumerate(candidate.to_pylist()):
        key = _key(row)
        fresh[index] = stock.get(key, 0) == 0
        stock[key] = stock.get(key, 0) - 1
    return fresh


def _key(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row.values())


def _parts(rows: int, files: int) -> list[tuple[int, int]]:
    edges = [rows * index // files for index in range(files + 1)]
    return list(itertools.pairwise(edges))


def _named(parts: list[tuple[int, int]], extension: str) -> list[tuple[str, tuple[int, int]]]:
    return [(f"part-{index}.{extension}", part) for index, part in enumerate(parts)]


def _locations(parts: list[tuple[int, int]], extension: str) -> list[Location]:
    named = _named(parts, extension)
    return [(name, row) for name, (start, stop) in named for row in range(stop - start)]


def _fresh(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
