"""What somebody with write access to the data tries after the approval: each is one named attack on the command line.

Every one ends with exit code 6, and one line that names the file; nothing raw from the data is printed.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from evidence_fixtures import Captured, codes, gate
from evidence_project import Project

from poisonguard.dataset.storage import LocalHandle, LocalStorage

Attack = Callable[[Path], str]
"""Does something to the data; what must be named in the gate's answer."""

ATTACKS: dict[str, Attack] = {}


def attack(make: Attack) -> Attack:
    ATTACKS[make.__name__] = make
    return make


# Bytes


@attack
def one_byte_changed_with_size_and_times_as_they_were(data: Path) -> str:
    path = data / "a.csv"
    facts, content = path.stat(), bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_mtime_ns == facts.st_mtime_ns
    return "a.csv: changed"


@attack
def one_byte_more(data: Path) -> str:
    with (data / "a.csv").open("ab") as stream:
        stream.write(b"\n")
    return "a.csv: changed"


@attack
def one_byte_less(data: Path) -> str:
    os.truncate(data / "b.csv", (data / "b.csv").stat().st_size - 1)
    return "b.csv: changed"


@attack
def emptied(data: Path) -> str:
    os.truncate(data / "a.csv", 0)
    return "a.csv: changed"


@attack
def a_byte_order_mark_in_front(data: Path) -> str:
    path = data / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return "a.csv: changed"


@attack
def other_line_ends(data: Path) -> str:
    path = data / "a.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return "a.csv: changed"


@attack
def rows_in_another_order(data: Path) -> str:
    (data / "a.csv").write_text("id,label\n2,neg\n1,pos\n")
    return "a.csv: changed"


@attack
def a_sparse_file_of_a_terabyte(data: Path) -> str:
    os.truncate(data / "a.csv", 1 << 40)
    return "a.csv: changed: 1099511627776 bytes"


@attack
def a_sparse_file_of_the_same_size(data: Path) -> str:
    size = (data / "a.csv").stat().st_size
    os.truncate(data / "a.csv", 0)
    os.truncate(data / "a.csv", size)
    return "a.csv: changed: the bytes differ"


# Names


@attack
def a_file_renamed(data: Path) -> str:
    (data / "a.csv").rename(data / "c.csv")
    return "c.csv: not in the approved version"


@attack
def a_file_renamed_to_another_case(data: Path) -> str:
    (data / "a.csv").rename(data / "A.csv")
    return "A.csv: not in the approved version"


@attack
def two_files_swapped(data: Path) -> str:
    first, second, aside = data / "a.csv", data / "b.csv", data.parent / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    return "a.csv: changed"


@attack
def a_file_moved_into_a_folder(data: Path) -> str:
    (data / "more").mkdir()
    (data / "a.csv").rename(data / "more" / "a.csv")
    return "more/a.csv: not in the approved version"


@attack
def a_file_removed(data: Path) -> str:
    (data / "b.csv").unlink()
    return "b.csv: missing"


@attack
def a_file_replaced_by_a_folder_of_its_name(data: Path) -> str:
    content = (data / "a.csv").read_bytes()
    (data / "a.csv").unlink()
    (data / "a.csv").mkdir()
    (data / "a.csv" / "a.csv").write_bytes(content)
    return "a.csv/a.csv: not in the approved version"


@attack
def everything_removed(data: Path) -> str:
    for path in data.iterdir():
        path.unlink()
    return "no files"


# Files added


def added(name: str, content: bytes = b"id,label\n9,pos\n") -> Attack:
    def add(data: Path) -> str:
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"{name}: not in the approved version"

    return add


