"""Which report formats there are, by name and by file extension. A renderer's libraries load when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from poisonguard.domain.result import ScanResult
from poisonguard.errors import UsageError
from poisonguard.reports.base import Renderer

_MODULES = {
    "table": "poisonguard.reports.console",
    "json": "poisonguard.reports.json_v1",
    "sarif": "poisonguard.reports.sarif",
    "junit": "poisonguard.reports.junit",
    "markdown": "poisonguard.reports.markdown",
    "html": "poisonguard.reports.html",
}

EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {".json": "json", ".sarif": "sarif", ".xml": "junit", ".md": "markdown", ".html": "html"}
)


def renderers() -> Mapping[str, Renderer]:
    """Every format's renderer by name, in the order of the help text."""
    return MappingProxyType({name: _lazy(module) for name, module in _MODULES.items()})


def renderer(name: str) -> Renderer:
    """The renderer called ``name``.

    Raises:
        UsageError: There is none.
    """
    if name not in _MODULES:
        raise UsageError(f"there is no report format {name!r}", hint=f"Formats: {', '.join(_MODULES)}.")
    return _lazy(_MODULES[name])


def by_extension(path: Path) -> Renderer:
    """The renderer for a file of that name.

    Raises:
        UsageError: The extension is unknown.
    """
    suffixes = [item.lower() for item in path.suffixes]
    # GitHub's tools call SARIF files ``*.sarif.json`` too.
    suffix = ".sarif" if suffixes[-2:] == [".sarif", ".json"] else "".join(suffixes[-1:])
    if suffix not in EXTENSIONS:
        known = ", ".join(EXTENSIONS)
        raise UsageError(f"cannot tell a report format from the name {path.name}", hint=f"Use {known}.")
    return _lazy(_MODULES[EXTENSIONS[suffix]])


def _lazy(module: str) -> Renderer:
    def render(result: ScanResult, /) -> str:
        text: str = importlib.import_module(module).render(result)
        return text

    return render
