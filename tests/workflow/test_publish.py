"""Publishing: one version per content, roles checked before anything is signed."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project
from evidence_world import inventory_of_folder

from poisonguard.attest.inventory import Inventory
from poisonguard.attest.trust import RoleName
from poisonguard.errors import IntegrityError, UsageError
from poisonguard.store.registry import Kind, Stored
from poisonguard.workflow.publish import Publication, publish


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.start(tmp_path / "project")


def statements(project: Project, kind: Kind) -> tuple[Stored, ...]:
    with project.workspace as workspace, workspace.registry.read() as reader:
        return reader.statements(kind)


def publish_as(project: Project, name: str, *signers: str, content: Inventory | None = None) -> str:
    found = content or inventory_of_folder(project.data)
    keys = [project.keys[signer] for signer in signers]
    with project.workspace as workspace:
        return publish(
            workspace, Publication(name, found.manifest, found.files), keys, START + timedelta(minutes=1)
        ).title


def test_the_same_content_is_published_once_and_scanned_often(project: Project) -> None:
    first, second = project.publish(), project.publish(minutes=2)
    assert (first.new, second.new) == (True, False)
    assert first.release == second.release
    assert len(statements(project, Kind.MANIFEST)) == 1
    assert len(statements(project, Kind.SCAN)) == 2


def test_other_content_gets_the_next_number_and_the_approved_parent(project: Project) -> None:
    first = project.publish()
    project.write("b.csv", "id,label\n9,neg\n")
    unapproved = project.publish(minutes=3)
    assert (unapproved.release.number, unapproved.release.parents) == (2, ())
    project.approve("ann", version="reviews@1", minutes=4)
    project.write("b.csv", "id,label\n10,neg\n")
    third = project.publish(minutes=5)
    assert (third.release.number, third.release.parents) == (3, (first.release.version,))


def test_the_same_content_under_another_name_is_another_dataset(project: Project) -> None:
    assert publish_as(project, "reviews", "pub") == "reviews@1"
    assert publish_as(project, "opinions", "pub") == "opinions@1"


def test_report_and_profile_are_stored_under_the_digests_that_are_signed(project: Project) -> None:
    project.publish()
    (scan,) = statements(project, Kind.SCAN)
    signed = json.loads(base64.b64decode(json.loads(scan.envelope)["payload"]))["predicate"]
    with project.workspace as workspace, workspace.registry.read() as reader:
        report, profile = reader.blob(signed["reportDigest"]), reader.blob(signed["profileDigest"])
    assert json.loads(report)["schema"] == "poisonguard-report/v1"
    assert profile == b"profile"
    assert [hashlib.sha256(content).hexdigest() for content in (report, profile)] == [
        signed["reportDigest"],
        signed["profileDigest"],
    ]


@pytest.mark.parametrize("name", ["", " reviews", "a@1", "pg1:abc", "re*views", "x\ny", "../up", "\x1b[2J", "n" * 200])
def test_a_name_that_could_not_be_named_again_is_refused(project: Project, name: str) -> None:
    with pytest.raises(UsageError, match="dataset's name"):
        publish_as(project, name, "pub")


@pytest.mark.parametrize("name", ["reviews", "Früh 2026", "a/b.c_d-e+f", "数据"])
def test_ordinary_names_are_accepted(project: Project, name: str) -> None:
    assert publish_as(project, name, "pub") == f"{name}@1"


def test_a_role_for_other_datasets_does_not_reach_here(tmp_path: Path) -> None:
    project = Project.start(tmp_path / "project", datasets=("images-*",))
    with pytest.raises(UsageError, match="does not play the role publisher for 'reviews'"):
        publish_as(project, "reviews", "pub")
    assert publish_as(project, "images-7", "pub") == "images-7@1"


def test_everybody_who_signs_must_play_the_role(tmp_path: Path) -> None:
    project = Project.start(tmp_path / "project")
    with pytest.raises(UsageError, match="ci does not play"):
        publish_as(project, "reviews", "pub", "ci")


def test_two_scanners_sign_one_scan_when_the_threshold_is_two(tmp_path: Path) -> None:
    project = Project.start(tmp_path / "project", thresholds={RoleName.SCANNER: 2})
    project.publish(scanner=None)
    content = inventory_of_folder(project.data)
    publication = Publication("reviews", content.manifest, content.files, project.scanned())
    with project.workspace as workspace:
        with pytest.raises(UsageError, match="takes the keys of 2 people, and 1 signed"):
            publish(workspace, publication, [project.keys["ci"]], START + timedelta(minutes=2))
        keys = [project.keys["ci"], project.keys["pub"]]
        done = publish(workspace, publication, keys, START + timedelta(minutes=2))
    assert done.people == ("ci", "pub")


def test_who_may_not_sign_stores_nothing(project: Project) -> None:
    project.publish(scanner=None)
    with pytest.raises(UsageError, match="does not play the role scanner"):
        project.publish(scanner="ann")
    with project.workspace as workspace, workspace.registry.read() as reader:
        assert not reader.has_blob(hashlib.sha256(b"{}").hexdigest())


def test_a_registry_altered_before_is_not_written_to(project: Project) -> None:
    project.publish()
    path = project.folder / ".poisonguard" / "trust.json"
    path.write_bytes(path.read_bytes().replace(b'"payload"', b'"payloaf"'))
    with pytest.raises(IntegrityError):
        project.publish(minutes=2)
    assert len(statements(project, Kind.SCAN)) == 1


def other_content(project: Project, text: str) -> Inventory:
    project.write("b.csv", f"id,label\n{text},neg\n")
    return inventory_of_folder(project.data)


def publish_from(project: Project, content: Inventory, *parents: str) -> str:
    with project.workspace as workspace:
        publication = Publication("reviews", content.manifest, content.files, parents=parents)
        return publish(workspace, publication, [project.keys["pub"]], START + timedelta(minutes=2)).release.parents[0]


def test_parents_are_those_that_the_publisher_names(project: Project) -> None:
    first = project.publish().release.version
    second = other_content(project, "7")
    assert publish_from(project, second, "reviews@1") == first
    assert publish_from(project, other_content(project, "8"), second.version) == second.version


@pytest.mark.parametrize("named", ["reviews@9", "pg1:0000", "nobody"])
def test_a_parent_that_is_not_published_is_refused(project: Project, named: str) -> None:
    project.publish()
    with pytest.raises(UsageError):
        publish_from(project, other_content(project, "7"), named)


def test_no_version_is_its_own_parent(project: Project) -> None:
    project.publish()
    content = other_content(project, "7")
    with project.workspace as workspace:
        publication = Publication("copies", content.manifest, content.files)
        publish(workspace, publication, [project.keys["pub"]], START + timedelta(minutes=1))
    with pytest.raises(UsageError, match="this very version"):
        publish_from(project, content, "copies@1")
