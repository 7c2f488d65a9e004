"""A power cut after any system call, with any of the unsynced changes lost: what was acknowledged survives."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from disk import Disk, File, Folder
from operations import BY_NAME, Operation, check, history, project_for
from tracing import Call, Outcome, scratch, trace

from poisonguard.errors import PoisonguardError

MIXTURES = 12 if os.environ.get("FULL") else 3
EVERY = 1 if os.environ.get("FULL") else 10
"""Of so many states in one the command is run again, too."""
NAMES = ("approve", "trust init", "trust update", "gate", "bundle export", "recovery")


@pytest.mark.parametrize("operation", [BY_NAME[name] for name in NAMES], ids=lambda operation: operation.name)
def test_a_power_cut_at_any_moment_loses_nothing(
    operation: Operation, record_property: Callable[[str, object], None]
) -> None:
    rng, seen = random.Random(operation.name), 0  # noqa: S311 # no secret
    with scratch() as place:
        project, before = project_for(operation, place)
        traced = trace(operation.arguments, project, content=True)
        disk = Disk(project)
        disk.top = traced.folder
        for number, call in enumerate(traced.calls, start=1):
            disk.feed(call)
            if not call.changes:
                continue
            last = number == len(traced.calls)
            for state in disk.states(rng, MIXTURES * (10 if last else 1)):
                outcome = Outcome(call, place / f"state-{seen}", 0 if last else None)
                state.write(outcome.folder)
                _check(operation, outcome, before, again=seen % EVERY == 0)
                seen += 1
    record_property("power cut", seen)


def _check(operation: Operation, outcome: Outcome, before: tuple[bytes, ...], *, again: bool) -> None:
    try:
        if again or outcome.code == 0:
            check(operation, outcome, before)
        else:
            after = history(outcome.folder)
            assert after[: len(before)] == before
            assert len(after) - len(before) in {0, operation.adds}
    except Exception as error:
        raise AssertionError(f"{operation.name}, power cut after {outcome.call.name} {outcome.call.number}") from error


# The disk itself


def test_a_rename_without_sync_may_leave_an_empty_file(tmp_path: Path) -> None:
    """The classic mistake, which this disk must be able to show."""
    (tmp_path / "state").write_bytes(b"old")
    calls = [
        Call("openat", 1, f'AT_FDCWD, "{tmp_path}/.new", O_WRONLY|O_CREAT|O_EXCL, 0600) = 3<{tmp_path}/.new>'),
        Call("write", 1, f'3<{tmp_path}/.new>, "\\x6e\\x65\\x77", 3) = 3'),
        Call("rename", 1, f'"{tmp_path}/.new", "{tmp_path}/state") = 0'),
    ]
    assert contents(tmp_path, calls) == {b"old", b"new", b""}
    synced = [*calls[:2], Call("fsync", 1, f"3<{tmp_path}/.new>) = 0"), calls[2]]
    assert contents(tmp_path, synced) == {b"old", b"new"}
    safe = [*synced, Call("fsync", 2, f"4<{tmp_path}>) = 0")]
    assert contents(tmp_path, safe) == {b"new"}


def contents(folder: Path, calls: list[Call]) -> set[bytes]:
    """What ``state`` may hold after a power cut at the end of ``calls``."""
    disk, rng = Disk(folder), random.Random(1)  # noqa: S311 # no secret
    for call in calls:
        disk.feed(call)
    found = [state.root.names.get("state") for state in disk.states(rng, 200)]
    return {item.content for item in found if isinstance(item, File)}


def test_a_torn_write_keeps_whole_sectors() -> None:
    file = File(b"", [(0, bytes(1024))])
    assert [len(file.after([0], torn)) for torn in (0, 1, 2)] == [1024, 512, 0]
    assert file.after([], 0) == b""


def test_what_is_synced_is_safe() -> None:
    folder = Folder({}, [{"a": File(b"x")}, {"a": None}])
    assert folder.now == {}
    folder.sync()
    assert folder.after(()) == {}


@pytest.mark.parametrize("name", ["approve", "gate"])
def test_without_sync_something_acknowledged_is_lost(name: str) -> None:
    """The control: a disk that forgets what it was asked to keep is noticed here."""
    operation, rng = BY_NAME[name], random.Random(name)  # noqa: S311 # no secret
    with scratch() as place:
        project, before = project_for(operation, place)
        traced = trace(operation.arguments, project, content=True)
        disk = Disk(project)
        disk.top = traced.folder
        for call in traced.calls:
            if call.name not in {"fsync", "fdatasync"}:
                disk.feed(call)
        assert disk.unsynced
        outcomes = [Outcome(traced.calls[-1], place / f"state-{number}", 0) for number in range(12)]
        losses = 0
        for state, outcome in zip(disk.states(rng, 10), outcomes, strict=True):
            state.write(outcome.folder)
            losses += _loses(operation, outcome, before)
    assert losses


def _loses(operation: Operation, outcome: Outcome, before: tuple[bytes, ...]) -> bool:
    try:
        check(operation, outcome, before)
    except (AssertionError, PoisonguardError):
        return True
    return False
