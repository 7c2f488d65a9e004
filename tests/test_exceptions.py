"""Whoever catches everything says why on that line, and passes on what was caught."""

import ast
import re
from pathlib import Path

import pytest

import poisonguard

PACKAGE = Path(poisonguard.__file__).parent
BROAD = {"Exception", "BaseException"}
PLACES = {
    f"{path.relative_to(PACKAGE)}:{node.lineno}": (path, node)
    for path in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) in BROAD)
}
PASSED_ON = (
    "raise",
    "Failed(",
    "error = describe(error)",
    "errors[card] = describe(error)",
    "return _bug(error)",
    "return _failure(error)",
)
"""Raised, recorded as the failure that the policy judges, the exit code of a bug, or sent to who raises it."""


@pytest.mark.parametrize("place", sorted(PLACES))
def test_what_catches_everything_has_a_reason_and_swallows_nothing(place: str) -> None:
    path, node = PLACES[place]
    line = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
    assert re.search(r"#( noqa: \w+ -)? \w", line), f"{place} gives no reason"
    body = "\n".join(map(ast.unparse, node.body))
    assert any(text in body for text in PASSED_ON), f"{place} goes on as if nothing had happened"


def test_the_places_are_found() -> None:
    assert any(place.startswith("cli/main.py") for place in PLACES)


BARE = re.compile(r"#\s*(noqa(: ?[A-Z0-9, ]+)?|type: ignore(\[[a-z, -]+\])?|pragma: no (cover|branch))\s*$")
SOURCES = [
    path
    for folder in ("poisonguard", "tests", "benchmarks", "docs")
    for path in (PACKAGE.parent / folder).rglob("*.py")
]


def test_no_rule_is_silenced_without_a_reason() -> None:
    silent = [
        f"{path.relative_to(PACKAGE.parent)}:{number}"
        for path in sorted(SOURCES)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if BARE.search(line)
    ]
    assert silent == []
