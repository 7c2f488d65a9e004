"""The chunk tree, the verified file and the gate's comparison."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset import hashing, parallel, verify
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE, TREE_CONTEXT
from poisonguard.dataset.discover import discover
from poisonguard.dataset.hashing import FileDigests, Hashing, hash_file, hash_files
from poisonguard.dataset.storage import LocalStorage
from poisonguard.dataset.verified import VerifiedFile
from poisonguard.dataset.verify import Mismatch, verify_files
from poisonguard.domain.dataset import CHUNK, FileEntry
from poisonguard.errors import DataChanged

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7]


def expected(data: bytes) -> FileDigests:
    """The definition, written down a second time."""
    leaves = b"".join(blake3(data[at : at + CHUNK]).digest() for at in range(0, len(data), CHUNK))
    root = blake3(len(data).to_bytes(8, "little") + leaves, derive_key_context=TREE_CONTEXT).hexdigest()
    return FileDigests(len(data), hashlib.sha256(data).hexdigest(), root, leaves)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for size in SIZES:
        (tmp_path / str(size)).write_bytes(os.urandom(size))
    return tmp_path


def entries(folder: Path) -> list[FileEntry]:
    """A manifest's files for what is in a folder now."""
    tree = discover(str(folder))
    found = [(item.path, expected((folder / item.path).read_bytes())) for item in tree.files]
    return [FileEntry(path, item.size, item.sha256, item.tree_root, "x", 0, ()) for path, item in found]


@pytest.mark.parametrize("size", SIZES)
def test_digests_by_definition(folder: Path, size: int) -> None:
    assert hash_file(LocalStorage(str(folder)), str(size)) == expected((folder / str(size)).read_bytes())


@pytest.mark.parametrize("mode", ["whole", "tree"])
def test_no_digest_depends_on_workers(
    folder: Path,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "PIECE_CHUNKS", 1)
    files = [(item.path, item.size) for item in discover(str(folder)).files]
    told: list[int] = []
    runs = [
        list(
            hash_files(
                LocalStorage(str(folder)), files, Hashing(mode == "whole"), workers=workers, progress=told.append
            )
        )
        for workers in (1, 2, 5)
    ]
    assert runs[0] == runs[1] == runs[2]
    hashed = [item.tree_root for item in runs[0]]  # type: ignore[union-attr]  # none of them failed
    assert hashed == [item.tree_root for item in entries(folder)]
    assert sum(told) == 3 * sum(SIZES)


def test_a_file_that_changes_while_it_is_hashed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * (2 * CHUNK))

    def grow(_: int) -> None:
        with path.open("ab") as file:
            file.write(b"y")

    with pytest.raises(DataChanged, match="a: changed"):
        hash_file(LocalStorage(str(tmp_path)), "a", progress=grow)


def test_a_file_of_another_size_than_listed(folder: Path) -> None:
    for size in (0, CHUNK * 5):
        for sha256 in (True, False):
            listed = [(str(CHUNK + 1), size)]
            (result,) = hash_files(LocalStorage(str(folder)), listed, Hashing(sha256), workers=2)
            assert isinstance(result, DataChanged)


def test_equal_data_verify(folder: Path) -> None:
    assert not check(folder, entries(folder))


def check(folder: Path, files: list[FileEntry], leaves: bytes = b"") -> Sequence[Mismatch]:
    """The gate's comparison."""
    return verify_files(str(folder), ((entry, leaves) for entry in files), tree=BLAKE3_TREE)


def problems(folder: Path, files: list[FileEntry]) -> dict[str, str]:
    """Mismatches by path."""
    return {item.path: item.problem for item in check(folder, files)}


def test_every_difference_is_named(folder: Path) -> None:
    files = entries(folder)
    data = bytearray((folder / str(2 * CHUNK + 7)).read_bytes())
    data[CHUNK + 5] ^= 1
    (folder / str(2 * CHUNK + 7)).write_bytes(data)
    (folder / "1").unlink()
    (folder / str(CHUNK)).write_bytes(b"short")
    (folder / ".extra").touch()
    found = problems(folder, files)
    assert found["1"] == "missing"
    assert found[".extra"] == "not in the approved version"
    assert found[str(CHUNK)].startswith("changed: 5 bytes")
    assert found[str(2 * CHUNK + 7)].startswith("changed: the bytes differ")
    assert len(found) == 4


