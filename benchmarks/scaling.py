"""Does a scan grow as the model of ``docs/scaling.md`` says? Small sizes make the model, larger ones check it.

    python -m benchmarks.scaling [--only rows documents files tables] [--scale 1.0]
    python -m benchmarks.scaling --proof rows=100000000 [--folder FOLDER]

The first form scans generated data of growing size, each in a process of its own with a work store, fits the lines of
``scaling_model`` to the three smaller sizes, and prints what they say of the larger ones beside what those took: CPU
seconds, peak memory, bytes and files in the work store. The second scans one data set of that size without a work
store, and prints what it took: a proof that it is done, and in how much memory.

Rows are four columns (number of the row, amount, region, label) in Parquet files of 500,000; documents are 200 words,
drawn as the words of a language are, in Parquet files of 2,500; files are pictures of 8 x 8 pixels, a thousand in a
folder, and tables are CSV files of three rows, as many: what comes in millions of files. Everything is generated from a
seed. The smallest sizes fill the samples that models are fitted on: below them, growth is no straight line.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.child import MEBI, run
from benchmarks.goals import machine, table
from benchmarks.scaling_model import Growth
from poisonguard.redteam import png

FITTED = 3
"""Sizes that make the model; the others check it."""
FAILED = 1
WORDS, LENGTH = 30_000, 200
SIDE = 8
LINES = 3
Writer = Callable[[Path, int, int], None]


class Kind(NamedTuple):
    """What grows.

    Attributes:
        write: Writes part ``number`` with so many units into a folder.
        part: Units in a part.
        sizes: How many are scanned.
    """

    write: Writer
    part: int
    sizes: tuple[int, ...]


def write_rows(folder: Path, number: int, rows: int) -> None:
    """A Parquet file of four columns."""
    draw = np.random.default_rng([1, number])
    amount = np.round(draw.lognormal(3, 1, rows), 2)
    region = draw.integers(0, 40, rows)
    columns = {
        "id": np.arange(number * rows, (number + 1) * rows),
        "amount": amount,
        "region": pa.array([f"region-{place}" for place in range(40)]).take(pa.array(region)),
        "label": np.where(amount * draw.lognormal(0, 0.2, rows) > 20, "high", "low"),  # noqa: PLR2004 - the median
    }
    pq.write_table(pa.table(columns), folder / f"part-{number:05d}.parquet", compression="zstd")


def write_documents(folder: Path, number: int, documents: int) -> None:
    """A Parquet file of documents whose words are as frequent as those of a language (Zipf)."""
    draw = np.random.default_rng([2, number])
    words = np.array(["".join(chr(ord("a") + int(digit)) for digit in str(place)) for place in range(WORDS)])
    chosen = np.minimum(draw.zipf(1.2, (documents, LENGTH)), WORDS) - 1
    texts = [" ".join(words[line]) for line in chosen]
    pq.write_table(pa.table({"text": texts}), folder / f"part-{number:05d}.parquet", compression="zstd")


def write_pictures(folder: Path, number: int, files: int) -> None:
    """A folder of small pictures."""
    draw = np.random.default_rng([3, number])
    place = folder / f"{number:04d}"
    place.mkdir()
    pixels = draw.integers(0, 256, (files, SIDE, SIDE, 1), dtype=np.uint8)
    for index in range(files):
        (place / f"{index:03d}.png").write_bytes(png.encode(pixels[index]))


def write_tables(folder: Path, number: int, files: int) -> None:
    """A folder of CSV files of three rows."""
    draw = np.random.default_rng([4, number])
    place = folder / f"{number:04d}"
    place.mkdir()
    rows, first = files * LINES, number * files * LINES
    amounts = np.round(draw.lognormal(3, 1, rows), 2)
    regions = draw.integers(0, 40, rows)
    labels = np.where(amounts * draw.lognormal(0, 0.2, rows) > 20, "high", "low")  # noqa: PLR2004 - the median
    columns = zip(amounts.tolist(), regions.tolist(), labels.tolist(), strict=True)
    lines = [f"{first + row},{amount},region-{region},{label}\n" for row, (amount, region, label) in enumerate(columns)]
    for index in range(files):
        content = "id,amount,region,label\n" + "".join(lines[index * LINES : (index + 1) * LINES])
        (place / f"{index:03d}.csv").write_text(content, encoding="utf-8")


KINDS = {
    "rows": Kind(write_rows, 500_000, (1_000_000, 2_000_000, 3_000_000, 6_000_000, 12_000_000)),
    "documents": Kind(write_documents, 2_500, (20_000, 30_000, 40_000, 80_000, 120_000)),
    "files": Kind(write_pictures, 1_000, (20_000, 30_000, 40_000, 60_000, 80_000)),
    "tables": Kind(write_tables, 1_000, (20_000, 30_000, 40_000, 60_000, 80_000)),
}


def write(kind: Kind, folder: Path, units: int) -> Path:
    """The data set of a size."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for number in range(max(1, units // kind.part)):
        kind.write(data, number, min(units, kind.part))
    return data


