"""The one place where the process exits: every kind of end, one code and at most two lines."""

import os
import subprocess
import sys
from typing import Any

import click
import pytest

from poisonguard.cli import main as module
from poisonguard.cli.main import COMMANDS, cli, run
from poisonguard.errors import GateFailed, IncompleteScan, IntegrityError, NothingToScan, PoisonguardError, UsageError


def ending(monkeypatch: pytest.MonkeyPatch, end: Any) -> int:
    def main(*arguments: Any, **options: Any) -> Any:
        if isinstance(end, BaseException):
            raise end
        return end

    monkeypatch.setattr(module.cli, "main", main)
    return run([])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("wrong", hint="right"), 2),
        (NothingToScan("nothing"), 3),
        (IncompleteScan("part"), 4),
        (GateFailed("no"), 5),
        (IntegrityError("changed"), 6),
        (click.UsageError("wrong"), 2),
        (click.Abort(), 4),
        (KeyboardInterrupt(), 4),
        (OSError(28, "No space left on device", "scratch"), 2),
        (MemoryError(), 3),
        (ZeroDivisionError("by zero\nsecond line"), 70),
    ],
)
def test_an_error_is_a_line_and_a_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, error) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert 1 <= len(printed.err.strip().splitlines()) <= 2


def test_what_an_error_quotes_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, UsageError("file \x1b[2J\x07.csv", hint="\x1b]0;owned\x07"))
    assert "\x07" not in capsys.readouterr().err


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1), (6, 6), ("text", 0)])
def test_a_command_returns_its_code(result: Any, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ending(monkeypatch, result) == code


def test_a_bug_shows_where_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISONGUARD_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        ending(monkeypatch, ZeroDivisionError("by zero"))


def test_exit_codes_stay_clear_of_airflow_and_the_shell() -> None:
    def kinds(base: type[PoisonguardError]) -> set[int]:
        return {base.exit_code}.union(*(kinds(kind) for kind in base.__subclasses__()))

    assert kinds(PoisonguardError) == {2, 3, 4, 5, 6, 70}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_loads_and_explains_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").strip()


def test_an_unknown_command_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_help_loads_no_analytics() -> None:
    code = (
        "import sys; from poisonguard.cli.main import run; run(['--help']);"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'sklearn', 'scipy', 'numba', 'sqlalchemy', 'pydantic', 'rich'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_verdict_that_nobody_read_is_no_pass() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "poisonguard", "checks", "show", "PG-LABEL-002"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 4
    assert done.stderr == b""


def test_every_option_has_a_variable_of_its_own_name() -> None:
    command = cli.get_command(click.Context(cli), "scan")
    assert command is not None
    names = {option.opts[-1]: option.envvar for option in command.params if isinstance(option, click.Option)}
    assert names["--format"] == "POISONGUARD_SCAN_FORMAT"
    assert names["--fail-on"] == "POISONGUARD_SCAN_FAIL_ON"
    trust = cli.get_command(click.Context(cli), "trust")
    assert isinstance(trust, click.Group)
    variables = {option.envvar for option in trust.commands["init"].params}
    assert "POISONGUARD_TRUST_INIT_EXPIRES" in variables


def test_a_variable_sets_its_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("POISONGUARD_CHECKS_LIST_PACK", "text")
    assert run(["checks", "list"]) == 0
    listed = capsys.readouterr().out
    assert "PG-TEXT-001" in listed
    assert "PG-OUT-001" not in listed


@pytest.mark.parametrize("words", [[], ["keys"], ["trust"]])
def test_no_words_get_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: poisonguard")
