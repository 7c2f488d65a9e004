"""RFC 6962 §2.1 Merkle trees over SHA-256: roots, inclusion proofs, consistency proofs (RFC 9162 §2.1.3 and 2.1.4).

Rules:

1. A leaf is hashed as ``SHA-256(0x00 || data)``, a node as ``SHA-256(0x01 || left || right)``: neither can pass for
   the other.
2. Every function but :func:`leaf_hash` takes and gives 32-byte hashes, never data; anything else is a ``ValueError``.
3. The empty tree's root is ``SHA-256("")``; nothing is included in it.
4. A proof verifies with exactly as many hashes as the tree needs: no hash missing, none left over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of the node above two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append to it, in O(log n) memory.

    Attributes:
        size: Number of leaves.
        peaks: Roots of the perfect subtrees, largest first: one per bit that is set in ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves does not have {len(self.peaks)} peaks")
        _check_hashes(self.peaks)

    def append(self, leaf: bytes) -> Frontier:
        """The frontier after one more leaf hash."""
        _check_hashes((leaf,))
        peaks, size, node = self.peaks, self.size, leaf
        while size & 1:
            peaks, node = peaks[:-1], node_hash(peaks[-1], node)
            size >>= 1
        return Frontier(self.size + 1, (*peaks, node))

    def root(self) -> bytes:
        """The tree's root."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Root over a stream of leaf hashes, in O(log n) memory."""
    peaks: list[bytes] = []
    size = 0
    for leaf in leaf_hashes:
        if len(leaf) != HASH_SIZE:
            _check_hashes((leaf,))
        node, bits = leaf, size
        while bits & 1:
            node = node_hash(peaks.pop(), node)
            bits >>= 1
        peaks.append(node)
        size += 1
    return Frontier(size, tuple(peaks)).root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Hashes that lead from leaf ``index`` to the root, lowest first.

    Raises:
        ValueError: There is no such leaf.
    """
    if not 0 <= index < len(leaf_hashes):
        raise ValueError(f"no leaf {index} in a tree of {len(leaf_hashes)}")
    path: list[bytes] = []
    low, high = 0, len(leaf_hashes)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root(leaf_hashes[middle:high]))
            high = middle
        else:
            path.append(root(leaf_hashes[low:middle]))
            low = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether leaf hash ``leaf`` is number ``index`` of ``size`` under ``root`` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size or not _all_hashes((leaf, root, *proof)):
        return False
    node, first, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            node = node_hash(sibling, node)
            first, last = _rise(first, last)
        else:
            node = node_hash(node, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Hashes that show that the tree of the first ``old_size`` leaves is a prefix of this one.

    Raises:
        ValueError: ``old_size`` is not between 1 and the number of leaves.
    """
    if not 0 < old_size <= len(leaf_hashes):
        raise ValueError(f"no tree of {old_size} leaves in a tree of {len(leaf_hashes)}")
    path: list[bytes] = []
    low, high, whole = 0, len(leaf_hashes), True
    while old_size != high:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(root(leaf_hashes[middle:high]))
            high = middle
        else:
            path.append(root(leaf_hashes[low:middle]))
            low, whole = middle, False
    if not whole:
        path.append(root(leaf_hashes[low:high]))
    return tuple(reversed(path))


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree under ``new_root`` starts with the tree under ``old_root`` (RFC 9162 §2.1.4.2)."""
    if not 0 < old_size <= new_size or not _all_hashes((old_root, new_root, *proof)):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size.bit_count() == 1:
        path.insert(0, old_root)
    return bool(path) and _walk(old_size - 1, new_size - 1, path) == (old_root, new_root)


def _walk(first: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots that a consistency proof leads to, or nothing when it has too few or too many hashes."""
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if first & 1 or first == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            first, last = _rise(first, last)
        else:
            new = node_hash(new, sibling)
        first, last = first >> 1, last >> 1
    return (old, new) if last == 0 else None


def _rise(first: int, last: int) -> tuple[int, int]:
    """Skip the levels at which a node on the right edge has no sibling."""
    while first and not first & 1:
        first, last = first >> 1, last >> 1
    return first, last


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _all_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)


def _check_hashes(values: Iterable[bytes]) -> None:
    if not _all_hashes(values):
        raise ValueError("a Merkle tree is made of 32-byte hashes; hash the data with leaf_hash first")
