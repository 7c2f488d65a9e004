"""MinHash signatures for others: a table that any tool can keep, and datasketch's objects made of it and back.

1. A signature is ``datasketch.MinHash(num_perm=128, seed=seed, scheme="affine32")`` over the shingle hashes of a text,
   bit for bit, so that an index of datasketch (in memory, or kept in Redis) takes it as its own.
2. Signatures are comparable only when they were made alike: the table's metadata say how, and tables or sketches that
   were made otherwise are refused.
3. An index only estimates. What it calls similar is a candidate; a scan compares sets exactly.
4. Keep the seed secret where others may write texts: who knows it can vary a text so that no band agrees.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Protocol

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.errors import UsageError
from poisonguard.kernels.minhash import PERMUTATIONS, permutations, signatures
from poisonguard.kernels.shingle import shingle
from poisonguard.sketches.fingerprints import KEY, SHINGLE_WORDS

SCHEME = "affine32"
METADATA = b"poisonguard.signatures"
SEEDS = 1 << 32

SCHEMA = pa.schema(
    [
        pa.field("key", pa.binary(), nullable=False),
        pa.field("signature", pa.list_(pa.field("item", pa.uint32(), nullable=False), PERMUTATIONS), nullable=False),
    ]
)


class Index(Protocol):
    """What is asked of datasketch's ``MinHashLSH``, wherever it keeps its buckets."""

    def query(self, minhash: datasketch.MinHash) -> list[bytes]:
        """Keys of what may be similar."""


def schema_of(seed: int, words: int) -> pa.Schema:
    """Schema of a table of signatures that were made with ``seed`` of shingles of so many ``words``.

    Raises:
        UsageError: The seed has more than 32 bits.
    """
    if not 0 <= seed < SEEDS:
        raise UsageError(f"seed {seed}: not a number of 32 bits", hint="datasketch takes seeds of 0 to 4294967295.")
    made = {"permutations": PERMUTATIONS, "scheme": SCHEME, "seed": seed, "words": words}
    return SCHEMA.with_metadata({METADATA: json.dumps(made, sort_keys=True).encode()})


def signed(keys: pa.Array, texts: pa.Array, *, seed: int, words: int = SHINGLE_WORDS) -> pa.Table:
    """Signatures of ``texts``, called by ``keys``; texts of fewer than ``words`` words have none and are left out."""
    schema = schema_of(seed, words)
    sets = shingle(texts, size=words, seed=KEY)
    made = pa.array(signatures(sets.shingles, sets.offsets, seed).ravel())
    column = pa.FixedSizeListArray.from_arrays(made, type=SCHEMA.field("signature").type)
    table = pa.Table.from_arrays([keys.cast(pa.binary()), column], schema=schema)
    return table.filter(pa.array(sets.words >= words))


def minhashes(table: pa.Table) -> Iterator[tuple[bytes, datasketch.MinHash]]:
    """Key and ``datasketch.MinHash`` of every signature: what an index's ``insert`` takes.

    Raises:
        UsageError: It is no table of signatures.
    """
    seed = _seed(table)
    parameters = permutations(seed)
    for batch in table.to_batches():
        for key, values in zip(batch["key"].to_pylist(), _matrix(batch["signature"]), strict=True):
            yield key, _minhash(seed, values, parameters)


def from_minhashes(items: Iterable[tuple[bytes, datasketch.MinHash]], *, words: int = SHINGLE_WORDS) -> pa.Table:
    """The table of signatures that ``minhashes`` gave, or that others made alike: all with one seed.

    Raises:
        UsageError: A sketch was made otherwise, or there is none.
    """
    keys, rows, seeds = [], [], set()
    for key, sketch in items:
        if getattr(sketch, "scheme", None) != SCHEME or len(sketch) != PERMUTATIONS:
            raise UsageError(
                f"{key!r}: not a MinHash of {PERMUTATIONS} permutations in the scheme {SCHEME}",
                hint=f'Make it with datasketch.MinHash(num_perm={PERMUTATIONS}, scheme="{SCHEME}").',
            )
        keys.append(key)
        rows.append(np.asarray(sketch.hashvalues, dtype=np.uint32))
        seeds.add(int(sketch.seed))
    if len(seeds) != 1:
        raise UsageError(f"{len(rows)} signatures with {len(seeds)} seeds", hint="Signatures of one seed compare.")
    flat = pa.array(np.concatenate(rows))
    column = pa.FixedSizeListArray.from_arrays(flat, type=SCHEMA.field("signature").type)
    return pa.Table.from_arrays([pa.array(keys, pa.binary()), column], schema=schema_of(seeds.pop(), words))


def candidates(index: Index, table: pa.Table) -> Iterator[tuple[bytes, list[bytes]]]:
    """Key of every text that an index of earlier ones holds something like, and the keys of that, in order."""
    for key, sketch in minhashes(table):
        found = sorted(other for other in index.query(sketch) if other != key)
        if found:
            yield key, found


def _seed(table: pa.Table) -> int:
    try:
        made = json.loads((table.schema.metadata or {})[METADATA])
        seed, scheme, count = int(made["seed"]), str(made["scheme"]), int(made["permutations"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            "not a table of signatures: its metadata do not say how they were made",
            hint="Make it with poisonguard.signatures, and keep it as Parquet or Arrow.",
        ) from error
    if (scheme, count) != (SCHEME, PERMUTATIONS) or table.schema.remove_metadata() != SCHEMA:
        raise UsageError(f"{count} permutations of the scheme {scheme}: not signatures that are known here")
    return seed


def _matrix(column: pa.Array) -> npt.NDArray[np.uint32]:
    return np.asarray(column.flatten(), dtype=np.uint32).reshape(-1, PERMUTATIONS)


def _minhash(
    seed: int, values: npt.NDArray[np.uint32], parameters: tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]
) -> datasketch.MinHash:
    return datasketch.MinHash(seed=seed, hashvalues=values, permutations=parameters, scheme=SCHEME)
