"""Every single bit of the evidence and of the data counts: whichever is flipped, the gate refuses.

Exhaustive, not sampled: of a bundle, each statement, the names and the bytes of a small dataset; in blocks, so that
processes share them.
The bundle is small (one person for each role, two files), so that a pass through the whole gate takes two
milliseconds; nothing of the gate is left out or faked.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from evidence_fixtures import gate as run_gate
from evidence_gate import Gate
from evidence_project import Project
from evidence_world import World, inventory_of_folder
from simulator import NOW, person, trust_root

from poisonguard.attest.envelope import Envelope, parse_envelope
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.listing import HeldShards, Listing, Shard
from poisonguard.attest.trust import Grant, RoleName, TrustRoot, pin_of
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import IntegrityError
from poisonguard.store import bundle as bundles
from poisonguard.workflow.gate import gate

BLOCKS = 16
"""Parts of the exhaustive test; part ``n`` flips every 16th byte from byte ``n``."""

FILES = {"a.csv": "a,b\n1,2\n", "empty": ""}
ROLES = {"olga": "root", "pub": "publisher", "ci": "scanner", "ann": "steward", "log": "log"}


def smallest_root() -> TrustRoot:
    grants = {RoleName(role): Grant((name,), 1) for name, role in ROLES.items()}
    return trust_root(people=tuple(person(name) for name in ROLES), roles=grants)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    for name, text in FILES.items():
        (data / name).write_text(text)
    return data


@cache
def world_of(folder: Path) -> World:
    return World(content=inventory_of_folder(folder), root=smallest_root()).behave()


def flips(size: int, first: int = 0, step: int = 1) -> Iterator[tuple[int, int]]:
    """Place and mask of every bit of every ``step``-th byte."""
    return ((place, 1 << bit) for place in range(first, size, step) for bit in range(8))


@pytest.fixture
def honest(folder: Path) -> tuple[World, bytes]:
    world = world_of(folder)
    data = bundles.dump(replace(world.bundle(), trust_roots=(root_of(folder),)))
    assert passes(folder, world, data)
    return world, data


@cache
def root_of(folder: Path) -> bytes:
    """The signed trust root, signed once: a signature is another each time."""
    return world_of(folder).root_bytes


def passes(folder: Path, world: World, data: bytes) -> bool:
    """Whether the gate lets the data pass on the evidence in a bundle's bytes."""
    try:
        bundle = bundles.load(data)
    except IntegrityError:
        return False
    decision = gate(str(folder), bundle, trust_pin=pin_of(root_of(folder)), policy=world.policy, now=NOW, workers=1)
    return decision.passed


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_bit_of_a_bundle_counts(folder: Path, honest: tuple[World, bytes], block: int) -> None:
    """A quick DSSE verifier accepted 7.3 % of these flips."""
    world, data = honest
    flipped = bytearray(data)
    tried, passed = 0, []
    for place, mask in flips(len(data), block, BLOCKS):
        flipped[place] ^= mask
        tried += 1
        if passes(folder, world, bytes(flipped)):
            passed.append((place, mask))
        flipped[place] ^= mask
    assert passed == []
    assert tried == 8 * len(range(block, len(data), BLOCKS))


def test_every_cut_of_a_bundle_counts(folder: Path, honest: tuple[World, bytes]) -> None:
    world, data = honest
    assert not [size for size in range(len(data)) if passes(folder, world, data[:size])]


@pytest.mark.parametrize("more", [b"\n", b" ", b"\0", b"{}", b"\xef\xbb\xbf", b"x" * 5000])
def test_no_byte_can_be_added_to_a_bundle(folder: Path, honest: tuple[World, bytes], more: bytes) -> None:
    world, data = honest
    head = data.index(b"\n")
    for place in (0, 1, head, head + 1, len(data)):
        assert not passes(folder, world, data[:place] + more + data[place:])


# One statement at a time, without the log that would catch it as well


