"""Tests that stop commands half-way, under strace: ``make test-crash``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for what only these tests share

collect_ignore_glob = [] if os.environ.get("POISONGUARD_TEST_CRASH") else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at how many points commands were stopped."""
    points: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        points.update({name: int(str(count)) for name, count in report.user_properties})
    for name, count in sorted(points.items()):
        terminalreporter.write_line(f"{name}: {count} points, nothing lost")
