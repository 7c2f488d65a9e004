"""Revokers sign the next list of everything that was ever revoked: one test for each rule."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_project import START, Project

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.predicates_v1 import Document, RejectionDocument
from poisonguard.attest.trust import RoleName
from poisonguard.errors import GateFailed, IntegrityError, UnknownVersion, UsageError
from poisonguard.store.bundle import Bundle
from poisonguard.workflow import trust_root
from poisonguard.workflow.approve import reject, review
from poisonguard.workflow.bundles import export_file, import_bundle
from poisonguard.workflow.context import last_approved
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gating import Gated, read_bundle, run_gate
from poisonguard.workflow.log_audit import audit, entries
from poisonguard.workflow.publish import signed_statement
from poisonguard.workflow.revocation_lists import export_list_file
from poisonguard.workflow.standing import State
from poisonguard.workflow.versions import list_versions

NOW = START + timedelta(minutes=30)
DAY = timedelta(days=1)
ORIGIN_SIZE = 4
"""Trust root, manifest, scan and approval."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.start(tmp_path / "project", revokers=("rita",))
    made.publish()
    made.approve("ann")
    return made


def gate(project: Project, data: Path | None = None, **options: object) -> Gated:
    request = GateRequest(data=str(data or project.data), start=project.folder)
    return run_gate(replace(request, **options), NOW)  # type: ignore[arg-type] # a test changes what it likes


def codes(gated: Gated) -> list[str]:
    return [reason.code for reason in gated.decision.decision.reasons if reason.exit_code]


def state(project: Project, number: int = 1) -> State:
    with project.workspace as workspace:
        rows = list_versions(workspace, "reviews", project.policy, NOW)
    return next(row.state for row in rows if row.number == number)


def exported(project: Project) -> Bundle:
    path = project.folder / "x.pgbundle"
    with project.workspace as workspace:
        export_file(workspace, "reviews", path)
    return read_bundle(path)


def sound(project: Project) -> bool:
    with project.workspace as workspace:
        return audit(workspace).statements > 0


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
    with pytest.raises(UsageError, match="takes 2 people's keys and 1 signed"):
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


# What leaves and comes in


def test_a_bundle_brings_the_newest_list(project: Project) -> None:
    project.revoke()
    project.revoke(minutes=4)
    assert [item.index for item in exported(project).statements] == [1, 2, 3, 5]


def test_a_list_alone_keeps_an_old_bundle_fresh(project: Project) -> None:
    project.revoke(lifetime=timedelta(minutes=10))
    bundle, apart = project.folder / "x.pgbundle", project.folder / "revocations.pgbundle"
    exported(project)
    assert codes(gate(project, bundle=bundle)) == ["revocations-expired"]
    project.revoke(minutes=15)
    with project.workspace as workspace:
        export_list_file(workspace, apart)
    assert apart.stat().st_size < 16 * 1024
    assert gate(project, bundle=bundle, revocations=apart).decision.passed
    project.revoke("reviews", minutes=16)
    with project.workspace as workspace:
        export_list_file(workspace, apart)
    assert codes(gate(project, bundle=bundle, revocations=apart)) == ["version-revoked"]


def test_a_list_names_every_statement_so_that_older_bundles_cannot_hide_one_rule_7(project: Project) -> None:
    project.revoke()
    bundle, apart = project.folder / "x.pgbundle", project.folder / "revocations.pgbundle"
    exported(project)
    with project.workspace as workspace:
        when = START + timedelta(minutes=6)
        reject(workspace, review(workspace, "reviews", when), [project.keys["bob"]], "flipped labels", when)
    assert gate(project, bundle=bundle).decision.passed, "an old bundle alone knows nothing of it"
    listed = project.revoke(minutes=7).document.statements
    with project.workspace as workspace:
        export_list_file(workspace, apart)
    assert [item.dataset for item in listed] == ["reviews"] * 3
    assert codes(gate(project, bundle=bundle, revocations=apart)) == ["statement-left-out"]
    assert codes(gate(project)) == ["rejected"]
    assert project.revoke(minutes=8).document.statements == listed