ATTACKS |= {
    "a_file_added": added("c.csv"),
    "an_empty_file_added": added("c.csv", b""),
    "a_hidden_file_added": added(".c.csv"),
    "an_empty_hidden_file_added": added(".keep", b""),
    "a_git_folder_added": added(".git/objects/pack/payload.pack"),
    "a_git_hook_added": added(".git/hooks/post-checkout", b"#!/bin/sh\n"),
    "a_git_file_added": added(".gitattributes", b"*.csv filter=evil"),
    "a_cache_folder_added": added("__pycache__/a.pyc", b"\x00"),
    "a_loading_script_added": added("reviews.py", b"import os"),
    "a_parquet_metadata_file_added": added("_metadata", b"PAR1"),
    "a_success_marker_added": added("_SUCCESS", b""),
    "a_checksum_file_added": added(".a.csv.crc", b"crc"),
    "an_editor_s_backup_added": added("a.csv~"),
    "a_settings_file_added": added("poisonguard.yaml", b"policy: mine.yaml\n"),
    "a_signature_bundle_added": added("model.sig", b"{}"),
    "a_partition_folder_added": added("label=pos/part.csv"),
    "a_file_in_a_deep_folder_added": added("/".join(["d"] * 100) + "/x.csv"),
    "a_file_named_like_an_option_added": added("--trust=sha256:0"),
    "a_file_named_by_a_star_added": added("*.csv"),
    "a_file_named_by_spaces_added": added("   "),
    "a_file_of_the_longest_name_added": added("n" * 255, b""),
}


@attack
def a_file_in_a_folder_named_as_our_workspace(data: Path) -> str:
    (data / ".poisonguard").mkdir()
    (data / ".poisonguard" / "c.csv").write_text("id,label\n9,pos\n")
    return ".poisonguard: not in the approved version"


@attack
def an_empty_folder_named_as_our_workspace(data: Path) -> str:
    (data / ".poisonguard").mkdir()
    return ".poisonguard: not in the approved version"


@attack
def a_file_named_as_our_workspace(data: Path) -> str:
    (data / ".poisonguard").write_text("id,label\n9,pos\n")
    return ".poisonguard: not in the approved version"


@attack
def a_workspace_further_down(data: Path) -> str:
    (data / "more" / ".poisonguard").mkdir(parents=True)
    (data / "more" / ".poisonguard" / "c.csv").write_text("x")
    return "more/.poisonguard/c.csv: not in the approved version"


# Names that deceive; two that one machine takes for two files and another for one


@attack
def a_twin_in_another_case(data: Path) -> str:
    shutil.copy(data / "a.csv", data / "A.csv")
    return "A.csv and a.csv differ only in case"


@attack
def a_twin_in_another_unicode_form(data: Path) -> str:
    for form in ("NFC", "NFD"):
        (data / unicodedata.normalize(form, "é.csv")).write_text("id,label\n")
    return "differ only in case or Unicode form"


@attack
def a_folder_s_twin_in_another_case(data: Path) -> str:
    for name in ("More", "more"):
        (data / name).mkdir()
        (data / name / f"{name}.csv").touch()
    return "More and more differ only in case"


@attack
def a_twin_with_a_sharp_s(data: Path) -> str:
    for name in ("strasse.csv", "straße.csv"):
        (data / name).touch()
    return "differ only in case"


def deceiving(name: str | bytes, named: str) -> Attack:
    def add(data: Path) -> str:
        (data / os.fsdecode(name)).write_text("id,label\n9,pos\n")
        return named

    return add


ATTACKS |= {
    "a_name_with_a_line_break": deceiving("a\nb.csv", "a\\nb.csv: the name holds a control character"),
    "a_name_with_a_carriage_return": deceiving("a.csv\rok", "a.csv\\rok: the name holds a control character"),
    "a_name_that_clears_the_screen": deceiving("\x1b[2J\x1b[Hok.csv", "the name holds a control character"),
    "a_name_that_sets_the_title": deceiving("\x1b]0;passed\x07.csv", "the name holds a control character"),
    "a_name_with_a_c1_control": deceiving("\x9b31mred.csv", "the name holds a control character"),
    "a_name_with_delete": deceiving("a\x7f.csv", "the name holds a control character"),
    "a_name_with_a_unicode_line_break": deceiving("a\u2028b.csv", "the name holds a control character"),
    "a_name_that_is_not_utf8": deceiving(b"\xff\xfe.csv", "the name is not UTF-8"),
    "a_name_with_an_encoded_surrogate": deceiving(b"\xed\xa0\x80.csv", "the name is not UTF-8"),
    "a_name_that_reverses_text": deceiving("\u202evsc.exe", "not in the approved version"),
    "a_name_of_zero_width": deceiving("a\u200b.csv", "not in the approved version"),
    "a_name_that_commands_github": deceiving("::error::owned", "not in the approved version"),
    "a_name_that_stops_commands": deceiving("::stop-commands::x", "not in the approved version"),
    "a_name_that_commands_azure": deceiving("##vso[task.complete result=Succeeded;]", "not in the approved version"),
    "a_name_that_is_a_tag": deceiving("<img src=x onerror=alert(1)>", "not in the approved version"),
    "a_name_that_is_a_formula": deceiving("=HYPERLINK(0)", "not in the approved version"),
    "a_name_that_is_rich_markup": deceiving("[bold red]x[]", "not in the approved version"),
    "a_name_of_a_look_alike": deceiving("\u0430.csv", "\u0430.csv: not in the approved version"),
}


