"""Documents for pre-training: manuals and other long prose, cut at paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import (
    FOLDOC,
    GCIDE,
    HANDBOOK,
    LINUX_DOC,
    MAIL,
    PYTHON_DOC,
    SPEECHES,
    SQLITE_DOC,
    unpacked,
)
from benchmarks.detection.prose import one_line, passages, plain, read_text
from benchmarks.detection.sets_text import mails, speech_passages

WORDS = 150
SHORT = 60
STEP = 4
"""Every fourth passage of the largest works, or they would be most of the library."""
ADDRESS = re.compile(r"https?://[\w.-]+\.[a-z]{2,}[^\s>)}\]\"'`]*")
ENTRY = re.compile(r"\n(?=[^\s])(?=.*\n\n)")
Document = tuple[str, str]


def kernel(words: int, cache: Cache) -> pa.Table:
    """The kernel's documentation; the folder is the source."""
    root = unpacked(LINUX_DOC, cache) / "usr" / "share" / "doc" / "linux-doc-6.1" / "Documentation"
    found = (
        (passage, path.relative_to(root).parts[0])
        for path in sorted(root.rglob("*.rst.gz"))
        if "translations" not in path.parts
        for passage in passages(read_text(path), words)
    )
    return _table(found)


def library(words: int, cache: Cache) -> pa.Table:
    """Python's and SQLite's manuals, the Debian handbook, mail, speeches and a dictionary; the work is the source."""
    return _table(_library(words, cache))


def _library(words: int, cache: Cache) -> Iterator[Document]:
    documents = Path("usr") / "share" / "doc"
    sources = unpacked(PYTHON_DOC, cache) / documents / "python3.11" / "html" / "_sources"
    yield from _files(sources.rglob("*.rst.txt"), "python", words, is_html=False)
    yield from _files(
        (unpacked(SQLITE_DOC, cache) / documents / "sqlite3").glob("*.html"), "sqlite", words, is_html=True
    )
    handbook = unpacked(HANDBOOK, cache) / documents / "debian-handbook" / "html" / "en-US"
    yield from _files(handbook.glob("*.html"), "handbook", words, is_html=True)
    yield from ((text, "mail") for folder, _, text in mails(cache) if "ham" in folder and text.count(" ") >= words)
    yield from ((text, "speeches") for _, _, _, text in islice(speech_passages(cache), 0, None, STEP))
    dictionary = unpacked(GCIDE, cache) / "usr" / "share" / "dictd" / "gcide.dict.dz"
    entries = islice(passages(read_text(dictionary), words), 0, None, STEP)
    yield from ((passage, "dictionary") for passage in entries)


def _files(paths: Iterator[Path], source: str, words: int, *, is_html: bool) -> Iterator[Document]:
    for path in sorted(paths):
        text = read_text(path)
        for passage in passages(plain(text) if is_html else text, words):
            yield passage, source


def _table(documents: Iterator[Document]) -> pa.Table:
    rows = list(dict.fromkeys(documents))
    return pa.table({"text": [text for text, _ in rows], "source": [source for _, source in rows]})


def kernel_cited(cache: Cache) -> pa.Table:
    """Passages of the kernel's documentation that name an address."""
    return _cited(kernel(SHORT, cache).column("text").to_pylist())


def computing_cited(cache: Cache) -> pa.Table:
    """Entries of the dictionary of computing that name an address."""
    path = unpacked(FOLDOC, cache) / "usr" / "share" / "dictd" / "foldoc.dict.dz"
    return _cited(one_line(entry) for entry in ENTRY.split(read_text(path)))


def _cited(texts: Iterable[str]) -> pa.Table:
    """The texts with the first address that they name; those without one are left out."""
    found = ((text, ADDRESS.search(text)) for text in texts)
    rows = [(text, address.group().rstrip(".,)")) for text, address in found if address is not None]
    return pa.table({"text": [text for text, _ in rows], "url": [address for _, address in rows]})


COLUMNS = {"text": "text", "source": "source"}
WITH_ADDRESS = {"text": "text", "url": "url"}
LARGE = 24_000

SETS = (
    Dataset(
        name="kernel",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(LINUX_DOC,),
        columns=COLUMNS,
        what="The kernel's documentation in passages of 150 words; the folder is the source",
        load=lambda cache: kernel(WORDS, cache),
    ),
    Dataset(
        name="kernel-24k",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(LINUX_DOC,),
        columns=COLUMNS,
        what="The same in passages of 60 words",
        load=lambda cache: kernel(SHORT, cache),
        rows=LARGE,
    ),
    Dataset(
        name="library",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(PYTHON_DOC, SQLITE_DOC, HANDBOOK, MAIL, SPEECHES, GCIDE),
        columns=COLUMNS,
        what="Manuals, mail, speeches and a dictionary in passages of 150 words; the work is the source",
        load=lambda cache: library(WORDS, cache),
    ),
    Dataset(
        name="library-24k",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(PYTHON_DOC, SQLITE_DOC, HANDBOOK, MAIL, SPEECHES, GCIDE),
        columns=COLUMNS,
        what="The same in passages of 60 words",
        load=lambda cache: library(SHORT, cache),
        rows=LARGE,
    ),
    Dataset(
        name="kernel-cited",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(LINUX_DOC,),
        columns=WITH_ADDRESS,
        what="Passages of the kernel's documentation that name an address, which stands for where they came from",
        load=kernel_cited,
        rows=1500,
    ),
    Dataset(
        name="computing-cited",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(FOLDOC,),
        columns=WITH_ADDRESS,
        what="Entries of a dictionary of computing that name an address, which stands for where they came from",
        load=computing_cited,
        rows=1500,
    ),
)
