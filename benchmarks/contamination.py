"""Evaluation items in training text, against sets of Python strings: Arrow text in memory to best matches, one core.

    python -m benchmarks.contamination [--documents 60000] [--items 1000] [--folder FOLDER]

Text: what the installed Python packages hold as prose and code (``benchmarks.near_duplicates``), cut into documents
of 2 KB, repeated in another order of their lines where there are not enough. Items: pieces of 40 to 400 words, a tenth
of which is planted into documents. Truth: sets of 8-word tuples, exhaustively, which is also the peer: a dictionary
from n-gram to items, as evaluation harnesses do it. ``datasketch`` stands beside it with the only thing that it
offers for containment, LSHEnsemble.

Reported for each system: documents/s, MB/s, and how many of the true (document, item) pairs it finds.
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
import pyarrow as pa

from benchmarks.near_duplicates import corpus
from poisonguard.kernels.containment import contained
from poisonguard.kernels.passages import passages_of

WORDS = 8
THRESHOLD = 0.7
COMMON = 10
PLANTED = 10
"""One item for this many is planted."""
SHORTEST, LONGEST = 40, 400
SLICE = 4_000
"""Documents that the peers look at: they are slow, and their speed does not depend on it."""
WORD = re.compile(r"\w+")

Found = dict[int, float]
"""Best containment of each document that holds an item."""


def grams(text: str) -> set[tuple[str, ...]]:
    """8-word shingles as Python tuples."""
    words = WORD.findall(text.lower())
    return {tuple(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1)}


def material(folder: Path, count: int, items: int) -> tuple[list[str], list[str]]:
    """(documents, items), a tenth of the items planted into documents."""
    source = random.Random(2)  # noqa: S311 - seeded on purpose
    # ASCII only: there, and only there, what a word is is the same for all systems.
    pieces = [text.encode("ascii", "ignore").decode() for text in corpus(folder, min(count, 20_000))]
    held, rest = pieces[:items], pieces[items:]
    documents = list(rest)
    while len(documents) < count:
        lines = rest[len(documents) % len(rest)].split("\n")
        source.shuffle(lines)
        documents.append("\n".join(lines))
    wanted = [" ".join(text.split(" ")[: source.randrange(SHORTEST, LONGEST)]) for text in held]
    for item in wanted[::PLANTED]:
        place = source.randrange(min(SLICE, len(documents)))
        documents[place] = documents[place][:1000] + "\n" + item + "\n" + documents[place][1000:]
    return documents[:count], list(dict.fromkeys(wanted))


def ours(documents: pa.Array, items: list[str]) -> Found:
    """poisonguard: index the items, stream the documents."""
    index = passages_of(pa.array(items), size=WORDS, seed=1, common=COMMON)
    shares = contained(documents, index).documents
    return {row: float(share) for row, share in enumerate(shares) if share >= THRESHOLD}


def dictionary(documents: pa.Array, items: list[str]) -> Found:
    """The peer: a dictionary from n-gram to the items that hold it."""
    holders: dict[tuple[str, ...], list[int]] = {}
    sizes = []
    for number, item in enumerate(items):
        held = grams(item)
        sizes.append(0)
        for gram in held:
            holders.setdefault(gram, []).append(number)
    for numbers in holders.values():
        for number in numbers if len(numbers) <= COMMON else ():
            sizes[number] += 1
    found: Found = {}
    for row, text in enumerate(documents.to_pylist()):
        counts: dict[int, int] = {}
        for gram in grams(text) & holders.keys():
            for number in holders[gram] if len(holders[gram]) <= COMMON else ():
                counts[number] = counts.get(number, 0) + 1
        best = max((count / sizes[number] for number, count in counts.items()), default=0.0)
        if best >= THRESHOLD:
            found[row] = best
    return found


def ensemble(documents: pa.Array, items: list[str]) -> Found:
    """The LSHEnsemble of datasketch: approximate containment of sets."""

    def signed(text: str) -> tuple[datasketch.MinHash, int]:
        held = grams(text)
        sketch = datasketch.MinHash(num_perm=128, hashfunc=zlib.crc32)
        sketch.update_batch([" ".join(gram).encode() for gram in held])
        return sketch, len(held)

    index = datasketch.MinHashLSHEnsemble(threshold=THRESHOLD, num_perm=128, num_part=16)
    entries = [(row, *signed(text)) for row, text in enumerate(documents.to_pylist())]
    index.index(entry for entry in entries if entry[2])
    found: Found = {}
    for item in items:
        sketch, size = signed(item)
        found |= dict.fromkeys(index.query(sketch, size), THRESHOLD) if size else {}
    return found


def timed(run: Callable[[pa.Array, list[str]], Found], documents: pa.Array, items: list[str], repeats: int) -> float:
    """Best CPU time of the runs, in seconds."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        run(documents, items)
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=60_000)
    parser.add_argument("--items", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, default=Path(sysconfig.get_paths()["purelib"]))
    options = parser.parse_args()
    texts, items = material(options.folder, options.documents, options.items)
    whole, part = pa.array(texts, pa.large_string()), pa.array(texts[:SLICE], pa.large_string())
    contained(whole.slice(0, 50), passages_of(pa.array(items[:5]), size=WORDS, seed=1, common=COMMON))  # compiles
    truth = dictionary(part, items)
    print(f"{len(texts):,} documents, {whole.nbytes / 1e6:.0f} MB, {len(items):,} items; truth on {len(part):,}")
    print(f"{'system':<28} {'documents/s':>12} {'MB/s':>8} {'found':>12} {'not true':>9}")
    for name, run, held, repeats in (
        ("poisonguard", ours, whole, 5),
        ("dictionary of n-grams", dictionary, part, 1),
        ("datasketch LSHEnsemble", ensemble, part, 1),
    ):
        seconds = timed(run, held, items, repeats)
        found = run(part, items)
        print(
            f"{name:<28} {len(held) / seconds:>12,.0f} {held.nbytes / seconds / 1e6:>8.1f} "
            f"{len(truth.keys() & found.keys()):>5} of {len(truth):>4} {len(found.keys() - truth.keys()):>9}"
        )


if __name__ == "__main__":
    main()
