"""What the pages of a Parquet column chunk unfold to, told from their headers alone.

A page's header says how large it becomes, and that is what Arrow allocates; the footer's sizes are words that no
reader holds a file to. Rules:

1. The pages of a chunk hold as many values as the footer says, and lie within the file.
2. Nothing is unfolded but a dictionary, to find its longest word, and that only where the bound would otherwise be
   large, and not when it is larger than ``LARGEST_DICTIONARY`` itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.dataset.formats.base import Source
from poisonguard.dataset.formats.footer import CODEC, COMPRESSED, DAMAGED, START, VALUES, Leaf
from poisonguard.dataset.formats.thrift import INTEGER, Reader, Struct
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.errors import UnreadableData
from poisonguard.kernels.longest import longest_word

HEADER_BYTES = 512
LARGEST_HEADER = 16 << 20
"""As Arrow: statistics may hold long values."""
MOST_PAGES = 100_000
"""Pages of one column of one row group; they usually hold a mebibyte."""
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
HEADER = {1: INTEGER, 2: INTEGER, 3: INTEGER, 5: {1: INTEGER, 2: INTEGER}, 8: {1: INTEGER, 4: INTEGER}}
"""Of a page: its kind, its size unfolded and as stored; of its two kinds of data, the values and their encoding."""
PLAIN_DICTIONARY, DELTA_BYTE_ARRAY, RLE_DICTIONARY = 2, 7, 8
SHARING = (PLAIN_DICTIONARY, DELTA_BYTE_ARRAY, RLE_DICTIONARY)
"""Encodings in which a few bytes stand for a long value: the words of a dictionary, the beginning of the last value."""
CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
HARMLESS = 64 << 20
"""Bytes that a batch of one column may take without another look."""
LARGEST_DICTIONARY = 128 << 20
"""Bytes of a dictionary that is unfolded to look at its words; the longest of a larger one may be all of it."""
LEVELS = 8
"""Bytes of a value that repeats besides itself: where it begins, and whether it is there."""
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pages:
    """The data pages of one chunk, in order, arrays of shape (pages,).

    Attributes:
        values: Values in each.
        sizes: Bytes of each, unfolded but still encoded.
        shared: Whether its values share bytes.
        dictionary: Bytes of the dictionary, 0 when there is none.
        longest: Bytes of the longest value that shares its bytes.
    """

    values: Integers
    sizes: Integers
    shared: npt.NDArray[np.bool_]
    dictionary: int
    longest: int

    @property
    def held(self) -> int:
        """Bytes that a reader holds at any time: the dictionary and a page."""
        return self.dictionary + int(self.sizes.max(initial=0))

    def bytes_of(self, rows: int, leaf: Leaf) -> int:
        """The most that ``rows`` consecutive rows of it take in memory."""
        if leaf.repeats:
            return int(self._most(int(self.values.sum()), leaf).sum() + LEVELS * self.values.sum())
        if leaf.width:
            return rows * leaf.width
        most, ends = np.cumsum(np.append(0, self._most(rows, leaf))), np.cumsum(self.values)
        last = np.searchsorted(ends - self.values, ends - 1 + rows)
        return int((most[last] - most[:-1]).max(initial=0))

    def _most(self, rows: int, leaf: Leaf) -> Integers:
        """Bytes that at most ``rows`` values of each page take."""
        values = np.minimum(self.values, rows)
        if leaf.width:
            return values * leaf.width
        most: Integers = np.where(self.shared, np.maximum(values * self.longest, 0), self.sizes)
        return most


@dataclass(slots=True)
class _Walk:
    """What was found on the way along the pages of one chunk."""

    values: list[int]
    sizes: list[int]
    encodings: list[int]
    dictionary: int = 0
    words: tuple[int, int] = (0, 0)

    def add(self, header: Struct, at: int) -> None:
        """The page behind ``header``, whose content starts at ``at``."""
        kind, unfolded, stored = header[1], header[2], header[3]
        if min(unfolded, stored) < 0:
            raise ValueError("a page of a negative size")
        if kind == DICTIONARY:
            self.dictionary, self.words = unfolded, (at, at + stored)
        elif kind in {DATA, DATA_V2}:
            said = header[5 if kind == DATA else 8]
            if said[1] < 0:
                raise ValueError("a page of a negative number of values")
            self.values.append(said[1])
            self.sizes.append(unfolded)
            self.encodings.append(said[2 if kind == DATA else 4])


def read_pages(source: Source, file: VerifiedFile, leaf: Leaf, facts: Integers, rows: int) -> Pages:
    """Walk over the pages of a chunk, about ``rows`` of which are unfolded at a time.

    Raises:
        UnreadableData: The pages are not what the footer says, or there are too many.
        ValueError: A header is damaged.
    """
    walk = _walk(source, file, facts)
    shared = np.isin(walk.encodings, SHARING)
    longest = 0
    if not leaf.width and shared.any():
        longest = max(_longest(file, walk, int(facts[CODEC]), rows), _longest_grown(walk))
    values, sizes = np.array(walk.values, dtype=np.int64), np.array(walk.sizes, dtype=np.int64)
    return Pages(values, sizes, shared, walk.dictionary, longest)


def _walk(source: Source, file: VerifiedFile, facts: Integers) -> _Walk:
    walk, at, missing = _Walk([], [], []), int(facts[START]), int(facts[VALUES])
    end = min(source.size, at + int(facts[COMPRESSED]))
    while missing > 0 and at < end:
        header, start = _header(file, at, end)
        pages = len(walk.values)
        walk.add(header, start)
        missing -= sum(walk.values[pages:])
        at = start + header[3]
        if pages >= MOST_PAGES:
            raise UnreadableData(
                f"{source.shown}: more than {MOST_PAGES} pages in a column of a row group",
                hint="Write it again, with smaller row groups or larger pages.",
            )
    if missing or at > end:
        raise UnreadableData(
            f"{source.shown}: the pages of a column hold {facts[VALUES] - missing} values, "
            f"its footer says {facts[VALUES]}",
            hint=DAMAGED,
        )
    return walk


def _header(file: VerifiedFile, at: int, end: int) -> tuple[Struct, int]:
    """The page header at ``at``, and where it ends."""
    size = HEADER_BYTES
    while True:
        data = file.read_range(at, min(end, at + size)).to_pybytes()
        reader = Reader(data)
        try:
            return reader.struct(HEADER), at + reader.at
        except IndexError as error:
            if len(data) < size or size >= LARGEST_HEADER:
                raise ValueError("a page header is cut off") from error
            size *= 8


def _longest(file: VerifiedFile, walk: _Walk, codec: int, rows: int) -> int:
    """Bytes that a word of the dictionary has at most: exactly, where the sum could be large."""
    start, stop = walk.words
    if walk.dictionary * rows <= HARMLESS or walk.dictionary > LARGEST_DICTIONARY or (codec and codec not in CODECS):
        return walk.dictionary
    words = file.read_range(start, stop)
    if codec:
        words = pa.Codec(CODECS[codec]).decompress(words, decompressed_size=walk.dictionary)
    return int(longest_word(np.frombuffer(words, dtype=np.uint8)))


def _longest_grown(walk: _Walk) -> int:
    """Bytes that a value has at most which goes on from the one before: all that its page holds."""
    grown = [size for size, kind in zip(walk.sizes, walk.encodings, strict=True) if kind == DELTA_BYTE_ARRAY]
    return max(grown, default=0)
