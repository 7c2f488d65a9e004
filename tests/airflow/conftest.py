"""One Airflow home for the session; this folder is not collected where Airflow is not installed."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples" / "airflow"

# Looked up without importing: Airflow reads its settings when its package is imported.
INSTALLED = any(importlib.metadata.distributions(name="apache-airflow-core"))
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]

if INSTALLED:
    HOME = Path(tempfile.mkdtemp(prefix="airflow-"))
    os.environ.update(
        AIRFLOW_HOME=str(HOME),
        AIRFLOW__CORE__DAGS_FOLDER=str(EXAMPLES),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    )


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    if INSTALLED:
        shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    from airflow.utils.db import initdb

    initdb()
