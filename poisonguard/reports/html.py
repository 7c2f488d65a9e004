"""The report as one HTML page that is safe to open although attackers wrote parts of it.

No script, no external reference, its own content security policy, and one escaping layer that nothing can miss:
jinja2's ``finalize`` puts every printed value through ``escape.html`` (autoescape stays on underneath).
The page stays below 2 MB at 1,000 columns: evidence, findings and columns are capped, and it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poisonguard.domain.finding import Example, Level
from poisonguard.domain.result import ColumnSummary, ScanResult
from poisonguard.domain.wording import count
from poisonguard.reports.charts import change_chart, column_chart, strip_chart
from poisonguard.reports.escape import Excerpt, excerpt, html, html_marked, prose, shorten
from poisonguard.reports.view import (
    FindingView,
    Status,
    check_views,
    figure,
    finding_views,
    headline,
    level_counts,
    moved_share,
    percent,
    size,
    status_counts,
    where,
)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

FULL_FINDINGS = 50
"""Findings shown in full; the next ones are one line each."""
LISTED_FINDINGS = 500
HOVER_FINDINGS = 10
"""Findings whose strip of rows says its numbers."""
MOST_COLUMNS = 1_000
HOVER_COLUMNS = 120
"""Up to so many columns, every bar says its numbers."""
MOST_VALUES = 5
VALUE_WIDTH = 200
SHORT_VALUE = 24
"""Values up to so many characters stay on one line."""
NOTABLE_MOVE = 0.1
MOST_CHANGES = 15


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column with its chart, how much it changed, and whether a finding speaks of it."""

    column: ColumnSummary
    chart: Markup
    moved: float | None
    named: bool

    @property
    def notable(self) -> bool:
        """Whether it changed much."""
        return self.moved is not None and self.moved >= NOTABLE_MOVE


def render(result: ScanResult) -> str:
    """The result as one HTML page."""
    views = finding_views(result)
    columns = _columns(result)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            policy=Markup(POLICY),  # noqa: S704 - a constant; its quotes must stay quotes
            headline=headline(result),
            size=size(result),
            checks=check_views(result),
            statuses=list(Status),
            status_counts=status_counts(check_views(result)),
            findings=views[:FULL_FINDINGS],
            listed=views[FULL_FINDINGS:LISTED_FINDINGS],
            unlisted=max(0, len(views) - LISTED_FINDINGS),
            levels=list(reversed(Level)),
            level_counts=level_counts(views),
            columns=columns,
            uncolumned=len(result.columns) - len(columns),
            changes=_changes(columns),
            charts={column.column.name: column.chart for column in columns},
            files=[entry.rows for entry in result.files],
        )
    )


@cache
def environment() -> Environment:
    """The templates, with the one escaping layer that every page of ours goes through."""
    made = Environment(
        loader=PackageLoader("poisonguard.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_safe,
    )
    made.filters.update(
        count=count,
        figure=figure,
        percent=percent,
        prose=prose,
        shorten=shorten,
        marked=html_marked,
        where=where,
    )
    made.globals.update(
        evidence_limit=_evidence_limit,
        evidence_names=_evidence_names,
        evidence_value=_evidence_value,
        short_value=SHORT_VALUE,
        hover_findings=HOVER_FINDINGS,
        strip_chart=strip_chart,
    )
    return made


def _safe(value: Any) -> Markup:
    """What the template prints: our own markup as it is, everything else escaped."""
    return value if isinstance(value, Markup) else html(str(value))


def _columns(result: ScanResult) -> list[ColumnView]:
    named = {finding.column for finding in result.findings}
    hover = len(result.columns) <= HOVER_COLUMNS
    return [
        ColumnView(
            column,
            column_chart(column, hover=hover),
            moved_share(column.counts, column.reference_counts),
            column.name in named,
        )
        for column in islice(result.columns, MOST_COLUMNS)
    ]


def _changes(columns: Sequence[ColumnView]) -> Markup:
    moved = [(view.column.name, view.moved) for view in columns if view.moved]
    moved.sort(key=lambda item: (-item[1], item[0]))
    return change_chart(moved[:MOST_CHANGES]) if moved else Markup()


def _evidence_limit(rank: int) -> int:
    """Evidence rows for a finding: many for the gravest, a few for the rest, so that the page stays small."""
    return 20 if rank <= 10 else 5 if rank <= 30 else 2  # noqa: PLR2004 - the caps stand side by side here


def _evidence_names(view: FindingView) -> list[str]:
    """The columns of the evidence table: the engine puts the telling ones first."""
    examples = view.finding.examples
    return [name for name, _ in examples[0].values[:MOST_VALUES]] if examples else []


def _evidence_value(example: Example, name: str) -> Excerpt:
    column, mark = example.highlight or ("", "")
    value = dict(example.values).get(name, "")
    return excerpt(value, mark if column == name else None, VALUE_WIDTH)
