"""What somebody who carries the bundle tries: forged parts, parts of other bundles, older ones, and its size."""

import hashlib
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from evidence_fixtures import Captured, codes, gate
from evidence_project import START, Project, poisonguard

from poisonguard.attest.envelope import sign
from poisonguard.store import bundle as bundles
from poisonguard.workflow import trust_root
from poisonguard.workflow.gating import read_bundle

TRUST = ("--bundle", "reviews.pgbundle", "--trust", ".poisonguard/trust.json")


def test_statements_of_two_bundles_do_not_mix(
    approved: Project, bundle: Path, mallory: Project, capsys: Captured
) -> None:
    ours, (path) = read_bundle(bundle), mallory.folder / "theirs"
    os.chdir(mallory.folder)
    assert poisonguard("bundle", "export", "reviews", "-o", str(path)) == 0
    os.chdir(approved.folder)
    theirs = read_bundle(path)
    for mixed in (
        replace(theirs, trust_roots=ours.trust_roots),
        replace(ours, statements=theirs.statements),
        replace(ours, checkpoint=theirs.checkpoint),
        replace(ours, trust_roots=(*ours.trust_roots, *theirs.trust_roots)),
        replace(ours, statements=(*ours.statements[:-1], *theirs.statements[-1:])),
    ):
        bundle.write_bytes(bundles.dump(mixed))
        assert gate("reviews", *TRUST) == 6
    assert "Traceback" not in capsys.readouterr().err


def test_a_signature_by_mallory_over_a_steward_s_words_counts_for_nothing(approved: Project, bundle: Path) -> None:
    read = read_bundle(bundle)
    last = read.statements[-1]
    forged = replace(last, envelope=sign(last.envelope.payload, [approved.keys["mallory"]]))
    bundle.write_bytes(bundles.dump(replace(read, statements=(*read.statements[:-1], forged))))
    assert gate("reviews", *TRUST) == 6


def rotate(project: Project, without: str) -> bytes:
    """The next trust root, without somebody; not yet trusted anywhere."""
    with project.workspace as workspace:
        request = project.request(without=[without])
        _, data = trust_root.next_root(workspace, request, [project.keys["olga"]], START + timedelta(minutes=9))
    return data


def test_a_bundle_under_an_older_trust_root_is_judged_under_ours(
    approved: Project, bundle: Path, capsys: Captured
) -> None:
    (approved.folder / "next.json").write_bytes(rotate(approved, "ann"))
    assert gate("reviews", *TRUST) == 0
    assert poisonguard("trust", "update", "next.json") == 0
    assert "approvals-missing" in codes(capsys, "reviews", *TRUST)


def test_a_pin_of_the_newer_trust_root_refuses_the_older_bundle(
    approved: Project, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    newer = rotate(approved, "ann")
    shutil.copytree(approved.data, tmp_path / "away" / "reviews")
    shutil.copy(bundle, tmp_path / "away")
    monkeypatch.chdir(tmp_path / "away")
    pin = "sha256:" + hashlib.sha256(newer).hexdigest()
    assert codes(capsys, "reviews", "--bundle", "reviews.pgbundle", "--trust", pin) == ["trust-untrusted"]
