"""Starting a workspace and following its trust root."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project

from poisonguard.attest.trust import RoleName
from poisonguard.errors import ConfigurationError, GateFailed, IntegrityError, KeyMaterialError, UsageError
from poisonguard.workflow import trust_root
from poisonguard.workflow.trust_root import TrustRequest, read_request


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.start(tmp_path / "project")


def version_here(project: Project) -> int:
    with project.workspace as workspace, workspace.registry.read() as reader:
        return workspace.newest_root(reader).root.version


def next_root(project: Project, request: TrustRequest, *signers: str) -> bytes:
    with project.workspace as workspace:
        return trust_root.next_root(workspace, request, [project.keys[name] for name in signers], START)[1]


def update(project: Project, data: bytes) -> int:
    with project.workspace as workspace:
        return trust_root.update(workspace, data).root.version


def test_a_workspace_is_made_once(project: Project) -> None:
    with pytest.raises(UsageError, match="exists"):
        project.init(thresholds={})


def test_a_workspace_that_cannot_be_signed_is_not_made(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UsageError, match="does not play the role root"):
        trust_root.init(other, project.request(), [project.keys["ann"]], START)
    assert list(other.iterdir()) == []


def test_a_root_threshold_takes_that_many_signatures(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    request = project.request(thresholds={RoleName.ROOT: 2})
    with pytest.raises(ConfigurationError, match="threshold 2"):
        trust_root.init(other, request, [project.keys["olga"]], START)


def test_secrets_are_for_the_owner_only(project: Project) -> None:
    folder = project.folder / ".poisonguard"
    assert (folder / "log.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("role", ["publisher", "scanner", "steward"])
def test_a_role_that_nothing_works_without_must_be_played(project: Project, role: str, tmp_path: Path) -> None:
    request = project.request()
    roles = {name: people for name, people in request.roles.items() if name != role}
    lacking = TrustRequest(people=request.people, roles=roles, lifetime=request.lifetime)
    with pytest.raises(ConfigurationError, match=f"nobody plays the role {role}"):
        trust_root.init(tmp_path, lacking, [project.keys["olga"]], START)
    assert not (tmp_path / ".poisonguard").exists()


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=99999)])
def test_a_trust_root_holds_for_a_sensible_time(project: Project, lifetime: timedelta) -> None:
    with pytest.raises(ConfigurationError, match="ten years"):
        trust_root.build_root(project.request(lifetime=lifetime), None, version=1, now=START)


def test_the_logs_role_is_the_registrys_own(project: Project) -> None:
    request = project.request()
    taken = TrustRequest(
        people=request.people, roles={**request.roles, RoleName.LOG: ("ann",)}, lifetime=request.lifetime
    )
    with pytest.raises(ConfigurationError, match="registry's own key"):
        trust_root.build_root(taken, project.keys["mallory"].public, version=1, now=START)


def test_the_next_version_is_followed_logged_and_pinned(project: Project) -> None:
    data = next_root(project, project.request(without=("bob",)), "olga")
    assert update(project, data) == 2
    assert (project.folder / ".poisonguard" / "trust.json").read_bytes() == data
    assert update(project, data) == 2, "doing it again changes nothing"
    assert version_here(project) == 2


def test_a_version_that_skips_one_is_refused(project: Project) -> None:
    second = next_root(project, project.request(), "olga")
    update(project, second)
    third = next_root(project, project.request(), "olga")
    other = Project.start(project.folder.parent / "other")
    for data in (third, second):
        with pytest.raises(IntegrityError):
            update(other, data)
    assert version_here(other) == 1


def test_a_version_signed_by_somebody_else_is_refused_until_cosigned(project: Project) -> None:
    data = next_root(project, project.request(), "mallory")
    with pytest.raises(IntegrityError, match="signed by 0 of 1"):
        update(project, data)
    assert version_here(project) == 1
    assert update(project, trust_root.cosign(data, [project.keys["olga"]])) == 2


def test_an_update_that_died_before_pinning_is_finished_by_the_next(project: Project) -> None:
    first = (project.folder / ".poisonguard" / "trust.json").read_bytes()
    data = next_root(project, project.request(), "olga")
    update(project, data)
    (project.folder / ".poisonguard" / "trust.json").write_bytes(first)
    assert version_here(project) == 2, "what follows from the pin is believed"
    assert update(project, data) == 2
    assert (project.folder / ".poisonguard" / "trust.json").read_bytes() == data


def test_an_expired_trust_root_signs_nothing(project: Project) -> None:
    update(project, next_root(project, project.request(lifetime=timedelta(seconds=1)), "olga"))
    with pytest.raises(GateFailed, match="expired"):
        project.publish()


def test_a_removed_publishers_version_counts_no_more_and_can_be_published_again(project: Project) -> None:
    project.publish()
    project.approve("ann")
    request = project.request(without=("pub",))
    replaced = TrustRequest(
        people={**request.people, "new": (project.keys["mallory"].public,)},
        roles={**request.roles, RoleName.PUBLISHER: ("new",)},
        lifetime=request.lifetime,
    )
    update(project, next_root(project, replaced, "olga"))
    again = project.publish(signer="mallory", minutes=3)
    assert (again.new, again.title) == (True, "reviews@2")


def test_people_who_stand_in_each_others_way_are_warned_of(project: Project) -> None:
    request = project.request(thresholds={RoleName.STEWARD: 3})
    root = trust_root.build_root(request, None, version=1, now=START)
    assert "only 2 of 3" in trust_root.warnings(root)[0]
    fine = trust_root.build_root(project.request(), None, version=1, now=START)
    assert trust_root.warnings(fine) == ()


def test_options_are_read(project: Project) -> None:
    ann, bob = (f"{name}={project.key(name)}.pub" for name in ("ann", "bob"))
    request = read_request([ann, bob], ["steward=ann, bob", "root=ann"], ["steward=2"], [], timedelta(days=1))
    assert request.roles == {RoleName.STEWARD: ("ann", "bob"), RoleName.ROOT: ("ann",)}
    assert request.thresholds == {RoleName.STEWARD: 2}
    assert request.datasets == ("*",)
    assert request.people["ann"] == (project.keys["ann"].public,)


@pytest.mark.parametrize(
    ("people", "roles", "thresholds", "error"),
    [
        (["ann"], [], [], UsageError),
        (["=x"], [], [], UsageError),
        (["ann=nowhere.pub"], [], [], KeyMaterialError),
        ([], ["king=ann"], [], UsageError),
        ([], ["steward="], [], UsageError),
        ([], [], ["steward=0"], UsageError),
        ([], [], ["steward=-1"], UsageError),
        ([], [], ["steward=two"], UsageError),
    ],
)
def test_options_that_make_no_sense_are_refused(
    people: list[str], roles: list[str], thresholds: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_request(people, roles, thresholds, [], timedelta(days=1))
