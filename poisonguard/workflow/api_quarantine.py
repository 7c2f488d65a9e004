"""The Python API of quarantine and red team: the same behaviour as the command line, values in and values out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from poisonguard.domain.finding import Level
from poisonguard.errors import UsageError
from poisonguard.workflow.scan_options import PathLike, ScanOptions, scan_request

if TYPE_CHECKING:
    from poisonguard.domain.exercise import Exercise
    from poisonguard.workflow.quarantine_record import Record


def quarantine(
    data: PathLike,
    folder: PathLike,
    *,
    findings: Sequence[str] = (),
    checks: Sequence[str] = (),
    level: str = "warning",
    **scan: Unpack[ScanOptions],
) -> Record:
    """Scan the data; write a copy without the rows that findings name, and those rows apart, to a new folder.

    Args:
        data: Path, glob or URL. It is only read.
        folder: New folder: ``clean/``, ``quarantined/``, ``rows.jsonl`` (why each row went), ``quarantine.json``.
        findings: Fingerprints of the findings whose rows go; all findings when empty.
        checks: Ids of the checks whose findings' rows go; all checks when empty.
        level: Rows of findings at this level or above: ``note``, ``warning``, ``error``.
        scan: As for ``scan``.

    Returns:
        What ``quarantine.json`` holds.

    Raises:
        DataError: The data are not there, or a file cannot be taken apart.
        UsageError: The folder holds something or lies in the data, there is no such finding, or no row would be left.
    """
    from poisonguard.workflow.quarantine import QuarantineRequest  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.quarantine import quarantine as take_apart  # noqa: PLC0415 - as above

    request = QuarantineRequest(
        scan=scan_request(os.fspath(data), **scan),
        folder=Path(folder),
        findings=tuple(findings),
        checks=tuple(checks),
        level=_level(level),
    )
    return take_apart(request)


def restore(folder: PathLike, target: PathLike) -> str:
    """Put the rows of a quarantine back, into the new folder ``target``; the version of what stands there then.

    Raises:
        DataError: There is no quarantine in ``folder``, or a file of it cannot be read.
        IntegrityError: It is not what was written.
        UsageError: ``target`` is not new, or lies in ``folder``.
    """
    from poisonguard.workflow.quarantine_restore import restore as put_back  # noqa: PLC0415 - as above

    return put_back(Path(folder), Path(target))[1]


def red_team(
    data: PathLike,
    *,
    attacks: Sequence[str] = (),
    rates: Sequence[float] = (),
    seed: int = 0,
    rows: int | None = None,
    **scan: Unpack[ScanOptions],
) -> Exercise:
    """Plant published attacks in copies of the data, scan each copy, and say what would have been caught.

    Args:
        data: Path, glob or URL. It is only read.
        attacks: Names of attacks; all that apply when empty.
        rates: Shares of the rows to poison; those of each attack when empty.
        seed: What everything random is drawn from.
        rows: Rows of a copy; a larger dataset is sampled. 20,000 when not given.
        scan: As for ``scan``.

    Raises:
        DataError: The data are not there or cannot be read.
        UsageError: There is no such attack, a rate is out of range, or no attack applies.
    """
    from poisonguard.workflow.redteam import (  # noqa: PLC0415 - heavy imports wait for the call
        MOST_ROWS,
        RedteamRequest,
        redteam,
    )

    request = scan_request(os.fspath(data), **scan)
    return redteam(RedteamRequest(request, tuple(attacks), tuple(rates), seed, MOST_ROWS if rows is None else rows))


def _level(name: str) -> Level:
    if name not in set(Level):
        raise UsageError(f"there is no level {name!r}", hint=f"Levels: {', '.join(Level)}.")
    return Level(name)
