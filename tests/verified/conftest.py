"""One approved version for all tests; each test alters a copy of its data."""

from pathlib import Path

import pytest
from verified_world import Approval, TrainingProject, approved


@pytest.fixture(scope="session")
def project_and_evidence(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingProject, Approval]:
    return approved(tmp_path_factory.mktemp("verified") / "project")


@pytest.fixture
def project(project_and_evidence: tuple[TrainingProject, Approval]) -> TrainingProject:
    return project_and_evidence[0]


@pytest.fixture
def original(project_and_evidence: tuple[TrainingProject, Approval]) -> Approval:
    """Not to be altered."""
    return project_and_evidence[1]


@pytest.fixture
def version(original: Approval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Approval:
    """A copy of the data in a folder without a workspace, with bundle and pin."""
    monkeypatch.chdir(tmp_path)
    return original.copy(tmp_path / "data")
