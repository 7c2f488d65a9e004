"""Documents: handbooks of other programs, old books in prose, and paragraphs that cite an address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import (
    ASYMPTOTE_DOC,
    CMAKE_DOC,
    DEVELOPERS_REFERENCE,
    DJANGO_DOC,
    ERLANG_DOC,
    EXIM_DOC,
    GIT_DOC,
    HENRY,
    MAXIMA_DOC,
    MOBY_DICK,
    NODE_DOC,
    OCTAVE_DOC,
    POLICY,
    POSTFIX_DOC,
    SCOFIELD,
    SPURGEON,
    unpacked,
)
from benchmarks.detection.prose import one_line, passages
from benchmarks.detection.sets_more_documents import LARGE, SHORT, WORDS, Work, cited, manuals
from benchmarks.detection.sets_more_text import html_text
from benchmarks.detection.sets_third_text import verses

DOC = "usr/share/doc"
HANDBOOKS: tuple[Work, ...] = (
    ("octave", OCTAVE_DOC, f"{DOC}/octave/octave.html", "[A-Z]*.html"),
    ("maxima", MAXIMA_DOC, f"{DOC}/maxima-doc/html", "*.html"),
    ("cmake", CMAKE_DOC, f"{DOC}/cmake-data/html/_sources", "*/*.rst.txt"),
    ("git", GIT_DOC, f"{DOC}/git-doc", "**/*.html"),
    ("exim", EXIM_DOC, f"{DOC}/exim4-doc-html/spec_html", "*.html"),
    ("postfix", POSTFIX_DOC, f"{DOC}/postfix/html", "[A-Z]*.html"),
    ("asymptote", ASYMPTOTE_DOC, f"{DOC}/asymptote/html", "**/*.html"),
    ("erlang", ERLANG_DOC, f"{DOC}/erlang-doc", "**/doc/html/*.html"),
)
CITING: tuple[Work, ...] = (
    ("node", NODE_DOC, f"{DOC}/nodejs/api", "*.html"),
    ("django", DJANGO_DOC, f"{DOC}/python-django-doc/html", "**/*.html"),
    ("developers-reference", DEVELOPERS_REFERENCE, "usr/share/developers-reference", "*.html"),
    ("policy", POLICY, f"{DOC}/debian-policy/policy.html", "*.html"),
    ("cmake", CMAKE_DOC, f"{DOC}/cmake-data/html/_sources", "*/*.rst.txt"),
    ("git", GIT_DOC, f"{DOC}/git-doc", "**/*.html"),
    ("erlang", ERLANG_DOC, f"{DOC}/erlang-doc", "**/doc/html/*.html"),
)
BOOK_WORDS = 100
COMMENTARIES = (("Henry", HENRY), ("Scofield", SCOFIELD), ("Spurgeon", SPURGEON))
BREAK = re.compile(r"<lb/?>|<lb [^>]*>|<br[^>]*>|</p>|</item>|<milestone[^>]*>")
WITH_SOURCE = {"text": "text", "source": "source"}


def old_books(cache: Cache) -> pa.Table:
    """A novel of 1851 and three commentaries of the 18th to the 20th century in passages; the author is the source."""
    found = (
        (one_line(passage), author)
        for author, text in _old_texts(cache)
        for passage in passages(text.replace(". ", ".\n\n"), BOOK_WORDS)
    )
    rows = list(dict.fromkeys(found))
    return pa.table({"text": [text for text, _ in rows], "source": [author for _, author in rows]})


def _old_texts(cache: Cache) -> Iterator[tuple[str, str]]:
    for path in sorted((unpacked(MOBY_DICK, cache) / "package" / "data").glob("chapter_*.json")):
        yield "Melville", str(json.loads(path.read_text(encoding="utf-8"))["text"])
    for author, package in COMMENTARIES:
        yield from ((author, html_text(BREAK.sub("</p>", entry))) for _, entry in verses(package, cache))


SETS = (
    Dataset(
        name="handbooks",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=tuple(package for _, package, _, _ in HANDBOOKS),
        columns=WITH_SOURCE,
        what="Handbooks of eight programs in passages of 150 words; the program is the source",
        load=lambda cache: manuals(WORDS, cache, HANDBOOKS),
        rows=5_000,
    ),
    Dataset(
        name="old-books",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(MOBY_DICK, HENRY, SCOFIELD, SPURGEON),
        columns=WITH_SOURCE,
        what="A novel and three commentaries, 1706 to 1917, in passages of 100 words; the author is the source",
        load=old_books,
        rows=4_000,
    ),
    Dataset(
        name="handbooks-24k",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=tuple(package for _, package, _, _ in HANDBOOKS),
        columns=WITH_SOURCE,
        what="The same handbooks in passages of 60 words",
        load=lambda cache: manuals(SHORT, cache, HANDBOOKS),
        rows=LARGE,
    ),
    Dataset(
        name="citations",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=tuple(package for _, package, _, _ in CITING),
        columns={"text": "text", "url": "url"},
        what="Paragraphs of seven handbooks that name an address, which stands for where they came from",
        load=lambda cache: cited(cache, CITING),
        rows=2_700,
    ),
)
