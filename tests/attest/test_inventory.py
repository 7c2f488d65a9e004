"""The inventory: one pass over the files gives the manifest and the listing that it binds."""

from collections.abc import Iterator

from poisonguard.attest.inventory import take_inventory
from poisonguard.attest.listing import entry_line
from poisonguard.attest.manifest_v1 import version_name
from poisonguard.domain import merkle
from poisonguard.domain.dataset import CHUNK, LEAF, Column, FileEntry, Kind, Manifest, Unit

ONE, TWO, ROWS = "1" * 64, "2" * 64, "ab" * 32
COLUMNS = [Column("text", Kind.STRING, "string"), Column("label", Kind.INTEGER, "int64")]
FILES = [
    (FileEntry("a.csv", 70, ONE, TWO, "csv", 3, (Unit(0, 2, ONE), Unit(2, 1, TWO))), b""),
    (FileEntry("b.csv", 2 * CHUNK, TWO, ONE, "csv", 4, (Unit(0, 4, TWO),)), bytes(2 * LEAF)),
    (FileEntry("c.png", 500, ONE, ONE, "image/png", 0, ()), bytes(LEAF)),
]


def test_the_manifest_says_what_the_files_add_up_to() -> None:
    inventory = take_inventory(FILES, hash_profile="some-profile", columns=COLUMNS, rows_digest=lambda: ROWS)
    assert inventory.manifest == Manifest(
        hash_profile="some-profile",
        columns=tuple(COLUMNS),
        rows=7,
        rows_digest=ROWS,
        file_count=3,
        size=70 + 2 * CHUNK + 500,
        files_root=merkle.root(merkle.leaf_hash(entry_line(entry)) for entry, _ in FILES).hex(),
    )
    assert inventory.version == version_name(inventory.manifest)


def test_the_listing_is_of_these_files_with_the_leaves_that_are_kept() -> None:
    inventory = take_inventory(FILES, hash_profile="some-profile", columns=(), rows_digest=lambda: ROWS)
    assert inventory.files.manifest is inventory.manifest
    assert list(inventory.files.with_leaves()) == [FILES[0], FILES[1], (FILES[2][0], b"")]


def test_files_are_taken_once_and_rows_are_digested_after_the_last() -> None:
    events = []

    def files() -> Iterator[tuple[FileEntry, bytes]]:
        for item in FILES:
            events.append(item[0].path)
            yield item

    def digest() -> str:
        events.append("rows")
        return ROWS

    take_inventory(files(), hash_profile="some-profile", columns=COLUMNS, rows_digest=digest)
    assert events == ["a.csv", "b.csv", "c.png", "rows"]
