"""Files are told by what they are: every way to hide a pickle, archives that deceive, ordinary files that do not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import marshal
import os
import pickle
import pydoc
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.opening import open_dataset
from poisonguard.dataset.pickles import UNKNOWN_NAME, follow
from poisonguard.domain.filefact import KEPT, FactBook, FileFact, FileKind

ROWS = b"".join(json.dumps({"text": f"row {number}"}).encode() + b"\n" for number in range(20))


class Calls:
    """An object whose pickle calls ``function``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


def never(sign: str = "") -> None:
    """Write a file if it is ever called: it must not be."""
    Path("unpickled").write_text(sign)


EVIL = pickle.dumps(Calls(os.system, "touch unpickled"))
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(17) + b"\0\0\0\0IEND\xaeB`\x82"


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "unpickled").exists()


def facts(folder: Path, **files: bytes) -> tuple[FileFact, ...]:
    """Facts of a dataset of these files (``__`` stands for a dot) beside a table."""
    data = folder / "data"
    data.mkdir()
    (data / "rows.jsonl").write_bytes(ROWS)
    for name, content in files.items():
        (data / name.replace("__", ".")).write_bytes(content)
    with open_dataset(str(data)) as dataset:
        return dataset.facts.kept


def kinds(folder: Path, content: bytes, name: str = "file__dat") -> list[FileKind]:
    return [fact.kind for fact in facts(folder, **{name: content})]


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def tarred(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return sink.getvalue()


def saved(array: np.ndarray[Any, Any]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=True)
    return sink.getvalue()


HIDDEN = {
    **{f"protocol {number}": pickle.dumps(Calls(os.system, "touch unpickled"), protocol=number) for number in range(6)},
    "gzip": gzip.compress(EVIL),
    "bzip2": bz2.compress(EVIL),
    "xz": lzma.compress(EVIL),
    "zstd": pa.compress(EVIL, codec="zstd").to_pybytes(),
    "zip": zipped(("anything.txt", EVIL)),
    "torch": zipped(("archive/data.pkl", EVIL), ("archive/data/0", bytes(64)), compression=zipfile.ZIP_STORED),
    "zip in zip": zipped(("inner.bin", zipped(("x", EVIL)))),
    "tar": tarred(("x", EVIL)),
    "tar.gz": gzip.compress(tarred(("x", EVIL))),
    "object array": saved(np.array([Calls(os.system, "touch unpickled")], dtype=object)),
    "objects in a record": saved(np.array([(1, Calls(os.system, "x"))], dtype=[("a", "i4"), ("b", "O")])),
    "npz": zipped(("o.npy", saved(np.array([Calls(os.system, "x")], dtype=object)))),
    "pydoc.pipepager": pickle.dumps(Calls(pydoc.pipepager, "x", "touch unpickled")),
    "getattr": pickle.dumps(Calls(getattr, 1, "real")),
    "own function": pickle.dumps(Calls(never)),
    "name from a memo": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93\x8c\x04true\x85R.",
    "name made at run time": b"\x80\x04N\x8c\x06system\x93)R.",
    "extension code": b"\x80\x02\x82\x01)R.",
    "broken behind the call": EVIL[:-1] + b"\xff\xff",
    "padded": b"\x80\x04" + b"N0" * 300_000 + b"cos\nsystem\n(S'true'\ntR.",
    "behind a number": b"K\x010" + EVIL,
    "behind a short text": b"\x8c\x01a0" + EVIL[2:],
    "behind others": b"N." + pickle.dumps(1) + EVIL,
    "cut off": pickle.dumps({"a": 1})[:-3],
    "late in a textual one": b"(lp0\n" + b"I1\naI2\na" * 20_000 + b"cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_pickle_that_may_run_code_is_found_wherever_it_hides(how: str, tmp_path: Path) -> None:
    assert FileKind.CODE_PICKLE in kinds(tmp_path, HIDDEN[how])


def test_its_imports_are_named(tmp_path: Path) -> None:
    (fact,) = facts(tmp_path, model__bin=pickle.dumps(Calls(pydoc.pipepager, "x", "cat")))
    assert fact == FileFact("model.bin", FileKind.CODE_PICKLE, "imports pydoc.pipepager")
    assert follow(HIDDEN["name from a memo"]).imports == ("os.system",)
    assert follow(HIDDEN["extension code"]).imports == (UNKNOWN_NAME,)


FRAME = pd.DataFrame(
    {
        "a": [1, 2],
        "b": ["x", "y"],
        "t": pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True),
        "c": pd.Categorical(["p", "q"]),
    }
)


@pytest.mark.parametrize("data", [{"a": [1, 2.5, "x", None]}, np.arange(5), np.float64(2), FRAME, FRAME["b"]])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_of_data_is_still_a_pickle_and_no_more(data: object, protocol: int, tmp_path: Path) -> None:
    assert kinds(tmp_path, pickle.dumps(data, protocol=protocol)) == [FileKind.DATA_PICKLE]


ORDINARY = {
    "README__md": b"# Rows\nclean prose, just words.\ncurl is a tool\n",
    "words__txt": b"class\nfoo\nRest of it (R.\n",
    "names__txt": b"N. Smith\n(W. Jones)\n",
    "lines__txt": b"id\r\n1234\r\n345678c\r\n",
    "MZ__txt": b"MZ is a label\nand no program\n",
    "LICENSE": b"Some licence text.\n" * 40,
    "clean__npy": saved(np.arange(6)),
    "clean__npz": zipped(("a.npy", saved(np.arange(6)))),
    "clean__png": PNG,
    "page__html": b"<html><p>Hello</p></html>",
    "drawing__svg": b"<svg><rect/></svg>",
    "texts__zip": zipped(("a.txt", b"one"), ("folder/b.txt", b"two")),
    "texts__tar": tarred(("a.txt", b"one"), ("b.txt", b"two")),
    "nothing__dat": b"",
    "settings__json": b'{"name": "x"}',
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_files_are_quiet(name: str, tmp_path: Path) -> None:
    assert kinds(tmp_path, ORDINARY[name], name) == []


def link() -> tarfile.TarInfo:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def linked() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return sink.getvalue()


def encrypted() -> bytes:
    whole = bytearray(zipped(("a", b"secret")))
    whole[6] |= 1
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(whole)


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped(("a", b"one"), ("a", b"two"))


def compiled() -> bytes:
    """A module as Python keeps it."""
    return b"\xa7\r\r\n" + bytes(12) + marshal.dumps(compile("import os", "x", "exec"))


ODD = {
    "leaves its folder": (zipped(("../../etc/passwd", b"x")), FileKind.ESCAPE),
    "absolute": (zipped(("/etc/passwd", b"x")), FileKind.ESCAPE),
    "Windows path": (zipped(("C:\\x", b"x")), FileKind.ESCAPE),
    "link in zip": (linked(), FileKind.ESCAPE),
    "link in tar": (tarred(link()), FileKind.ESCAPE),
    "tar leaves its folder": (tarred(("../x", b"x")), FileKind.ESCAPE),
    "bomb": (zipped(("a", bytes(300 << 20))), FileKind.BOMB),
    "encrypted": (encrypted(), FileKind.ENCRYPTED),
    "macro": (zipped(("xl/vbaProject.bin", b"x")), FileKind.MACRO),
    "cut off": (zipped(("a", b"x"))[:-30], FileKind.UNSEEN),
    "nested too deeply": (zipped(("a", zipped(("b", zipped(("c", zipped(("d", b"x")))))))), FileKind.UNSEEN),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(40), FileKind.UNSEEN),
    "gzip in zip": (zipped(("a.gz", gzip.compress(EVIL))), FileKind.CODE_PICKLE),
    "xz in bzip2 in gzip": (gzip.compress(bz2.compress(lzma.compress(EVIL))), FileKind.CODE_PICKLE),
    "gzip four times": (gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))), FileKind.UNSEEN),
    "damaged gzip in zip": (zipped(("a.gz", gzip.compress(EVIL)[:-12])), FileKind.UNSEEN),
    "long gzip in zip": (zipped(("a.gz", gzip.compress(gzip.compress(bytes(65 << 20))))), FileKind.UNFINISHED),
    "compiled Python": (compiled(), FileKind.EXECUTABLE),
    "damaged gzip": (gzip.compress(EVIL)[:-12], FileKind.UNSEEN),
    "zip behind a picture": (PNG + zipped(("a", b"x")), FileKind.POLYGLOT),
    "zip behind prose": (b"hello\n" * 40 + zipped(("a", b"x")), FileKind.POLYGLOT),
    "program behind a picture": (PNG + b"\x7fELF" + bytes(60), FileKind.POLYGLOT),
    "bytes behind a picture": (PNG + b"and some words", FileKind.TRAILING),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(60), FileKind.EXECUTABLE),
    "Windows program": (b"MZ\x90\0" + bytes(80), FileKind.EXECUTABLE),
    "WebAssembly": (b"\0asm\x01\0\0\0", FileKind.EXECUTABLE),
    "script": (b"#!/bin/sh\necho\n", FileKind.SCRIPT),
    "notebook": (b'{"cells": [{"cell_type": "code"}], "nbformat": 4}', FileKind.NOTEBOOK),
    "page": (b"<html><script>1</script></html>", FileKind.ACTIVE_PAGE),
    "picture": (b'<svg onload="x()"></svg>', FileKind.ACTIVE_IMAGE),
    "NumPy without header": (b"\x93NUMPY\x01\0\x20\0garbage", FileKind.UNSEEN),
}


