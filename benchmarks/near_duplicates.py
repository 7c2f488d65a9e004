"""Near duplicates against datasketch and rensa: Arrow text in memory -> clusters, in one run.

    .venv/bin/python -m benchmarks.near_duplicates [--documents 5000] [--many 0] [--folder FOLDER] [--rensa PYTHON]

Text: what the installed Python packages hold as ``.py``, ``.pyi``, ``.md``, ``.rst``, ``.txt`` and ``METADATA``
(real prose and code, with its natural copies of licences and boilerplate), cut into documents of 2 KB, every n-th
taken; a fifth more are near copies with a few words changed (seeded).

Truth: exhaustive exact Jaccard over all pairs of five-word shingle sets, tokenised in Python. Reported for each
system: documents/s, MB/s, recall over all pairs with J >= 0.8, and precision of the documents it calls copies.

One core is CPU time, best of several rounds, the same for all systems. ``--many`` adds a run of ours over so many
documents, made of the same text with its words shuffled: on one thread and on two, by the clock (which means something
on a quiet machine only) and by CPU time, and what memory clustering takes. rensa lives in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sysconfig
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.feather
import scipy.sparse

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

PEER = """
import json, re, sys, time
import pyarrow.feather
from rensa import RMinHash, RMinHashLSH
texts = pyarrow.feather.read_table(sys.argv[1])["text"].combine_chunks()
word, size = re.compile(r"\\w+"), int(sys.argv[2])
def shingles(text):
    words = word.findall(text.lower())
    width = min(size, len(words))
    return {" ".join(words[s : s + width]) for s in range(len(words) - width + 1)} if words else set()
def run():
    index, parent = RMinHashLSH(0.8, 128, 32), list(range(len(texts)))
    def root(node):
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node
    for row, text in enumerate(texts.to_pylist()):
        sketch = RMinHash(128, 42)
        sketch.update(shingles(text))
        for other in index.query(sketch):
            one, two = sorted((root(other), root(row)))
            parent[two] = one
        index.insert(row, sketch)
    return [root(row) for row in range(len(texts))]
best = float("inf")
for _ in range(int(sys.argv[3])):
    start = time.process_time()
    labels = run()
    best = min(best, time.process_time() - start)
print(json.dumps([best, labels]))
"""

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


def rensa(python: Path, column: pa.Array) -> tuple[float, Labels]:
    """The same of rensa, in its own environment: 32 bands of 4, which find what our truth holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.arrow"
        pyarrow.feather.write_feather(pa.table({"text": column}), path)
        command: list[str | Path] = [python, "-c", PEER, path, str(SHINGLE_WORDS), str(REPEATS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own script
    seconds, labels = json.loads(done.stdout)
    return seconds, np.array(labels)


def compare(given: list[str], python: Path | None) -> None:
    """One core, all systems, with recall and precision."""
    # ASCII only: there, and only there, what a word is is the same for all systems.
    texts = [text.encode("ascii", "ignore").decode() for text in given]
    column, pairs = pa.array(texts, pa.large_string()), truth(texts)
    megabytes = column.nbytes / 1e6
    print(f"{len(texts):,} documents, {megabytes:.1f} MB, {pairs.nnz} pairs with J >= {THRESHOLD}; one core")
    found = {
        "poisonguard": timed(partial(ours, column, local(1).run), time.process_time),
        "datasketch": timed(partial(theirs, column), time.process_time),
    }
    if python is not None:
        found["rensa"] = rensa(python, column)
    base = found["poisonguard"][0]
    for name, (seconds, labels) in found.items():
        recall, precision = quality(labels, pairs)
        print(
            f"{name:12} {len(texts) / seconds:10,.0f} docs/s {megabytes / seconds:8.1f} MB/s   pair recall {recall:.4f}"
            f"   document precision {precision:.4f}   {seconds / base:5.1f}x our time"
        )


def shuffled(texts: list[str], count: int) -> list[str]:
    """``count`` documents: the texts, then the same with their words in another order, no two alike."""
    source, made = random.Random(2), list(texts[:count])  # noqa: S311 - seeded on purpose
    while len(made) < count:
        words = texts[len(made) % len(texts)].split(" ")
        source.shuffle(words)
        made.append(" ".join(words))
    return made


def at_scale(texts: list[str], count: int) -> None:
    """Ours over many documents: by the clock, by CPU time, and in memory."""
    column = pa.array(shuffled(texts, count), pa.large_string())
    megabytes, alone = column.nbytes / 1e6, 0.0
    print(f"{count:,} documents, {megabytes:.0f} MB")
    for threads in THREADS:
        work = partial(ours, column, local(threads).run)
        seconds, busy = timed(work, time.perf_counter)[0], timed(work, time.process_time)[0]
        alone = alone or seconds
        speed, rate = count / seconds, megabytes / seconds
        print(
            f"{threads} threads    {speed:10,.0f} docs/s {rate:8.1f} MB/s   {alone / seconds:.2f}x"
            f"   {megabytes / busy:8.1f} MB for a second of CPU"
        )
    states = folded(column, in_turn)
    for place, limit in (("held in memory", neighbours.HELD), ("streamed by band", 0)):
        print(f"{place}: {clustering_memory(states, limit) / count:.0f} bytes a document, beside the sets")


def clustering_memory(states: list[pa.Table], limit: int) -> int:
    """Most bytes that clustering allocates while prints beyond ``limit`` go to a file."""
    held, neighbours.HELD = neighbours.HELD, limit
    tracemalloc.start()
    cluster(documents(*states), threshold=THRESHOLD, seed=SEED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    neighbours.HELD = held
    return peak


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--many", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(sysconfig.get_paths()["purelib"]))
    parser.add_argument("--rensa", type=Path, default=None)
    options = parser.parse_args()
    texts = corpus(options.folder, options.documents)
    ours(pa.array(texts[:50], pa.large_string()), local(1).run)  # compiles, or loads what was compiled
    compare(texts, options.rensa)
    if options.many:
        at_scale(corpus(options.folder, options.many), options.many)


if __name__ == "__main__":
    main()
