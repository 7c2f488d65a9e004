"""Perfect subtrees of the log (RFC 6962): which ones a proof needs, and where their roots are stored.

The subtree of ``level`` L and ``number`` N covers the 2^L leaves from N * 2^L. Rules:

1. The row of a leaf holds the leaf's hash and, after it, the roots of the subtrees that the leaf completes,
   lowest first: one more for each trailing one bit of its position.
2. So the root of any subtree lies in the row of its last leaf, and the roots of all are written once, with it.
3. Any range that a proof asks for is at most two times log2(n) subtrees: a proof reads that many rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from poisonguard.domain.merkle import HASH_SIZE, Frontier, node_hash


class Subtree(NamedTuple):
    """A perfect subtree."""

    level: int
    number: int

    @property
    def row(self) -> int:
        """Position of its last leaf, whose row holds its root."""
        return ((self.number + 1) << self.level) - 1

    def root_in(self, row: bytes) -> bytes:
        """Its root, out of the hashes of its row; empty when they are too few."""
        return row[self.level * HASH_SIZE : (self.level + 1) * HASH_SIZE]


class Span(NamedTuple):
    """The leaves from ``low`` up to, not including, ``high``: a node of the log's tree."""

    low: int
    high: int

    def subtrees(self) -> Iterator[Subtree]:
        """The fewest perfect subtrees that cover it, from the left."""
        low = self.low
        while low < self.high:
            level = (self.high - low).bit_length() - 1
            yield Subtree(level, low >> level)
            low += 1 << level

    def halves(self) -> tuple[Span, Span]:
        """The two nodes below it; the left one is the largest perfect subtree that leaves something to the right."""
        middle = self.low + (1 << (self.high - self.low - 1).bit_length() - 1)
        return Span(self.low, middle), Span(middle, self.high)


def completed(frontier: Frontier, leaf: bytes) -> bytes:
    """Roots of the subtrees that ``leaf`` completes when it is appended to ``frontier``, lowest first."""
    node, roots = leaf, []
    for peak in frontier.peaks[::-1][: _trailing_ones(frontier.size)]:
        node = node_hash(peak, node)
        roots.append(node)
    return b"".join(roots)


def inclusion(position: int, size: int) -> tuple[Span, ...]:
    """The nodes of an inclusion proof (RFC 9162 §2.1.3.1), lowest first.

    Raises:
        ValueError: There is no such leaf.
    """
    if not 0 <= position < size:
        raise ValueError(f"no leaf {position} in a log of {size}")
    span, path = Span(0, size), []
    while span.high - span.low > 1:
        left, right = span.halves()
        span, sibling = (left, right) if position < left.high else (right, left)
        path.append(sibling)
    return tuple(path[::-1])


def consistency(old: int, size: int) -> tuple[Span, ...]:
    """The nodes of a consistency proof (RFC 9162 §2.1.4.1), lowest first.

    Raises:
        ValueError: ``old`` is not between 1 and ``size``.
    """
    if not 0 < old <= size:
        raise ValueError(f"no log of {old} statements in one of {size}")
    span, path = Span(0, size), []
    while old != span.high:
        left, right = span.halves()
        span, sibling = (left, right) if old <= left.high else (right, left)
        path.append(sibling)
    # A verifier knows the old root already; only what is a part of it has to be sent.
    return tuple(path[::-1] if span.low == 0 else [span, *path[::-1]])


def _trailing_ones(number: int) -> int:
    return (~number & (number + 1)).bit_length() - 1
