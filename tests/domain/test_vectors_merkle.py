"""RFC 6962 as others test it: Certificate Transparency's known answers, and changes to them, none of which holds."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from poisonguard.domain import merkle

FILE = Path(__file__).parents[1] / "data" / "merkle" / "vectors.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
GARBAGE = b"\xab" * 32

inclusion = pytest.mark.parametrize("vector", [it for it in VECTORS if "leafIdx" in it], ids=lambda it: str(it["name"]))
consistency = pytest.mark.parametrize("vector", [it for it in VECTORS if "size1" in it], ids=lambda it: str(it["name"]))


@dataclass(frozen=True)
class Included:
    leaf: bytes
    index: int
    size: int
    proof: tuple[bytes, ...]
    root: bytes

    @classmethod
    def of(cls, vector: dict[str, Any]) -> "Included":
        proof = tuple(base64.b64decode(item) for item in vector["proof"] or ())
        leaf, root = base64.b64decode(vector["leafHash"]), base64.b64decode(vector["root"])
        return cls(leaf, vector["leafIdx"], vector["treeSize"], proof, root)

    def holds(self) -> bool:
        return merkle.verify_inclusion(self.leaf, self.index, self.size, self.proof, self.root)

    def changes(self) -> Iterator["Included"]:
        """Other places, sizes, leaves, roots and proofs."""
        for index in (self.index + 1, self.index - 1, self.index ^ 2):
            yield replace(self, index=index)
        for size in (self.size * 2, self.size // 2):
            yield replace(self, size=size)
        for leaf in (b"", GARBAGE, self.root if self.size > 1 else GARBAGE):
            yield replace(self, leaf=leaf)
        for root in (b"", GARBAGE, merkle.EMPTY_ROOT):
            yield replace(self, root=root)
        for more in (b"", GARBAGE, self.root):
            yield replace(self, proof=(*self.proof, more))
            yield replace(self, proof=(more, *self.proof))
            yield replace(self, proof=(*self.proof[:1], more, *self.proof[1:]))
        for place, item in enumerate(self.proof):
            yield replace(self, proof=self.proof[:place] + self.proof[place + 1 :])
            changed = item[:-1] + bytes([item[-1] ^ 8])
            yield replace(self, proof=(*self.proof[:place], changed, *self.proof[place + 1 :]))


@dataclass(frozen=True)
class Consistent:
    old_size: int
    new_size: int
    proof: tuple[bytes, ...]
    old: bytes
    new: bytes

    @classmethod
    def of(cls, vector: dict[str, Any]) -> "Consistent":
        proof = tuple(base64.b64decode(item) for item in vector["proof"] or ())
        old, new = base64.b64decode(vector["root1"]), base64.b64decode(vector["root2"])
        return cls(vector["size1"], vector["size2"], proof, old, new)

    def holds(self) -> bool:
        return merkle.verify_consistency(self.old_size, self.new_size, self.proof, self.old, self.new)

    def changes(self) -> Iterator["Consistent"]:
        """As above."""
        for size in (self.old_size - 1, self.old_size + 1, self.old_size ^ 2):
            yield replace(self, old_size=size)
        for size in (self.new_size * 2, self.new_size // 2):
            yield replace(self, new_size=size)
        for root in (b"", b"WrongRoot", GARBAGE):
            yield replace(self, old=root)
            yield replace(self, new=root)
        yield replace(self, old=self.new, new=self.old)
        yield replace(self, proof=())
        for more in (b"", GARBAGE, self.old, self.new, self.proof[0]):
            yield replace(self, proof=(*self.proof, more))
            yield replace(self, proof=(more, *self.proof))
        for place, item in enumerate(self.proof):
            yield replace(self, proof=self.proof[:place] + self.proof[place + 1 :])
            changed = item[:-1] + bytes([item[-1] ^ 16])
            yield replace(self, proof=(*self.proof[:place], changed, *self.proof[place + 1 :]))


@inclusion
def test_inclusion(vector: dict[str, Any]) -> None:
    assert Included.of(vector).holds()


@inclusion
def test_no_change_of_an_inclusion_holds(vector: dict[str, Any]) -> None:
    assert [change for change in Included.of(vector).changes() if change.holds()] == []


@consistency
def test_consistency(vector: dict[str, Any]) -> None:
    assert Consistent.of(vector).holds()


@consistency
def test_no_change_of_a_consistency_holds(vector: dict[str, Any]) -> None:
    assert [change for change in Consistent.of(vector).changes() if change.holds()] == []


def test_roots() -> None:
    (known,) = [item for item in VECTORS if item["name"] == "roots"]
    leaves = [merkle.leaf_hash(bytes.fromhex(item)) for item in known["inputs"]]
    found = [base64.b64encode(merkle.root(leaves[:size])).decode() for size in range(1, len(leaves) + 1)]
    assert found == known["roots"]
