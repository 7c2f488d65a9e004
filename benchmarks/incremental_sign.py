"""Incremental signing: a version of which 1 % changed, with what the last version proves, and without (``--full``).

    python -m benchmarks.incremental_sign [--files 100] [--rows 50000] [--format parquet|jsonl]

The time that a signature takes of two rows is told beside, for starting and unlocking the key are the same for all.
Both commands sign the same data in one run, warm page cache, each in a process of its own; the second must find that
its manifest is published already, so that both made the same bytes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.manifest_scale import Cost, make_workspace, poisonguard


def table(seed: int, rows: int) -> pa.Table:
    """Texts, labels and numbers; seeded."""
    random = np.random.default_rng(seed)
    words = np.array([f"word{number}" for number in range(5000)])
    texts = [" ".join(line) for line in words[random.integers(0, 5000, (rows, 12))]]
    return pa.table(
        {
            "id": [f"{seed}-{row}" for row in range(rows)],
            "text": texts,
            "label": random.integers(0, 2, rows),
            "score": random.normal(size=rows),
        }
    )


def write(folder: Path, number: int, rows: int, *, seed: int, kind: str) -> None:
    """Write one file."""
    content = table(seed, rows)
    if kind == "parquet":
        pq.write_table(content, folder / f"part-{number:04d}.parquet", row_group_size=rows // 2)
    else:
        content.to_pandas().to_json(folder / f"part-{number:04d}.jsonl", orient="records", lines=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--format", choices=["parquet", "jsonl"], default="parquet")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        for number in range(arguments.files):
            write(data, number, arguments.rows, seed=number, kind=arguments.format)
        make_workspace(folder)
        sign = ("sign", "data", "--key", "pub.key")
        (folder / "tiny").mkdir()
        write(folder / "tiny", 0, 2, seed=0, kind=arguments.format)
        costs = {"start (two rows)": poisonguard(folder, "sign", "tiny", "--key", "pub.key")[0]}
        costs["first version"] = poisonguard(folder, *sign)[0]
        for number in range(max(1, arguments.files // 100)):
            write(data, number, arguments.rows, seed=number + 100_000, kind=arguments.format)
        costs["1 % changed"] = poisonguard(folder, *sign)[0]
        costs["1 % changed, --full"], output = poisonguard(folder, *sign, "--full")
        if "published before" not in output:
            raise RuntimeError(output)
        size = sum(path.stat().st_size for path in data.iterdir())
        costs["before and after"] = poisonguard(folder, "diff", "data@1", "data@2")[0]
        report(costs, size)


def report(costs: dict[str, Cost], size: int) -> None:
    """Print what was measured."""
    print(f"{size / 1e6:,.0f} MB")
    for name, cost in costs.items():
        print(f"{name:<22}{cost.seconds:>8.2f} s{cost.megabytes:>8.0f} MiB")
    full, part = costs["1 % changed, --full"].seconds, costs["1 % changed"].seconds
    start = costs["start (two rows)"].seconds
    print(f"full / incremental: {full / part:.1f}, without the start {(full - start) / max(part - start, 0.01):.1f}")


if __name__ == "__main__":
    main()
