"""A progress bar with rate and time left on standard error; silent when that is no terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poisonguard.engine.progress import Progress


class _Bar:
    """Shows one stage after the other on one line."""

    def __init__(self, shown: object) -> None:
        self._shown = shown
        self._task: object = None
        self._lock = threading.Lock()

    def start(self, stage: str, total: int, unit: str) -> None:
        """Replace the current stage."""
        with self._lock:
            if self._task is not None:
                self._shown.remove_task(self._task)  # type: ignore[attr-defined] # rich's types would load rich
            self._task = self._shown.add_task(stage, total=total or None, unit=unit)  # type: ignore[attr-defined] # as above

    def advance(self, amount: int) -> None:
        """Move on."""
        if self._task is not None:
            self._shown.advance(self._task, amount)  # type: ignore[attr-defined] # as above


@contextmanager
def progress_bar(*, wanted: bool) -> Iterator[Progress]:
    """A bar while the context lasts; a silent observer when not wanted or not on a terminal."""
    if not wanted or not sys.stderr.isatty():
        from poisonguard.engine.progress import Silent  # noqa: PLC0415 - loaded with the scan

        yield Silent()
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    from poisonguard.cli.rate import RateColumn  # noqa: PLC0415 - as above

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        RateColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield _Bar(shown)
