"""Near duplicates against datasketch and rensa: Arrow text in memory -> clusters, in one run.

    python -m benchmarks.near_duplicates [--documents 5000] [--many 0] [--folder FOLDER] [--peers NAME ...] [--no-peers]

Text: what the installed Python packages hold as ``.py``, ``.pyi``, ``.md``, ``.rst``, ``.txt`` and ``METADATA``
(real prose and code, with its natural copies of licences and boilerplate), cut into documents of 2 KB, every n-th
taken; a fifth more are near copies with a few words changed (seeded).

Truth: exhaustive exact Jaccard over all pairs of five-word shingle sets, tokenised in Python. Reported for each
system: documents/s, MB/s, recall over all pairs with J >= 0.8, and precision of the documents it calls copies.

One core is CPU time, best of several rounds, the same for all systems. ``--many`` adds a run of ours over so many
documents, made of the same text with its words shuffled: on one thread and on two, by the clock (which means something
on a quiet machine only) and by CPU time, and what memory clustering takes.
"""

from __future__ import annotations

import argparse
import random
import re
import sysconfig
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.feather
import scipy.sparse

from benchmarks.child import ChildFailed, run
from benchmarks.environments import PEERS, PeerMissing, python_of
from benchmarks.goals import Goal, machine, print_goals, table
from poisonguard.engine.executor import local
from poisonguard.kernels import neighbours
from poisonguard.kernels.neighbours import cluster
from poisonguard.kernels.run import Run, in_turn
from poisonguard.sketches.base import Block
from poisonguard.sketches.fingerprints import SHINGLE_WORDS, ShingleSets, documents

Labels = npt.NDArray[np.int64]

BYTES = 2_000
REPEATS = 3
THRESHOLD = 0.8
COPIES = 5
"""One near copy for this many documents."""

BLOCK = 8_192
"""Documents in a block, as when files are read."""

SEED = 7
THREADS = (1, 2)
"""Threads of the run over many documents."""

NAMES = {"rensa": "rensa, 32 bands", "fastsketch": "FastSketchLSH", "datatrove": "datatrove", "textdedup": "text-dedup"}
"""Peers that live in environments of their own; datasketch is our own oracle, too."""
OURS, DATASKETCH = "poisonguard", "datasketch"
FASTER = {DATASKETCH: 30.0, "rensa": 15.0}
RECALL, PRECISION = 0.999, 1.0
FEW_MEGABYTES, GAIN, HELD_BYTES, STREAMED_BYTES = 250.0, 1.8, 400.0, 20.0

SUFFIXES = {".py", ".pyi", ".md", ".rst", ".txt", ".METADATA"}
WORD = re.compile(r"\w+")


