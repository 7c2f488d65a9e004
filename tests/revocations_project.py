"""What a project with a revoker says of its version, for tests of revocations."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from evidence_project import START, Project

from poisonguard.store.bundle import Bundle
from poisonguard.workflow.bundles import export_file
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gating import Gated, read_bundle, run_gate
from poisonguard.workflow.log_audit import audit
from poisonguard.workflow.standing import State
from poisonguard.workflow.versions import list_versions

NOW = START + timedelta(minutes=30)


def revoking_project(folder: Path) -> Project:
    """A project in which rita revokes, with one approved version."""
    made = Project.start(folder, revokers=("rita",))
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
