"""kill -9 at every state-changing system call: nothing acknowledged is lost, nothing half-written is valid."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pytest
from operations import OPERATIONS, Operation, check, project_for
from tracing import Call, Outcome, killed, refused, scratch, trace

MOST = None if os.environ.get("FULL") else 24
"""Points of one command that ``make test-crash`` tries; ``make test-crash FULL=1`` tries all."""
ERRORS = ("ENOSPC", "EIO")


def chosen(operation: Operation, calls: Sequence[Call]) -> list[Call]:
    """The first, the last and evenly spread ones between them, when there are too many."""
    most = MOST or operation.most
    if most is None or len(calls) <= most:
        return list(calls)
    step = (len(calls) - 1) / (most - 1)
    return [calls[round(number * step)] for number in range(most)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_command_killed_anywhere_loses_nothing(
    operation: Operation, record_property: Callable[[str, object], None]
) -> None:
    with scratch() as place:
        project, before = project_for(operation, place)
        traced = trace(operation.arguments, project)
        # What follows the creation of a file shows whether a crash between them does harm.
        calls = chosen(operation, [call for call in traced.changing if call.name != "openat"])
        for outcome in killed(operation.arguments, project, traced, calls):
            assert outcome.code is None, f"{outcome.call} was not reached"
            _check(operation, outcome, before)
    record_property("kill -9", len(calls))


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_disk_that_fails_from_some_point_on_loses_nothing(
    operation: Operation, error: str, record_property: Callable[[str, object], None]
) -> None:
    count = 0
    with scratch() as place:
        project, before = project_for(operation, place)
        traced = trace(operation.arguments, project)
        for outcome in refused(operation.arguments, project, traced, chosen(operation, traced.changing), error):
            _check_said(outcome)
            _check(operation, outcome, before)
            count += 1
    record_property(error, count)


def _check(operation: Operation, outcome: Outcome, before: tuple[bytes, ...]) -> None:
    try:
        check(operation, outcome, before)
    except Exception as error:
        raise AssertionError(f"{operation.name}, {outcome.call}: {outcome.err or 'killed'}") from error


def _check_said(outcome: Outcome) -> None:
    """One clear line and a hint, no traceback; or success, when nothing that failed mattered."""
    assert outcome.code in {0, 2, 3, 5, 6}, f"{outcome.call}: {outcome.err}"
    if outcome.code == 2:
        lines = outcome.err.strip().splitlines()
        assert lines[0].startswith("error: "), outcome.err
        assert len(lines) <= 2, outcome.err
