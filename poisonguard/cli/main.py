"""The one place where the process exits.

Commands load when they are called, so that ``--help`` and ``gate`` never pay for the analytics. A command
returns its exit code or raises one of ``poisonguard.errors``; an error is two lines at most, never a traceback.
"""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from poisonguard.errors import PoisonguardError, UnreadableData, UsageError
from poisonguard.version import VERSION

COMMANDS: dict[str, str] = {
    "init": "Infer column roles and write poisonguard.yaml and policy.yaml.",
    "scan": "Look for signs of poisoning, drift, duplicates and label errors.",
    "worker": "Fold a share of a dataset on this machine, for a scan that then only judges.",
    "sign": "Hash a dataset and publish its signed manifest.",
    "approve": "Approve a scanned version for training.",
    "reject": "Reject a version, with a reason.",
    "revoke": "Take back versions, keys and approvals.",
    "gate": "Exit 0 only when the data are exactly an approved version.",
    "verify": "Check data against an OpenSSF Model Signing bundle.",
    "diff": "Show what differs between two versions: files, row groups, rows, columns.",
    "quarantine": "Copy the data without the rows that findings name; keep those apart, with the reasons.",
    "redteam": "Plant published attacks in copies of the data and say what would be caught.",
    "versions": "List published versions and who approved them.",
    "bundle": "Carry everything the gate needs in one file.",
    "keys": "Make and show signing keys.",
    "trust": "Say who may publish, scan and approve.",
    "log": "Show and audit the transparency log.",
    "checks": "List the checks and show one.",
    "explain": "Explain a finding: what, why, how it is computed, and how to waive it.",
}

VARIABLES = "poisonguard"
INTERRUPTED = 4
INTERNAL = 70


class LazyGroup(click.Group):
    """Knows its commands by name and loads each one's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"poisonguard.cli.commands.{cmd_name}").command
        name_variables(command, f"{VARIABLES}_{cmd_name}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Help without importing a single command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def name_variables(command: click.Command, prefix: str) -> None:
    """Let every option be set by a variable that is called as the option is: ``POISONGUARD_SCAN_FAIL_ON``."""
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            name_variables(child, f"{prefix}_{name}")
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar is None:
            longest = max(option.opts, key=len).lstrip("-")
            option.envvar = f"{prefix}_{longest}".replace("-", "_").upper()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 passed, 1 findings, 2 usage, 3 unreadable data, 4 incomplete, 5 not approved, 6 tampered.",
)
@click.version_option(VERSION, "-V", "--version", prog_name="poisonguard")
def cli() -> None:
    """Is this exactly the data that accountable people approved, and does anything in it look poisoned?"""


def run(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one way out per kind of end
    """Run the command line; the exit code."""
    try:
        result = cli.main(arguments, prog_name="poisonguard", standalone_mode=False)
    except PoisonguardError as error:
        return _report(error)
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return UsageError.exit_code
    except click.ClickException as error:
        return _report(UsageError(error.format_message(), hint=_how_to_ask(error)))
    except (click.Abort, KeyboardInterrupt):
        click.echo("error: interrupted; no result was written", err=True)
        click.echo(" hint: a scan goes on from what its cache holds: run the same command again", err=True)
        return INTERRUPTED
    except SystemExit:
        # click ends this way when the reader of our output left: nobody saw the verdict, so it is no pass.
        return INTERRUPTED
    except (OSError, MemoryError) as error:
        return _report(_of_the_machine(error))
    except Exception as error:  # whatever nobody expected is a bug of ours: exit code 70, never a pass
        if os.environ.get("POISONGUARD_DEBUG"):
            raise
        return _bug(error)
    return result if isinstance(result, int) else 0


def _of_the_machine(error: OSError | MemoryError) -> PoisonguardError:
    """Where the machine, not poisonguard, is at fault, and nobody closer could say more: a full $TMPDIR, no memory."""
    if isinstance(error, MemoryError):
        return UnreadableData("out of memory", hint="Look at the largest file alone, on a larger machine.")
    place = f"{error.filename}: " if error.filename else ""
    return UsageError(f"{place}{error.strerror or error}", hint="Check space, permissions and $TMPDIR.")


def _report(error: PoisonguardError) -> int:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - only a failing command pays for it

    click.echo(f"{click.style('error', fg='red', bold=True)}: {terminal(error.message)}", err=True)
    if error.hint:
        click.echo(f" {click.style('hint', fg='cyan')}: {terminal(error.hint)}", err=True)
    return error.exit_code


def _how_to_ask(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"See `{context.command_path if context else 'poisonguard'} --help`."


def _bug(error: Exception) -> int:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - only a failing command pays for it

    text = (str(error).strip().splitlines() or [""])[0]
    click.echo(f"error: this is a bug in poisonguard: {type(error).__name__}: {terminal(text)}", err=True)
    click.echo(" hint: set POISONGUARD_DEBUG=1 to see where, and report it.", err=True)
    return INTERNAL


def main() -> NoReturn:
    """Entry point of the ``poisonguard`` command."""
    signal.signal(signal.SIGTERM, _end)
    code = _flushed(run())
    if code and "pyarrow" in sys.modules:
        _leave(code)
    sys.exit(code)


def _end(number: int, frame: object) -> NoReturn:
    """End as Ctrl-C does: what is temporary is deleted, and a cluster that was started is ended."""
    del frame
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _leave(code: int) -> NoReturn:
    """End at once: where a reader was given up, a thread of Arrow's may still want Python, which aborts its ending.

    ``dataset.lent`` waits for those that read through checks; what a scan's readers handed to Arrow nobody counts.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - what os._exit leaves out
    sys.stderr.flush()
    os._exit(code)


def _flushed(code: int) -> int:
    """The code, once everything printed has left; a reader that is gone turns a pass into no answer."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would flush again at exit and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or INTERRUPTED
    return code
