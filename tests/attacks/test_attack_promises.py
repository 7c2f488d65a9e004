"""The page of promises: every promise has tests, every test that it names is there, and there are enough of them."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security-promises.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
HOSTILE = ("tests/attacks", "tests/dataset/test_dataset_hostile.py", "tests/e2e/test_inputs_cli.py")


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_is_named_is_there(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(path)


def test_every_promise_has_tests() -> None:
    rows = dict(re.findall(r"^\| (\d+) \|(.*)$", PAGE, re.MULTILINE))
    assert list(map(int, rows)) == list(range(1, 16))
    assert all(row.count("::test_") >= 2 for row in rows.values())


def test_every_hole_has_a_test() -> None:
    holes = PAGE.partition("## Holes that peers had")[2].partition("## ")[0]
    rows = [line for line in holes.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 18
    assert all("::test_" in row for row in rows)


def test_there_are_more_than_three_hundred_hostile_cases() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run([*command, *HOSTILE], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-500:]
    cases = [line for line in done.stdout.splitlines() if "::" in line and "test_attack_promises" not in line]
    assert len(cases) >= 300
