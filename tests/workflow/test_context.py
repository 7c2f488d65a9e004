"""Names of versions, and the versions that candidates are compared with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import FLIPPED, START, Project
from sqlalchemy import delete

from poisonguard.errors import UnknownVersion, UsageError
from poisonguard.store.tables import BLOB
from poisonguard.workflow.context import last_approved, resolve_version, scanned_profile
from poisonguard.workflow.workspace import Workspace

NOW = START + timedelta(minutes=30)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.start(tmp_path / "project")
    made.publish()
    made.write("b.csv", "id,label\n8,pos\n")
    made.publish(minutes=2)
    return made


def named(project: Project, text: str) -> str:
    with project.workspace as workspace, workspace.registry.read() as reader:
        return resolve_version(reader, text).title


def test_a_version_has_three_names(project: Project) -> None:
    assert named(project, "reviews@1") == "reviews@1"
    assert named(project, "reviews") == "reviews@2"
    with project.workspace as workspace, workspace.registry.read() as reader:
        digest = reader.manifest("reviews", 1).version
    assert named(project, digest) == "reviews@1"
    assert named(project, digest[:12]) == "reviews@1"


def test_a_prefix_that_fits_several_is_refused_with_their_names(project: Project) -> None:
    with pytest.raises(UsageError, match="fits several") as caught:
        named(project, "pg1:")
    assert "reviews@1, reviews@2" in caught.value.hint


@pytest.mark.parametrize("text", ["", "@", "reviews@0", "reviews@99999999999999999999", "pg1:%", "pg1:_"])
def test_other_names_name_nothing(project: Project, text: str) -> None:
    with pytest.raises(UnknownVersion):
        named(project, text)


@pytest.mark.parametrize("number", ["99999999999999999999", "9" * 16, "0" * 5000 + "7"])
def test_a_number_is_shown_as_it_was_typed(project: Project, number: str) -> None:
    shown = "7" if number.startswith("0") else number
    with pytest.raises(UnknownVersion, match=f"^reviews@{shown} is not in the registry"):
        named(project, f"reviews@{number}")


def test_nothing_is_compared_with_what_nobody_approved(project: Project) -> None:
    with project.workspace as workspace:
        assert last_approved(workspace, "reviews", now=NOW) is None
        assert last_approved(workspace, "unknown", now=NOW) is None


def test_the_newest_approved_version_is_the_reference(project: Project) -> None:
    project.approve("ann", version="reviews@1", minutes=3)
    with project.workspace as workspace:
        found = last_approved(workspace, "reviews", now=NOW)
        assert found is not None
        assert found.title == "reviews@1"
        assert found.profile == b"profile"
    project.approve("ann", version="reviews@2", minutes=4)
    with project.workspace as workspace:
        newest = last_approved(workspace, "reviews", now=NOW)
    assert newest is not None
    assert newest.title == "reviews@2"


def test_an_approval_that_ended_makes_no_reference(project: Project) -> None:
    project.approve("ann", minutes=3)
    with project.workspace as workspace:
        assert last_approved(workspace, "reviews", now=NOW + timedelta(days=29)) is not None
        assert last_approved(workspace, "reviews", now=NOW + timedelta(days=31)) is None


def test_a_suspicious_version_that_one_person_approves_is_no_reference(project: Project) -> None:
    project.write("b.csv", "id,label\n9,pos\n")
    project.publish(findings=[FLIPPED], minutes=4)
    project.approve("ann", minutes=5)
    with project.workspace as workspace:
        assert last_approved(workspace, "reviews", now=NOW) is None


def test_a_version_asked_for_by_name_need_not_be_approved(project: Project) -> None:
    with project.workspace as workspace:
        assert scanned_profile(workspace, "reviews@2", now=NOW).title == "reviews@2"


def test_a_profile_that_is_not_kept_here_is_said_so(project: Project) -> None:
    project.approve("ann", minutes=3)
    with project.workspace as workspace, workspace.registry.write() as writer:
        writer.connection.execute(delete(BLOB))
    with project.workspace as workspace:
        assert last_approved(workspace, "reviews", now=NOW) is None
        with pytest.raises(UnknownVersion, match="no profile of it"):
            scanned_profile(workspace, "reviews@2", now=NOW)


def test_a_workspace_is_found_upwards_but_never_inside_the_data(project: Project) -> None:
    inner = project.folder / "a" / "b"
    inner.mkdir(parents=True)
    found = Workspace.find(inner)
    assert found is not None
    assert found.folder == project.folder / ".poisonguard"
    assert Workspace.find(inner, data=str(project.folder)) is None
    with pytest.raises(UsageError, match="was found from b upwards"):
        Workspace.required(inner, data=str(project.folder))
