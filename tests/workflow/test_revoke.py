"""Revokers sign the next list of everything that was ever revoked: one test for each rule."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_project import START, Project
from revocations_project import codes, gate, revoking_project, sound, state

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.trust import RoleName
from poisonguard.errors import GateFailed, IntegrityError, UnknownVersion, UsageError
from poisonguard.workflow import trust_root
from poisonguard.workflow.bundles import export_file
from poisonguard.workflow.log_audit import entries
from poisonguard.workflow.standing import State

DAY = timedelta(days=1)


ORIGIN_SIZE = 4
"""Trust root, manifest, scan and approval."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return revoking_project(tmp_path / "project")


# What is signed


def test_who_is_no_revoker_cannot_revoke_rule_1(project: Project) -> None:
    with pytest.raises(UsageError, match="ann does not play the role revoker"):
        project.revoke("reviews", signers=("ann",))
    with pytest.raises(UsageError, match="is not in the trust root"):
        project.revoke("reviews", signers=("mallory",))


def test_where_nobody_is_a_revoker_the_way_to_one_is_said_rule_1(tmp_path: Path) -> None:
    plain = Project.start(tmp_path / "plain")
    plain.publish()
    with pytest.raises(UsageError, match="gives nobody the role revoker"):
        plain.revoke("reviews", signers=("ann",))


def test_revokers_are_as_many_as_the_trust_root_asks_for_rule_1(tmp_path: Path) -> None:
    two = Project.start(tmp_path / "two", revokers=("rita", "rob"), thresholds={RoleName.REVOKER: 2})
    two.publish()
    with pytest.raises(UsageError, match="takes the keys of 2 people, and 1 signed"):
        two.revoke("reviews", signers=("rita",))
    assert two.revoke("reviews").people == ("rita", "rob")


def test_no_key_signs_the_list_that_revokes_it_rule_1(project: Project) -> None:
    with pytest.raises(UsageError, match="a list cannot revoke a key that signs it"):
        project.revoke(keys=(project.keys["rita"].public.keyid,))


def test_who_was_revoked_revokes_nothing_more_rule_1(tmp_path: Path) -> None:
    two = Project.start(tmp_path / "two", revokers=("rita", "rob"))
    two.publish()
    two.revoke(keys=(two.keys["rob"].public.keyid,), signers=("rita",), minutes=3)
    with pytest.raises(UsageError, match="was revoked"):
        two.revoke("reviews", signers=("rob",), minutes=4)


def test_keys_of_trust_roots_and_of_the_log_are_replaced_and_not_revoked(project: Project) -> None:
    save_private_key(project.keys["olga"], project.folder / "root.key", None)
    for named in (project.keys["olga"].public.keyid, str(project.folder / "root.key.pub")):
        with pytest.raises(UsageError, match="is of somebody who signs trust roots") as refused:
            project.revoke(keys=(named,))
        assert "trust next" in refused.value.hint


def test_the_next_list_holds_everything_of_the_last_rule_2(project: Project) -> None:
    assert project.revoke("reviews@1", minutes=3).document.number == 1
    second = project.revoke(keys=(project.keys["bob"].public.keyid,), minutes=4).document
    third = project.revoke(minutes=5).document
    assert (third.number, third.versions, third.keys) == (3, second.versions, second.keys)
    assert [item.number for item in third.versions] == [1]
    assert sound(project)


def test_what_was_revoked_stays_revoked_when_revokers_change_rule_2(project: Project) -> None:
    project.revoke("reviews@1")
    project.keys["rob"], project.revokers = project.keys.pop("rita"), ("rob",)
    project.keys["rob"] = project.keys["mallory"]
    with project.workspace as workspace:
        _, data = trust_root.next_root(workspace, project.request(), [project.keys["olga"]], START)
        trust_root.update(workspace, data)
    assert codes(gate(project)) == ["revocations-missing", "statement-unentitled"]
    second = project.revoke(minutes=4).document
    assert (second.number, len(second.versions)) == (2, 1)
    assert codes(gate(project)) == ["version-revoked"]
    assert sound(project)


