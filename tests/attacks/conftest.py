"""Every attack starts from an honest, approved project."""

from pathlib import Path

import pytest
from evidence_fixtures import approved, project
from evidence_project import Project, poisonguard
from evidence_world import World, inventory_of_folder

__all__ = ["approved", "bundle", "folder", "mallory", "project", "world"]


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data with one file."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.csv").write_text("a,b\n1,2\n")
    return data


@pytest.fixture
def world(folder: Path) -> World:
    """What honest people signed about the folder."""
    return World(content=inventory_of_folder(folder)).behave()