# Things that are no regular files


@attack
def a_file_replaced_by_a_link_to_its_content(data: Path) -> str:
    (data / "a.csv").rename(data.parent / "aside")
    (data / "a.csv").symlink_to(data.parent / "aside")
    return "a.csv: a symbolic link"


@attack
def a_link_to_a_file_beside_it(data: Path) -> str:
    (data / "c.csv").symlink_to("a.csv")
    return "c.csv: a symbolic link"


@attack
def a_dangling_link(data: Path) -> str:
    (data / "c.csv").symlink_to("nowhere")
    return "c.csv: a symbolic link"


@attack
def a_link_out_of_the_data(data: Path) -> str:
    (data / "c.csv").symlink_to("/etc/passwd")
    return "c.csv: a symbolic link"


@attack
def a_linked_folder_with_more_files(data: Path) -> str:
    shutil.copytree(data, data.parent / "elsewhere")
    (data / "more").symlink_to(data.parent / "elsewhere")
    return "more: a symbolic link"


@attack
def a_loop_of_folders(data: Path) -> str:
    (data / "more").mkdir()
    (data / "more" / "loop").symlink_to("..")
    return "more/loop: a symbolic link"


@attack
def the_data_replaced_by_a_link_to_the_same_files(data: Path) -> str:
    data.rename(data.parent / "elsewhere")
    data.symlink_to(data.parent / "elsewhere")
    return "reviews: a symbolic link"


@attack
def a_workspace_that_is_a_link(data: Path) -> str:
    (data / ".poisonguard").symlink_to(data.parent / ".poisonguard")
    return ".poisonguard: a symbolic link"


@attack
def a_file_replaced_by_a_pipe(data: Path) -> str:
    (data / "a.csv").unlink()
    os.mkfifo(data / "a.csv")
    return "a.csv: a FIFO, device or socket"


@attack
def a_pipe_added(data: Path) -> str:
    os.mkfifo(data / "pipe")
    return "pipe: a FIFO, device or socket"


@attack
def a_socket_added(data: Path) -> str:
    here = Path.cwd()
    os.chdir(data)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
    os.chdir(here)
    return "s: a FIFO, device or socket"


