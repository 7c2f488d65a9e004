"""The progress bar shows stage, amount, rate and time left on a terminal, and nothing elsewhere."""

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from poisonguard.cli.progress import progress_bar
from poisonguard.cli.rate import RateColumn
from poisonguard.engine.progress import Silent


def test_silent_when_not_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(wanted=True) as bar:
        assert isinstance(bar, Silent)
        bar.start("hashing", 10, "bytes")
        bar.advance(10)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_stages_follow_one_another_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(wanted=True) as bar:
        bar.start("hashing", 100, "bytes")
        bar.advance(100)
        bar.start("reading rows", 0, "rows")
        bar.advance(7)
    shown = terminal.getvalue()
    assert "reading rows" in shown
    assert "7 rows" in shown


def test_not_wanted_is_silent_even_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar(wanted=False) as bar:
        assert isinstance(bar, Silent)


@pytest.mark.parametrize(("unit", "shown"), [("bytes", "2.5 MB"), ("rows", "2\u202f500\u202f000 rows")])
def test_amounts_read_in_their_unit(unit: str, shown: str) -> None:
    progress = Progress(RateColumn(), console=Console(file=io.StringIO()))
    task = progress.add_task("stage", total=None, unit=unit, completed=2_500_000)
    assert RateColumn().render(progress.tasks[task]).plain == shown
