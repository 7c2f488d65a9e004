"""Tests that need a real PostgreSQL: ``make test-postgres``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for cluster.py, which only these tests need

from cluster import Cluster, cluster

collect_ignore_glob = [] if os.environ.get("POISONGUARD_TEST_POSTGRES") else ["test_*.py"]


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    """One server for all tests of a process."""
    with cluster() as running:
        yield running
