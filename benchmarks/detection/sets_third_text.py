"""Texts with a class: German quotations by topic, help pages by program, verses by translation."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import GERMAN_FORTUNES, NEW_BIBLE, OFFICE_HELP, OLD_BIBLE, Package, unpacked
from benchmarks.detection.prose import one_line, passages, read_text
from benchmarks.detection.sets_more_text import html_text

COLUMNS = {"text": "text", "label": "label"}
WITH_SOURCE = {**COLUMNS, "source": "source"}
TOPICS = ("zitate", "witze", "unfug", "linuxtag", "infodrom", "namen", "woerterbuch", "fussball", "ms")
EVERY = {"zitate": 8}
"""Of a long collection, every so many entries."""
AUTHOR = re.compile(r"\n\s*-- ?([^\n]+)\s*$")
PROGRAMS = {
    "swriter": "text",
    "scalc": "tables",
    "simpress": "slides",
    "sdatabase": "databases",
    "smath": "formulas",
    "sbasic": "macros",
}
HELP_WORDS = 30
HEADINGS = re.compile(r'<div class="howtoget">.*?</div>\s*</div>|<h\d.*?</h\d>', re.DOTALL)
NOTE = re.compile(r"<note.*?</note>|<title.*?</title>", re.DOTALL)
MARK = re.compile("<[^>]*>|\u00b6")
FEWEST_WORDS = 6
APART = 0.04
"""Share of a book's verses between the parts that two translations give, which count verses differently."""


def german(cache: Cache) -> pa.Table:
    """German quotations, jokes and definitions; the collection is the topic, whoever said it is left out."""
    root = unpacked(GERMAN_FORTUNES, cache) / "usr" / "share" / "games" / "fortunes" / "de"
    rows = [
        (text, topic)
        for topic in TOPICS
        for entry in read_text(root / topic).split("\n%\n")[:: EVERY.get(topic, 1)]
        if (text := one_line(AUTHOR.sub("", entry)))
    ]
    return pa.table({"text": [text for text, _ in rows], "label": [topic for _, topic in rows]})


def help_pages(cache: Cache) -> pa.Table:
    """Passages of the help of an office suite; the program is the class, the page the source."""
    root = unpacked(OFFICE_HELP, cache) / "usr" / "share" / "libreoffice" / "help" / "en-US" / "text"
    rows = list(
        dict.fromkeys(
            (one_line(passage), label, path.stem)
            for folder, label in PROGRAMS.items()
            for path in sorted((root / folder).rglob("*.html"))
            for passage in passages(_help_text(read_text(path)), HELP_WORDS)
        )
    )
    texts, labels, pages = ([row[place] for row in rows] for place in range(3))
    return pa.table({"text": texts, "label": labels, "source": pages})


def _help_text(page: str) -> str:
    """What a page says, without how to reach the dialogue and the headings, which every page words alike."""
    body = page.split('itemprop="softwareHelp"', 1)[-1].split(">", 1)[-1]
    return html_text("<body>" + HEADINGS.sub(" ", body))


def verses(package: Package, cache: Cache) -> Iterator[tuple[str, str]]:
    """Testament and book, and text, of every entry of a SWORD module that is compressed by book or chapter."""
    for testament in ("ot", "nt"):
        found = sorted((unpacked(package, cache) / "usr" / "share" / "sword" / "modules").rglob(f"{testament}.?zv"))
        for path in found:
            books = _blocks(path)
            layout = struct.Struct("<IIH" if path.suffix == ".bzv" else "<III")
            for book, start, size in layout.iter_unpack(path.read_bytes()):
                if size:
                    yield f"{testament} {book}", books[book][start : start + size].decode("utf-8", errors="replace")


def _blocks(path: Path) -> list[bytes]:
    data = path.with_suffix(path.suffix[:-1] + "z").read_bytes()
    index = path.with_suffix(path.suffix[:-1] + "s").read_bytes()
    return [zlib.decompress(data[start : start + size]) for start, size, _ in struct.iter_unpack("<III", index)]


def verse_text(entry: str) -> str:
    """A verse without its marks and notes."""
    return one_line(MARK.sub("", NOTE.sub(" ", entry)))


def translations(cache: Cache) -> pa.Table:
    """Verses in the English of 1611, out of the first half of every book, and in today's, out of the second."""
    rows = [
        *((text, "1611", book) for text, book in _half(OLD_BIBLE, cache, slice(None, -1))),
        *((text, "today", book) for text, book in _half(NEW_BIBLE, cache, slice(1, None))),
    ]
    texts, labels, books = ([row[place] for row in rows] for place in range(3))
    return pa.table({"text": texts, "label": labels, "source": books})


def _half(package: Package, cache: Cache, part: slice) -> Iterator[tuple[str, str]]:
    """Text and book of the verses of the first or the last of the two halves of every book."""
    books: dict[str, list[str]] = {}
    for book, entry in verses(package, cache):
        books.setdefault(book, []).append(verse_text(entry))
    for book, entries in books.items():
        gap, middle = int(len(entries) * APART / 2), len(entries) // 2
        (taken,) = [entries[: middle - gap], entries[middle + gap :]][part]
        yield from ((text, book) for text in taken if len(text.split()) >= FEWEST_WORDS)


SETS = (
    Dataset(
        name="german",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(GERMAN_FORTUNES,),
        columns=COLUMNS,
        what="German quotations, jokes and definitions by topic",
        load=german,
        rows=5_500,
    ),
    Dataset(
        name="help-pages",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(OFFICE_HELP,),
        columns=WITH_SOURCE,
        what="Passages of the help of an office suite by program; the page is the source",
        load=help_pages,
        rows=4_000,
    ),
    Dataset(
        name="translations",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(OLD_BIBLE, NEW_BIBLE),
        columns=WITH_SOURCE,
        what="Verses of the Bible in the English of 1611 or of today, none in both; the book is the source",
        load=translations,
        rows=8_000,
    ),
)
