"""The packages of the fifth round of sets, fetched and pinned like the others."""

from __future__ import annotations

from benchmarks.detection.packages import Package

CODESPELL = Package(
    "pip",
    "codespell",
    "2.4.3",
    "af2505b335e8573dbd2d384d1c4ef498f4006f4ba2d6fceca01e55b91f52628a",
    "GPL-2.0 (package); CC BY-SA 3.0 (list of misspellings)",
)
AIRPORTS = Package(
    "pip",
    "airportsdata",
    "20260905",
    "d7eaa9a57d373b0adaaae0d52da2af0bb0edf73f7baa170f7c415d3342bf4868",
    "MIT",
)
KSTARS = Package("deb", "kstars-data", "", "", "GPL-2.0+; OpenNGC CC BY-SA 4.0")
CRAWL = Package("deb", "crawl-common", "", "", "GPL-2.0+")
FRENCH_PAGES = Package("deb", "manpages-fr", "", "", "GPL-2.0+, BSD and verbatim licences, page by page")
FREEDROID = Package("deb", "freedroidrpg-data", "", "", "GPL-2.0+")
SUPERTUX = Package("deb", "supertux-data", "", "", "GPL-2.0+ and CC BY-SA 3.0")
NOTO_FONTS = Package("deb", "fonts-noto-core", "", "", "OFL-1.1")
CAMPAIGNS = tuple(
    Package("deb", f"wesnoth-1.16-{name}", "", "", "GPL-2.0+")
    for name in ("httt", "tsg", "trow", "utbs", "nr", "thot", "ei")
)
ASTROPY_DOC = Package("deb", "python-astropy-doc", "", "", "BSD-3-Clause")
SCIPY_DOC = Package("deb", "python-scipy-doc", "", "", "BSD-3-Clause")
CELERY_DOC = Package("deb", "python-celery-doc", "", "", "CC BY-SA 4.0")
SPHINX_DOC = Package("deb", "sphinx-doc", "", "", "BSD-2-Clause")
PYPY_DOC = Package("deb", "pypy3-doc", "", "", "MIT")
ZSH_DOC = Package("deb", "zsh-doc", "", "", "MIT")
KERBEROS_DOC = Package("deb", "krb5-doc", "", "", "MIT (Kerberos)")
WIRESHARK_DOC = Package("deb", "wireshark-doc", "", "", "GPL-2.0+")
MAGICK_DOC = Package("deb", "imagemagick-6-doc", "", "", "ImageMagick")
APTITUDE_DOC = Package("deb", "aptitude-doc-en", "", "", "GPL-2.0+")
GHC_DOC = Package("deb", "ghc-doc", "", "", "BSD-3-Clause")
KICAD_DOC = Package("deb", "kicad-doc-en", "", "", "GPL-3.0+ or CC BY 3.0")
TALES = tuple(Package("deb", f"wesnoth-1.16-{name}", "", "", "GPL-2.0+") for name in ("dm", "did", "sota", "l", "low"))
TORNADO_DOC = Package("deb", "python-tornado-doc", "", "", "Apache-2.0")
BASH_DOC = Package("deb", "bash-doc", "", "", "GFDL-1.3+, no invariant sections")
SYMPY_DOC = Package("deb", "python-sympy-doc", "", "", "BSD-3-Clause")
