"""Starting a workspace and following its trust root."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project
from evidence_world import inventory_of_folder

from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.keyfile import load_private_key
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.trust import RoleName
from poisonguard.errors import ConfigurationError, GateFailed, IntegrityError, KeyMaterialError, UsageError
from poisonguard.workflow import trust_root
from poisonguard.workflow.log_audit import audit, newest_checkpoint
from poisonguard.workflow.publish import Publication, publish
from poisonguard.workflow.trust_request import TrustRequest, build_root, read_request
from poisonguard.workflow.trust_warnings import warnings


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
        build_root(project.request(lifetime=lifetime).content(), (), version=1, now=START)


def test_the_logs_role_is_the_registrys_own(project: Project) -> None:
    request = project.request()
    taken = TrustRequest(
        people=request.people, roles={**request.roles, RoleName.LOG: ("ann",)}, lifetime=request.lifetime
    )
    with pytest.raises(ConfigurationError, match="registry's own key"):
        build_root(taken.content(), (project.keys["mallory"].public,), version=1, now=START)


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
    assert update(project, trust_root.cosign(data, [project.keys["olga"]]).data) == 2


def test_only_who_signs_trust_roots_cosigns_and_is_told_who_is_missing(project: Project) -> None:
    people = project.request()
    asked = replace(people, roles=people.roles | {RoleName.ROOT: ("ann", "bob")}, thresholds={RoleName.ROOT: 2})
    data = next_root(project, asked, "olga")
    with pytest.raises(UsageError, match="does not play the role root") as refused:
        trust_root.cosign(data, [project.keys["mallory"]])
    assert refused.value.hint == "Sign with a key of ann, bob."
    with pytest.raises(UsageError, match="does not play the role root"):
        trust_root.cosign(data, [project.keys["olga"]])
    with project.workspace as workspace, workspace.registry.read() as reader:
        here = workspace.newest_root(reader).root
    none = trust_root.cosign(data, [project.keys["olga"]], here)
    assert (none.signed, none.missing) == ((), ("ann", "bob")), "who leaves signs for the trust root before"
    one = trust_root.cosign(none.data, [project.keys["ann"]])
    assert (one.needed, one.signed, one.missing) == (2, ("ann",), ("bob",))
    two = trust_root.cosign(one.data, [project.keys["bob"]])
    assert (two.signed, two.missing) == (("ann", "bob"), ())
    assert update(project, two.data) == 2


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


def warned(project: Project, **changes: object) -> str:
    """Warnings of a trust root that would have none, but for ``changes`` of its roles."""
    roles = {
        RoleName.ROOT: ("olga", "ann"),
        RoleName.PUBLISHER: ("pub",),
        RoleName.SCANNER: ("ci",),
        RoleName.STEWARD: ("ann", "bob"),
        RoleName.REVOKER: ("olga",),
    }
    request = project.request(thresholds={RoleName.ROOT: 2, RoleName.STEWARD: 2})
    sound = replace(request, roles=roles)
    return "\n".join(warnings(build_root(replace(sound, **changes).content(), (), version=1, now=START)))  # type: ignore[arg-type]  # a test changes what it likes


def test_a_sound_trust_root_is_not_warned_of(project: Project) -> None:
    assert warned(project) == ""


def test_people_who_stand_in_each_others_way_are_warned_of(project: Project) -> None:
    roles = {**project.request().roles, RoleName.REVOKER: ("olga",)}
    text = warned(project, roles=roles, thresholds={RoleName.STEWARD: 3})
    assert "only 2 of 3 needed stewards neither publish nor scan" in text
    assert "pub: a steward who publishes or scans a version never counts as its steward" in text
    assert "only" not in warned(project, roles=roles, thresholds={RoleName.STEWARD: 2})


def test_a_trust_root_that_nobody_can_revoke_under_is_warned_of(project: Project) -> None:
    roles = {**project.request().roles, RoleName.STEWARD: ("ann",), RoleName.ROOT: ("olga", "ann")}
    assert warned(project, roles=roles, thresholds={RoleName.ROOT: 2}).startswith("nobody plays the role revoker")


def test_a_single_point_of_failure_is_warned_of(project: Project) -> None:
    text = warned(project, thresholds={RoleName.STEWARD: 2})
    assert text == "the role root takes 1 of 2: whoever steals one root key can rewrite the trust root"
    alone = {**project.request().roles, RoleName.STEWARD: ("ann", "bob"), RoleName.REVOKER: ("olga",)}
    assert warned(project, roles=alone, thresholds={}).endswith("; losing it ends the trust root")


# The log's key


def log_keys(project: Project) -> list[str]:
    """Whose checkpoints count, the newest first."""
    with project.workspace as workspace, workspace.registry.read() as reader:
        return [key.keyid for key in workspace.newest_root(reader).root.keys_of(RoleName.LOG)]


def log_key_here(project: Project) -> str:
    return load_private_key(project.folder / ".poisonguard" / "log.key").public.keyid


def rotated(project: Project, *, rotate: bool = True, retire: bool = False) -> bytes:
    with project.workspace as workspace:
        _, data = trust_root.next_root(
            workspace, project.request(), [project.keys["olga"]], START, rotate_log_key=rotate, retire_log_key=retire
        )
    return data


def newest_note(project: Project) -> bytes:
    with project.workspace as workspace:
        return newest_checkpoint(workspace).encode()


def accepts(project: Project, note: bytes) -> bool:
    with project.workspace as workspace, workspace.registry.read() as reader:
        keys = workspace.newest_root(reader).root.keys_of(RoleName.LOG)
    try:
        open_checkpoint(note, keys)
    except IntegrityError:
        return False
    return True


def test_a_new_log_key_signs_from_the_update_on_and_the_old_ones_checkpoints_hold(project: Project) -> None:
    old, before = log_key_here(project), newest_note(project)
    data = rotated(project)
    assert log_key_here(project) == old, "nothing changes before the update"
    update(project, data)
    new = log_key_here(project)
    assert log_keys(project) == [new, old]
    assert new != old
    assert accepts(project, before)
    assert accepts(project, newest_note(project))
    assert not (project.folder / ".poisonguard" / "log.key.next").exists()
    assert (project.folder / ".poisonguard" / "log.key.pub").read_text() == load_private_key(
        project.folder / ".poisonguard" / "log.key"
    ).public.pem
    assert (project.folder / ".poisonguard" / "log.key").stat().st_mode & 0o777 == 0o600


def test_a_retired_log_key_is_believed_no_more_but_by_the_auditor(project: Project) -> None:
    before = newest_note(project)
    update(project, rotated(project))
    between = newest_note(project)
    update(project, rotated(project, rotate=False, retire=True))
    assert log_keys(project) == [log_key_here(project)]
    assert not accepts(project, before)
    assert accepts(project, between)
    with project.workspace as workspace:
        assert audit(workspace, [before, between]).kept == 2


def test_a_stolen_log_key_is_replaced_at_once(project: Project) -> None:
    before = newest_note(project)
    update(project, rotated(project, retire=True))
    assert log_keys(project) == [log_key_here(project)]
    assert not accepts(project, before)
    assert accepts(project, newest_note(project))


def test_log_keys_are_carried_over(project: Project) -> None:
    update(project, rotated(project))
    both = log_keys(project)
    update(project, next_root(project, project.request(), "olga"))
    assert log_keys(project) == both


def test_a_rotation_that_was_never_trusted_is_begun_again_with_the_same_key(project: Project) -> None:
    waiting = project.folder / ".poisonguard" / "log.key.next"
    rotated(project)
    first = waiting.read_bytes()
    update(project, rotated(project))
    assert (project.folder / ".poisonguard" / "log.key").read_bytes() == first


def test_another_update_leaves_a_waiting_log_key_alone(project: Project) -> None:
    rotated(project)
    old = log_key_here(project)
    update(project, next_root(project, project.request(), "olga"))
    assert log_key_here(project) == old
    assert (project.folder / ".poisonguard" / "log.key.next").exists()


@pytest.mark.parametrize("public_half_is_there", [True, False])
def test_an_update_that_died_before_its_log_key_was_in_place_is_finished_by_repeating_it(
    project: Project, *, public_half_is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = rotated(project, retire=True)
    with monkeypatch.context() as broken:
        broken.setattr(trust_root, "_promote_log_key", lambda _folder: None)
        update(project, data)
    if not public_half_is_there:
        (project.folder / ".poisonguard" / "log.key.next.pub").replace(project.folder / ".poisonguard" / "log.key.pub")
    assert log_key_here(project) not in log_keys(project)
    update(project, data)
    assert log_key_here(project) in log_keys(project)


def test_options_are_read(project: Project) -> None:
    ann, bob = (f"{name}={project.key(name)}.pub" for name in ("ann", "bob"))
    request = read_request([ann, bob], ["steward=ann, bob", "root=ann"], ["steward=2"], [], timedelta(days=1))
    assert request.roles == {RoleName.STEWARD: ("ann", "bob"), RoleName.ROOT: ("ann",)}
    assert request.thresholds == {RoleName.STEWARD: 2}
    assert request.datasets == ("*",)
    assert request.people["ann"] == (project.keys["ann"].public,)


def test_roles_that_take_two_kinds_of_keys(project: Project) -> None:
    second = generate(Algorithm("ml-dsa-65"))
    request = replace(project.request(), post_quantum=frozenset({RoleName.PUBLISHER}))
    with pytest.raises(ConfigurationError, match="role publisher is postQuantum and takes 1, but 0 can"):
        build_root(request.content(), (), version=2, now=START)
    people = {**request.people, "pub": (*request.people["pub"], second.public)}
    able = replace(request, people=people)
    update(project, next_root(project, able, "olga"))
    content = inventory_of_folder(project.data)
    with project.workspace as workspace:
        for signers in ([project.keys["pub"]], [second]):
            with pytest.raises(UsageError, match="pub signs with one kind of key, and the role publisher takes"):
                publish(
                    workspace,
                    Publication("reviews", content.manifest, content.files),
                    signers,
                    START + timedelta(minutes=1),
                )
        both = [project.keys["pub"], second]
        assert publish(
            workspace, Publication("reviews", content.manifest, content.files), both, START + timedelta(minutes=1)
        ).new


def test_nothing_is_asked_of_a_role_that_nobody_plays(project: Project) -> None:
    for change in ({"thresholds": {RoleName.TRAINER: 1}}, {"post_quantum": frozenset({RoleName.TRAINER})}):
        with pytest.raises(ConfigurationError, match="something is asked of the role trainer, which nobody plays"):
            build_root(replace(project.request(), **change).content(), (), version=1, now=START)  # type: ignore[arg-type]  # as above


def test_roles_with_two_kinds_of_keys_are_asked_for_by_name(project: Project) -> None:
    ann = f"ann={project.key('ann')}.pub"
    request = read_request([ann], ["root=ann"], [], ["a-*"], timedelta(days=1), post_quantum=["root", "Steward"])
    assert request.post_quantum == {RoleName.ROOT, RoleName.STEWARD}
    assert request.datasets == ("a-*",)
    with pytest.raises(UsageError, match="no role is called 'king'"):
        read_request([ann], ["root=ann"], [], [], timedelta(days=1), post_quantum=["king"])


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
