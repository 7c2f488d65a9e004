"""Formats by name and by extension."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from reports.example_results import clean

from poisonguard.errors import UsageError
from poisonguard.reports import formats, html, json_v1, junit, markdown, sarif
from poisonguard.reports.base import Renderer


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("a.json", json_v1.render),
        ("a.SARIF", sarif.render),
        ("a.sarif.json", sarif.render),
        ("v1.2.xml", junit.render),
        ("a.md", markdown.render),
        ("a.html", html.render),
    ],
)
def test_by_extension(name: str, render: Renderer) -> None:
    assert formats.by_extension(Path("folder.d") / name)(clean()) == render(clean())


@pytest.mark.parametrize("name", ["report", "a.pdf", "a.", ".json.bak"])
def test_an_unknown_extension_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="cannot tell a report format") as caught:
        formats.by_extension(Path(name))
    assert caught.value.hint == "Use .json, .sarif, .xml, .md, .html."


def test_every_renderer_by_name() -> None:
    assert list(formats.renderers()) == ["table", "json", "sarif", "junit", "markdown", "html"]
    assert all(render(clean()).endswith("\n") for render in formats.renderers().values())


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="no report format 'pdf'"):
        formats.renderer("pdf")


def test_choosing_a_format_loads_no_library() -> None:
    code = "import sys; from poisonguard.reports.formats import renderers; renderers(); print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"rich", "jinja2", "numpy", "pyarrow"} & set(done.stdout.split())