def test_a_version_is_revoked_by_its_content_rule_3(project: Project) -> None:
    done = project.revoke("reviews")
    assert done.titles == ("version reviews@1",)
    assert state(project) is State.REVOKED
    assert codes(gate(project)) == ["version-revoked"]
    with pytest.raises(GateFailed, match=r"was revoked on .*labels are flipped; it cannot be approved"):
        project.approve("bob", minutes=5)


def test_a_key_is_revoked_for_what_comes_rule_4(project: Project) -> None:
    done = project.revoke(keys=(project.keys["ann"].public.keyid[:16],))
    (key,) = done.document.keys
    assert (key.keyid, key.size, key.since) == (project.keys["ann"].public.keyid, ORIGIN_SIZE, done.document.created)
    assert state(project) is State.APPROVED, "she signed before"
    assert gate(project).decision.passed
    with pytest.raises(UsageError, match="was revoked"):
        project.approve("ann", minutes=5)


def test_a_revoked_publisher_publishes_nothing_more_rule_4(project: Project) -> None:
    project.revoke(keys=(project.keys["pub"].public.keyid,))
    project.write("a.csv", "id,label\n")
    with pytest.raises(UsageError, match="was revoked"):
        project.publish(minutes=4)


def test_what_a_lost_key_published_counts_no_more_rule_4(project: Project) -> None:
    project.revoke(keys=(project.keys["pub"].public.keyid,), since=START)
    assert state(project) is State.UNTRUSTED
    assert codes(gate(project)) == ["key-revoked", "manifest-missing"]


def test_a_key_is_revoked_from_when_it_was_lost_rule_4(project: Project) -> None:
    project.revoke(keys=(project.keys["ann"].public.keyid,), since=START)
    assert state(project) is State.WAITING
    assert codes(gate(project)) == ["key-revoked", "approvals-missing"]


def test_a_key_is_named_by_a_file_too_rule_4(project: Project) -> None:
    path = project.folder / "bob.key"
    save_private_key(project.keys["bob"], path, None)
    (key,) = project.revoke(keys=(f"{path}.pub",)).document.keys
    assert key.keyid == project.keys["bob"].public.keyid


def test_a_key_may_be_revoked_again_from_an_earlier_time_only_rule_4(project: Project) -> None:
    bob = project.keys["bob"].public.keyid
    first = project.revoke(keys=(bob,), minutes=3).document.keys[0]
    project.publish(minutes=4)
    for since in (None, first.since):
        with pytest.raises(UsageError, match=r"is revoked from .* on already"):
            project.revoke(keys=(bob,), since=since, minutes=5)
    again = project.revoke(keys=(bob,), since=START, minutes=5).document.keys
    assert again == (replace(first, since=START, revoked=again[0].revoked),), "the log of then still holds"
    with pytest.raises(UsageError, match="is not yet"):
        project.revoke(keys=(project.keys["ann"].public.keyid,), since=START + DAY, minutes=6)
    assert sound(project)


def test_the_logs_key_is_replaced_not_revoked_rule_4(project: Project) -> None:
    with project.workspace as workspace, workspace.registry.read() as reader:
        (key,) = workspace.newest_root(reader).root.keys_of(RoleName.LOG)
    with pytest.raises(UsageError, match="is the log's"):
        project.revoke(keys=(key.keyid,))


