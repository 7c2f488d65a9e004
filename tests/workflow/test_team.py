"""A registry that several workspaces share, here in one SQLite file; tests/postgres runs a team on a real server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from evidence_project import START, Project

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.trust import pin_of
from poisonguard.errors import IntegrityError, KeyMaterialError, UsageError
from poisonguard.workflow import trust_root
from poisonguard.workflow.join import join
from poisonguard.workflow.log_audit import audit
from poisonguard.workflow.registry_location import LOCATION, VARIABLE, registry_of, without_password
from poisonguard.workflow.workspace import Workspace

SECRET = "postgresql+psycopg://me:se%40cret@host:5432/team?sslmode=verify-full"  # noqa: S105 # nobody's
PUBLIC = "postgresql+psycopg://me@host:5432/team?sslmode=verify-full"


@pytest.fixture
def shared(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.fixture
def project(tmp_path: Path, shared: str) -> Project:
    """A project whose registry is shared."""
    made = Project.start(tmp_path / "first")
    shutil.rmtree(made.folder / ".poisonguard")
    begin(made, shared)
    return made


def begin(project: Project, shared: str, **changes: object) -> str:
    request = project.request(**changes)  # type: ignore[arg-type] # handed through
    return trust_root.init(project.folder, request, [project.keys["olga"]], START, registry=shared).digest


def second(project: Project) -> Project:
    """The same people and data on another machine."""
    folder = project.folder.parent / "second"
    folder.mkdir()
    shutil.copytree(project.data, folder / "reviews")
    return Project(folder, project.keys, project.policy)


def pin(project: Project) -> str:
    return f"sha256:{pin_of(project.workspace.pinned)}"


def test_two_workspaces_append_to_one_log(project: Project, shared: str) -> None:
    project.publish()
    other = second(project)
    join(other.folder, shared, pin(project), project.folder / ".poisonguard" / "log.key")
    other.approve("ann")
    for one in (project, other):
        with one.workspace as workspace:
            assert audit(workspace).statements == 4
    assert not (project.folder / ".poisonguard" / "registry.db").exists()


def test_without_the_log_key_a_workspace_reads(project: Project, shared: str) -> None:
    project.publish()
    other = second(project)
    join(other.folder, shared, pin(project))
    with other.workspace as workspace:
        assert audit(workspace).statements == 3
    with pytest.raises(KeyMaterialError, match="may not append"):
        other.approve("ann")


def test_a_log_key_that_the_trust_root_does_not_name_is_refused(project: Project, shared: str, tmp_path: Path) -> None:
    save_private_key(generate(Algorithm.ED25519), tmp_path / "foreign.key", None)
    other = second(project)
    with pytest.raises(KeyMaterialError, match="does not play the role log"):
        join(other.folder, shared, pin(project), tmp_path / "foreign.key")
    assert not (other.folder / ".poisonguard").exists()
    shutil.copy(tmp_path / "foreign.key", project.folder / ".poisonguard" / "log.key")
    with pytest.raises(KeyMaterialError, match="does not play the role log"):
        project.publish()


def test_whoever_joins_follows_the_chain_to_its_end(project: Project, shared: str) -> None:
    first = pin(project)
    old = project.workspace.pinned
    with project.workspace as workspace:
        _, data = trust_root.next_root(workspace, project.request(), [project.keys["olga"]], START)
        trust_root.update(workspace, data)
    other = second(project)
    assert join(other.folder, shared, first).root.version == 2
    assert other.workspace.pinned == data
    shutil.rmtree(other.folder / ".poisonguard")
    (other.folder / "old.json").write_bytes(old)
    assert join(other.folder, shared, str(other.folder / "old.json")).root.version == 2


def test_a_workspace_is_joined_once_and_under_the_right_pin(project: Project, shared: str) -> None:
    other = second(project)
    with pytest.raises(IntegrityError, match="pinned"):
        join(other.folder, shared, "sha256:" + "0" * 64)
    with pytest.raises(UsageError, match="cannot be read"):
        join(other.folder, shared, "no-such-file")
    join(other.folder, shared, pin(project))
    with pytest.raises(UsageError, match="exists"):
        join(other.folder, shared, pin(project))


def test_an_init_that_was_interrupted_is_finished(project: Project, shared: str) -> None:
    digest = pin_of(project.workspace.pinned)
    beside = project.folder / ".poisonguard.new-abc"
    (project.folder / ".poisonguard").rename(beside)
    (project.folder / ".poisonguard.new-empty").mkdir()
    with pytest.raises(UsageError, match="another trust root"):
        begin(project, shared, datasets=("other*",))
    assert begin(project, shared) == digest
    assert not beside.exists()
    project.publish()


def test_a_registry_is_begun_once(project: Project, shared: str) -> None:
    shutil.rmtree(project.folder / ".poisonguard")
    with pytest.raises(UsageError, match="is a registry already") as caught:
        begin(project, shared)
    assert "trust join" in caught.value.hint
    assert not (project.folder / ".poisonguard").exists()


@pytest.mark.parametrize("location", [SECRET, PUBLIC, PUBLIC.replace("+psycopg", ""), SECRET.replace("ql+psycopg", "")])
def test_no_password_is_written_down(location: str) -> None:
    assert without_password(location) == PUBLIC


def test_a_password_that_hides_is_refused() -> None:
    with pytest.raises(UsageError, match="password in its query"):
        without_password("postgresql+psycopg://me@host/team?password=secret")


def test_the_environment_carries_the_password_for_this_registry_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert registry_of(tmp_path) == str(tmp_path / "registry.db")
    (tmp_path / LOCATION).write_text(f"{PUBLIC}\n")
    assert registry_of(tmp_path) == PUBLIC
    monkeypatch.setenv(VARIABLE, SECRET)
    assert registry_of(tmp_path) == SECRET
    monkeypatch.setenv(VARIABLE, SECRET.replace("host", "elsewhere"))
    with pytest.raises(UsageError, match="names another registry"):
        registry_of(tmp_path)
    (tmp_path / LOCATION).write_bytes(b"\xff")
    with pytest.raises(IntegrityError, match="is no URL"):
        registry_of(tmp_path)


def test_a_history_that_was_written_without_the_log_key_is_not_continued(project: Project) -> None:
    """An honest machine does not put its signature under what somebody put into the database."""
    import sqlite3

    project.publish()
    with project.workspace as workspace:
        database = workspace.registry.name
    with sqlite3.connect(database) as connection:
        note = connection.execute("SELECT note FROM checkpoint ORDER BY size DESC").fetchone()[0]
        forged = note.rpartition(" ")[0] + " AAAAAAAA\n"
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = 3", (forged,))
    connection.close()
    with pytest.raises(IntegrityError, match="checkpoint 3"):
        project.approve("ann")


def test_a_trust_root_that_was_hidden_is_found_by_the_gate(project: Project, shared: str) -> None:
    """Whoever can write to the database cannot bring back people who have left the trust root."""
    import sqlite3
    from datetime import UTC, datetime

    from poisonguard.workflow.gate_request import GateRequest
    from poisonguard.workflow.gating import run_gate

    project.publish()
    project.approve("ann")
    first = pin(project)
    with project.workspace as workspace:
        _, data = trust_root.next_root(workspace, project.request(without=("ann",)), [project.keys["olga"]], START)
        trust_root.update(workspace, data)
    away = project.folder.parent / "away"
    away.mkdir()
    request = GateRequest(data=str(project.data), registry=shared, trust=first, start=away)
    assert not run_gate(request, datetime.now(UTC)).decision.passed, "ann is not trusted any more"
    with sqlite3.connect(shared.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE statement SET kind = 'scan', version = 'x' WHERE position = 4")
    connection.close()
    with pytest.raises(IntegrityError, match="trust root that was hidden"):
        run_gate(request, datetime.now(UTC))


def test_a_workspace_says_where_it_is(project: Project, tmp_path: Path) -> None:
    assert Workspace(project.folder / ".poisonguard").registry.name == str(tmp_path / "shared.db")
