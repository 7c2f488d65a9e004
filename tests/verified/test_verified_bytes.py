"""Reads through checks equal the file; whatever was altered in a chunk that is read, stops the reading."""

import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE, ChunkTree
from poisonguard.dataset.storage import LocalStorage, RemoteStorage, Storage
from poisonguard.dataset.verified import PEEK_BYTES, VerifiedFile
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import DataChanged

SIZE = 3 * CHUNK + 12_345
"""Four chunks, the last one short."""
CONTENT = np.random.default_rng(5).bytes(SIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(CONTENT)
    return tmp_path


def leaves(content: bytes, tree: ChunkTree = BLAKE3_TREE) -> bytes:
    return b"".join(tree.leaf(content[place : place + CHUNK]) for place in range(0, len(content), CHUNK))


def verified(storage: Storage | Path, content: bytes, tree: ChunkTree = BLAKE3_TREE) -> VerifiedFile:
    below = LocalStorage(str(storage)) if isinstance(storage, Path) else storage
    return VerifiedFile(below, "a", len(content), leaves(content, tree), tree)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> VerifiedFile:
    folder = tmp_path_factory.mktemp("shared")
    (folder / "a").write_bytes(CONTENT)
    return verified(folder, CONTENT)


@given(place=st.integers(0, SIZE + 10), size=st.integers(0, 2 * CHUNK))
def test_any_range_is_the_files(shared: VerifiedFile, place: int, size: int) -> None:
    wanted = CONTENT[place : place + size]
    assert shared.read_range(place, place + size).to_pybytes() == wanted
    assert shared.seek(place) == place
    assert shared.read(size) == wanted
    assert shared.tell() == max(place, min(SIZE, place + size))
    buffer = bytearray(size)
    shared.seek(place)
    assert shared.readinto(buffer) == len(wanted)
    assert bytes(buffer[: len(wanted)]) == wanted


@given(place=st.integers(0, SIZE - 1), size=st.integers(0, PEEK_BYTES * 2))
def test_looking_ahead_does_not_move(shared: VerifiedFile, place: int, size: int) -> None:
    shared.seek(place)
    ahead = shared.peek(size)
    assert ahead
    assert CONTENT[place : place + len(ahead)] == ahead
    assert shared.tell() == place


@given(place=st.integers(0, SIZE - 1), bit=st.integers(0, 7), data=st.data())
def test_any_flipped_bit_in_what_is_read_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "flips"
    folder.mkdir(exist_ok=True)
    if not (folder / "a").exists():
        (folder / "a").write_bytes(CONTENT)
    start = data.draw(st.integers(max(0, place - 2 * CHUNK), place))
    stop = data.draw(st.integers(place + 1, min(SIZE, place + 2 * CHUNK)))
    with verified(folder, CONTENT) as file:
        _write(folder / "a", place, bytes([CONTENT[place] ^ (1 << bit)]))
        try:
            with pytest.raises(DataChanged, match=f"from byte {place // CHUNK * CHUNK}\\)") as raised:
                file.read_range(start, stop)
            assert raised.value.message.startswith("a: changed")
        finally:
            _write(folder / "a", place, CONTENT[place : place + 1])


def _write(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def test_eight_threads_read_one_file(shared: VerifiedFile) -> None:
    def read(seed: int) -> bool:
        draw = np.random.default_rng(seed)
        for _ in range(20):
            place, size = int(draw.integers(SIZE)), int(draw.choice((1, 5000, CHUNK - 1, CHUNK + 1, 2 * CHUNK)))
            if shared.read_range(place, place + size).to_pybytes() != CONTENT[place : place + size]:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


def test_eight_threads_find_a_flipped_byte_each(folder: Path) -> None:
    with verified(folder, CONTENT) as file:
        _write(folder / "a", CHUNK + 7, b"\0" if CONTENT[CHUNK + 7] else b"\1")
        barrier, found = threading.Barrier(8), []

        def read() -> None:
            barrier.wait()
            try:
                file.read_range(CHUNK, CHUNK + 100)
            except DataChanged as error:
                found.append(error)

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert file.read_range(0, 10).to_pybytes() == CONTENT[:10]


def test_a_long_read_is_a_slice_of_the_checked_buffer(folder: Path) -> None:
    with verified(folder, CONTENT) as file:
        file.seek(100)
        held = file.read_buffer(2 * CHUNK)
        assert held.parent is not None
        assert held.parent.size == 3 * CHUNK
        assert held.address == held.parent.address + 100


def test_what_was_handed_out_stays_what_was_checked(folder: Path) -> None:
    with verified(folder, CONTENT) as file:
        held = file.read_buffer(2 * CHUNK)
        (folder / "a").write_bytes(bytes(SIZE))
        assert held.to_pybytes() == CONTENT[: 2 * CHUNK]


def _cut(path: Path) -> None:
    os.truncate(path, SIZE - 1)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name("new"))
    path.with_name("new").replace(path)


CHANGES: dict[str, Callable[[Path], None]] = {
    "cut": _cut,
    "grown": _grow,
    "replaced": _replace,
    "deleted": Path.unlink,
    "emptied": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_changed_after_it_was_opened(folder: Path, change: str) -> None:
    with verified(folder, CONTENT) as file:
        assert file.read(10) == CONTENT[:10]
        CHANGES[change](folder / "a")
        with pytest.raises(DataChanged, match="a: changed after it was hashed"):
            file.read_range(CHUNK, CHUNK + 10)


@pytest.fixture
def store() -> fsspec.AbstractFileSystem:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    return memory


def test_objects_in_a_store(store: fsspec.AbstractFileSystem) -> None:
    store.pipe_file("/bucket/a", CONTENT)
    with verified(RemoteStorage(store, "/bucket"), CONTENT) as file:
        assert file.read() == CONTENT
        assert file.read_range(CHUNK - 3, 2 * CHUNK + 3).to_pybytes() == CONTENT[CHUNK - 3 : 2 * CHUNK + 3]
        store.pipe_file("/bucket/a", CONTENT[:CHUNK] + bytes(1) + CONTENT[CHUNK + 1 :])
        with pytest.raises(DataChanged, match=f"from byte {CHUNK}\\)"):
            file.read_range(0, 2 * CHUNK)


@pytest.mark.parametrize("change", ["cut", "grown", "deleted"])
def test_objects_that_were_changed(store: fsspec.AbstractFileSystem, change: str) -> None:
    store.pipe_file("/bucket/a", CONTENT)
    with verified(RemoteStorage(store, "/bucket"), CONTENT) as file:
        assert file.read(10) == CONTENT[:10]
        if change == "deleted":
            store.rm_file("/bucket/a")
        else:
            store.pipe_file("/bucket/a", CONTENT[:-1] if change == "cut" else CONTENT + b"more")
        with pytest.raises(DataChanged, match="a: changed after it was hashed"):
            file.read_range(CHUNK, CHUNK + 10)


def test_a_file_of_one_chunk_is_checked_by_its_root(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"small")
    for tree in (BLAKE3_TREE, FIPS_TREE):
        root = tree.root(5, tree.leaf(b"small"))
        with VerifiedFile(LocalStorage(str(tmp_path)), "a", 5, b"", tree, root=root) as file:
            assert file.read() == b"small"
        with (
            VerifiedFile(LocalStorage(str(tmp_path)), "a", 5, b"", tree, root="0" * 64) as file,
            pytest.raises(DataChanged, match="the 5 bytes from byte 0"),
        ):
            file.read()


def test_the_fips_profile_reads_the_same(folder: Path) -> None:
    with verified(folder, CONTENT, FIPS_TREE) as file:
        assert file.read() == CONTENT
        _write(folder / "a", SIZE - 1, b"\0" if CONTENT[-1] else b"\1")
        with pytest.raises(DataChanged, match=f"from byte {3 * CHUNK}\\)"):
            file.read_range(SIZE - 1, SIZE)


def test_nothing_is_read_without_any_leaf_or_root(folder: Path) -> None:
    with VerifiedFile(LocalStorage(str(folder)), "a", SIZE, b"") as file, pytest.raises(DataChanged):
        file.read(1)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with verified(tmp_path, b"") as file:
        assert (file.read(), file.peek(), file.readline(), file.read_buffer().size) == (b"", b"", b"", 0)


def test_lines(tmp_path: Path) -> None:
    line = b"x" * (PEEK_BYTES + 3) + b"\n"
    content = line * (CHUNK // len(line) + 2) + b"the end"
    (tmp_path / "a").write_bytes(content)
    with verified(tmp_path, content) as file:
        assert list(file) == content.splitlines(keepends=True)
        file.seek(0)
        assert file.readline(5) == b"xxxxx"
        assert file.readline() == line[5:]


def test_a_closed_file(folder: Path) -> None:
    file = verified(folder, CONTENT)
    file.close()
    file.close()
    for read in (file.read, file.peek, lambda: file.read_range(9, 9)):
        with pytest.raises(ValueError, match="closed"):
            read()


def test_it_is_no_way_to_the_file_itself(folder: Path) -> None:
    with verified(folder, CONTENT) as file:
        assert (file.readable(), file.seekable(), file.writable(), file.size) == (True, True, False, SIZE)
        with pytest.raises(OSError, match="fileno"):
            file.fileno()
