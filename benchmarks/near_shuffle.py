"""Near duplicates by way of the work store beside the search in memory: same clusters, what it takes and moves.

    .venv/bin/python -m benchmarks.near_shuffle [--documents 240000] [--ways memory processes]

Documents are made (seeded): 330 words of a vocabulary of 50,000, one in ten a near copy of an earlier one with up to
eight words changed, one in fifty an exact one. Their shingle sets are folded once into a work store, as a scan leaves
them; what is measured is the search from there to clusters. Every way runs in a process of its own, whose peak is the
driver's. Bytes shuffled are those that one task puts for others to read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import child
from poisonguard.engine.executor import Executor, Serial, Threads
from poisonguard.engine.near import NearOnEngine
from poisonguard.engine.objects import LocalObjects
from poisonguard.engine.piecework import STATE
from poisonguard.engine.spool import Collector
from poisonguard.engine.workers import Processes
from poisonguard.engine.workstore import WorkStore
from poisonguard.kernels.mapped import map_file
from poisonguard.kernels.run import in_turn
from poisonguard.sketches.base import Block
from poisonguard.sketches.fingerprints import NearCopies, ShingleSets, search_here
from poisonguard.workflow.engines import cluster_engine

WORDS, VOCABULARY, CHANGED = 330, 50_000, 9
PARTITION = 20_000
"""Documents of a partition, as a row group holds them."""
SEED, THRESHOLD = 7, 0.8
SKETCH = ShingleSets(("text",))
WAYS = ("memory", "threads", "processes", "ray", "dask")
MEBI = 1 << 20
TOLD = 1 << 10


def batches(documents: int) -> Iterator[pa.RecordBatch]:
    """The documents, partition by partition."""
    random = np.random.default_rng(SEED)
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    held = np.empty((0, WORDS), dtype=np.int64)
    for start in range(0, documents, PARTITION):
        drawn = (random.power(0.4, (min(PARTITION, documents - start), WORDS)) * VOCABULARY).astype(np.int64)
        if len(held):
            _copy(drawn, held, random)
        held = drawn
        yield pa.record_batch([pa.array([" ".join(words[row]) for row in drawn])], names=["text"])


def _copy(drawn: Any, held: Any, random: np.random.Generator) -> None:
    """Make some of ``drawn`` near copies of ``held``, and some exact ones."""
    for row in range(0, len(drawn), 10):
        drawn[row] = held[int(random.integers(len(held)))]
        changed = random.integers(0, WORDS, int(random.integers(CHANGED)) if row % 50 else 0)
        drawn[row, changed] = random.integers(0, VOCABULARY, changed.size)


def prepared(folder: Path, documents: int) -> None:
    """Fold the documents into a store in ``folder``, and into one file, as a scan does."""
    key = folder / "key"
    key.write_bytes(secrets.token_bytes(32))
    store, collector, units = _store(folder), Collector(folder / "state.arrow"), []
    for number, batch in enumerate(batches(documents)):
        state = SKETCH.fold(Block(0, 0, batch, np.empty((0, 32), np.uint8)))
        store.put(f"fold/{number}", {STATE: state})
        units.append((f"fold/{number}", state.num_rows))
        collector.append(state)
    collector.table()
    (folder / "units.json").write_text(json.dumps(units), encoding="utf-8")


def _store(folder: Path, way: str = "fold") -> WorkStore:
    """A store for each way, so that none finds what another has left; the fold's units are linked, not copied."""
    if way != "fold":
        shutil.copytree(folder / "fold", folder / way, copy_function=os.link)
    return WorkStore(LocalObjects(str(folder / way)), (folder / "key").read_bytes(), shared=True)


def _engine(way: str, workers: int) -> Executor:
    if way in {"ray", "dask"}:
        return cluster_engine(way)(None, workers)
    return Processes(workers) if way == "processes" else Threads(workers)


def searched(folder: Path, way: str, workers: int) -> dict[str, Any]:
    """Search in one way, in this process."""
    state = pa.ipc.open_file(pa.py_buffer(map_file(folder / "state.arrow"))).read_all()
    asked = NearCopies(SKETCH, (state,), np.ones(state.num_rows, dtype=np.bool_), THRESHOLD, SEED)
    units = {SKETCH.key: [tuple(unit) for unit in json.loads((folder / "units.json").read_text(encoding="utf-8"))]}
    engine = Serial() if way == "memory" else _engine(way, workers)
    search = NearOnEngine(engine, _store(folder, way), [units], fewest=0)
    for _ in engine.run(len, ["starts the workers"] * workers * 2):
        pass
    before, started, spent = _peak(), time.perf_counter(), time.process_time()
    run = Threads(workers).run if workers > 1 else in_turn
    found = search_here(asked, run) if way == "memory" else search(asked, in_turn)
    seconds, processor = time.perf_counter() - started, time.process_time() - spent
    peak = _peak()
    engine.close()
    told = {"seconds": seconds, "processor": processor, "peak": peak, "before": before, "moved": search.moved}
    told["workers"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * TOLD
    told["workers_processor"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return {**told, "clusters": hashlib.sha256(found.labels.tobytes()).hexdigest()[:16], "bounded": found.bounded}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * TOLD


def main() -> None:
    """Prepare, then search in every way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=240_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["memory", "threads", "processes"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", action="store_true", help="Search in this process, in a folder that is prepared.")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(searched(options.folder, options.ways[0], options.workers)))
        return
    with tempfile.TemporaryDirectory(prefix="near-shuffle-") as folder:
        prepared(Path(folder), options.documents)
        clusters = {_shown(Path(folder), way, options) for way in options.ways}
    if len(clusters) != 1:
        sys.exit("the ways differ in their clusters")


def _shown(folder: Path, way: str, options: argparse.Namespace) -> str:
    command = [sys.executable, "-m", "benchmarks.near_shuffle", "--one", "--folder", folder, "--ways", way]
    told = child.run([*command, "--workers", options.workers]).told
    print(
        f"{way}: {told['seconds']:.1f} s, {told['processor'] + told['workers_processor']:.1f} s of processors, driver "
        f"{told['peak'] / MEBI:.0f} MiB ({told['before'] / MEBI:.0f} before), largest worker "
        f"{told['workers'] / MEBI:.0f} MiB"
    )
    total = sum(told["moved"].values())
    if total:
        stages = ", ".join(f"{name} {size / options.documents:.0f}" for name, size in told["moved"].items())
        print(f"  bytes put for each document: {total / options.documents:.0f} ({stages})")
    name: str = told["clusters"]
    return name


if __name__ == "__main__":
    main()
