"""The listing of files: bound by one root, read in parts, refused when anything is altered."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from evidence_world import ZERO, inventory_of
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest import listing as module
from poisonguard.attest.canonical import canonical
from poisonguard.attest.inventory import Inventory
from poisonguard.attest.listing import (
    MAX_LEAVES,
    MAX_LINES,
    SHARD_FILES,
    FileProof,
    HeldShards,
    Listing,
    Shard,
    entry_line,
    is_safe_path,
    list_files,
    parse_line,
)
from poisonguard.domain import merkle
from poisonguard.domain.dataset import CHUNK, LEAF, FileEntry, Unit
from poisonguard.errors import IntegrityError, UnknownVersion, UsageError

SMALL = 4
"""Files in a shard for these tests: many shards from few files."""


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_FILES", SMALL)


def entry(path: str, size: int = 7, rows: int = 2) -> FileEntry:
    return FileEntry(path, size, ZERO, "1" * 64, "csv", rows, (Unit(0, rows, ZERO),) if rows else ())


def big(path: str, chunks: int = 3) -> tuple[FileEntry, bytes]:
    return entry(path, chunks * CHUNK - 5), random.Random(path).randbytes(LEAF * chunks)  # noqa: S311 - any bytes do


def files(count: int) -> list[tuple[FileEntry, bytes]]:
    return [(big(f"f{index:04}") if index % 5 == 0 else (entry(f"f{index:04}"), b"")) for index in range(count)]


def held(inventory: Inventory) -> list[Shard]:
    return list(inventory.files.shards())


def reopened(inventory: Inventory, shards: Sequence[Shard]) -> Listing:
    return Listing(inventory.manifest, HeldShards(tuple(shards)))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 17, 64])
def test_what_was_listed_is_what_is_read(count: int) -> None:
    given_files = files(count)
    found = inventory_of(given_files).files
    assert list(found.with_leaves()) == given_files
    assert list(found) == [item for item, _ in given_files]
    assert len(found) == count
    assert [found.at(index) for index in range(count)] == given_files
    assert all(item in found for item, _ in given_files)


@pytest.mark.parametrize("count", [1, 4, 5, 9, 16, 33])
def test_the_root_is_an_rfc_6962_root_over_the_lines_wherever_shards_end(count: int) -> None:
    leaves = [merkle.leaf_hash(entry_line(item)) for item, _ in files(count)]
    assert inventory_of(files(count)).manifest.files_root == merkle.root(leaves).hex()


def test_a_shard_is_a_perfect_subtree() -> None:
    assert SHARD_FILES & (SHARD_FILES - 1) == 0


def test_bounds_are_those_that_older_bundles_were_written_under() -> None:
    assert SHARD_FILES == 1024
    assert MAX_LINES == 1024 * 64 * 1024, "64 KiB for each file"
    assert MAX_LEAVES // LEAF * CHUNK == 32 * 1024**4, "32 TiB of files"


@pytest.mark.parametrize("count", [1, 4, 5, 9, 33])
def test_every_file_is_found_and_proven_and_no_other(count: int) -> None:
    inventory = inventory_of(files(count))
    for item, leaves in files(count):
        assert inventory.files.find(item.path) == item
        assert inventory.files.leaves_of(item.path) == leaves
        proof = inventory.files.prove(item.path)
        assert proof.holds(inventory.manifest)
        assert len(proof.hashes) <= (count - 1).bit_length()
    for path in ("", "e", "f0000x", "g", "f9999"):
        assert inventory.files.find(path) is None
        with pytest.raises(UnknownVersion, match="no such file"):
            inventory.files.prove(path)
    assert entry("f0001", size=8) not in inventory.files
    assert "f0001" not in inventory.files


def test_a_proof_of_other_facts_does_not_hold() -> None:
    inventory = inventory_of(files(9))
    proof = inventory.files.prove("f0006")
    other: list[FileProof] = [
        replace(proof, entry=replace(proof.entry, path="f0007")),
        replace(proof, entry=replace(proof.entry, rows=0, units=())),
        replace(proof, index=7),
        replace(proof, count=10),
        replace(proof, hashes=proof.hashes[:-1]),
        replace(proof, hashes=(*proof.hashes, bytes(32))),
    ]
    assert [item.holds(inventory.manifest) for item in other] == [False] * len(other)
    assert not proof.holds(replace(inventory.manifest, file_count=10))


def test_every_flipped_bit_of_the_lines_is_refused() -> None:
    inventory = inventory_of(files(6))
    shards = held(inventory)
    for position, shard in enumerate(shards):
        for bit in range(8 * len(shard.lines)):
            lines = bytearray(shard.lines)
            lines[bit // 8] ^= 1 << bit % 8
            altered = [*shards[:position], Shard(bytes(lines), shard.leaves), *shards[position + 1 :]]
            with pytest.raises(IntegrityError):
                list(reopened(inventory, altered))


@pytest.mark.parametrize("wrong", [b"", b"\x00", None])
def test_leaves_too_few_or_too_many_are_refused(wrong: bytes | None) -> None:
    inventory = inventory_of(files(3))
    (shard,) = held(inventory)
    leaves = shard.leaves + wrong if wrong else shard.leaves[:-1] if wrong is None else b""
    with pytest.raises(IntegrityError, match="chunk leaves"):
        list(reopened(inventory, [Shard(shard.lines, leaves)]))


@dataclass(frozen=True)
class _Regrouped:
    """Says other parts than 1024 files each; their roots give the manifest's all the same."""

    roots: tuple[bytes, ...]

    def load(self, position: int) -> Shard:
        raise AssertionError(f"nobody asks for part {position}")