def test_swapped_names_are_two_mismatches(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    files = entries(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    (tmp_path / "b").write_bytes(b"1")
    assert set(problems(tmp_path, files)) == {"a", "b"}


def test_nothing_there_links_and_empty_manifests_are_mismatches(folder: Path, tmp_path: Path) -> None:
    files = entries(folder)
    assert len(check(tmp_path / "none", files)) == 1 + len(files)
    assert check(folder, [])
    (folder / "link").symlink_to(folder / "1")
    assert "symbolic link" in check(folder, files)[0].problem


def test_files_that_appear_while_verifying(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = entries(folder)
    real = hashing.hash_files

    def late(*arguments: Any, **options: Any) -> Iterator[object]:
        (folder / "late").touch()
        (folder / "1").unlink()
        return real(*arguments, **options)

    monkeypatch.setattr(verify, "hash_files", late)
    assert problems(folder, files) == dict.fromkeys(("1", "late"), "changed while the data were verified")


def test_other_leaves_than_the_file_has(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    found = check(tmp_path, entries(tmp_path), leaves=bytes(32))
    assert [item.problem for item in found] == ["the listing holds other chunk leaves than the file has"]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_differences_are_named_and_all_are_counted(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "MOST_NAMED", 3)
    for name in "abcdefghijklm":
        (tmp_path / name).write_bytes(name.encode())
    files = [(replace(entry, tree_root="0" * 64), b"") for entry in entries(tmp_path)]
    (tmp_path / "b").unlink()
    (tmp_path / "l2").touch()
    found = verify_files(str(tmp_path), files, tree=BLAKE3_TREE, workers=workers)
    assert (len(found), [item.path for item in found]) == (14, ["a", "b", "c"])


def test_the_fips_profile_hashes_by_sha256_alone(folder: Path) -> None:
    digests = hash_file(LocalStorage(str(folder)), str(CHUNK + 1), tree=FIPS_TREE)
    data = (folder / str(CHUNK + 1)).read_bytes()
    leaves = b"".join(hashlib.sha256(b"\0" + data[at : at + CHUNK]).digest() for at in range(0, len(data), CHUNK))
    size = len(data).to_bytes(8, "little")
    assert digests.leaves == leaves
    assert digests.tree_root == hashlib.sha256(b"\1" + size + leaves).hexdigest()


class Known:
    """What a trusted listing says."""

    def __init__(self, files: dict[tuple[int, str], str]) -> None:
        self.files = files
        self.asked: list[int] = []

    def has_size(self, size: int) -> bool:
        return any(size == known for known, _ in self.files)

    def sha256_of(self, size: int, tree_root: str) -> str | None:
        self.asked.append(size)
        return self.files.get((size, tree_root))


def test_a_known_sha256_is_taken_over_and_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "GROUP_BYTES", 0)
    files = [(item.path, item.size) for item in discover(str(folder)).files]
    plain = list(hash_files(LocalStorage(str(folder)), files, Hashing(sha256=True), workers=2))
    changed, same = CHUNK, 2 * CHUNK + 7
    known = Known({(item.size, item.tree_root): "f" * 64 for item in entries(folder) if item.size in {same, changed}})
    (folder / str(changed)).write_bytes(os.urandom(changed))
    hashed = list(hash_files(LocalStorage(str(folder)), files, Hashing(sha256=True, known=known), workers=2))
    expect = [expected((folder / path).read_bytes()) for path, _ in files]
    expect = [replace(item, sha256="f" * 64) if item.size == same else item for item in expect]
    assert hashed == expect != plain
    assert sorted(known.asked) == [changed, same]


def test_small_files_do_not_wait_for_a_big_one_before_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread must see the whole of a big file; here it may not end before the others have done everything else."""
    (tmp_path / "big").write_bytes(b"big")
    for number in range(40):
        (tmp_path / f"small{number:02}").write_bytes(bytes([number]))
    done, rest = threading.Semaphore(0), threading.Event()
    real = hashing._hash_whole

    def slow(reading: Any, path: str) -> FileDigests:
        if path == "big":
            assert rest.wait(30)
            return real(reading, path)
        digests = real(reading, path)
        done.release()
        return digests

    monkeypatch.setattr(hashing, "_hash_whole", slow)
    monkeypatch.setattr(parallel, "GROUP_ITEMS", 1)
    files = [("big", 3), *((f"small{number:02}", 1) for number in range(40))]

    def watch() -> None:
        for _ in range(40):
            assert done.acquire(timeout=30)
        rest.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    found = list(hash_files(LocalStorage(str(tmp_path)), files, Hashing(sha256=True), workers=2))
    watcher.join()
    assert rest.is_set()
    assert [item for item in found if isinstance(item, FileDigests)] == [
        expected((tmp_path / name).read_bytes()) for name, _ in files
    ]


def test_files_are_taken_as_they_are_needed(tmp_path: Path) -> None:
    taken = 0

    def files() -> Iterator[tuple[str, int]]:
        nonlocal taken  # counts what was taken
        while taken < 5000:
            taken += 1
            yield "a", 1

    (tmp_path / "a").write_bytes(b"1")
    hashed = hash_files(LocalStorage(str(tmp_path)), files(), Hashing(sha256=True, head=9), workers=1)
    first = next(hashed)
    assert isinstance(first, FileDigests)
    assert (first.head, taken < 1000) == (b"1", True)
    assert 1 + len(list(hashed)) == 5000


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_verified_file_reads_like_the_file(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "verified"
    folder.mkdir(exist_ok=True)
    content = bytes(range(251)) * 50_000
    if not (folder / "a").exists():
        (folder / "a").write_bytes(content)
    digests = hash_file(LocalStorage(str(folder)), "a")
    with VerifiedFile(LocalStorage(str(folder)), "a", digests.size, digests.leaves) as file:
        for _ in range(4):
            place = data.draw(st.integers(0, len(content) + 5))
            size = data.draw(st.integers(-1, 3 * CHUNK))
            file.seek(place)
            assert file.read(size) == (content[place:] if size < 0 else content[place : place + size])
            assert file.tell() >= place


def test_a_verified_file_stops_at_a_changed_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * (3 * CHUNK))
    storage = LocalStorage(str(tmp_path))
    digests = hash_file(storage, "a")
    with path.open("r+b") as changed:
        changed.seek(CHUNK + 9)
        changed.write(b"y")
    with VerifiedFile(storage, "a", digests.size, digests.leaves) as file:
        assert file.read(CHUNK) == b"x" * CHUNK
        with pytest.raises(DataChanged, match=f"from byte {CHUNK}"):
            file.read(1)
    path.write_bytes(b"x")
    with VerifiedFile(storage, "a", digests.size, digests.leaves) as file, pytest.raises(DataChanged):
        file.read(1)


def test_the_gates_path_imports_nothing_heavy() -> None:
    heavy = ("numpy", "pyarrow", "pandas", "fsspec", "numba", "scipy", "sqlalchemy")
    code = f"import sys, poisonguard.dataset.verify; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
