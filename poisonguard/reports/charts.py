"""Small charts as inline SVG, drawn by us: no script, no font, no colour of its own (the page's style sheet has them).

The scanned version is filled, the reference is a line: shapes tell them apart where colours do not. Every chart
says in words what it shows (``aria-label``), and bars say their numbers when hovered (``title``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

from poisonguard.domain.result import ColumnSummary
from poisonguard.domain.wording import count
from poisonguard.reports.escape import html, shorten
from poisonguard.reports.view import moved_share, percent

WIDTH = 288
"""The usual 24 bars are 12 wide: whole numbers keep wide reports small."""
HEIGHT = 84
AXIS = 14
"""Height of the line of text below a histogram."""

MOST_CATEGORIES = 6
CATEGORY_STEP = 18
CATEGORY_LABEL = 106
CATEGORY_VALUE = 46
LABEL_WIDTH = 14

STRIP_CELLS = 80
STRIP_WIDTH = 600
STRIP_HEIGHT = 22
STRIP_BAR = 16
STRIP_SHADES = 4

SMALL_CHANGE = 0.2
"""The bars of change reach so far at least: two per cent should not look like a landslide."""

_NUMERIC = ("int", "uint", "float", "double", "half", "decimal")


def column_chart(column: ColumnSummary, *, hover: bool = True) -> Markup:
    """The distribution of one column beside its reference; empty when nothing is known of it.

    ``hover=False`` leaves out the numbers behind each bar, for pages with very many columns.
    """
    if not column.counts or len(column.bins) != len(column.counts):
        return Markup()
    if column.type.startswith(_NUMERIC) and " to " in column.bins[0]:
        return _histogram(column, hover=hover)
    return _categories(column)


def _histogram(column: ColumnSummary, *, hover: bool) -> Markup:
    mine, theirs = _shares(column.counts), _shares(column.reference_counts)
    top = max([*mine, *theirs, 1e-9])
    step = WIDTH / len(mine)
    parts = [f'<path class="c" d="{_bars(mine, top, step)}"/>']
    if theirs:
        parts.append(f'<path class="r" d="{_outline(theirs, top, step)}"/>')
    parts.append(f'<path class="x" d="M0 {HEIGHT}H{WIDTH}"/>')
    first, last = column.bins[0].split(" to ")[0], column.bins[-1].split(" to ")[-1]
    parts.append(f'<text y="{HEIGHT + AXIS - 2}">{html(shorten(first, LABEL_WIDTH))}</text>')
    parts.append(f'<text x="{WIDTH}" y="{HEIGHT + AXIS - 2}" class="e">{html(shorten(last, LABEL_WIDTH))}</text>')
    if hover:
        parts += [
            f'<rect class="h" x="{_n(index * step)}" width="{_n(step)}" height="{HEIGHT}">{title}</rect>'
            for index, title in enumerate(_titles(column))
        ]
    return _svg(WIDTH, HEIGHT + AXIS, _label(column), parts)


def _categories(column: ColumnSummary) -> Markup:
    mine, theirs = _shares(column.counts), _shares(column.reference_counts)
    shown = min(MOST_CATEGORIES, len(mine))
    scale = (WIDTH - CATEGORY_LABEL - CATEGORY_VALUE) / max([*mine[:shown], *theirs[:shown], 1e-9])
    parts = []
    for index, title in enumerate(_titles(column)[:shown]):
        y, bar = index * CATEGORY_STEP, mine[index] * scale
        parts.append(
            f'<g>{title}<rect class="h" y="{y}" width="{WIDTH}" height="{CATEGORY_STEP}"/>'
            f'<text y="{y + 13}">{html(shorten(column.bins[index], LABEL_WIDTH))}</text>'
            f'<rect class="c" x="{CATEGORY_LABEL}" y="{y + 4}" width="{_n(bar)}" height="11"/>'
        )
        if theirs:
            x = CATEGORY_LABEL + theirs[index] * scale
            parts.append(f'<path class="r" d="M{_n(x)} {y + 2}v15"/>')
        parts.append(f'<text x="{WIDTH}" y="{y + 13}" class="e">{html(percent(mine[index]))}</text></g>')
    if len(mine) > shown:
        y = shown * CATEGORY_STEP + 12
        parts.append(f'<text y="{y}" class="q">and {len(mine) - shown} more</text>')
    return _svg(WIDTH, (shown + (len(mine) > shown)) * CATEGORY_STEP, _label(column), parts)


def change_chart(columns: Sequence[tuple[str, float]]) -> Markup:
    """Bars of change: for each (column, share of rows that moved) one bar, in the order given."""
    label, step, width = 150, 20, 640
    scale = (width - label - CATEGORY_VALUE) / max([SMALL_CHANGE, *(share for _, share in columns)])
    parts = []
    for index, (name, share) in enumerate(columns):
        y = index * step
        parts.append(
            f"<g><title>{html(shorten(name, 80))}: {html(percent(share))} of the rows moved</title>"
            f'<text x="{label - 8}" y="{y + 14}" class="e">{html(shorten(name, 22))}</text>'
            f'<rect class="c" x="{label}" y="{y + 3}" width="{_n(share * scale)}" height="14"/>'
            f'<text x="{_n(label + share * scale + 6)}" y="{y + 14}">{html(percent(share))}</text></g>'
        )
    return _svg(width, len(columns) * step, "Share of rows that moved to other bins, by column", parts)


def strip_chart(rows: Sequence[int], total: int, files: Sequence[int], *, hover: bool = True) -> Markup:
    """Where in the dataset the named rows lie: cells from the first row to the last, darker where there are more.

    ``files`` are the row counts of the files in order; their borders are ticks. Empty when no row is named.
    """
    numbers = np.asarray(rows, dtype=np.int64)
    if not len(numbers) or total <= 0:
        return Markup()
    cells = min(STRIP_CELLS, total)
    counts = np.bincount(np.clip(numbers, 0, total - 1) * cells // total, minlength=cells).tolist()
    parts = [f'<rect class="b" width="{STRIP_WIDTH}" height="{STRIP_BAR}"/>', *_shades(counts)]
    edges = np.cumsum(np.asarray(files, dtype=np.int64))[:-1].tolist()
    if len(edges) < STRIP_CELLS:
        ticks = "".join(f"M{_n(edge * STRIP_WIDTH / total)} 0v{STRIP_HEIGHT}" for edge in edges if edge <= total)
        parts.append(f'<path class="x" d="{ticks}"/>')
    if hover:
        parts += _cell_titles(counts, total)
    return _svg(STRIP_WIDTH, STRIP_HEIGHT, f"Where the {count(len(numbers), 'named row')} lie in the dataset", parts)


def _shades(counts: Sequence[int]) -> list[str]:
    """One path per shade; few shades are all an eye can tell apart, and they keep the page small."""
    step, most = STRIP_WIDTH / len(counts), max(counts)
    parts = []
    for shade in range(1, STRIP_SHADES + 1):
        cells = [cell for cell, number in enumerate(counts) if -(-number * STRIP_SHADES // most) == shade]
        drawn = "".join(f"M{_n(cell * step)} 0h{_n(step - 1)}v{STRIP_BAR}h{_n(1 - step)}z" for cell in cells)
        if cells:
            parts.append(f'<path class="m" d="{drawn}" opacity="{shade / STRIP_SHADES:.2f}"/>')
    return parts


def _cell_titles(counts: Sequence[int], total: int) -> list[str]:
    cells = len(counts)
    step = STRIP_WIDTH / cells
    parts = []
    for cell, number in enumerate(counts):
        if number:
            # The rows r with r * cells // total == cell.
            first, last = -(-cell * total // cells), -(-(cell + 1) * total // cells) - 1
            parts.append(
                f'<rect class="h" x="{_n(cell * step)}" width="{_n(step)}" height="{STRIP_BAR}">'
                f"<title>rows {first:,} to {last:,}: {number:,} named</title></rect>"
            )
    return parts


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def _bars(shares: Sequence[float], top: float, step: float) -> str:
    """Bars as one path; a hair of space between them."""
    gap = min(1.0, step / 8)
    return "".join(
        f"M{_n(index * step)} {HEIGHT}V{_n(HEIGHT - share / top * (HEIGHT - 4))}h{_n(step - gap)}V{HEIGHT}z"
        for index, share in enumerate(shares)
        if share
    )


def _outline(shares: Sequence[float], top: float, step: float) -> str:
    """The tops of the bars as one line of steps."""
    heights = [HEIGHT - share / top * (HEIGHT - 4) for share in shares]
    return f"M0 {HEIGHT}" + "".join(f"V{_n(height)}h{_n(step)}" for height in heights) + f"V{HEIGHT}"


def _titles(column: ColumnSummary) -> list[str]:
    mine, theirs = _shares(column.counts), _shares(column.reference_counts)
    texts = []
    for index, (name, number) in enumerate(zip(column.bins, column.counts, strict=True)):
        share = percent(mine[index])
        beside = f", reference {percent(theirs[index])}" if theirs else ""
        texts.append(f"<title>{html(shorten(name, 80))}{html(f': {number:,} ({share}){beside}')}</title>")
    return texts


def _label(column: ColumnSummary) -> str:
    moved = moved_share(column.counts, column.reference_counts)
    beside = "" if moved is None else f" beside the reference; {percent(moved)} of the rows moved"
    return f"Distribution of {column.name[:80]}{beside}"


def _svg(width: int, height: int, label: str, parts: Iterable[str]) -> Markup:
    head = (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{html(label)}">'
    )
    # Every text above went through html(); the rest are numbers and our own class names.
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - see the line above


def _n(value: float) -> str:
    """A coordinate, as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0")
