"""Lists of revocations leave and come in, and the audit finds those that are no list of ours."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_project import START, Project
from revocations_project import NOW, codes, exported, gate, revoking_project, sound, state

from poisonguard.attest.predicates_v1 import Document, RejectionDocument
from poisonguard.errors import IntegrityError, UnknownVersion
from poisonguard.store.bundle import Bundle
from poisonguard.workflow import trust_root
from poisonguard.workflow.approve import reject, review
from poisonguard.workflow.bundles import import_bundle
from poisonguard.workflow.context import last_approved
from poisonguard.workflow.log_audit import entries
from poisonguard.workflow.publish import signed_statement
from poisonguard.workflow.revocation_lists import export_list_file
from poisonguard.workflow.standing import State

# What leaves and comes in


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return revoking_project(tmp_path / "project")


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
