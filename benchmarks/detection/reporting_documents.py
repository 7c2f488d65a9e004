"""Documents: handbooks of fifteen more programs, whole and where they name an address."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import Package
from benchmarks.detection.prose import passages, read_text
from benchmarks.detection.reporting_packages import (
    APTITUDE_DOC,
    ASTROPY_DOC,
    BASH_DOC,
    CELERY_DOC,
    GHC_DOC,
    KERBEROS_DOC,
    KICAD_DOC,
    MAGICK_DOC,
    PYPY_DOC,
    SCIPY_DOC,
    SPHINX_DOC,
    SYMPY_DOC,
    TORNADO_DOC,
    WIRESHARK_DOC,
    ZSH_DOC,
)
from benchmarks.detection.sets_more_documents import LARGE, MOST_WORDS, SHORT, WORDS, Work, cited, pages
from benchmarks.detection.sets_more_text import html_text

DOC = "usr/share/doc"
REFERENCES: tuple[Work, ...] = (
    ("astropy", ASTROPY_DOC, f"{DOC}/python-astropy-doc/html/_sources", "[!a_]*/**/*.rst.txt"),
    ("celery", CELERY_DOC, f"{DOC}/python-celery-doc/html/_sources", "[!ir]*/**/*.rst.txt"),
    ("sphinx", SPHINX_DOC, f"{DOC}/sphinx-doc/html/_sources", "**/*.rst.txt"),
    ("pypy", PYPY_DOC, f"{DOC}/pypy3/html/_sources", "**/*.rst.txt"),
    ("scipy", SCIPY_DOC, f"{DOC}/python-scipy-doc/html", "[dt]*/**/*.html"),
    ("zsh", ZSH_DOC, f"{DOC}/zsh-common/html", "*.html"),
    ("kerberos", KERBEROS_DOC, f"{DOC}/krb5-doc", "[abfmpu]*/*.html"),
    ("wireshark", WIRESHARK_DOC, f"{DOC}/wireshark", "ws?g_html_chunked/*.html"),
    ("imagemagick", MAGICK_DOC, f"{DOC}/imagemagick-6-common/html/www", "*.html"),
    ("aptitude", APTITUDE_DOC, f"{DOC}/aptitude/html/en", "*.html"),
    ("ghc", GHC_DOC, f"{DOC}/ghc-doc/html/users_guide", "**/*.html"),
    ("sympy", SYMPY_DOC, f"{DOC}/python-sympy-doc/html/_sources", "**/*.txt"),
    ("tornado", TORNADO_DOC, f"{DOC}/python-tornado-doc/html/_sources", "**/*.rst.txt"),
    ("bash", BASH_DOC, f"{DOC}/bash", "bashref.html"),
    ("kicad", KICAD_DOC, f"{DOC}/kicad/help/en", "*.html"),
)
BESIDE = re.compile(
    r'<(nav|footer|header)\b.*?</\1>|<table class="header".*?</table>|<div class="nav(?:header|footer)">.*?</table>'
    r'|<div id="toc".*?</ul>\s*</div>|<div class="(?:sphinxsidebar|related|rel|clearer)".*?</div>|<div id="footer".*',
    re.DOTALL,
)
"""What a page shows beside its text."""
MAIN = re.compile(r'<main\b|role="main"')
AFTER = re.compile(r'</main>|class="sphinxsidebar|class="bottomnav|<div class="sidebar"')
USED: tuple[Package, ...] = tuple(package for _, package, _, _ in REFERENCES)
WITH_SOURCE = {"text": "text", "source": "source"}


def references(words: int, cache: Cache) -> pa.Table:
    """The handbooks in passages; the program is the source."""
    rows = list(dict.fromkeys(_found(words, cache)))
    return pa.table({"text": [text for text, _ in rows], "source": [work for _, work in rows]})


def _found(words: int, cache: Cache) -> Iterator[tuple[str, str]]:
    for work, path in pages(cache, REFERENCES):
        text = read_text(path)
        for passage in passages(page_text(text) if path.suffix == ".html" else text, words):
            if passage.count(" ") <= MOST_WORDS:
                yield passage, work


def page_text(page: str) -> str:
    """The text of a page of HTML, without what stands beside it."""
    begun = MAIN.split(page.split("<body", 1)[-1], maxsplit=1)[-1].partition(">")[2]
    return html_text(f"<body>{BESIDE.sub(' ', AFTER.split(begun, maxsplit=1)[0])}")


SETS = (
    Dataset(
        name="references",
        modality=Modality.DOCUMENTS,
        split=Split.REPORTING,
        packages=USED,
        columns=WITH_SOURCE,
        what="Handbooks of fifteen programs in passages of 150 words; the program is the source",
        load=lambda cache: references(WORDS, cache),
        rows=5_000,
    ),
    Dataset(
        name="references-24k",
        modality=Modality.DOCUMENTS,
        split=Split.REPORTING,
        packages=USED,
        columns=WITH_SOURCE,
        what="The same handbooks in passages of 60 words",
        load=lambda cache: references(SHORT, cache),
        rows=LARGE,
    ),
    Dataset(
        name="references-cited",
        modality=Modality.DOCUMENTS,
        split=Split.REPORTING,
        packages=USED,
        columns={"text": "text", "url": "url"},
        what="Paragraphs of the handbooks that name an address, which stands for where they came from",
        load=lambda cache: cited(cache, REFERENCES),
        rows=1_500,
    ),
)
