"""Documents: guides to twelve programs, help in eight languages, and paragraphs that name an address."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.prose import one_line, passages, read_text
from benchmarks.detection.sets_fourth_packages import (
    BIND_DOC,
    GAP_DOC,
    GIMP_HELP,
    GNOME_HELP,
    GNUCASH_DOC,
    INSTALLATION_GUIDE,
    LILYPOND_DOC,
    PANDAS_DOC,
    PROLOG_DOC,
    RACKET_DOC,
    RUST_DOC,
    SAGE_DOC,
    SQLALCHEMY_DOC,
)
from benchmarks.detection.sets_more_documents import LARGE, MOST_WORDS, SHORT, WORDS, Work, cited, pages
from benchmarks.detection.sets_more_text import html_text

DOC = "usr/share/doc"
GUIDES: tuple[Work, ...] = (
    ("gimp", GIMP_HELP, "usr/share/gimp/2.0/help/en", "*.html"),
    ("lilypond", LILYPOND_DOC, f"{DOC}/lilypond/html/Documentation", "[!im]*/*.html"),
    ("bind", BIND_DOC, f"{DOC}/bind9-doc/arm", "*.html"),
    ("installation", INSTALLATION_GUIDE, f"{DOC}/installation-guide-amd64/en", "*.html"),
    ("gnucash", GNUCASH_DOC, f"{DOC}/gnucash-docs", "*-en/*.html"),
    ("sqlalchemy", SQLALCHEMY_DOC, f"{DOC}/python-sqlalchemy-doc/html", "[cfot]*/**/*.html"),
    ("pandas", PANDAS_DOC, f"{DOC}/python-pandas-doc/html/_sources", "[dguw]*/*.rst.txt"),
    ("prolog", PROLOG_DOC, "usr/share/swi-prolog/doc", "Manual/*.html"),
    ("gap", GAP_DOC, "usr/share/gap/doc", "*/chap*[0-9].html"),
    ("racket", RACKET_DOC, f"{DOC}/racket", "[grs]*/*.html"),
    ("rust", RUST_DOC, f"{DOC}/rust-doc/html", "[brne]*/**/*.html"),
    ("sage", SAGE_DOC, f"{DOC}/sagemath/html/en", "[a-qs-z]*/**/*.html"),
)
MAIN = re.compile(r'<main\b|class="maincolumn"|role="main"')
AFTER = re.compile(r'</main>|class="navsetbottom"|<footer\b|class="sphinxsidebar"')
LANGUAGES = ("cs", "de", "es", "fr", "it", "pt_BR", "ru", "sv")
HELP = "usr/share/help/{0}/gnome-help"
INSTALLATION = f"{DOC}/installation-guide-amd64/{{0}}"
HELP_WORDS = 100
HEAD = re.compile(r"<info>.*?</info>", re.DOTALL)
WITH_SOURCE = {"text": "text", "source": "source"}
USED = tuple(package for _, package, _, _ in GUIDES)


def guides(words: int, cache: Cache) -> pa.Table:
    """The guides in passages, without what every page shows beside its text; the program is the source."""
    found = (
        (passage, work)
        for work, path in pages(cache, GUIDES)
        for passage in passages(_read(read_text(path), is_html=path.suffix == ".html"), words)
        if passage.count(" ") <= MOST_WORDS
    )
    rows = list(dict.fromkeys(found))
    return pa.table({"text": [text for text, _ in rows], "source": [work for _, work in rows]})


def _read(page: str, *, is_html: bool) -> str:
    """The text of a page; of HTML, between the lists of pages that stand before and after it."""
    if not is_html:
        return page
    begun = MAIN.split(page, maxsplit=1)[-1]
    return html_text(f"<body {AFTER.split(begun, maxsplit=1)[0]}")


def languages(cache: Cache) -> pa.Table:
    """Help for a desktop and for an installation in passages; the language is the source.

    What a translation leaves in English is kept once.
    """
    found = {one_line(passage): language for language in LANGUAGES for passage in _translated(language, cache)}
    return pa.table({"text": list(found), "source": list(found.values())})


def _translated(language: str, cache: Cache) -> Iterator[str]:
    desktop = unpacked(GNOME_HELP, cache) / HELP.format(language)
    for path in sorted(desktop.glob("*.page")):
        yield from passages(html_text(HEAD.sub(" ", read_text(path))), HELP_WORDS)
    guide = unpacked(INSTALLATION_GUIDE, cache) / INSTALLATION.format(language)
    for path in sorted(guide.glob("*.html")):
        yield from passages(html_text(read_text(path)), HELP_WORDS)


SETS = (
    Dataset(
        name="guides",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=USED,
        columns=WITH_SOURCE,
        what="Guides to twelve programs in passages of 150 words; the program is the source",
        load=lambda cache: guides(WORDS, cache),
        rows=5_000,
    ),
    Dataset(
        name="languages",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=(GNOME_HELP, INSTALLATION_GUIDE),
        columns=WITH_SOURCE,
        what="Help in eight languages in passages of 100 words; the language is the source",
        load=languages,
        rows=4_000,
    ),
    Dataset(
        name="guides-24k",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=USED,
        columns=WITH_SOURCE,
        what="The same guides in passages of 60 words",
        load=lambda cache: guides(SHORT, cache),
        rows=LARGE,
    ),
    Dataset(
        name="guides-cited",
        modality=Modality.DOCUMENTS,
        split=Split.TUNING,
        packages=USED,
        columns={"text": "text", "url": "url"},
        what="Paragraphs of the guides that name an address, which stands for where they came from",
        load=lambda cache: cited(cache, GUIDES),
        rows=2_400,
    ),
)
