"""Bundles in and out of registries."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project

from poisonguard.errors import IntegrityError
from poisonguard.store.bundle import Bundle
from poisonguard.workflow import trust_root
from poisonguard.workflow.bundles import export_file, import_bundle
from poisonguard.workflow.gating import read_bundle
from poisonguard.workflow.log_audit import audit

NOW = START + timedelta(minutes=30)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.start(tmp_path / "project")


def twin(project: Project) -> Project:
    """Another registry under the same trust root, as it is now."""
    folder = project.folder.parent / "twin"
    shutil.copytree(project.folder, folder)
    return Project(folder, project.keys)


def exported(project: Project, version: str = "reviews") -> Bundle:
    path = project.folder / "x.pgbundle"
    with project.workspace as workspace:
        export_file(workspace, version, path)
    return read_bundle(path)


def imported(project: Project, bundle: Bundle) -> tuple[int, int]:
    with project.workspace as workspace:
        done = import_bundle(workspace, bundle, NOW)
    return done.added, done.known


def test_a_version_travels_to_another_registry_once(project: Project) -> None:
    other = twin(project)
    project.publish()
    project.approve("ann")
    bundle = exported(project)
    assert imported(other, bundle) == (3, 0)
    assert imported(other, bundle) == (0, 3)
    with other.workspace as workspace:
        assert audit(workspace).statements == 4


def test_approvals_that_come_later_travel_alone(project: Project) -> None:
    other = twin(project)
    project.publish()
    imported(other, exported(project))
    project.approve("ann")
    assert imported(other, exported(project)) == (1, 2)


def test_a_fork_is_refused(project: Project) -> None:
    other = twin(project)
    project.publish()
    other.write("b.csv", "id,label\n77,neg\n")
    other.publish()
    with pytest.raises(IntegrityError, match="reviews@1 is another version here"):
        imported(other, exported(project))


def test_a_newer_trust_root_travels_with_the_bundle(project: Project) -> None:
    other = twin(project)
    follow(project)
    project.publish()
    assert imported(other, exported(project)) == (2, 0)
    with other.workspace as workspace, workspace.registry.read() as reader:
        assert workspace.newest_root(reader).root.version == 2
        assert workspace.pinned == project.workspace.pinned


def follow(project: Project) -> None:
    with project.workspace as workspace:
        _, data = trust_root.next_root(workspace, project.request(), [project.keys["olga"]], START)
        trust_root.update(workspace, data)


def test_a_bundle_from_before_our_trust_root_is_judged_by_ours(project: Project) -> None:
    other = twin(project)
    project.publish()
    bundle = exported(project)
    follow(other)
    assert imported(other, bundle) == (2, 0)


def test_a_bundle_of_another_family_is_refused(project: Project, tmp_path: Path) -> None:
    stranger = Project.start(tmp_path / "stranger")
    stranger.publish()
    with pytest.raises(IntegrityError, match="does not follow from the trust root pinned here"):
        imported(project, exported(stranger))


def test_a_statement_that_is_not_in_the_bundles_log_is_refused(project: Project) -> None:
    other = twin(project)
    project.publish()
    bundle = exported(project)
    first = replace(bundle.statements[0], proof=bundle.statements[0].proof[::-1])
    with pytest.raises(IntegrityError, match="not proven to be in the bundle's log"):
        imported(other, replace(bundle, statements=(first, *bundle.statements[1:])))


def test_what_nobody_here_may_say_is_not_imported(project: Project) -> None:
    other = twin(project)
    project.publish()
    bundle = exported(project)
    with other.workspace as workspace:
        request = other.request(without=("ci",))
        _, data = trust_root.next_root(workspace, request, [other.keys["olga"]], START)
        trust_root.update(workspace, data)
    with pytest.raises(IntegrityError, match="signed by nobody"):
        imported(other, bundle)
    with other.workspace as workspace:
        assert audit(workspace).statements == 2, "all or nothing"