@pytest.mark.parametrize(("text", "why"), [("0" * 64, "there is no key"), ("ab", "too short"), ("x" * 20, "no key")])
def test_an_unknown_key_is_named_rule_4(project: Project, text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        project.revoke(keys=(text,))


def test_an_approval_is_revoked_by_its_digest_rule_5(project: Project) -> None:
    with project.workspace as workspace:
        digest = entries(workspace)[-1].digest
    (item,) = project.revoke(approvals=(digest[:12],)).document.approvals
    assert item.statement == digest
    assert state(project) is State.WAITING
    assert codes(gate(project)) == ["approval-revoked", "approvals-missing"]
    with pytest.raises(UsageError, match="is revoked already"):
        project.revoke(approvals=(digest,), minutes=4)
    with pytest.raises(UnknownVersion, match="there is no approval"):
        project.revoke(approvals=("0" * 64,), minutes=4)


def test_what_is_revoked_already_is_not_revoked_again_rule_6(project: Project) -> None:
    project.revoke("reviews@1")
    with pytest.raises(UsageError, match="reviews@1 is revoked already"):
        project.revoke("reviews@1", minutes=4)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reason": " "}, "no reason is given"),
        ({"lifetime": timedelta(0)}, "one second to 366 days"),
        ({"lifetime": timedelta(days=367)}, "one second to 366 days"),
        ({"since": START}, "no key to revoke"),
    ],
)
def test_what_makes_no_sense_is_refused(project: Project, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        project.revoke("reviews", **changes)


def test_a_list_is_not_older_than_the_one_before(project: Project) -> None:
    project.revoke(minutes=9)
    with pytest.raises(UsageError, match="after now"):
        project.revoke(minutes=8)


def test_an_unknown_version_is_not_revoked(project: Project) -> None:
    with pytest.raises(UnknownVersion):
        project.revoke("reviews@9")


def test_a_prefix_that_fits_two_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poisonguard.workflow.revoke.SHORTEST_PREFIX", 0)
    with pytest.raises(UsageError, match=r"fits . keys"):
        project.revoke(keys=("",))


# What the registry says


def test_where_revokers_are_named_nothing_is_approved_without_their_list(project: Project) -> None:
    assert state(project) is State.BLOCKED
    assert codes(gate(project)) == ["revocations-missing"]
    project.revoke()
    assert state(project) is State.APPROVED
    assert gate(project).decision.passed


def test_an_expired_list_blocks_until_it_is_renewed(project: Project) -> None:
    project.revoke(lifetime=timedelta(minutes=10))
    assert state(project) is State.BLOCKED
    assert codes(gate(project)) == ["revocations-expired"]
    project.revoke(minutes=15)
    assert gate(project).decision.passed


def test_an_older_version_passes_again_when_the_newer_one_is_revoked(project: Project, tmp_path: Path) -> None:
    old = tmp_path / "reviews"
    old.mkdir()
    for path in project.data.iterdir():
        (old / path.name).write_bytes(path.read_bytes())
    project.revoke()
    project.write("c.csv", "id,label\n9,pos\n")
    project.publish(minutes=4)
    project.approve("ann", minutes=5)
    assert gate(project).decision.evidence.number == 2
    assert codes(gate(project, old)) == ["version-rolled-back"]
    project.revoke("reviews@2", minutes=6)
    assert codes(gate(project)) == ["version-revoked"]
    assert gate(project, old).decision.passed


def test_what_was_revoked_is_not_forgotten_by_this_machine(project: Project) -> None:
    project.revoke()
    bundle = project.folder / "old.pgbundle"
    with project.workspace as workspace:
        export_file(workspace, "reviews", bundle)
    project.revoke("reviews", minutes=4)
    assert codes(gate(project)) == ["version-revoked"]
    assert codes(gate(project, bundle=bundle)) == ["revocations-rolled-back"]


def test_hiding_the_newest_list_in_the_index_is_found(project: Project) -> None:
    project.revoke()
    project.revoke("reviews", minutes=4)
    with sqlite3.connect(project.folder / ".poisonguard" / "registry.db") as connection:
        connection.execute("UPDATE statement SET kind = 'scan' WHERE position = 5")
    connection.close()
    with pytest.raises(IntegrityError, match="index does not say what statement 5 says"):
        gate(project)
