"""Two ways to run poisonguard from a task: in the task's process, or as a command in an environment of its own.

Both give the same ``Answer``. Nothing of poisonguard's analytics is imported before a task runs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from poisonguard.airflow.answer import Answer
from poisonguard.errors import GateFailed, PoisonguardError

Option = str | int | Sequence[str] | Mapping[str, str | Sequence[str]] | None

FLAGS = {"packs": "--pack", "columns": "--column", "reports": "--report", "key": "--sign"}
"""Options whose flag is not simply their name."""
SAID_LINES = 3
"""Lines of standard error that stand for a missing report."""
GRACE_SECONDS = 10
"""How long a cancelled command may take to clean up before it is killed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One call: ``scan`` or ``gate``, of what, with which options (as the Python API names them)."""

    command: str
    data: str
    options: Mapping[str, Option]

    @property
    def given(self) -> dict[str, Option]:
        """The options that were given."""
        return {name: value for name, value in self.options.items() if value not in (None, (), [], {}, "")}


class Runner(Protocol):
    """Runs one job."""

    def run(self, job: Job) -> Answer:
        """The answer."""
        ...

    def cancel(self) -> None:
        """Stop as soon as possible."""
        ...


class InProcess:
    """Calls the Python API: the simplest, when Airflow and poisonguard may share an environment."""

    def run(self, job: Job) -> Answer:
        """The answer; an error of poisonguard's own is an answer, any other error is left to Airflow."""
        try:
            return CALLS[job.command](job.data, job.given)
        except PoisonguardError as error:
            return Answer.of_error(error)

    def cancel(self) -> None:
        """Nothing to stop: the work ends with the task's process."""


class Command:
    """Calls the command line: an environment of its own, nothing shared but files, JSON and the exit code.

    Args:
        executable: Path of ``poisonguard``.
        log: Takes each line that the command writes on standard error.
    """

    def __init__(self, executable: str, log: Callable[[str], None]) -> None:
        self._executable = executable
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: Job) -> Answer:
        """The answer; a command that cannot be started is a broken one."""
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; the executable is the DAG author's choice
                arguments(self._executable, job),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            return Answer.of_problem(f"{self._executable} cannot be started: {error.strerror}")
        self._process = process
        try:
            output, errors = process.communicate()
        finally:
            # A task that is timed out or killed must not leave a scan behind.
            self.cancel()
            self._process = None
        for line in errors.splitlines():
            self._log(line)
        return _answer_of(process.returncode, output, errors)

    def cancel(self) -> None:
        """End the command, if it runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        process.kill()


def arguments(executable: str, job: Job) -> list[str]:
    """The command line of ``job``; the data come last, so that no path is taken for an option."""
    flags: list[str] = []
    for name, value in job.given.items():
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        flags += [f"{flag}={item}" for item in _items(value)]
    return [executable, job.command, "--format=json", *flags, "--", job.data]


def _items(value: Option) -> Iterator[str | int]:
    if isinstance(value, (str, int)):
        yield value
    elif isinstance(value, Mapping):
        yield from (f"{role}={name}" for role, names in value.items() for name in _items(names))
    else:
        yield from value or ()


def _answer_of(code: int, output: str, errors: str) -> Answer:
    try:
        return Answer.of_report(code, json.loads(output))
    except (ValueError, TypeError, AttributeError):
        # Not JSON, or not of the shape of a report: what was said on standard error is the reason.
        said = [line for line in errors.splitlines() if line.strip()]
        problem = "; ".join(said[-SAID_LINES:]) or f"the command ended with code {code} and printed no report"
        return Answer.of_problem(problem, code)


def _scan(data: str, options: Mapping[str, Any]) -> Answer:
    import poisonguard  # noqa: PLC0415 - heavy imports wait for the task
    from poisonguard.reports.json_v1 import document  # noqa: PLC0415 - as above

    result = poisonguard.scan(data, **options)
    return Answer.of_report(result.decision.exit_code, document(result))


def _gate(data: str, options: Mapping[str, Any]) -> Answer:
    import poisonguard  # noqa: PLC0415 - heavy imports wait for the task
    from poisonguard.workflow.gate_decision import GateDecision  # noqa: PLC0415 - as above

    try:
        decision = poisonguard.gate(data, **options)
    except GateFailed as error:
        if not isinstance(error.decision, GateDecision):
            raise
        decision = error.decision
    return Answer.of_report(decision.exit_code, decision.to_json())


CALLS = {"scan": _scan, "gate": _gate}
