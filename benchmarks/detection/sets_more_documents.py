"""Documents: manuals that no tuning set holds, whole and where they cite an address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import (
    APACHE_DOC,
    DEBIAN_REFERENCE,
    FAQ,
    HARDEN_DOC,
    PERL_DOC,
    POSTGRESQL_DOC,
    R_DOC,
    VIM_DOC,
    Package,
    unpacked,
)
from benchmarks.detection.prose import one_line, passages, plain, read_text
from benchmarks.detection.sets_more_text import PARAGRAPH_END, html_text

WORDS = 150
SHORT = 60
LARGE = 24_000
Work = tuple[str, Package, str, str]
"""Name, package, folder and files of a work."""
WORKS: tuple[Work, ...] = (
    ("perl", PERL_DOC, "usr/share/perl", "**/pod/*.pod"),
    ("postgresql", POSTGRESQL_DOC, "usr/share/doc/postgresql-doc-15/html", "*.html"),
    ("apache", APACHE_DOC, "usr/share/doc/apache2-doc/manual/en", "**/*.html"),
    ("vim", VIM_DOC, "usr/share/doc/vim/html", "*.html"),
    ("r", R_DOC, "usr/share/R/doc/manual", "*.html"),
    ("debian-reference", DEBIAN_REFERENCE, "usr/share/debian-reference", "*.en.html"),
    ("securing-debian", HARDEN_DOC, "usr/share/doc/harden-doc/html/en-US", "*.html"),
    ("answers", FAQ, "usr/share/doc/anarchism/html", "*.html"),
)
ADDRESS = re.compile(r"https?://[\w.-]+\.[a-z]{2,}[^\s>)}\]\"'`|]*")
MARK = re.compile(r"[A-Z]<{1,3} ?([^<>]*?) ?>{1,3}")
FEWEST_WORDS, MOST_WORDS = 15, 1_000
"""A listing may be a whole file."""


def pages(cache: Cache, works: Sequence[Work] = WORKS) -> Iterator[tuple[str, Path]]:
    """Work and path of every file, in order."""
    for work, package, folder, files in works:
        for path in sorted((unpacked(package, cache) / folder).glob(files)):
            yield work, path


def manuals(words: int, cache: Cache, works: Sequence[Work] = WORKS[:-1]) -> pa.Table:
    """The works in passages; the work is the source."""
    found = (
        (passage, work)
        for work, path in pages(cache, works)
        for passage in passages(_text(read_text(path), path), words)
        if passage.count(" ") <= MOST_WORDS
    )
    rows = list(dict.fromkeys(found))
    return pa.table({"text": [text for text, _ in rows], "source": [work for _, work in rows]})


def cited(cache: Cache, works: Sequence[Work] = WORKS) -> pa.Table:
    """Paragraphs of the works that name an address or link to one."""
    rows = list(dict.fromkeys(_cited(cache, works)))
    return pa.table({"text": [text for text, _ in rows], "url": [address for _, address in rows]})


def _cited(cache: Cache, works: Sequence[Work]) -> Iterator[tuple[str, str]]:
    for _, path in pages(cache, works):
        for paragraph in _paragraphs(read_text(path), path):
            address = ADDRESS.search(paragraph)
            text = one_line(_text(paragraph, path))
            if address is not None and FEWEST_WORDS <= text.count(" ") <= MOST_WORDS:
                yield text, address.group().rstrip(".,);:")


def _paragraphs(text: str, path: Path) -> Iterable[str]:
    return text.split("\n\n") if path.suffix in {".pod", ".txt"} else PARAGRAPH_END.split(text.split("<body", 1)[-1])


def _text(source: str, path: Path) -> str:
    """Pod or HTML as a reader sees it; other text as it is."""
    if path.suffix == ".txt":
        return source
    if path.suffix == ".pod":
        return MARK.sub(lambda found: found.group(1).split("|")[0], source)
    return html_text(source) if "</p>" in source or "<pre" in source else plain(source)


WITH_SOURCE = {"text": "text", "source": "source"}
USED = tuple(package for _, package, _, _ in WORKS)

SETS = (
    Dataset(
        name="manuals",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=USED[:-1],
        columns=WITH_SOURCE,
        what="Seven manuals in passages of 150 words; the manual is the source",
        load=lambda cache: manuals(WORDS, cache),
    ),
    Dataset(
        name="manuals-24k",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=USED[:-1],
        columns=WITH_SOURCE,
        what="The same in passages of 60 words",
        load=lambda cache: manuals(SHORT, cache),
        rows=LARGE,
    ),
    Dataset(
        name="works-cited",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=USED,
        columns={"text": "text", "url": "url"},
        what="Paragraphs of eight works that name an address, which stands for where they came from",
        load=cited,
        rows=3_000,
    ),
)
