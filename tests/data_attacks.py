"""What can be done to a folder of data: each attack changes it and names what the gate must name."""

import os
import shutil
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

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
    return "a.csv: changed: 1,099,511,627,776 bytes"


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
