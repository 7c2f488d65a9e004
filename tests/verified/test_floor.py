"""What was read is remembered as what passed the gate is: nothing older is read, or passes, later."""

import json
from pathlib import Path

import pytest
from evidence_project import poisonguard
from verified_world import TrainingProject

import poisonguard as pg
from poisonguard.workflow.folder import STATE
from poisonguard.workflow.gate_state import load_state


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingProject:
    """Two approved versions whose files have the same names and sizes; the data are the second."""
    project = TrainingProject.start(tmp_path / "project")
    assert isinstance(project, TrainingProject)
    project.publish()
    project.approve("ann")
    project.write("b.csv", "id,label\n3,neg\n")
    project.publish(minutes=3)
    project.approve("ann", minutes=4)
    monkeypatch.chdir(project.folder)
    return project


def floor(project: TrainingProject) -> dict[str, int]:
    return dict(load_state(project.folder / ".poisonguard" / STATE).numbers)


def test_the_first_bytes_set_the_floor(project: TrainingProject) -> None:
    dataset = pg.open_dataset("reviews")
    assert floor(project) == {}
    file = dataset.open("b.csv")
    assert floor(project) == {}
    assert file.read(1) == b"i"
    assert floor(project) == {"reviews": 2}


def test_a_rollback_is_refused_as_by_the_gate(project: TrainingProject) -> None:
    assert pg.open_dataset("reviews").to_table().num_rows == 3
    project.write("b.csv", "id,label\n3,pos\n")
    with pytest.raises(pg.GateFailed, match="version-rolled-back"):
        pg.open_dataset("reviews", version="reviews@1")
    assert poisonguard("gate", "reviews", "--version", "reviews@1") == 5


def test_a_training_run_sets_it_too(project: TrainingProject) -> None:
    with pg.training_run("reviews", key=project.key("tess")) as run:
        run.filesystem.cat_file("b.csv")
    assert floor(project) == {"reviews": 2}


def test_bytes_of_another_version_set_none(project: TrainingProject) -> None:
    """The newest version of these names and sizes is meant, but the data are the older one, which stays readable."""
    project.write("b.csv", "id,label\n3,pos\n")
    with pytest.raises(pg.DataChanged):
        pg.open_dataset("reviews").open("b.csv").read()
    assert floor(project) == {}
    assert pg.open_dataset("reviews", version="reviews@1").open("b.csv").read().endswith(b"pos\n")
    assert floor(project) == {"reviews": 1}


def test_a_memory_that_cannot_be_read_keeps_the_bytes_back(project: TrainingProject) -> None:
    file = pg.open_dataset("reviews").open("b.csv")
    (project.folder / ".poisonguard" / STATE).write_text(json.dumps({"kind": "nonsense"}))
    with pytest.raises(pg.IntegrityError, match="gate state"):
        file.read(1)
    (project.folder / ".poisonguard" / STATE).unlink()
    assert file.read(1) == b"i"
    assert floor(project) == {"reviews": 2}


def test_without_a_workspace_nothing_is_remembered(
    project: TrainingProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert poisonguard("bundle", "export", "reviews@2", "--output", str(tmp_path / "2.pgbundle")) == 0
    data = project.data.rename(tmp_path / "reviews")
    monkeypatch.chdir(tmp_path)
    trust = str(project.folder / ".poisonguard" / "trust.json")
    assert pg.open_dataset(data, bundle="2.pgbundle", trust=trust).to_table().num_rows == 3
    assert floor(project) == {}