@pytest.mark.parametrize("files_each", [2, 8])
def test_parts_of_another_length_are_refused_though_their_roots_fit(files_each: int) -> None:
    inventory = inventory_of(files(8))
    leaves = [merkle.leaf_hash(entry_line(item)) for item, _ in files(8)]
    roots = tuple(merkle.root(leaves[start : start + files_each]) for start in range(0, 8, files_each))
    assert merkle.root(roots).hex() == inventory.manifest.files_root
    with pytest.raises(IntegrityError, match="not the manifest's"):
        Listing(inventory.manifest, _Regrouped(roots))


def test_shards_dropped_repeated_or_swapped_are_refused() -> None:
    inventory = inventory_of(files(16))
    one, two, three, four = held(inventory)
    for altered in ([one, two, three], [one, two, three, four, four], [two, one, three, four], []):
        with pytest.raises(IntegrityError, match="not the manifest's"):
            reopened(inventory, altered)


class _Swapping(HeldShards):
    """Says the right roots and gives other shards."""

    def load(self, position: int) -> Shard:
        return self.shards[(position + 1) % len(self.shards)]


def test_a_store_that_gives_another_shard_than_it_listed_is_refused() -> None:
    inventory = inventory_of(files(16))
    lying = Listing(inventory.manifest, _Swapping(tuple(held(inventory))))
    with pytest.raises(IntegrityError, match="part 0 of the listing"):
        list(lying)


def test_nothing_unchecked_is_handed_on_to_be_kept() -> None:
    inventory = inventory_of(files(16))
    with pytest.raises(IntegrityError, match="part 0 of the listing"):
        next(Listing(inventory.manifest, _Swapping(tuple(held(inventory)))).shards())


@dataclass(frozen=True)
class _Counting(HeldShards):
    """Remembers what it was asked for."""

    asked: list[int] = field(default_factory=list)

    def load(self, position: int) -> Shard:
        self.asked.append(position)
        return super().load(position)


class _Turning(_Counting):
    """Gives every part once, and other bytes from then on."""

    def load(self, position: int) -> Shard:
        honest = position not in self.asked
        return super().load(position) if honest else Shard(b'["x"]\n', b"")


def test_what_was_checked_is_what_is_handed_on_whatever_the_store_says_next() -> None:
    inventory = inventory_of(files(16))
    shards = tuple(held(inventory))
    assert tuple(Listing(inventory.manifest, _Turning(shards)).shards()) == shards
    assert Listing(inventory.manifest, _Turning(shards)).prove("f0006").holds(inventory.manifest)


def test_two_parts_are_held_and_no_more() -> None:
    inventory = inventory_of(files(12))
    store = _Counting(tuple(held(inventory)))
    found = Listing(inventory.manifest, store)
    for index in (0, 3, 4, 0, 7, 1):
        found.at(index)
    assert store.asked == [0, 1]
    for index in (8, 1, 4):
        found.at(index)
    assert store.asked == [0, 1, 2, 1], "the one used longest ago is let go"


@pytest.mark.parametrize("paths", [("b", "a"), ("a", "a"), ("a", "b", "c", "d", "d"), ("a", "b", "c", "e", "d")])
def test_files_out_of_order_or_twice_are_refused(paths: tuple[str, ...]) -> None:
    found = inventory_of([(entry(path), b"") for path in paths])
    with pytest.raises(IntegrityError, match="out of order"):
        list(found.files)


@pytest.mark.parametrize("count", [6, 8, 10, 11])
def test_a_manifest_that_says_another_number_of_files_is_refused(count: int) -> None:
    inventory = inventory_of(files(7))
    with pytest.raises(IntegrityError, match=r"part 1 of the listing|not the manifest's"):
        list(Listing(replace(inventory.manifest, file_count=count), HeldShards(tuple(held(inventory)))))


@pytest.mark.parametrize("change", [{"rows": 5}, {"size": 5}])
def test_sums_that_are_not_the_manifest_s_are_refused(change: dict[str, int]) -> None:
    inventory = inventory_of(files(5))
    found = Listing(replace(inventory.manifest, **change), HeldShards(tuple(held(inventory))))
    with pytest.raises(IntegrityError, match="adds up"):
        list(found)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
