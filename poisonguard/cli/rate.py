"""How far and how fast, in the unit of the stage."""

from __future__ import annotations

from rich.filesize import decimal
from rich.progress import ProgressColumn, Task
from rich.text import Text


class RateColumn(ProgressColumn):
    """``1.2 GB · 350 MB/s`` or ``120 000 rows · 45 000 rows/s``."""

    def render(self, task: Task) -> Text:
        """Amount done and speed."""
        unit, done, speed = task.fields["unit"], int(task.completed), task.speed
        if unit == "bytes":
            rate = f" · {decimal(int(speed))}/s" if speed else ""
            return Text(f"{decimal(done)}{rate}", style="cyan")
        rate = f" · {_grouped(int(speed))} {unit}/s" if speed else ""
        return Text(f"{_grouped(done)} {unit}{rate}", style="cyan")


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
