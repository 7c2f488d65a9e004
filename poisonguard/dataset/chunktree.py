"""The tree over a file's chunks that binds its bytes: by BLAKE3, or by SHA-256 for the FIPS profile.

Exactly (a manifest's ``hashProfile`` names every parameter):

- leaf ``i`` stands for bytes ``[i * 4 MiB, (i + 1) * 4 MiB)``; an empty file has no leaf;
- BLAKE3: a leaf is the hash of the chunk; the root is BLAKE3 in key-derivation mode, context ``TREE_CONTEXT``, over
  the size as 8 little-endian bytes followed by the leaves;
- FIPS: a leaf is ``SHA-256(0x00 || chunk)``; the root is ``SHA-256(0x01 || size || leaves)`` with the same size.

No leaf can pass for a root, no size for another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from blake3 import blake3

from poisonguard.errors import IntegrityError

TREE_CONTEXT = "poisonguard 2026-11 chunk tree v1, 4 MiB leaves"
_OTHERS = "row=blake2b-256-canonical-v1; unit=sha256; rows=sha256-sorted; files=rfc6962-sha256"


class Hasher(Protocol):
    """Makes one leaf out of a chunk that comes in pieces."""

    def update(self, data: memoryview | bytes, /) -> object:
        """The next piece."""

    def digest(self) -> bytes:
        """The 32-byte leaf."""


@dataclass(frozen=True, slots=True)
class ChunkTree:
    """One way to hash chunks.

    Attributes:
        name: What users call it.
        hash_profile: Names every digest of a manifest made with it; any change of a rule gets another text.
        hasher: Makes a leaf piece by piece.
        leaf: The 32-byte leaf of one chunk.
        root: The hex root of a file of that size with those leaves.
    """

    name: str
    hash_profile: str
    hasher: Callable[[], Hasher]
    leaf: Callable[[memoryview | bytes], bytes]
    root: Callable[[int, bytes], str]


def _blake3_leaf(chunk: memoryview | bytes) -> bytes:
    return blake3(chunk).digest()


def _blake3_root(size: int, leaves: bytes) -> str:
    tree = blake3(size.to_bytes(8, "little"), derive_key_context=TREE_CONTEXT)
    return tree.update(leaves).hexdigest()


def _sha256_hasher() -> Hasher:
    return hashlib.sha256(b"\x00")


def _sha256_leaf(chunk: memoryview | bytes) -> bytes:
    leaf = _sha256_hasher()
    leaf.update(chunk)
    return leaf.digest()


def _sha256_root(size: int, leaves: bytes) -> str:
    return hashlib.sha256(b"\x01" + size.to_bytes(8, "little") + leaves).hexdigest()


BLAKE3_TREE = ChunkTree(
    "blake3", f"file=sha256; tree=blake3-chunks-4MiB-v1; {_OTHERS}", blake3, _blake3_leaf, _blake3_root
)
FIPS_TREE = ChunkTree(
    "fips", f"file=sha256; tree=sha256-chunks-4MiB-v1; {_OTHERS}", _sha256_hasher, _sha256_leaf, _sha256_root
)
TREES = MappingProxyType({tree.hash_profile: tree for tree in (BLAKE3_TREE, FIPS_TREE)})


def tree_of(hash_profile: str) -> ChunkTree:
    """The tree that a manifest's hash profile names.

    Raises:
        IntegrityError: It names none that is known here.
    """
    try:
        return TREES[hash_profile]
    except KeyError:
        raise IntegrityError(
            f"the manifest's hash profile is unknown: {hash_profile[:80]!r}", hint="It was made by another release."
        ) from None