@pytest.mark.parametrize("how", ODD)
def test_what_deceives_or_runs_is_told(how: str, tmp_path: Path) -> None:
    content, kind = ODD[how]
    assert kinds(tmp_path, content) == [kind]


def test_two_members_of_one_name_are_read_in_two_ways(tmp_path: Path) -> None:
    assert kinds(tmp_path, twice()) == [FileKind.POLYGLOT]


def test_scripts_are_told_by_their_names_and_loaders_by_what_they_are(tmp_path: Path) -> None:
    loader = b"import datasets\nclass Rows(datasets.GeneratorBasedBuilder):\n    pass\n"
    found = facts(tmp_path, rows__py=loader, prepare__py=b"print(1)\n", run__bat=b"dir\n")
    assert {fact.path: fact.kind for fact in found} == {
        "rows.py": FileKind.LOADER,
        "prepare.py": FileKind.SCRIPT,
        "run.bat": FileKind.SCRIPT,
    }


def test_a_table_that_is_an_archive_too(tmp_path: Path) -> None:
    """The footer of a Parquet file fits into the comment of a ZIP archive: both readers are content."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), sink)
    whole = sink.getvalue()
    stop = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("x.pkl", EVIL)
        members.comment = whole[stop:]
    (tmp_path / "rows.parquet").write_bytes(whole[:stop] + archive.getvalue())
    with open_dataset(str(tmp_path / "rows.parquet")) as dataset:
        assert dataset.peek().num_rows == 2
        assert [fact.kind for fact in dataset.facts.kept] == [FileKind.POLYGLOT]


@given(st.binary(max_size=300))
def test_following_any_bytes_ends_and_says_how_far(data: bytes) -> None:
    story = follow(data)
    assert 0 <= story.size <= len(data)
    assert not story.harmless or story.complete


@given(st.lists(st.sampled_from(list(b"(.0aNc\n]}lR)tu\x80\x93\x94\x85\x8c\x01h\x00q")), max_size=60))
def test_following_opcodes_in_any_order_never_breaks(codes: list[int]) -> None:
    assert isinstance(follow(bytes(codes)).imports, tuple)


def test_facts_beyond_what_is_kept_are_counted() -> None:
    book = FactBook()
    for number in range(KEPT + 5):
        book.add([FileFact(f"{number:04}.py", FileKind.SCRIPT, "a script")])
    told = book.facts()
    assert (told.files, len(told.kept), told.counts) == (KEPT + 5, KEPT, {FileKind.SCRIPT: KEPT + 5})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pth", b"/opt/lib\nimport os; os.system('x')\n"),
        ("config.yaml", b"a: !!python/object/apply:os.system ['x']\n"),
        ("b.pth", b"\xef\xbb\xbfimport os; os.system('x')\n"),
        ("c.pth", b"/opt/lib\rimport os; os.system('x')\r"),
        ("escaped.yaml", b"a: !!python/%6fbject/apply:os.system ['x']\n"),
        ("handle.yaml", b"%TAG !e! tag:yaml.org,2002:py\n---\n!e!thon/object/apply:os.system ['x']\n"),
        ("config.yml", b"a: !<tag:yaml.org,2002:python/object/apply:os.system> ['x']\n"),
    ],
)
def test_names_of_files_that_python_runs(name: str, content: bytes, tmp_path: Path) -> None:
    assert kinds(tmp_path, content, name.replace(".", "__")) == [FileKind.EXECUTABLE]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pth", b"/opt/imports\n"),
        ("a.yaml", b"a: python/object\n"),
        ("b.yaml", b"a: great!!see%20this\n"),
        ("c.yaml", b"%TAG !u! tag:unity3d.com,2011:\n--- !u!29 &1\na: 1\n"),
    ],
)
def test_such_files_that_run_nothing(name: str, content: bytes, tmp_path: Path) -> None:
    assert not kinds(tmp_path, content, name.replace(".", "__"))
