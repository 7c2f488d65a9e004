"""Commands that change what is stored, and what must hold whenever one of them was stopped half-way.

1. The log is sound: ``poisonguard log audit`` finds nothing.
2. What was acknowledged before is there, in its place; what the command adds is there whole or not at all.
3. If the command said that it was done, it is done.
4. The same command, run again, succeeds, or says that it is done already; and then 1 to 3 hold.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evidence_project import Project, poisonguard
from tracing import Outcome

from poisonguard.errors import PoisonguardError
from poisonguard.workflow.log_audit import audit
from poisonguard.workflow.workspace import Workspace

FOLDER = ".poisonguard"
NOT_DONE = "could not be remembered"
"""What the gate says of a state that it cannot write: its answer holds, its memory is that of before."""
PEOPLE = ("olga", "pub", "ci", "ann", "bob")


@dataclass(frozen=True)
class Operation:
    """A command and the project that it is run in.

    Attributes:
        name: For people.
        arguments: The command line.
        prepare: Brings a new project into the state before.
        adds: How many statements it adds to the log.
        done: Whether it did what it is for, besides adding statements.
        again: Exit codes of the same command after it was done.
        revokers: Who may revoke in the project.
        most: How many points are tried at most, even when none is to be left out; a long command's calls are mostly
            writes to temporary files, which are alike.
    """

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Project], None]
    adds: int = 0
    done: Callable[[Path], bool] = field(default=lambda _folder: True)
    again: frozenset[int] = frozenset({0})
    revokers: tuple[str, ...] = ()
    most: int | None = None


def check(operation: Operation, outcome: Outcome, before: tuple[bytes, ...]) -> None:
    """Assert the rules of this module for what an interrupted command left."""
    folder = outcome.folder
    after = history(folder)
    assert after[: len(before)] == before, "what was acknowledged is gone"
    added = len(after) - len(before)
    assert added in {0, operation.adds}, "half of it is there"
    if outcome.code == 0 and NOT_DONE not in outcome.err:
        assert added == operation.adds, "it said it was done"
        assert operation.done(folder), "it said it was done"
    code, _, err = command(operation.arguments, folder)
    assert code == 0 or (code in operation.again and (added == operation.adds)), err
    final = history(folder)
    assert final[: len(after)] == after
    assert len(final) >= len(before) + operation.adds
    assert operation.done(folder)


def command(arguments: tuple[str, ...], folder: Path) -> tuple[int, str, str]:
    """Run a command line in ``folder``: exit code, output, complaints."""
    printed, complained = io.StringIO(), io.StringIO()
    with _inside(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        code = poisonguard(*arguments)
    return code, printed.getvalue(), complained.getvalue()


def history(folder: Path) -> tuple[bytes, ...]:
    """Every statement of the workspace in ``folder``, which must be sound; none when there is no workspace."""
    if not (folder / FOLDER).exists():
        return ()
    with Workspace(folder / FOLDER) as workspace:
        audit(workspace)
        with workspace.registry.read() as reader:
            return tuple(item.envelope for item in reader.each())


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)


# The operations


def _nothing(_project: Project) -> None:
    pass


def _published(project: Project) -> None:
    project.publish()


def _approved(project: Project) -> None:
    project.publish()
    project.approve("ann")


def _remove_workspace(project: Project) -> None:
    import shutil

    shutil.rmtree(project.folder / FOLDER)


def _next_root(project: Project) -> None:
    project.publish()
    with project.workspace as workspace:
        from evidence_project import START

        from poisonguard.workflow import trust_root

        _, data = trust_root.next_root(workspace, project.request(), [project.keys["olga"]], START)
    (project.folder / "next.json").write_bytes(data)


def _bundle(project: Project) -> None:
    _approved(project)
    code, _, err = command(("bundle", "export", "reviews", "-o", "bundle.json"), project.folder)
    assert code == 0, err
    with sqlite3.connect(project.folder / FOLDER / "registry.db") as connection:
        connection.execute("DELETE FROM statement WHERE position > 0")
        connection.execute("DELETE FROM checkpoint WHERE size > 1")
        for table in ("listing", "shard", "blob"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 # our own names
    connection.close()


def _hot_journal(project: Project) -> None:
    """A crash in the middle of a commit, left to whoever opens the registry next."""
    from tracing import killed, trace

    _published(project)
    arguments = BY_NAME["approve"].arguments
    traced = trace(arguments, project.folder)
    # The last write to the database itself: all of the old pages lie in the journal, all of the new ones in place.
    written = [call for call in traced.changing if call.name == "pwrite64" and "registry.db>" in call.text]
    for outcome in killed(arguments, project.folder, traced, written[-1:]):
        for name in ("registry.db", "registry.db-journal"):
            data = (outcome.folder / FOLDER / name).read_bytes()
            (project.folder / FOLDER / name).write_bytes(data)


def _trusts(version: int) -> Callable[[Path], bool]:
    def holds(folder: Path) -> bool:
        code, out, _ = command(("trust", "show"), folder)
        return code == 0 and f"trust root version {version}" in out

    return holds


def _remembers(folder: Path) -> bool:
    from poisonguard.workflow.gate_state import load_state

    try:
        return b"reviews" in load_state(folder / FOLDER / "state.json").to_bytes()
    except PoisonguardError:
        return False


def _bundle_is_whole(folder: Path) -> bool:
    code, _, _ = command(("gate", "reviews", "--bundle", "out.json"), folder)
    return code == 0


def _key_is_whole(folder: Path) -> bool:
    code, _, _ = command(("keys", "show", "new.key"), folder)
    return code == 0


_PERSONS = tuple(f"--person={name}={name}.key.pub" for name in PEOPLE)
_ROLES = ("--role=root=olga", "--role=publisher=pub", "--role=scanner=ci", "--role=steward=ann,bob")
_WHY = ("--reason", "looked at every row")

OPERATIONS = (
    Operation(
        "trust init",
        ("trust", "init", *_PERSONS, *_ROLES, "--key", "olga.key"),
        _remove_workspace,
        adds=1,
        done=_trusts(1),
        again=frozenset({2}),
    ),
    Operation("trust update", ("trust", "update", "next.json"), _next_root, adds=1, done=_trusts(2)),
    Operation("sign", ("sign", "reviews", "--key", "pub.key"), _nothing, adds=1),
    Operation(
        "approve", ("approve", "reviews", "--key", "ann.key", *_WHY), _published, adds=1, again=frozenset({0, 2})
    ),
    Operation("reject", ("reject", "reviews", "--key", "ann.key", *_WHY), _approved, adds=1, again=frozenset({0, 2})),
    Operation(
        "trust init for a team",
        ("trust", "init", *_PERSONS, *_ROLES, "--key", "olga.key", "--registry", "sqlite:///shared.db"),
        _remove_workspace,
        adds=1,
        done=_trusts(1),
        again=frozenset({2}),
    ),
    Operation(
        "revoke",
        ("revoke", "reviews", "--key", "bob.key", *_WHY),
        _approved,
        adds=1,
        again=frozenset({0, 2}),
        revokers=("bob",),
    ),
    Operation("scan --sign", ("scan", "reviews", "--sign", "pub.key", "--workers", "1"), _nothing, adds=2, most=40),
    Operation("bundle import", ("bundle", "import", "bundle.json"), _bundle, adds=3),
    Operation("bundle export", ("bundle", "export", "reviews", "-o", "out.json"), _approved, done=_bundle_is_whole),
    Operation("gate", ("gate", "reviews"), _approved, done=_remembers),
    Operation("recovery", ("log", "audit"), _hot_journal),
)
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def project_for(operation: Operation, place: Path) -> tuple[Path, tuple[bytes, ...]]:
    """A project in the state before the command, and the statements that were acknowledged by then."""
    project = Project.start(place / "project", revokers=operation.revokers)
    for name in PEOPLE:
        project.key(name)
    operation.prepare(project)
    if operation.name == "recovery":  # looking at it would recover it
        from tracing import copy

        return project.folder, history(copy(project.folder, place / "looked-at"))
    return project.folder, history(project.folder)
