"""Put cells into rows of bytes, and hash each row with BLAKE2b-256 (RFC 7693).

Rows stand one after the other in one buffer, each starting at a multiple of 128 bytes and padded with zeros:
a BLAKE2b block is then 16 aligned little-endian words, and the last block needs no copy.

The ``put`` loops write one column's cells at each row's cursor and move the cursors on. A cell is a prefix
(the column's tag), then its payload; a row without the cell is left as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled, inlined

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

BLOCK = 128
WORDS = 16
DIGEST = 32
ROUNDS = 12

INITIAL = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    dtype=np.uint64,
)  # fmt: skip
"""RFC 7693 section 2.6."""

PARAMETERS = np.uint64(0x01010000 ^ DIGEST)
"""Digest of 32 bytes, no key, sequential mode; RFC 7693 section 2.5."""

SCHEDULE = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    dtype=np.int64,
)
"""Order in which each round takes the message words; RFC 7693 section 2.7."""


@compiled
def put_fixed(rows: Bytes, cursors: Integers, prefix: Bytes, payload: Bytes, valid: Bytes) -> None:
    """Write cells of one width: ``payload`` has shape (rows, width), ``valid`` (rows,)."""
    width = payload.shape[1]
    for row in range(cursors.shape[0]):
        if valid[row]:
            place = cursors[row]
            for k in range(prefix.shape[0]):
                rows[place + k] = prefix[k]
            place += prefix.shape[0]
            for k in range(width):
                rows[place + k] = payload[row, k]
            cursors[row] = place + width


@compiled
def put_variable(  # noqa: PLR0913, PLR0917 - a loop over arrays has no objects to group them
    rows: Bytes,
    cursors: Integers,
    prefix: Bytes,
    counts: Integers,
    starts: Integers,
    stops: Integers,
    data: Bytes,
    valid: Bytes,
) -> None:
    """Write cells of any length: prefix, ``counts[row]`` as 4 little-endian bytes, ``data[starts:stops]``."""
    for row in range(cursors.shape[0]):
        if valid[row]:
            place = cursors[row]
            for k in range(prefix.shape[0]):
                rows[place + k] = prefix[k]
            place += prefix.shape[0]
            for k in range(4):
                rows[place + k] = np.uint8((counts[row] >> (8 * k)) & 255)
            place += 4
            start = starts[row]
            length = stops[row] - start
            for k in range(length):
                rows[place + k] = data[start + k]
            cursors[row] = place + length


@inlined
def _turn(value: np.uint64, count: int) -> np.uint64:
    return (value >> np.uint64(count)) | (value << np.uint64(64 - count))


@inlined
def _mix(  # noqa: PLR0913, PLR0917 - the six arguments of RFC 7693's G
    a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, x: np.uint64, y: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    a = a + b + x
    d = _turn(d ^ a, 32)
    c = c + d
    b = _turn(b ^ c, 24)
    a = a + b + y
    d = _turn(d ^ a, 16)
    c = c + d
    b = _turn(b ^ c, 63)
    return a, b, c, d


@compiled
def hash_rows(words: Words, starts: Integers, lengths: Integers, digests: Words) -> None:
    """BLAKE2b-256 of each row.

    Args:
        words: All rows, padded to blocks, as 64-bit little-endian words.
        starts: First word of each row, a multiple of 16.
        lengths: Bytes of each row.
        digests: Output, shape (rows, 4).
    """
    state = np.empty(8, dtype=np.uint64)
    for row in range(starts.shape[0]):
        for k in range(8):
            state[k] = INITIAL[k]
        state[0] ^= PARAMETERS
        blocks = max(1, (lengths[row] + BLOCK - 1) // BLOCK)
        for block in range(blocks):
            at = starts[row] + WORDS * block
            last = block == blocks - 1
            done = lengths[row] if last else BLOCK * (block + 1)
            v0, v1, v2, v3 = state[0], state[1], state[2], state[3]
            v4, v5, v6, v7 = state[4], state[5], state[6], state[7]
            v8, v9, v10, v11 = INITIAL[0], INITIAL[1], INITIAL[2], INITIAL[3]
            v12, v13, v14, v15 = INITIAL[4] ^ np.uint64(done), INITIAL[5], INITIAL[6], INITIAL[7]
            if last:
                v14 = ~v14
            for turn in range(ROUNDS):
                order = SCHEDULE[turn]
                v0, v4, v8, v12 = _mix(v0, v4, v8, v12, words[at + order[0]], words[at + order[1]])
                v1, v5, v9, v13 = _mix(v1, v5, v9, v13, words[at + order[2]], words[at + order[3]])
                v2, v6, v10, v14 = _mix(v2, v6, v10, v14, words[at + order[4]], words[at + order[5]])
                v3, v7, v11, v15 = _mix(v3, v7, v11, v15, words[at + order[6]], words[at + order[7]])
                v0, v5, v10, v15 = _mix(v0, v5, v10, v15, words[at + order[8]], words[at + order[9]])
                v1, v6, v11, v12 = _mix(v1, v6, v11, v12, words[at + order[10]], words[at + order[11]])
                v2, v7, v8, v13 = _mix(v2, v7, v8, v13, words[at + order[12]], words[at + order[13]])
                v3, v4, v9, v14 = _mix(v3, v4, v9, v14, words[at + order[14]], words[at + order[15]])
            state[0] ^= v0 ^ v8
            state[1] ^= v1 ^ v9
            state[2] ^= v2 ^ v10
            state[3] ^= v3 ^ v11
            state[4] ^= v4 ^ v12
            state[5] ^= v5 ^ v13
            state[6] ^= v6 ^ v14
            state[7] ^= v7 ^ v15
        for k in range(4):
            digests[row, k] = state[k]