def scanned(data: Path, store: Path | None) -> dict[str, float]:
    """Figures of one scan; what it says of the data does not matter here."""
    kept: list[object] = ["--no-cache"] if store is None else ["--cache", store]
    command = [sys.executable, "-m", "poisonguard", "scan", data, "--no-reference", "--quiet", *kept]
    cost = run(command, allowed=(0, FAILED), cwd=data.parent)
    held = [] if store is None else [path.stat().st_size for path in store.rglob("*") if path.is_file()]
    return {
        "seconds": cost.seconds,
        "processor": cost.processor,
        "peak": cost.peak,
        "store": sum(held),
        "units": len(held),
    }


def check(name: str, kind: Kind, scale: float, folder: Path) -> None:
    """Fit the model to the smaller sizes and print it beside the larger ones."""
    sizes = [max(1, round(size * scale / kind.part)) * kind.part for size in kind.sizes]
    if len(set(sizes)) < len(sizes):
        sys.exit(f"{name}: --scale {scale} leaves fewer than {len(sizes)} sizes of whole parts")
    figures: list[dict[str, float]] = []
    for size in sizes:
        place = folder / f"{name}-{size}"
        place.mkdir()
        figures.append(scanned(write(kind, place, size), place / "store"))
        shutil.rmtree(place)
    growth = Growth.of(sizes[:FITTED], figures[:FITTED])
    lines: list[Sequence[object]] = [
        [f"{size:,}", "makes the model" if place < FITTED else "checks it", *told(growth.at(size), figure)]
        for place, (size, figure) in enumerate(zip(sizes, figures, strict=True))
    ]
    head = [name, "", "CPU s", "of model", "peak MiB", "of model", "store MiB", "of model", "store files", "of model"]
    print("\n".join(["", *table([head, *lines]), "", *model(name, growth)]), flush=True)


def told(expected: Mapping[str, float], figure: Mapping[str, float]) -> list[str]:
    """Each figure, and its ratio to what the model says."""
    shown = {"processor": 1, "peak": MEBI, "store": MEBI, "units": 1}
    cells: list[str] = []
    for name, unit in shown.items():
        cells += [f"{figure[name] / unit:,.1f}", f"{figure[name] / expected[name]:.2f}" if expected[name] else "-"]
    return cells


def model(name: str, growth: Growth) -> list[str]:
    """The constants, in words."""
    per = name.removesuffix("s")
    return [
        f"CPU: {growth.processor.start:.1f} s + {1e6 * growth.processor.each:,.1f} µs a {per}",
        f"memory: {growth.peak.start / MEBI:,.0f} MiB + {growth.peak.each:,.1f} B a {per}",
        f"work store: {growth.store.start / MEBI:,.1f} MiB + {growth.store.each:,.1f} B a {per}",
        f"a billion: {growth.core_hours(1e9):,.0f} core-hours, {growth.store.at(1e9) / 1e9:,.0f} GB in the work store",
    ]


def prove(what: str, folder: Path) -> None:
    """One scan of a size."""
    name, _, count = what.partition("=")
    kind = KINDS[name]
    data = write(kind, folder, int(count))
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    figure = scanned(data, None)
    rate = int(count) / figure["seconds"]
    head = [name, "MiB", "seconds", "a second", "CPU s", "peak MiB"]
    cells = [figure["seconds"], rate, figure["processor"], figure["peak"] / MEBI]
    print("\n".join(table([head, [f"{int(count):,}", f"{size / MEBI:,.0f}", *(f"{cell:,.0f}" for cell in cells)]])))


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the model, or prove a size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--scale", type=float, default=1.0, help="Of the sizes.")
    parser.add_argument("--proof", help="One scan of a size: rows=N, documents=N, files=N or tables=N.")
    parser.add_argument("--folder", type=Path, help="Where the data are written; a temporary folder when not given.")
    given = parser.parse_args(arguments)
    print(machine())
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        if given.proof:
            prove(given.proof, Path(name))
            return
        for kind in given.only:
            check(kind, KINDS[kind], given.scale, Path(name))


if __name__ == "__main__":
    main()