@pytest.mark.parametrize("leaves", [0, 1, 2, 3])
def test_only_the_right_number_of_leaves_is_listed(size: int, leaves: int) -> None:
    wanted = -(-size // CHUNK)
    given_files = [(entry("a", size), bytes(LEAF * leaves))]
    if leaves == wanted or (leaves == 0 and wanted <= 1):
        (shard,) = list_files(given_files)
        assert len(shard.leaves) == (LEAF * wanted if wanted > 1 else 0)
    else:
        with pytest.raises(UsageError, match="do not fit"):
            list(list_files(given_files))


GOOD = ["a/b.csv", 7, ZERO, "1" * 64, "csv", 3, [[2, ZERO], [1, ZERO]]]


def spelled(values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_line_says_everything() -> None:
    units = (Unit(0, 2, ZERO), Unit(2, 1, ZERO))
    assert parse_line(spelled(GOOD)) == FileEntry("a/b.csv", 7, ZERO, "1" * 64, "csv", 3, units)


def test_each_unit_begins_where_the_one_before_ends() -> None:
    found = parse_line(spelled([*GOOD[:5], 15, [[1, ZERO], [2, ZERO], [4, ZERO], [8, ZERO]]]))
    assert [unit.first_row for unit in found.units] == [0, 1, 3, 7]


WRONG: list[tuple[int, object]] = [
    (0, ""),
    (0, 3),
    (0, "../up"),
    (1, -1),
    (1, "7"),
    (1, True),
    (2, ZERO[:-1]),
    (2, ZERO[:-1] + "G"),
    (2, None),
    (3, ZERO.replace("0", "A")),
    (4, ""),
    (5, 4),
    (5, -3),
    (6, {}),
    (6, [[3]]),
    (6, [[3, ZERO, 1]]),
    (6, [["3", ZERO]]),
    (6, [[3, "x"]]),
    (6, [3]),
    (6, []),
]


@pytest.mark.parametrize(("member", "value"), WRONG)
def test_a_line_that_is_not_a_file_is_refused(member: int, value: object) -> None:
    with pytest.raises(IntegrityError):
        parse_line(spelled([*GOOD[:member], value, *GOOD[member + 1 :]]))


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{}", b"[]", spelled(GOOD[:-1]), spelled([*GOOD, 1]), json.dumps(GOOD).encode(), b"\xff", b"1.5"),
        *(b"1", b"null", b"true", b'"1234567"', canonical(dict.fromkeys("abcdefg", 1))),
    ],
)
def test_a_line_of_another_shape_or_spelling_is_refused(line: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_line(line)


@pytest.mark.parametrize("units", [{}, "", None, 0, False])
def test_a_file_without_rows_has_an_empty_list_of_units_and_nothing_else(units: object) -> None:
    assert parse_line(spelled([*GOOD[:5], 0, []])).units == ()
    with pytest.raises(IntegrityError):
        parse_line(spelled([*GOOD[:5], 0, units]))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a/../b", "a//b", "./a", "a/", "a\nb", "a\x00", "a\x7f", "a\u2028b", "a\u2029b"]
)
def test_paths_that_lead_away_or_cannot_be_printed(path: str) -> None:
    assert not is_safe_path(path)
    with pytest.raises(IntegrityError):
        parse_line(spelled([path, *GOOD[1:]]))


@pytest.mark.parametrize("character", ["\x01", "\x1f", "\x80", "\x85", "\x9f"])
def test_control_characters_are_not_in_paths(character: str) -> None:
    assert not is_safe_path(f"a{character}b")


@pytest.mark.parametrize(
    "path", ["été/日本.csv", "no\u00a0break", "a\u3000b", "👩\u200d💻", "soft\u00adhyphen", "\ue000", "~"]
)
def test_paths_that_people_have_are_safe(path: str) -> None:
    assert is_safe_path(path)
    assert parse_line(entry_line(entry(path))) == entry(path)


@given(st.lists(st.from_regex(r"[\w][\w .\-]{0,8}", fullmatch=True), min_size=1, max_size=4).map("/".join))
def test_ordinary_paths_are_safe(path: str) -> None:
    assert is_safe_path(path)


@settings(max_examples=50)
@given(paths=st.sets(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(is_safe_path), max_size=12))
def test_any_paths_survive_writing_and_reading(paths: set[str]) -> None:
    given_files = [(entry(path), b"") for path in sorted(paths)]
    assert [parse_line(entry_line(item)) for item, _ in given_files] == [item for item, _ in given_files]
    if given_files:
        found = inventory_of(given_files).files
        assert list(found.with_leaves()) == given_files
        assert all(found.find(path) for path in paths)


@pytest.mark.parametrize(("limit", "part"), [("MAX_LINES", "lines"), ("MAX_LEAVES", "leaves")])
def test_a_part_that_nobody_would_read_is_not_written(limit: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (shard,) = list_files(files(2))
    monkeypatch.setattr(module, limit, len(getattr(shard, part)))
    assert list(list_files(files(2))) == [shard]
    monkeypatch.setattr(module, limit, len(getattr(shard, part)) - 1)
    with pytest.raises(UsageError, match="too many row groups or bytes"):
        list(list_files(files(2)))
