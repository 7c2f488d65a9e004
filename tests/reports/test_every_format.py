"""What holds for every report: same bytes twice, no steering bytes, golden files for people to read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports.example_results import RESULTS, steeped
from reports.hostile_text import TEXT
from rich.cells import cell_len

from poisonguard.domain.result import ScanResult
from poisonguard.reports import console, formats

GOLDEN = Path(__file__).parent.parent / "golden"

VARIANTS: dict[str, Callable[[ScanResult], str]] = {
    "txt": lambda result: console.render(result, width=110),
    "quiet.txt": lambda result: console.render(result, width=110, quiet=True),
    "verbose.txt": lambda result: console.render(result, width=110, verbose=True),
    "narrow.txt": lambda result: console.render(result, width=60),
    "ansi": lambda result: console.render(result, width=110, color=True),
    "json": formats.renderer("json"),
    "sarif": formats.renderer("sarif"),
    "xml": formats.renderer("junit"),
    "md": formats.renderer("markdown"),
    "html": formats.renderer("html"),
}
STYLE = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("name", RESULTS)
def test_golden(name: str, kind: str) -> None:
    path = GOLDEN / f"{name}.{kind}"
    text = VARIANTS[kind](RESULTS[name])
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"UPDATE_GOLDEN=1 renews {path}"


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("name", RESULTS)
def test_rendering_is_a_function_of_the_result(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = VARIANTS[kind](RESULTS[name])
    for variable, value in {"COLUMNS": "40", "NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(variable, value)
    assert VARIANTS[kind](RESULTS[name]) == first


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("name", RESULTS)
def test_no_byte_steers_a_terminal_or_a_ci_log(name: str, kind: str) -> None:
    assert_harmless(VARIANTS[kind](RESULTS[name]))


@pytest.mark.parametrize("kind", VARIANTS)
@given(text=TEXT.filter(bool))
@settings(max_examples=15, deadline=None)
def test_whatever_the_data_say_the_report_is_harmless(kind: str, text: str) -> None:
    assert_harmless(VARIANTS[kind](steeped(text)))


@given(text=TEXT, width=st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_no_line_on_the_terminal_is_too_long(text: str, width: int) -> None:
    rendered = console.render(steeped(text), width=width)
    assert max(map(cell_len, rendered.splitlines())) <= max(console.NARROWEST, min(width, console.WIDEST))


def assert_harmless(text: str) -> None:
    """No control, format or surrogate character, and no command to a CI system."""
    plain = STYLE.sub("", text)
    assert [line for line in plain.split("\n") if not line.replace("\u3000", "").isprintable()] == []
    assert not re.search(r"^\s*::[A-Za-z].*::|##[A-Za-z]*\[", plain, re.MULTILINE)
    assert text.encode()
    assert text.endswith("\n")
