"""Put cells into rows of bytes, and hash each row with BLAKE2b-256 (RFC 7693).

Rows stand one after the other in one buffer, each starting at a multiple of 128 bytes and padded with zeros:
a BLAKE2b block is then 16 aligned little-endian words, and the last block needs no copy.

The ``put`` loops write one column's cells at each row's cursor and move the cursors on. A cell is a prefix
(the column's tag), then its payload; a row without the cell is left as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.blake import INITIAL, LANES, STATE, WORDS, compress
from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.simd import load_eight, store_eight

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

BLOCK = 128
DIGEST = 32

_PARAMETERS = 0x01010000 ^ DIGEST
"""Digest of 32 bytes, no key, sequential mode; RFC 7693 section 2.5."""
_INITIAL = np.array([INITIAL[0] ^ _PARAMETERS, *INITIAL[1:]], dtype=np.uint64)
_NONE, _ALL = np.uint64(0), np.uint64((1 << 64) - 1)
_EIGHT = 8


@compiled
def put_words(rows: Bytes, cursors: Integers, prefix: Bytes, values: Words, valid: Bytes) -> None:
    """Write cells of eight bytes: ``values`` and ``valid`` have shape (rows,); a prefix of 17 bytes, or of one."""
    tag, named, first, second = prefix[-1], prefix.size > 1, _NONE, _NONE
    if named:
        first, second = load_eight(prefix, 0), load_eight(prefix, _EIGHT)
    for row in range(cursors.size):
        if valid[row]:
            place = cursors[row]
            if named:
                store_eight(rows, place, first)
                store_eight(rows, place + _EIGHT, second)
                place += 2 * _EIGHT
            rows[place] = tag
            store_eight(rows, place + 1, values[row])
            cursors[row] = place + 1 + _EIGHT


@compiled
def put_fixed(rows: Bytes, cursors: Integers, prefix: Bytes, payload: Bytes, valid: Bytes) -> None:
    """Write cells of one width: ``payload`` has shape (rows, width), ``valid`` (rows,)."""
    width = payload.shape[1]
    for row in range(cursors.size):
        if valid[row]:
            place = cursors[row]
            for k in range(prefix.size):
                rows[place + k] = prefix[k]
            place += prefix.size
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
    """Write cells of any length: prefix, ``counts[row]`` as 4 little-endian bytes, ``data[starts:stops]``.

    The prefix has 17 bytes, or one.
    """
    tag, named, first, second = prefix[-1], prefix.size > 1, _NONE, _NONE
    if named:
        first, second = load_eight(prefix, 0), load_eight(prefix, _EIGHT)
    for row in range(cursors.size):
        if valid[row]:
            place, start, length = cursors[row], starts[row], stops[row] - starts[row]
            if named:
                store_eight(rows, place, first)
                store_eight(rows, place + _EIGHT, second)
                place += 2 * _EIGHT
            rows[place] = tag
            for k in range(4):
                rows[place + 1 + k] = np.uint8((counts[row] >> (8 * k)) & 255)
            place += 5
            step = 0
            while step + _EIGHT <= length:
                store_eight(rows, place + step, load_eight(data, start + step))
                step += _EIGHT
            while step < length:
                rows[place + step] = data[start + step]
                step += 1
            cursors[row] = place + length


def hash_rows(words: Words, starts: Integers, lengths: Integers, digests: Words) -> None:
    """BLAKE2b-256 of each row, as many at once as there are lanes: where one is done the next row begins.

    Args:
        words: All rows, padded to blocks, as 64-bit little-endian words.
        starts: First word of each row, a multiple of 16.
        lengths: Bytes of each row.
        digests: Output, shape (rows, 4).
    """
    state, message, ends = (np.empty((height, LANES), dtype=np.uint64) for height in (STATE, WORDS, 2))
    places = np.zeros((2, LANES), dtype=np.int64)
    places[0] = -1
    _hash_rows(words, starts, lengths, digests, state, message, ends[0], ends[1], places[0], places[1])


@compiled
def _hash_rows(  # noqa: PLR0913, PLR0917 - compiled: arrays only, no bundle of them
    words: Words,
    starts: Integers,
    lengths: Integers,
    digests: Words,
    state: Words,
    message: Words,
    done: Words,
    last: Words,
    rows: Integers,
    blocks: Integers,
) -> None:
    following, left = 0, starts.size
    while left:
        for lane in range(LANES):
            if rows[lane] < 0 and following < starts.size:
                rows[lane] = following
                following += 1
                for k in range(STATE):
                    state[k, lane] = _INITIAL[k]
            # A lane without a row looks at the first one once more.
            row = max(rows[lane], 0)
            at = starts[row] + WORDS * blocks[lane]
            for k in range(WORDS):
                message[k, lane] = words[at + k]
            end = BLOCK * (blocks[lane] + 1)
            done[lane] = min(lengths[row], end)
            last[lane] = _ALL if end >= lengths[row] else _NONE
        compress(state, message, done, last)
        for lane in range(LANES):
            blocks[lane] += 1
            if last[lane]:
                blocks[lane] = 0
            if last[lane] and rows[lane] >= 0:
                for k in range(DIGEST // _EIGHT):
                    digests[rows[lane], k] = state[k, lane]
                rows[lane] = -1
                left -= 1
