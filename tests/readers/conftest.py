"""This folder is not collected where polars and Hugging Face datasets are not installed."""

import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path

import pytest

INSTALLED = all(any(importlib.metadata.distributions(name=name)) for name in ("polars", "datasets"))
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]

if INSTALLED:
    # Read when it is imported. Its offline mode would refuse every URL, ours too; none of these tests asks the hub.
    HOME = Path(tempfile.mkdtemp(prefix="readers-"))
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HOME=str(HOME))

    from verified_world import Approval, approved

    @pytest.fixture(scope="session")
    def original(tmp_path_factory: pytest.TempPathFactory) -> Approval:
        return approved(tmp_path_factory.mktemp("readers") / "project")[1]

    @pytest.fixture
    def version(original: Approval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Approval:
        monkeypatch.chdir(tmp_path)
        return original.copy(tmp_path / "data")


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    if INSTALLED:
        shutil.rmtree(HOME, ignore_errors=True)
