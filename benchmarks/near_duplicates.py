"""Near duplicates against datasketch: Arrow text in memory -> clusters, one core, one run.

    .venv/bin/python benchmarks/near_duplicates.py [--documents 5000] [--folder FOLDER]

Text: what the installed Python packages hold as ``.py``, ``.pyi``, ``.md``, ``.rst``, ``.txt`` and ``METADATA``
(real prose and code, with its natural copies of licences and boilerplate), cut into documents of 2 KB, every n-th
taken; a fifth more are near copies with a few words changed (seeded).

Truth: exhaustive exact Jaccard over all pairs of five-word shingle sets, tokenised in Python. Reported for each
system: documents/s, MB/s, recall over all pairs with J >= 0.8, and precision of the documents it calls copies.
"""

from __future__ import annotations

import argparse
import random
import re
import sysconfig
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse

from poisonguard.kernels.neighbours import cluster
from poisonguard.sketches.base import Block
from poisonguard.sketches.fingerprints import SHINGLE_WORDS, ShingleSets, documents

Labels = npt.NDArray[np.int64]

BYTES = 2_000
REPEATS = 5
THRESHOLD = 0.8
COPIES = 5
"""One near copy for this many documents."""

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


def ours(column: pa.Array) -> Labels:
    """poisonguard: shingle, sign, band, verify, join."""
    sketch = ShingleSets(("text",))
    batch = pa.record_batch([column], names=["text"])
    state = sketch.fold(Block(0, 0, batch, np.empty((0, 32), np.uint8)))
    return cluster(documents(state), threshold=THRESHOLD).labels


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


def timed(run: Callable[[pa.Array], Labels], column: pa.Array) -> tuple[float, Labels]:
    """Best time of ``REPEATS`` runs, the same for both systems, and the result."""
    best, labels = float("inf"), np.empty(0, np.int64)
    for _ in range(REPEATS):
        start = time.perf_counter()
        labels = run(column)
        best = min(best, time.perf_counter() - start)
    return best, labels


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--folder", type=Path, default=Path(sysconfig.get_paths()["purelib"]))
    options = parser.parse_args()
    texts = corpus(options.folder, options.documents)
    column, pairs = pa.array(texts, pa.large_string()), truth(texts)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents, {megabytes:.1f} MB, {pairs.nnz} pairs with J >= {THRESHOLD}")
    ours(column.slice(0, 50))  # compiles, or loads what was compiled
    speeds = []
    for name, run in (("poisonguard", ours), ("datasketch", theirs)):
        seconds, labels = timed(run, column)
        recall, precision = quality(labels, pairs)
        speeds.append(len(texts) / seconds)
        print(
            f"{name:12} {speeds[-1]:10,.0f} docs/s {megabytes / seconds:8.1f} MB/s"
            f"   pair recall {recall:.4f}   document precision {precision:.4f}"
        )
    print(f"ratio        {speeds[0] / speeds[1]:10.1f}")


if __name__ == "__main__":
    main()
