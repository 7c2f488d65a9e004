"""What a policy accepts that asks for FIPS-approved algorithms only.

Rules:

1. The chunk tree, which binds the bytes, is made with SHA-256 (FIPS 180-4).
2. Every key in the trust root is of an algorithm in ``APPROVED``; one that is not listed here is refused.

Everything else that binds (statements, listing, log, pins) is SHA-256 in every profile. Row digests are BLAKE2b in
every profile: they name rows for comparison and bind no bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from poisonguard.attest.keys import Algorithm, PublicKey
from poisonguard.dataset.chunktree import FIPS_TREE

APPROVED: Mapping[str, str] = MappingProxyType(
    {
        Algorithm.P256: "FIPS 186-5, ECDSA with SHA-256",
        Algorithm.P384: "FIPS 186-5, ECDSA with SHA-384",
        Algorithm.P521: "FIPS 186-5, ECDSA with SHA-512",
        Algorithm.ED25519: "FIPS 186-5, EdDSA",
        Algorithm.ML_DSA_65: "FIPS 204",
        Algorithm.ML_DSA_87: "FIPS 204",
    }
)
"""Signature algorithms and the standards that approve them."""
FIPS_HINT = "Sign with --fips, by keys of an approved algorithm; see docs/how-to/train-on-approved-bytes.md."


def fips_problems(hash_profile: str, keys: Iterable[PublicKey]) -> Iterator[str]:
    """What is not FIPS-approved, a sentence each; none means that everything is.

    Args:
        hash_profile: The manifest's.
        keys: Every key of the trust root.
    """
    if hash_profile != FIPS_TREE.hash_profile:
        yield f"the files are bound by a tree that is not FIPS-approved: {hash_profile.partition('; row')[0][:80]!r}"
    for key in keys:
        if key.algorithm not in APPROVED:
            yield f"key {key.keyid[:12]} is of {key.algorithm}, which is not FIPS-approved"