def test_a_list_alone_brings_the_newest_trust_root(project: Project) -> None:
    project.revoke()
    bundle, apart = project.folder / "x.pgbundle", project.folder / "revocations.pgbundle"
    exported(project)
    with project.workspace as workspace:
        request = project.request(without=("ann",))
        _, data = trust_root.next_root(workspace, request, [project.keys["olga"]], START)
        trust_root.update(workspace, data)
    project.revoke(minutes=4)
    with project.workspace as workspace:
        export_list_file(workspace, apart)
    assert codes(gate(project, bundle=bundle, revocations=apart)) == ["statement-unentitled", "approvals-missing"]


def test_there_is_no_list_to_write_before_the_first(project: Project) -> None:
    with project.workspace as workspace, pytest.raises(UnknownVersion, match="no list of revocations yet"):
        export_list_file(workspace, project.folder / "x")


def imported(project: Project, bundle: Bundle) -> int:
    with project.workspace as workspace:
        return import_bundle(workspace, bundle, NOW).added


def copied(project: Project) -> Project:
    """A copy of the registry, as it is now."""
    shutil.copytree(project.folder, project.folder.parent / "copy")
    return Project(project.folder.parent / "copy", project.keys, revokers=project.revokers)


def test_a_list_travels_with_a_bundle(project: Project) -> None:
    other = copied(project)
    project.revoke("reviews@1")
    assert imported(other, exported(project)) == 1
    assert state(other) is State.REVOKED
    assert imported(other, exported(project)) == 0
    assert sound(other)


def test_an_older_list_that_travels_changes_nothing(project: Project) -> None:
    project.revoke()
    old, other = exported(project), copied(project)
    other.revoke("reviews@1", minutes=4)
    assert imported(other, old) == 0
    assert state(other) is State.REVOKED
    assert sound(other)


def test_lists_of_two_registries_that_do_not_follow_are_refused(project: Project) -> None:
    other = copied(project)
    project.revoke("reviews@1")
    other.revoke(minutes=4)
    with pytest.raises(IntegrityError, match="do not follow from one another"):
        imported(other, exported(project))


def test_what_a_revoked_key_signed_is_not_imported(project: Project) -> None:
    other = copied(project)
    project.write("c.csv", "id,label\n")
    project.publish(minutes=3)
    other.revoke(keys=(project.keys["pub"].public.keyid,), minutes=4)
    with pytest.raises(IntegrityError, match="signed by a key that was revoked"):
        imported(other, exported(project))
    assert sound(other)


# What the audit finds


def smuggle(project: Project, document: Document, signer: str = "rita") -> None:
    with project.workspace as workspace, workspace.registry.write() as writer:
        writer.append([signed_statement(document, [project.keys[signer]])], workspace.checkpoint_signer())


def test_a_list_that_lost_something_is_found(project: Project) -> None:
    first = project.revoke("reviews@1").document
    smuggle(project, replace(first, number=2, versions=()))
    with pytest.raises(IntegrityError, match="statement 5: list 2 of revocations does not follow from list 1"):
        sound(project)


def test_a_list_by_no_revoker_is_found(project: Project) -> None:
    first = project.revoke().document
    smuggle(project, replace(first, number=2), "ann")
    with pytest.raises(IntegrityError, match=r"statement 5: revocations .* takes 1 in role revoker"):
        sound(project)


def test_what_a_revoked_key_signs_later_is_found(project: Project) -> None:
    with project.workspace as workspace:
        statement = entries(workspace)[-1].digest
        approved = review(workspace, "reviews", NOW)
    project.revoke(keys=(project.keys["bob"].public.keyid,))
    rejection = RejectionDocument(
        dataset="reviews",
        version=approved.named.version,
        manifest_statement=statement,
        scan_statements=(),
        policy_digest=statement,
        reason="by a thief",
        created=START,
        nonce="n",
    )
    smuggle(project, rejection, "bob")
    with pytest.raises(IntegrityError, match=r"statement 5: rejection .* is signed by a key that was revoked"):
        sound(project)


def test_an_expired_list_blocks_the_gate_and_not_the_choice_of_a_reference(project: Project) -> None:
    with project.workspace as workspace:
        assert [reason.code for reason in review(workspace, "reviews", NOW).verdict] == ["revocations-missing"]
        found = last_approved(workspace, "reviews", now=NOW)
    assert found is not None
    assert found.title == "reviews@1"
    project.revoke("reviews")
    with project.workspace as workspace:
        assert last_approved(workspace, "reviews", now=NOW) is None
