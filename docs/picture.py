"""Draw what a scan prints, as the picture in the README: the text is the command's own, nothing is retouched.

``make docs`` runs it. The middle of the output is left out where the picture says ``[...]``; a test compares every
other line with what the command prints.
"""

from __future__ import annotations

import html
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = "docs/images/scan.svg"
SHOWN = "poisonguard scan sample_data/reviews/next_poisoned_rare_token --reference data"
"""The README's command; there, ``data`` is a copy of the approved version."""
CUT = "[...]"
WIDTH = 100
CELL = 12.2
"""Width of a character in rich's pictures."""
HEAD_ENDS = "fingerprint"
TAIL_BEGINS = "Answer "
FOUND = 1
"""Exit code of a scan that found something."""

FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" \
aria-label="Output of poisonguard scan">
    <style>
    .{unique_id}-matrix {{
        font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""rich's own frame without its web font: a picture that is opened must not call anybody."""


def draw(printed: str) -> str:
    """The picture of a scan's coloured output."""
    lines = cut(printed.splitlines())
    # A recorder: what it prints itself goes nowhere.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, highlight=False)
        console.print(Text.assemble(("$ ", "bold green"), SHOWN))
        for line in lines:
            console.print(Text.from_ansi(line))
        return console.export_svg(title="poisonguard scan", theme=MONOKAI, code_format=FORMAT, unique_id="scan")


def cut(lines: list[str]) -> list[str]:
    """The head with the first finding, and the answer."""
    plain = [Text.from_ansi(line).plain for line in lines]
    first = next(number for number, line in enumerate(plain) if HEAD_ENDS in line) + 1
    answer = next(number for number, line in enumerate(plain) if line.startswith(TAIL_BEGINS))
    return [*lines[:first], "", CUT, "", *lines[answer:]]


def text_of(svg: str) -> list[str]:
    """The lines of text that a picture shows, each piece at its column."""
    cells = re.findall(r'<text class="scan-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg)
    rows: dict[float, str] = {}
    for x, y, text in cells:
        place = round(float(x) / CELL)
        rows[float(y)] = rows.get(float(y), "").ljust(place) + html.unescape(text).replace("\xa0", " ")
    lines = (row.rstrip() for _, row in sorted(rows.items()))
    return [line for line in lines if line]


def scan() -> str:
    """What the command prints on a terminal, run as the README says."""
    command = [Path(sys.executable).with_name("poisonguard"), *SHOWN.split()[1:]]
    environment = {"COLUMNS": str(WIDTH), "TERM": "xterm", "PATH": os.environ["PATH"]}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "sample_data", Path(folder) / "sample_data")
        shutil.copytree(ROOT / "sample_data" / "reviews" / "approved", Path(folder) / "data")
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
        os.close(theirs)
        printed = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        if process.wait() != FOUND:
            raise SystemExit(f"the scan ended with exit code {process.returncode}: {printed.decode()}")
    return printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """The next bytes on a terminal; none once nobody writes to it any more."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says EIO where others say end of file
        return b""


def main() -> None:
    """Scan, and draw."""
    (ROOT / PICTURE).write_text(draw(scan()), encoding="utf-8")
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