@pytest.mark.parametrize("index", range(3), ids=["manifest", "scan", "approval"])
def test_every_bit_of_a_statement_counts_without_a_log(folder: Path, index: int) -> None:
    world = world_of(folder)
    data = world.log[index].to_bytes()
    flipped = bytearray(data)
    assert not isinstance(open_signed(parse_envelope(data), world.root), Unentitled)
    for place, mask in flips(len(data)):
        flipped[place] ^= mask
        assert not is_believed(bytes(flipped), world.root), (place, mask)
        flipped[place] ^= mask


def is_believed(data: bytes, root: TrustRoot) -> bool:
    try:
        return not isinstance(open_signed(parse_envelope(data), root), Unentitled)
    except IntegrityError:
        return False


def test_every_bit_of_a_signed_payload_counts(folder: Path) -> None:
    """The words themselves, not their base64: what a verifier sees that decodes leniently."""
    world = world_of(folder)
    for envelope in world.log:
        flipped = bytearray(envelope.payload)
        for place, mask in flips(len(flipped)):
            flipped[place] ^= mask
            altered = Envelope(bytes(flipped), envelope.payload_type, envelope.signatures)
            with pytest.raises(IntegrityError, match="does not verify"):
                open_signed(altered, world.root)
            flipped[place] ^= mask


def test_every_bit_of_a_listing_counts(folder: Path) -> None:
    inventory = inventory_of_folder(folder)
    (shard,) = inventory.files.shards()
    assert list(Listing(inventory.manifest, HeldShards((shard,)))) == list(inventory.files)
    lines = bytearray(shard.lines)
    for place, mask in flips(len(lines)):
        lines[place] ^= mask
        with pytest.raises(IntegrityError):
            list(Listing(inventory.manifest, HeldShards((Shard(bytes(lines), shard.leaves),))))
        lines[place] ^= mask


def test_every_bit_of_the_chunk_leaves_counts(tmp_path: Path) -> None:
    """Leaves of a file of several chunks lie beside the listing; they must be those of the file that was approved."""
    (tmp_path / "big.bin").write_bytes(bytes(CHUNK + 1))
    world = World(content=inventory_of_folder(tmp_path), root=smallest_root()).behave()
    bundle = world.bundle()
    pin = pin_of(bundle.trust_roots[0])
    data = bytearray(bundles.dump(bundle))
    (shard,) = world.content.files.shards()
    assert len(shard.leaves) == 64
    assert Gate(tmp_path)(world, bundle, trust_pin=pin).passed
    for place, mask in flips(len(data), len(data) - len(shard.leaves), 7):
        data[place] ^= mask
        altered = bundles.load(bytes(data))
        assert not gate(str(tmp_path), altered, trust_pin=pin, policy=world.policy, now=NOW, workers=1).passed
        data[place] ^= mask


# The data


def test_every_bit_of_the_data_counts(folder: Path, honest: tuple[World, bytes]) -> None:
    world, data = honest
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        for place, mask in flips(len(content)):
            content[place] ^= mask
            path.write_bytes(content)
            assert not passes(folder, world, data), (path, place, mask)
            content[place] ^= mask
        path.write_bytes(content)
    assert passes(folder, world, data)


def test_every_bit_of_the_names_counts(folder: Path, honest: tuple[World, bytes]) -> None:
    world, data = honest
    outcomes: Counter[str] = Counter()
    for path in list(folder.iterdir()):
        name = bytearray(path.name.encode())
        for place, mask in flips(len(name)):
            name[place] ^= mask
            if b"/" not in name and b"\0" not in name:
                other = path.with_name(bytes(name).decode("utf-8", "surrogateescape"))
                path.rename(other)
                outcomes[str(passes(folder, world, data))] += 1
                other.rename(path)
            name[place] ^= mask
    assert set(outcomes) == {"False"}
    assert outcomes.total() > 70
    assert passes(folder, world, data)


def test_the_command_line_sees_a_flipped_bit_in_each_byte(approved: Project) -> None:
    """The same through the door that people use; one bit of each byte."""
    for path in sorted(approved.data.iterdir()):
        content = bytearray(path.read_bytes())
        for place in range(len(content)):
            content[place] ^= 1
            path.write_bytes(content)
            assert run_gate("reviews") == 6
            content[place] ^= 1
        path.write_bytes(content)
    assert run_gate("reviews") == 0
