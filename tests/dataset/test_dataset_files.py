"""Discovery, names, storage: every file is found, and nothing that is not a plain file below the root."""

from __future__ import annotations

import os
import socket
import subprocess
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset import spill
from poisonguard.dataset.discover import FoundFiles, changed_paths, discover
from poisonguard.dataset.names import check_paths, shown
from poisonguard.errors import DataChanged, NothingToScan, UnreadableData, UsageError


def write(root: Path, *names: str) -> None:
    """Make small files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def paths(location: Path | str) -> list[str]:
    """Paths found at a location."""
    return [item.path for item in discover(str(location)).files]


def test_a_directory_gives_every_file_sorted(tmp_path: Path) -> None:
    write(tmp_path, "b.csv", "a/z.csv", ".hidden", "a/.git/config", "Z", "a.csv")
    (tmp_path / "empty").touch()
    assert paths(tmp_path) == [".hidden", "Z", "a.csv", "a/.git/config", "a/z.csv", "b.csv", "empty"]


def test_a_file_is_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "sub/a.csv")
    tree = discover(str(tmp_path / "sub/a.csv"))
    assert (tree.single, tree.files[0].path, tree.files[0].size) == (True, "a.csv", 9)


def test_only_our_workspace_at_the_root_is_left_out_and_noted(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", ".poisonguard/registry.db", "sub/.poisonguard/hidden.csv")
    tree = discover(str(tmp_path))
    assert [item.path for item in tree.files] == ["a.csv", "sub/.poisonguard/hidden.csv"]
    assert tree.notes == ("left out .poisonguard/, poisonguard's own workspace",)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", [".h.csv", "a.csv"]),
        ("**/*.csv", [".h.csv", "a.csv", "x/b.csv", "x/y/c.csv"]),
        ("x", ["b.csv", "y/c.csv"]),
        ("[x]", ["x/b.csv", "x/y/c.csv"]),
        ("x/*/*.csv", ["y/c.csv"]),
        ("**", [".h.csv", "a.csv", "n.txt", "x/b.csv", "x/y/c.csv"]),
    ],
)
def test_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    write(tmp_path, "a.csv", ".h.csv", "n.txt", "x/b.csv", "x/y/c.csv")
    assert paths(tmp_path / pattern) == expected


@pytest.mark.parametrize("name", ["missing", "missing/*.csv", "*.csv", "empty"])
def test_nothing_found_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToScan) as caught:
        discover(str(tmp_path / name))
    assert caught.value.hint


def test_links_are_refused_wherever_they_are(tmp_path: Path) -> None:
    write(tmp_path, "real/a.csv")
    (tmp_path / "file").symlink_to(tmp_path / "real/a.csv")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    for location in (tmp_path, tmp_path / "file", tmp_path / "folder", f"{tmp_path}/folder/", tmp_path / "f*"):
        with pytest.raises(UnreadableData, match="symbolic link"):
            discover(str(location))


def test_fifos_and_sockets_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableData, match="FIFO"):
        discover(str(tmp_path))
    with pytest.raises(UnreadableData, match="FIFO"):
        discover(str(tmp_path / "pipe"))
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(UnreadableData, match="socket"):
            discover(str(tmp_path))


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.csv"))).touch()
    with pytest.raises(UnreadableData, match="not UTF-8"):
        discover(str(tmp_path))


@pytest.mark.parametrize(
    "names",
    [
        ["a\n.csv"],
        ["a\x1b[31m.csv"],
        ["a\u2028b"],
        ["A.csv", "a.csv"],
        ["D/x", "d/y"],
        ["caf\u00e9", "cafe\u0301"],
        ["stra\u00dfe", "STRASSE"],
        ["../x"],
        ["/x"],
        ["a//b"],
        ["a/./b"],
    ],
)
def test_names_that_are_refused(names: list[str]) -> None:
    with pytest.raises(UnreadableData) as caught:
        check_paths(names)
    assert caught.value.message.isprintable()


def test_names_that_are_fine() -> None:
    check_paths(["a b.csv", "é/ü", "é/v", ".hidden", "日本.parquet", "..a", "a.csv", "ab.csv"])


def test_what_is_shown_is_printable_and_bounded() -> None:
    assert shown("a\x1b[2Jb\n") == "a\\x1b[2Jb\\n"
    assert len(shown("x" * 5000)) == 200


def test_a_directory_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "data/sub/a.csv", "secret/a.csv")
    tree = discover(str(tmp_path / "data"))
    (tmp_path / "data/sub").rename(tmp_path / "moved")
    (tmp_path / "data/sub").symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableData, match="symbolic link"):
        tree.storage.open("sub/a.csv")


def test_what_becomes_a_link_a_fifo_or_nothing_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", "c", "other")
    tree = discover(str(tmp_path))
    for name in "abc":
        (tmp_path / name).unlink()
    (tmp_path / "a").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "b")
    with pytest.raises(UnreadableData, match="symbolic link"):
        tree.storage.open("a")
    with pytest.raises(UnreadableData, match="not a regular file"):
        tree.storage.open("b")
    with pytest.raises(DataChanged, match="vanished"):
        tree.storage.open("c")


def test_opening_leaks_no_descriptor(tmp_path: Path) -> None:
    write(tmp_path, "x/y/a")
    tree = discover(str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        tree.storage.open("x/y/a").close()
        with pytest.raises(DataChanged):
            tree.storage.open("x/y/b")
        with pytest.raises(UnreadableData):
            tree.storage.open("x/y/a/z")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_object_stores_by_the_same_rules() -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/discover-test/b.csv", b"12")
    store.pipe("/discover-test/a/c.csv", b"123")
    store.pipe("/discover-test/.poisonguard/x", b"")
    tree = discover("memory://discover-test/")
    assert [(item.path, item.size) for item in tree.files] == [("a/c.csv", 3), ("b.csv", 2)]
    assert tree.notes
    assert paths("memory://discover-test/b.csv") == ["b.csv"]
    assert paths("memory://discover-test/*.csv") == ["b.csv"]
    with pytest.raises(NothingToScan):
        discover("memory://discover-test/none")
    with pytest.raises(UsageError):
        discover("nosuchprotocol://x")


def test_file_urls_are_local_paths(tmp_path: Path) -> None:
    write(tmp_path, "a b.csv")
    assert paths(f"file://{tmp_path}/a%20b.csv") == ["a b.csv"]


PARTS = st.sampled_from(["a", "a.b", "a-", "b", "B", "\u00e9", "e\u0301", "ab", "Z", ".h"])
PATHS = st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=12)


def naively(paths: list[str]) -> bool:
    """Whether no two names collide, as the rule says it: all prefixes of all paths, remembered."""
    known: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(len(parts)):
            prefix = "/".join(parts[: depth + 1])
            folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", prefix).casefold())
            if known.setdefault(folded, prefix) != prefix:
                return False
    return True


@given(PATHS)
def test_collisions_are_found_folder_by_folder(found: set[str]) -> None:
    try:
        check_paths(sorted(found))
    except UnreadableData:
        assert not naively(sorted(found))
    else:
        assert naively(sorted(found))


@settings(max_examples=40)
@given(st.sets(st.lists(st.sampled_from(["a", "a.b", "a-", "b", "ab"]), min_size=1, max_size=4).map("/".join)))
def test_the_order_is_that_of_the_whole_paths(tmp_path_factory: pytest.TempPathFactory, found: set[str]) -> None:
    root = tmp_path_factory.mktemp("order")
    files = sorted(path for path in found | {"z"} if not any(other.startswith(f"{path}/") for other in found))
    write(root, *files)
    assert paths(root) == files


MATCHING = ["**", "*", "a*", "**/b", "**/a/*", "*/*", "[ab]/**/b", "**/*/**"]


@pytest.mark.parametrize("pattern", MATCHING)
def test_globs_match_what_they_say(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, "b", "a/b", "a/c/b", "a/c/d", "c/a/b", "c/a/x/y", "ab/b", "ab/x", ".poisonguard/b")

    def matches(parts: list[str], wanted: list[str]) -> bool:
        """A pattern that is used up names a folder as a whole."""
        if not wanted or not parts:
            return not wanted
        if wanted[0] == "**":
            rest = wanted[1:] or ["*"]
            return any(matches(parts[start:], rest) for start in range(len(parts)))
        return fnmatchcase(parts[0], wanted[0]) and matches(parts[1:], wanted[1:])

    everything = [item.path for item in discover(str(tmp_path)).files]
    expected = [path for path in everything if matches(path.split("/"), pattern.split("/"))]
    assert paths(tmp_path / pattern) == expected


def test_a_second_listing_tells_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "BLOCK", 3)
    write(tmp_path, *"abcdefgh", "sub/i")
    tree = discover(str(tmp_path))
    assert list(changed_paths(tree)) == []
    assert tree.files[-1].path == "sub/i"
    (tmp_path / "b").unlink()
    (tmp_path / "sub/i").write_text("longer")
    write(tmp_path, "bb", "z/new")
    assert list(changed_paths(tree)) == ["b", "bb", "sub/i", "z/new"]
    (tmp_path / "c").unlink()
    (tmp_path / "c").symlink_to(tmp_path / "a")
    with pytest.raises(UnreadableData, match="symbolic link"):
        list(changed_paths(tree))


def test_found_files_are_counted_and_read_again(tmp_path: Path) -> None:
    write(tmp_path, "a", "bb")
    files = discover(str(tmp_path)).files
    assert (len(files), files.total_bytes, files[0] in files) == (2, 3, True)
    assert list(files) == list(files)
    assert list(FoundFiles(())) == []


def test_a_deep_tree_needs_no_deep_stack(tmp_path: Path) -> None:
    folder = tmp_path
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    try:
        write(folder, "a")
        assert paths(tmp_path) == ["a"]
    finally:
        # Whoever tidies up later with a function that calls itself cannot.
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
