"""Documents to hashed tokens, straight from Arrow's UTF-8 bytes, without a Python string.

1. A token is a word (a run of letters, digits and marks, in lower case; or one character of a script written
   without spaces) or a sign: any other character that is not white space. ``words.classes`` says what is what.
2. A word is free when it stands between spaces, quotes or sentence marks and holds no underscore: it is not part of
   an address, a path, a number with a point or an identifier.
3. A token's hash depends on its characters alone; invisible characters are not there at all.
4. Documents are read up to a number of bytes; the cut never splits a character.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.compiled import compiled, part
from poisonguard.kernels.mixing import mix
from poisonguard.kernels.utf8 import decode, utf8_buffers
from poisonguard.kernels.words import IGNORED, LETTER, STANDALONE, classes, normalised

SIGN, BOUND, FREE = 0, 1, 2
"""Kinds of tokens: a sign, a word inside something longer, a word that stands free."""

_BASE = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_ONE, _SIGN_SALT = np.uint64(1), np.uint64(0x5349474E)
_SPACE, _NO_BREAK_SPACE, _LAST_ASCII = 32, 160, 127
_OPENING = tuple(b'("')
_CLOSING = tuple(b'.,;:!?)"')
_A, _Z, _TO_LOWER = 65, 90, 32
_UNDERSCORE = 95


class Tokens(NamedTuple):
    """Tokens of documents, flat, in order.

    Attributes:
        hashes: Hash of each token, shape (tokens,).
        starts: First byte of each token in its normalised document, shape (tokens,).
        kinds: ``SIGN``, ``BOUND`` or ``FREE``, shape (tokens,).
        offsets: Document i owns tokens ``offsets[i]`` to ``offsets[i + 1]``, shape (documents + 1,).
    """

    hashes: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


class Words(NamedTuple):
    """The words among some tokens.

    Attributes:
        hashes: Hash of each word, shape (words,).
        free: Whether it stands free, shape (words,).
        token: Which token it is, shape (words,).
        offsets: Document i owns words ``offsets[i]`` to ``offsets[i + 1]``, shape (documents + 1,).
    """

    hashes: npt.NDArray[np.uint64]
    free: npt.NDArray[np.bool_]
    token: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


def tokens_of(texts: pa.Array, limit: int) -> Tokens:
    """Tokens of ``texts`` (any string type, null is empty), each read up to ``limit`` bytes."""
    data, offsets = utf8_buffers(normalised(texts))
    room = int(np.minimum(np.diff(offsets), limit).sum())
    out = Tokens(
        np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.uint8), np.empty(offsets.size, np.int64)
    )
    used = _tokenize(data, offsets, classes(), limit, out)
    return Tokens(out.hashes[:used].copy(), out.starts[:used].copy(), out.kinds[:used].copy(), out.offsets)


def words_of(tokens: Tokens) -> Words:
    """The words of ``tokens``."""
    places = np.flatnonzero(tokens.kinds != SIGN)
    return Words(tokens.hashes[places], tokens.kinds[places] == FREE, places, np.searchsorted(places, tokens.offsets))


@part
def _opens(data: npt.NDArray[np.uint8], start: int, place: int) -> bool:
    """Whether a word that begins at ``place`` begins free."""
    if place == start:
        return True
    before = data[place - 1]
    return before <= _SPACE or before > _LAST_ASCII or before in _OPENING


@part
def _closes(data: npt.NDArray[np.uint8], place: int, stop: int) -> bool:
    """Whether a word that ends before ``place`` ends free: sentence marks may stand between it and the space."""
    while place < stop and data[place] in _CLOSING:
        place += 1
    return place >= stop or data[place] <= _SPACE or data[place] > _LAST_ASCII


@compiled
def _tokenize(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8], limit: int, out: Tokens
) -> int:
    """Fill ``out``; gives the number of tokens."""
    used = 0
    for row in range(offsets.size - 1):
        out.offsets[row] = used
        start, stop = offsets[row], min(offsets[row + 1], offsets[row] + limit)
        place, first, length, state, plain = start, start, 0, np.uint64(0), True
        while place < stop:
            code, size = decode(data, place, offsets[row + 1])
            kind = kinds[code]
            if kind == LETTER:
                if not length:
                    first, plain = place, True
                plain &= code != _UNDERSCORE
                code += _TO_LOWER if _A <= code <= _Z else 0
                state = (state ^ np.uint64(code)) * _BASE
                state ^= state >> _HALF
                length += 1
            elif kind != IGNORED:
                if length:
                    free = plain and _opens(data, start, first) and _closes(data, place, stop)
                    used = _put(out, used, mix(state + np.uint64(length)), first - start, FREE if free else BOUND)
                    length, state = 0, np.uint64(0)
                if kind == STANDALONE:
                    used = _put(out, used, mix(np.uint64(code) * _BASE + _ONE), place - start, FREE)
                elif code > _SPACE and code != _NO_BREAK_SPACE:
                    used = _put(out, used, mix(np.uint64(code) * _BASE ^ _SIGN_SALT), place - start, SIGN)
            place += size
        if length:
            free = plain and _opens(data, start, first)
            used = _put(out, used, mix(state + np.uint64(length)), first - start, FREE if free else BOUND)
    out.offsets[offsets.size - 1] = used
    return used


@compiled
def _put(out: Tokens, used: int, value: np.uint64, start: int, kind: int) -> int:
    """Write one token behind the first ``used``; gives the new number."""
    out.hashes[used] = value
    out.starts[used] = start
    out.kinds[used] = kind
    return used + 1