def corpus(folder: Path, count: int) -> list[str]:
    """``count`` documents and their near copies, shuffled."""
    pieces = []
    for path in sorted(folder.rglob("*")):
        if (path.suffix in SUFFIXES or path.name == "METADATA") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            pieces += [text[start : start + BYTES] for start in range(0, len(text) - BYTES, BYTES)]
    shuffle = random.Random(1)  # noqa: S311 - seeded on purpose
    chosen = pieces[:: max(1, len(pieces) // count)][:count]
    chosen += [altered(text, shuffle) for text in chosen[::COPIES]]
    shuffle.shuffle(chosen)
    return chosen


def altered(text: str, source: random.Random) -> str:
    """The text with up to eight of its words replaced."""
    words = text.split(" ")
    for _ in range(source.randrange(9)):
        words[source.randrange(len(words))] = "altered"
    return " ".join(words)


def shingles(text: str) -> set[str]:
    """Five-word shingles as Python strings."""
    words = WORD.findall(text.lower())
    size = min(SHINGLE_WORDS, len(words))
    return {" ".join(words[start : start + size]) for start in range(len(words) - size + 1)} if words else set()


def truth(texts: list[str]) -> scipy.sparse.coo_matrix:
    """Pairs with J >= 0.8, found by comparing every pair."""
    names: dict[str, int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        members = [names.setdefault(item, len(names)) for item in sorted(shingles(text))]
        rows += [row] * len(members)
        columns += members
    sets = scipy.sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(texts), len(names)))
    sizes = np.asarray(sets.sum(axis=1)).ravel()
    shared = scipy.sparse.triu(sets @ sets.T, k=1).tocoo()
    united = sizes[shared.row] + sizes[shared.col] - shared.data
    alike = shared.data / united >= THRESHOLD
    return scipy.sparse.coo_matrix((shared.data[alike], (shared.row[alike], shared.col[alike])), shape=shared.shape)


def folded(column: pa.Array, run: Run) -> list[pa.Table]:
    """Shingle sets, block by block."""
    sketch = ShingleSets(("text",))

    def fold(first: int) -> pa.Table:
        batch = pa.record_batch([column.slice(first, BLOCK)], names=["text"])
        return sketch.fold(Block(0, first, batch, np.empty((0, 32), np.uint8)))

    return list(run(fold, range(0, len(column), BLOCK)))


def ours(column: pa.Array, run: Run) -> Labels:
    """poisonguard: shingle, sign, band, verify, join."""
    return cluster(documents(*folded(column, run)), threshold=THRESHOLD, seed=SEED, run=run).labels


def theirs(column: pa.Array) -> Labels:
    """Datasketch at its best: ``update_batch`` with a fast hash, LSH index, query, union-find."""
    index = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=128)
    parent = list(range(len(column)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    empty = datasketch.MinHash(num_perm=128, hashfunc=zlib.crc32)
    for row, text in enumerate(column.to_pylist()):
        sketch = empty.copy()
        sketch.update_batch([item.encode() for item in shingles(text)])
        for other in index.query(sketch):
            one, two = sorted((root(other), root(row)))
            parent[two] = one
        index.insert(row, sketch, check_duplication=False)
    return np.array([root(row) for row in range(len(column))])


def quality(labels: Labels, pairs: scipy.sparse.coo_matrix) -> tuple[float, float]:
    """(recall over true pairs, share of the documents called copies that are)."""
    recall = float((labels[pairs.row] == labels[pairs.col]).mean())
    called = np.bincount(labels, minlength=labels.size)[labels] > 1
    real = np.zeros(labels.size, dtype=np.bool_)
    real[pairs.row] = real[pairs.col] = True
    return recall, float(real[called].mean())


def timed(work: Callable[[], Labels], clock: Callable[[], float]) -> tuple[float, Labels]:
    """Best time of ``REPEATS`` runs, the same for all systems, and the result."""
    best, labels = float("inf"), np.empty(0, np.int64)
    for _ in range(REPEATS):
        start = clock()
        labels = work()
        best = min(best, clock() - start)
    return best, labels


def peer(name: str, column: pa.Array) -> tuple[float, Labels]:
    """The same of a peer, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.arrow"
        pyarrow.feather.write_feather(pa.table({"text": column}), path)
        told = run([python_of(name), PEERS / "duplicates.py", name, path, SHINGLE_WORDS, REPEATS]).told
    return told["processor"], np.array(told["labels"])


def compare(given: list[str], peers: Sequence[str]) -> list[Goal]:
    """One core, all systems, with recall and precision."""
    # ASCII only: there, and only there, what a word is is the same for all systems.
    texts = [text.encode("ascii", "ignore").decode() for text in given]
    column, pairs = pa.array(texts, pa.large_string()), truth(texts)
    megabytes = column.nbytes / 1e6
    print(f"{len(texts):,} documents, {megabytes:.1f} MB, {pairs.nnz} pairs with J >= {THRESHOLD}; one core")
    found = {
        OURS: timed(partial(ours, column, local(1).run), time.process_time),
        DATASKETCH: timed(partial(theirs, column), time.process_time),
    }
    missing = {}
    for name in peers:
        try:
            found[name] = peer(name, column)
        except (PeerMissing, ChildFailed) as error:
            missing[name] = str(error).splitlines()[-1]
    base = found[OURS][0]
    lines: list[list[object]] = [["system", "docs/s", "MB/s", "pair recall", "document precision", "ours to it"]]
    for name, (seconds, labels) in found.items():
        told = [f"{len(texts) / seconds:,.0f}", f"{megabytes / seconds:.1f}"]
        told += [f"{figure:.4f}" for figure in quality(labels, pairs)]
        lines.append([NAMES.get(name, name), *told, "" if name == OURS else f"{seconds / base:.1f}x"])
    print("\n".join(table(lines)))
    for name, why in missing.items():
        print(f"{NAMES[name]}: not measured, {why}")
    return _goals(
        {name: seconds / base for name, (seconds, _) in found.items()}, missing, *quality(found[OURS][1], pairs)
    )


def _goals(ratios: dict[str, float], missing: dict[str, str], recall: float, precision: float) -> list[Goal]:
    goals = [
        Goal(f"near duplicates: speed to {name}", goal, ratios.get(name), why_not=missing.get(name, "left out"))
        for name, goal in FASTER.items()
    ]
    goals.append(Goal("near duplicates: pair recall", RECALL, recall, unit=""))
    return [*goals, Goal("near duplicates: document precision", PRECISION, precision, unit="")]


def shuffled(texts: list[str], count: int) -> list[str]:
    """``count`` documents: the texts, then the same with their words in another order, no two alike."""
    source, made = random.Random(2), list(texts[:count])  # noqa: S311 - seeded on purpose
    while len(made) < count:
        words = texts[len(made) % len(texts)].split(" ")
        source.shuffle(words)
        made.append(" ".join(words))
    return made


def at_scale(texts: list[str], count: int) -> list[Goal]:
    """Ours over many documents: by the clock, by CPU time, and in memory."""
    column = pa.array(shuffled(texts, count), pa.large_string())
    megabytes, alone, rates = column.nbytes / 1e6, 0.0, list[float]()
    print(f"{count:,} documents, {megabytes:.0f} MB")
    for threads in THREADS:
        work = partial(ours, column, local(threads).run)
        seconds, busy = timed(work, time.perf_counter)[0], timed(work, time.process_time)[0]
        alone = alone or seconds
        rates.append(megabytes / busy)
        speed, rate = count / seconds, megabytes / seconds
        print(
            f"{threads} threads    {speed:10,.0f} docs/s {rate:8.1f} MB/s   {alone / seconds:.2f}x"
            f"   {megabytes / busy:8.1f} MB for a second of CPU"
        )
    states = folded(column, in_turn)
    held, streamed = (clustering_memory(states, limit) / count for limit in (neighbours.HELD, 0))
    what = "near duplicates at scale"
    return [
        Goal(f"{what}: one core, CPU time", FEW_MEGABYTES, rates[0], unit=" MB/s"),
        Goal(f"{what}: two threads to one", GAIN, alone / seconds),
        Goal(f"{what}: held in memory", HELD_BYTES, held, at_most=True, unit=" B/document"),
        Goal(f"{what}: streamed by band", STREAMED_BYTES, streamed, at_most=True, unit=" B/document"),
    ]


def clustering_memory(states: list[pa.Table], limit: int) -> int:
    """Most bytes that clustering allocates while prints beyond ``limit`` go to a file."""
    held, neighbours.HELD = neighbours.HELD, limit
    tracemalloc.start()
    cluster(documents(*states), threshold=THRESHOLD, seed=SEED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    neighbours.HELD = held
    return peak


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--many", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(sysconfig.get_paths()["purelib"]))
    parser.add_argument("--peers", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--no-peers", dest="peers", action="store_const", const=[])
    options = parser.parse_args(arguments)
    texts = corpus(options.folder, options.documents)
    ours(pa.array(texts[:50], pa.large_string()), local(1).run)  # compiles, or loads what was compiled
    print(machine())
    goals = compare(texts, options.peers)
    if options.many:
        goals += at_scale(corpus(options.folder, options.many), options.many)
    print_goals(goals)


if __name__ == "__main__":
    main()