@attack
def a_device_added(data: Path) -> str:
    try:
        os.mknod(data / "zero", 0o020666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    return "zero: a FIFO, device or socket"


@attack
def the_data_replaced_by_a_file(data: Path) -> str:
    shutil.rmtree(data)
    data.write_text("id,label\n1,pos\n2,neg\n")
    return "reviews: not in the approved version"


@attack
def the_data_replaced_by_a_pipe(data: Path) -> str:
    shutil.rmtree(data)
    os.mkfifo(data)
    return "reviews: a FIFO, device or socket"


def is_clean(text: str) -> bool:
    """Whether nothing in the text steers a terminal or hides in it."""
    return all(character.isprintable() or character == "\n" for character in text) and "##vso" not in text


@pytest.mark.parametrize("name", ATTACKS)
def test_the_gate_names_what_is_wrong_with_the_data(approved: Project, capsys: Captured, name: str) -> None:
    assert gate("reviews") == 0
    named = ATTACKS[name](approved.data)
    capsys.readouterr()
    assert gate("reviews", "--version", "reviews@1") == 6
    table = capsys.readouterr()
    assert "Traceback" not in table.err
    assert sum(named in line for line in table.out.splitlines()) == 1
    assert is_clean(table.out + table.err)
    assert not any(line.lstrip().startswith("::") for line in table.out.splitlines())
    assert gate("reviews", "-f", "json") in {5, 6}
    document = capsys.readouterr()
    assert is_clean(document.out + document.err)
    assert document.out.isascii()
    assert json.loads(document.out)["verdict"] == "FAILED"


@pytest.mark.parametrize("pattern", ["reviews/*", "reviews/**", "rev*", "./reviews/", "{}/*", "file://{}"])
@pytest.mark.parametrize(
    "name",
    [
        "a_hidden_file_added",
        "a_git_folder_added",
        "a_file_in_a_folder_named_as_our_workspace",
        "a_file_named_as_our_workspace",
        "one_byte_changed_with_size_and_times_as_they_were",
    ],
)
def test_no_way_to_name_the_data_overlooks_a_file(approved: Project, name: str, pattern: str) -> None:
    place = pattern.format(approved.data)
    if "rev*" not in pattern:
        assert gate(place, "--name", "reviews") == 0
    ATTACKS[name](approved.data)
    assert gate(place, "--name", "reviews") == 6


def test_a_hard_link_to_the_same_bytes_is_the_same_file(approved: Project) -> None:
    """A second name of the very bytes that were approved changes nothing; a write through it is seen."""
    path = approved.data / "a.csv"
    os.link(path, approved.folder / "outside")
    assert gate("reviews") == 0
    (approved.folder / "outside").write_text("id,label\n1,neg\n2,pos\n")
    assert gate("reviews") == 6


def test_metadata_that_no_reader_reads_is_not_the_data(approved: Project) -> None:
    """Times, modes and empty folders are not signed: what is trained on is names and bytes."""
    os.utime(approved.data / "a.csv", (1, 1))
    (approved.data / "a.csv").chmod(0o755)
    (approved.data / "empty").mkdir()
    assert gate("reviews") == 0


def test_files_of_equal_size_that_change_their_names_differ(project: Project, capsys: Captured) -> None:
    """OMS's root digest ignores names: relabelled partitions verify there."""
    project.write("b.csv", "id,label\n2,neg\n1,pos\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    one, two = ((project.data / name).read_text() for name in ("a.csv", "b.csv"))
    project.write("a.csv", two)
    project.write("b.csv", one)
    assert codes(capsys) == ["bytes-differ", "bytes-differ"]


def test_partitions_that_are_relabelled_differ(project: Project, capsys: Captured) -> None:
    """The same bytes under ``label=spam`` and ``label=ham``: a digest over contents alone calls it the same."""
    for label, row in (("ham", "1,x"), ("spam", "2,y")):
        (project.data / f"label={label}").mkdir()
        project.write(f"label={label}/part.csv", f"id,text\n{row}\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    (project.data / "label=ham").rename(project.folder / "aside")
    (project.data / "label=spam").rename(project.data / "label=ham")
    (project.folder / "aside").rename(project.data / "label=spam")
    assert codes(capsys) == ["bytes-differ", "bytes-differ"]


def test_a_folder_replaced_by_a_link_to_the_same_files_is_refused(project: Project, capsys: Captured) -> None:
    """model_signing left files behind a linked folder unsigned; here the link itself is the finding."""
    (project.data / "part").mkdir()
    project.write("part/c.csv", "id,label\n7,pos\n")
    project.publish()
    project.approve("ann")
    assert gate("reviews") == 0
    (project.data / "part").rename(project.folder / "elsewhere")
    (project.data / "part").symlink_to(project.folder / "elsewhere")
    capsys.readouterr()
    assert gate("reviews", "--version", "reviews@1") == 6
    assert "part: a symbolic link" in capsys.readouterr().out


# While the gate reads


@pytest.fixture
def big(project: Project) -> Project:
    """Approved data whose second file is read in more than one piece."""
    project.write("b.csv", "id,label\n" + "3,pos\n" * 900_000)
    project.publish()
    project.approve("ann")
    return project


def replace(path: Path, content: bytes) -> None:
    """Another file under the same name, in one step."""
    aside = path.with_name("aside")
    aside.write_bytes(content)
    aside.rename(path)


def flip(path: Path, place: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte[0] ^ 1]))


def link(data: Path) -> None:
    (data / "a.csv").rename(data.parent / "aside")
    (data / "a.csv").symlink_to(data.parent / "aside")


def pipe(data: Path) -> None:
    (data / "a.csv").unlink()
    os.mkfifo(data / "a.csv")


def folder(data: Path) -> None:
    (data / "d").mkdir()
    (data / "d" / "x").touch()


WHILE: dict[str, Callable[[Path], None]] = {
    "another file of the same size": lambda data: replace(data / "a.csv", b"id,label\n1,neg\n2,pos\n"),
    "a file of another size": lambda data: replace(data / "a.csv", b"id,label\n"),
    "a byte in place": lambda data: flip(data / "a.csv", 12),
    "a file added": lambda data: (data / "c.csv").touch(),
    "a file removed": lambda data: (data / "a.csv").unlink(),
    "a folder added": folder,
    "a link in place of the file": link,
    "a pipe in place of the file": pipe,
}
MOMENTS = ("before it is opened", "after it is opened", "after it is read", "after everything is read")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", WHILE)
def test_data_that_change_while_they_are_verified_are_refused(
    approved: Project, monkeypatch: pytest.MonkeyPatch, what: str, moment: str
) -> None:
    """Hash, then use: between the two nobody may slip in another file, not even one of the same size."""
    strike = once(lambda: WHILE[what](approved.data))
    opening, reading, stamping = LocalStorage.open, LocalHandle.read_into, LocalHandle.stamp

    def opened(storage: LocalStorage, path: str) -> LocalHandle:
        if path == "a.csv" and moment == MOMENTS[0]:
            strike()
        handle = opening(storage, path)
        if path == "a.csv" and moment == MOMENTS[1]:
            strike()
        if path == "b.csv" and moment == MOMENTS[3]:
            handle.strikes = True  # type: ignore[attr-defined]  # told to the stamp, after the last read
        return handle

    def read(handle: LocalHandle, offset: int, buffer: memoryview) -> int:
        count = reading(handle, offset, buffer)
        if handle._path == "a.csv" and moment == MOMENTS[2]:
            strike()
        handle.was_read = True  # type: ignore[attr-defined]  # told to the stamp
        return count

    def stamp(handle: LocalHandle) -> tuple[object, ...]:
        found = stamping(handle)
        if getattr(handle, "strikes", False) and getattr(handle, "was_read", False):
            strike()
        return found

    monkeypatch.setattr(LocalStorage, "open", opened)
    monkeypatch.setattr(LocalHandle, "read_into", read)
    monkeypatch.setattr(LocalHandle, "stamp", stamp)
    assert gate("reviews", "--version", "reviews@1", "--workers", "1") == 6
    assert strike.done


class once:  # noqa: N801 - reads as a verb
    """Does something the first time only."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.done = False

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self._act()


def test_a_chunk_that_changes_behind_the_one_being_read_is_refused(
    big: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    strike = once(lambda: flip(big.data / "b.csv", 11))
    reading = LocalHandle.read_into

    def read(handle: LocalHandle, offset: int, buffer: memoryview) -> int:
        count = reading(handle, offset, buffer)
        if offset and handle._path == "b.csv":
            strike()
        return count

    monkeypatch.setattr(LocalHandle, "read_into", read)
    assert codes(capsys, "reviews", "--workers", "1") == ["bytes-differ"]
    assert strike.done


# A store that changes its mind


@pytest.fixture
def store(approved: Project) -> Iterator[Callable[[], dict[str, bytes]]]:
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in approved.data.iterdir():
        memory.pipe(f"/attacked/{path.name}", path.read_bytes())
    yield memory
    memory.rm("/attacked", recursive=True)


def remote(approved: Project) -> int:
    return gate("memory://attacked", "--name", "reviews", "--version", "reviews@1", "--workers", "1")


def test_objects_of_a_store_are_verified_like_files(approved: Project, store: object) -> None:
    assert remote(approved) == 0


@pytest.mark.parametrize(
    "name", ["c.csv", ".hidden", ".git/x", ".poisonguard/x", "empty", "A.csv", "a\x1b.csv", "../up.csv"]
)
def test_objects_added_to_a_store_are_refused(approved: Project, store: object, name: str, capsys: Captured) -> None:
    store.pipe(f"/attacked/{name}", b"")  # type: ignore[attr-defined]  # an fsspec file system
    assert remote(approved) == 6
    assert is_clean(capsys.readouterr().out)


HOSTILE_ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "other bytes": lambda data: b"x" * len(data),
    "fewer bytes": lambda data: data[:-1],
    "more bytes than asked for": lambda data: data + b"more",
    "no bytes": lambda _: b"",
}


@pytest.mark.parametrize("how", HOSTILE_ANSWERS)
def test_a_store_that_answers_with_something_else_is_refused(
    approved: Project, store: object, how: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    asking = type(store).cat_file  # type: ignore[attr-defined]  # an fsspec file system
    monkeypatch.setattr(type(store), "cat_file", lambda *a, **k: HOSTILE_ANSWERS[how](asking(*a, **k)))
    assert remote(approved) == 6
    assert "bug" not in capsys.readouterr().err


@pytest.mark.parametrize("when", [1, 2])
def test_an_object_that_changes_between_two_reads_is_refused(
    approved: Project, store: object, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, asked = type(store).cat_file, []  # type: ignore[attr-defined]  # an fsspec file system

    def answer(self: object, path: str, **more: object) -> bytes:
        data: bytes = asking(self, path, **more)
        asked.append(path)
        if len(asked) == when:
            store.pipe("/attacked/a.csv", b"id,label\n1,neg\n2,pos\n")  # type: ignore[attr-defined]  # of fsspec
        return data

    monkeypatch.setattr(type(store), "cat_file", answer)
    assert remote(approved) == 6


def test_a_store_that_raises_anything_is_one_clear_line(
    approved: Project, store: object, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def answer(*_: object, **__: object) -> bytes:
        raise RuntimeError("\x1b[2Jboom\nTraceback")

    monkeypatch.setattr(type(store), "cat_file", answer)
    assert remote(approved) == 6
    captured = capsys.readouterr()
    assert is_clean(captured.out + captured.err)
    assert "boom" in captured.out


# Permissions and system calls

GATE = [sys.executable, "-m", "poisonguard", "gate", "reviews", "--version", "reviews@1"]


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, if these tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("locked", ["a.csv", "more"])
def test_what_may_not_be_read_is_no_pass(
    approved: Project, locked: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert gate("reviews") == 0  # everything that is needed is loaded
    (approved.data / "more").mkdir()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copytree(approved.folder, Path(folder) / "project"))
        for path in (Path(folder), place, *place.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        (place / "reviews" / locked).chmod(0)
        monkeypatch.chdir(place)
        capsys.readouterr()
        with nobody():
            code = gate("reviews", "--version", "reviews@1")
        monkeypatch.chdir(approved.folder)
    captured = capsys.readouterr()
    assert code == 6, captured
    assert f"{locked.removesuffix('/')}" in captured.out.partition("Permission denied")[0].splitlines()[-1]
    assert "bug" not in captured.err


OUTSIDE = {
    name: ATTACKS[name]
    for name in (
        "a_link_out_of_the_data",
        "a_linked_folder_with_more_files",
        "a_file_replaced_by_a_link_to_its_content",
        "the_data_replaced_by_a_link_to_the_same_files",
        "a_loop_of_folders",
        "a_pipe_added",
    )
}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_outside_the_data_is_opened(approved: Project, name: str) -> None:
    OUTSIDE[name](approved.data)
    log = approved.folder / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", str(log), *GATE]
    done = subprocess.run(command, cwd=approved.folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 6, done.stderr
    opened = log.read_text()
    assert "registry.db" in opened
    for target in ("/etc/passwd", "elsewhere", "aside", "loop", "pipe"):
        assert not [line for line in opened.splitlines() if f"{target}" in line and "ENOENT" not in line]
