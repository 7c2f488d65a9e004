"""Every attack starts from an honest, approved project."""

from pathlib import Path

import pytest
from evidence_fixtures import approved, project
from evidence_project import Project, poisonguard

__all__ = ["approved", "bundle", "mallory", "project"]


@pytest.fixture
def mallory(tmp_path: Path) -> Project:
    """Mallory's own project, whose steward approved poisoned rows under the same name."""
    theirs = Project.start(tmp_path / "mallory")
    theirs.write("a.csv", "id,label\n1,neg\n2,pos\n")
    theirs.publish()
    theirs.approve("ann")
    return theirs


@pytest.fixture
def bundle(approved: Project) -> Path:
    """The bundle of the approved version."""
    path = approved.folder / "reviews.pgbundle"
    assert poisonguard("bundle", "export", "reviews", "-o", str(path)) == 0
    return path
