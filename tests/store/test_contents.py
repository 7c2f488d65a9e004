"""What statements bind by digest is stored with them, checked when it is read, and never half there."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence_world import ZERO, inventory_of
from sqlalchemy import Executable, delete, insert, text, update

from poisonguard.attest import listing as module
from poisonguard.attest.inventory import Inventory
from poisonguard.domain.dataset import CHUNK, LEAF, FileEntry
from poisonguard.errors import IntegrityError, UnknownVersion, UsageError
from poisonguard.store.registry import Registry, registry_url
from poisonguard.store.tables import BLOB, LISTING, SHARD


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_FILES", 4)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(registry_url(str(tmp_path / "registry.db")))
    made.create()
    yield made
    made.close()


def inventory(*sizes: int) -> Inventory:
    entries = [FileEntry(f"f{index:03}", size, ZERO, ZERO, "bin", 0, ()) for index, size in enumerate(sizes)]
    return inventory_of((entry, bytes(LEAF * -(-entry.size // CHUNK))) for entry in entries)


def put(registry: Registry, *inventories: Inventory) -> None:
    with registry.write() as writer:
        for found in inventories:
            writer.put_listing(found.version, found.files)


def test_a_listing_comes_back(registry: Registry) -> None:
    found = inventory(*range(10), 3 * CHUNK)
    put(registry, found, found)
    with registry.read() as reader:
        assert list(reader.listing(found.version, found.manifest).with_leaves()) == list(found.files.with_leaves())


def test_versions_share_the_shards_that_they_have_in_common(registry: Registry) -> None:
    put(registry, inventory(*range(8)), inventory(*range(9)))
    with registry.read() as reader:
        assert len(reader.connection.execute(LISTING.select()).all()) == 2 + 3
        assert len(reader.connection.execute(SHARD.select()).all()) == 3


@pytest.mark.parametrize(
    "change",
    [
        delete(SHARD),
        update(SHARD).values(lines=b"x"),
        text("UPDATE shard SET lines = 'text'"),
        text("UPDATE shard SET leaves = 'text'"),
        update(SHARD).values(leaves=b"x"),
        delete(LISTING),
        delete(LISTING).where(LISTING.c.position == 1),
        update(LISTING).values(root=bytes(32)),
        update(LISTING).values(root=b"short"),
        insert(LISTING).values(version="?", position=9, root=bytes(32)),
    ],
)
def test_an_altered_listing_is_refused(registry: Registry, change: object) -> None:
    found = inventory(*range(10))
    put(registry, found)
    with registry.write() as writer:
        writer.connection.execute(change)  # type: ignore[call-overload]  # one of the statements above
        writer.connection.execute(update(LISTING).where(LISTING.c.version == "?").values(version=found.version))
    with registry.read() as reader, pytest.raises(IntegrityError):
        list(reader.listing(found.version, found.manifest))


def test_a_listing_of_another_version_is_refused_by_name(registry: Registry) -> None:
    found, other = inventory(1), inventory(2)
    put(registry, found)
    with registry.read() as reader, pytest.raises(IntegrityError, match=f"^{found.version[:16]}: ") as caught:
        reader.listing(found.version, other.manifest)
    assert "poisonguard log audit" in caught.value.hint


def test_a_blob_comes_back_and_is_stored_once(registry: Registry) -> None:
    with registry.write() as writer:
        digest = writer.put_blob(b"report")
        assert writer.put_blob(b"report") == digest == hashlib.sha256(b"report").hexdigest()
    with registry.read() as reader:
        assert reader.blob(digest) == b"report"
        assert reader.has_blob(digest)
        assert not reader.has_blob(ZERO)


def test_an_altered_or_missing_blob_is_refused(registry: Registry) -> None:
    with registry.write() as writer:
        digest = writer.put_blob(b"report")
        writer.connection.execute(update(BLOB).values(content=b"rep0rt"))
    with registry.read() as reader:
        with pytest.raises(IntegrityError, match=digest[:12]):
            reader.blob(digest)
        with pytest.raises(UnknownVersion, match=ZERO[:12]):
            reader.blob(ZERO)


def test_text_where_bytes_should_be_is_refused(registry: Registry) -> None:
    found = inventory(*range(10))
    put(registry, found)
    with registry.write() as writer:
        digest = writer.put_blob(b"report")
        writer.connection.execute(text("UPDATE blob SET content = 'report'"))
        writer.connection.execute(text("UPDATE listing SET root = 'text' WHERE position = 1"))
    with registry.read() as reader:
        with pytest.raises(IntegrityError, match="does not hold the bytes"):
            reader.blob(digest)
        with pytest.raises(IntegrityError, match="never written by poisonguard"):
            reader.shards(found.version)


@pytest.mark.parametrize(
    "command",
    [
        delete(LISTING).where(LISTING.c.position == 1),
        update(LISTING).where(LISTING.c.position == 1).values(root=b"short"),
        update(LISTING).where(LISTING.c.position == 1).values(root=bytes(33)),
        text("UPDATE listing SET root = '0123456789abcdef0123456789abcdef' WHERE position = 1"),
    ],
)
def test_rows_of_a_listing_that_were_never_written_so_are_refused(registry: Registry, command: Executable) -> None:
    found = inventory(*range(10))
    put(registry, found)
    with registry.write() as writer:
        writer.connection.execute(command)
    with registry.read() as reader, pytest.raises(IntegrityError, match="never written by poisonguard"):
        reader.shards(found.version)


@pytest.mark.parametrize(
    "command",
    [
        delete(SHARD),
        text("UPDATE shard SET lines = 'text'"),
        text("UPDATE shard SET leaves = 'text'"),
    ],
)
def test_a_part_of_a_listing_that_is_gone_is_named(registry: Registry, command: Executable) -> None:
    found = inventory(*range(10))
    put(registry, found)
    with registry.write() as writer:
        writer.connection.execute(command)
    with registry.read() as reader, pytest.raises(IntegrityError, match="part 2 of a listing of files is missing"):
        reader.shards(found.version).load(2)


def test_a_transaction_that_fails_leaves_nothing(registry: Registry) -> None:
    found = inventory(*range(10))

    def fail() -> None:
        with registry.write() as writer:
            writer.put_listing(found.version, found.files)
            writer.put_blob(b"report")
            raise UsageError("stop")

    with pytest.raises(UsageError, match="stop"):
        fail()
    with registry.read() as reader:
        assert not reader.has_blob(hashlib.sha256(b"report").hexdigest())
        assert reader.connection.execute(SHARD.select()).all() == []
