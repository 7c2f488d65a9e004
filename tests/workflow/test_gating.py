"""Choosing evidence for the gate, and remembering what passed."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from evidence_project import START, Project
from evidence_world import inventory_of, inventory_of_folder

from poisonguard.errors import IntegrityError, NothingToScan, UsageError
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gate_state import load_state, remember
from poisonguard.workflow.gating import Gated, run_gate
from poisonguard.workflow.publish import Publication, publish

NOW = START + timedelta(minutes=30)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.start(tmp_path / "project")
    made.publish()
    made.approve("ann")
    return made


def run(project: Project, data: Path | None = None, **options: object) -> Gated:
    request = GateRequest(data=str(data or project.data), start=project.folder)
    return run_gate(replace(request, **options), NOW)  # type: ignore[arg-type] # a test changes what it likes


def next_version(project: Project, minutes: int) -> None:
    """A next version whose files have the same names and sizes, unapproved."""
    project.write("a.csv", f"id,label\n1,pos\n2,ne{minutes % 10}\n")
    project.publish(minutes=minutes)


def test_an_approved_version_passes_though_a_later_one_looks_alike(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.data, tmp_path / "reviews")
    for minutes in (3, 4):
        next_version(project, minutes)
    gated = run(project, tmp_path / "reviews")
    assert gated.decision.passed
    assert gated.decision.evidence.number == 1


def test_the_version_asked_for_is_the_version_judged(project: Project) -> None:
    next_version(project, 3)
    gated = run(project, version="reviews@1")
    assert gated.decision.exit_code == 6
    assert [reason.message.split(":")[0] for reason in gated.decision.decision.reasons] == ["a.csv"]


def test_data_unlike_any_version_are_judged_by_the_nearest(project: Project) -> None:
    project.write("a.csv", "id,label\n1,pos\n2,neg\n3,neg\n")
    gated = run(project)
    assert [reason.code for reason in gated.decision.decision.reasons] == ["bytes-differ"]


def test_data_that_are_not_there_do_not_pass(project: Project) -> None:
    with pytest.raises(NothingToScan, match="nowhere"):
        run(project, project.folder / "nowhere", name="reviews")


def test_a_registry_elsewhere_brings_no_pin_of_its_own(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    gated = run(project, registry=str(project.folder), start=elsewhere)
    assert [reason.code for reason in gated.decision.decision.reasons] == ["trust-not-pinned"]
    trust = str(project.folder / ".poisonguard" / "trust.json")
    passed = run(project, registry=str(project.folder), start=elsewhere, trust=trust)
    assert passed.decision.passed
    assert "--min-version" in passed.notes[0]
    assert passed.decision.notes == passed.notes


def test_contradictions_are_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="excludes"):
        run(project, bundle=Path("x"), registry="x")
    with pytest.raises(UsageError, match="excludes"):
        run(project, bundle=Path("x"), version="reviews@1")


def test_without_any_evidence_the_way_in_is_said(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a bundle nor a registry"):
        run(project, start=tmp_path)


def test_what_passed_is_remembered_and_failures_are_not(project: Project) -> None:
    path = project.folder / ".poisonguard" / "state.json"
    next_version(project, 3)
    assert not run(project).decision.passed
    assert load_state(path).numbers == {}
    project.approve("ann", minutes=5)
    assert run(project).decision.passed
    assert load_state(path).numbers == {"reviews": 2}
    assert load_state(path).latest == NOW


def test_a_memory_that_nobody_may_look_at_is_no_fresh_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_state(tmp_path / ("n" * 300))
    assert load_state(tmp_path / "none").numbers == {}


def test_gates_at_once_forget_nothing(project: Project, tmp_path: Path) -> None:
    decision = run(project).decision
    path = tmp_path / "state.json"
    names = [f"dataset-{number}" for number in range(16)]
    others = [replace(decision, evidence=replace(decision.evidence, dataset=name)) for name in names]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: remember(path, item), others))
    assert sorted(load_state(path).numbers) == sorted(names)


def test_a_state_that_cannot_be_read_refuses(project: Project) -> None:
    (project.folder / ".poisonguard" / "state.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"state\.json"):
        run(project)


def test_a_pass_that_cannot_be_remembered_is_said_so(project: Project) -> None:
    (project.folder / ".poisonguard" / "state.json.lock").symlink_to("/nowhere/at/all")
    gated = run(project)
    assert gated.decision.passed
    assert "could not be remembered" in gated.notes[0]


@pytest.mark.parametrize("trust", ["sha256:" + "0" * 64, "nowhere.json"])
def test_a_pin_that_names_nothing_passes_nothing(project: Project, trust: str) -> None:
    if trust.startswith("sha256:"):
        assert run(project, trust=trust).decision.exit_code == 6
    else:
        with pytest.raises(UsageError, match="cannot be read"):
            run(project, trust=trust)


@pytest.mark.parametrize("path", ["reviews/a.csv", "reviews/../reviews/a.csv", "reviews/a.*"])
def test_a_single_file_is_found_under_the_name_that_scan_gives_it(
    project: Project, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    content = inventory_of_folder(project.data)
    name = "reviews" if "*" in path else "a"
    alone = inventory_of(islice(content.files.with_leaves(), 1))
    with project.workspace as workspace:
        publication = Publication(name, alone.manifest, alone.files)
        publish(workspace, publication, [project.keys["pub"]], START + timedelta(minutes=9))
    gated = run(project, Path(path))
    assert gated.decision.evidence.dataset == name
    assert [reason.code for reason in gated.decision.decision.reasons] == ["scan-missing", "approvals-missing"]
