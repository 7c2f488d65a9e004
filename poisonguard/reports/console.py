"""The report on a terminal: findings first, then what became of each check, then the answer at the bottom.

Colour and width are arguments: a renderer looks at no terminal and no environment. ``terminal_options`` does, for
whoever prints. No text goes through rich's markup, and all of it goes through ``escape``.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from poisonguard.domain.decision import Verdict
from poisonguard.domain.finding import Example, Level
from poisonguard.domain.outcome import Skipped
from poisonguard.domain.result import Assessment, Rule, ScanResult
from poisonguard.domain.wording import NO_VALUE, NOT_READ, count
from poisonguard.reports.escape import excerpt, prose, shorten, terminal
from poisonguard.reports.view import (
    CheckView,
    FindingView,
    Status,
    check_views,
    figure,
    finding_views,
    headline,
    level_counts,
    percent,
    size,
    status_counts,
    where,
)

DEFAULT_WIDTH = 100
NARROWEST = 50
WIDEST = 160
"""Longer lines are hard to read, however wide the terminal is."""

MOST_EXAMPLES = 3
MOST_VALUES = 3
INDENT = 4

_LEVELS = {Level.ERROR: "bold white on red", Level.WARNING: "bold black on yellow", Level.NOTE: "bold white on blue"}
_VERDICTS = {Verdict.PASSED: "bold white on green", Verdict.FAILED: "bold white on red"}
_ASSESSMENTS = {Assessment.CLEAN: "bold green", Assessment.DRIFTED: "bold yellow", Assessment.SUSPICIOUS: "bold red"}
_STATUS = {
    Status.FAILED: ("✗ broke", "bold red"),
    Status.FOUND: ("! found", "yellow"),
    Status.PASSED: ("✓ passed", "green"),
    Status.SKIPPED: ("- skipped", "dim"),
}


def render(
    result: ScanResult,
    /,
    *,
    color: bool = False,
    width: int = DEFAULT_WIDTH,
    verbose: bool = False,
    quiet: bool = False,
) -> str:
    """The result for a terminal ``width`` cells wide; ``quiet`` is one line per finding and the answer."""
    width = min(WIDEST, max(NARROWEST, width))
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        force_jupyter=False,
        # rich would read COLUMNS, NO_COLOR and the like by itself.
        _environ={},
    )
    for part in _quiet(result) if quiet else _full(result, verbose=verbose, width=width):
        console.print(part)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def terminal_options(stream: TextIO, environ: Mapping[str, str]) -> tuple[bool, int]:
    """Whether to colour what is printed to ``stream``, and how wide it is (no-color.org, force-color.org)."""
    plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    forced = bool(environ.get("FORCE_COLOR"))
    interactive = stream.isatty()
    color = not plain and (interactive or forced)
    if environ.get("COLUMNS", "").isdigit():
        return color, int(environ["COLUMNS"])
    if not interactive:
        return color, DEFAULT_WIDTH
    try:
        return color, os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return color, shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns


def _full(result: ScanResult, *, verbose: bool, width: int) -> Iterator[RenderableType]:
    views, checks = finding_views(result), check_views(result)
    yield _title(result)
    if views:
        yield Text()
        yield _section("Findings", level_counts(views))
    for view in views:
        yield Text()
        yield _finding(view, verbose=verbose, width=width)
    yield Text()
    yield _section("Checks", status_counts(checks))
    yield _checks([check for check in checks if verbose or check.status is not Status.SKIPPED])
    if not verbose:
        yield from _skipped(checks)
    if verbose:
        yield Text()
        yield _section("Columns", count(len(result.manifest.columns), "column"))
        yield _columns(result)
    for note in result.notes:
        yield Text.assemble("\n" if note is result.notes[0] else "", ("note: ", "cyan"), terminal(note))
    yield Text()
    yield from _answer(result, verbose=verbose)


def _quiet(result: ScanResult) -> Iterator[RenderableType]:
    for view in finding_views(result):
        finding = view.finding
        waived = " (waived)" if view.waived else ""
        cause = (f" Mostly the rows of line {view.leader}.", "dim") if view.follows else ""
        yield Text.assemble(_badge(view), waived, f" {finding.check} ", terminal(finding.message), cause)
    yield _verdict(result)
    skipped = sum(isinstance(outcome, Skipped) for outcome in result.outcomes)
    if skipped:
        yield Text(f" · {skipped} of {len(result.outcomes)} checks did not apply and said nothing")
    for note in result.notes:
        if NOT_READ in note or NO_VALUE in note:
            yield Text(f" · {terminal(note)}")
    for reason in result.decision.reasons:
        if reason.exit_code > 1:
            # Findings were listed above; that the scan is incomplete was not.
            yield Text(f" · {terminal(reason.message)}")


def _skipped(checks: Sequence[CheckView]) -> Iterator[RenderableType]:
    """Checks that do not apply, by reason: one line each says enough."""
    reasons: dict[str, list[str]] = {}
    for check in checks:
        if check.status is Status.SKIPPED:
            reasons.setdefault(check.detail, []).append(check.id)
    for reason, ids in reasons.items():
        yield Text.assemble(("- skipped  ", "dim"), (", ".join(ids), "cyan"), (f"  {terminal(reason)}", "dim"))


def _title(result: ScanResult) -> Text:
    against = f" compared with {terminal(result.reference)}" if result.reference else ", without a reference"
    return Text.assemble(
        ("poisonguard", "bold"),
        f" {terminal(result.tool_version)} · ",
        (terminal(result.dataset), "bold"),
        against,
        (f"\n{size(result)}", "dim"),
        (f"\n{terminal(result.version)}", "dim"),
    )


def _section(name: str, detail: str) -> RenderableType:
    title = Text.assemble((name, "bold"), (f"  {detail}" if detail else "", ""))
    return Line(title, align="left", style="dim", characters="─")


def _badge(view: FindingView) -> tuple[str, str]:
    level = view.finding.level
    return f" {level.upper()} ", "dim" if view.waived else _LEVELS[level]


def _finding(view: FindingView, *, verbose: bool, width: int) -> RenderableType:
    finding = view.finding
    head = Text.assemble(
        (f"{view.rank:>2}  ", "bold"),
        _badge(view),
        (" waived", "dim") if view.waived else "",
        "  ",
        (terminal(view.title), "bold"),
        (f"  {finding.check}", "cyan"),
    )
    facts = _grid()
    facts.add_row("compared with", terminal(finding.compared_with))
    facts.add_row("where", terminal(where(finding)))
    if view.follows:
        facts.add_row("same rows as", f"finding {view.leader}, so probably of one cause")
    if verbose:
        facts.add_row("numbers", ", ".join(f"{terminal(n)} {terminal(figure(v))}" for n, v in _numbers(view)))
    # What a finding of the same cause has shown and advised need not be read twice.
    if verbose or not view.follows:
        for row in _example_rows(view, verbose=verbose, width=width):
            facts.add_row(*row)
    if view.rule and (verbose or not view.follows):
        for name, text in _advice(view.rule, verbose=verbose):
            facts.add_row(name, terminal(prose(text)))
    facts.add_row("fingerprint", Text(f"{finding.fingerprint}, confidence {percent(finding.confidence)}", "dim"))
    return Group(head, Padding(Group(Text(terminal(finding.message)), facts), (0, 0, 0, INDENT)))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _numbers(view: FindingView) -> list[tuple[str, float | int | str]]:
    return sorted(view.finding.numbers.items())


def _advice(rule: Rule, *, verbose: bool) -> Iterator[tuple[str, str]]:
    yield "what to do", rule.remediation
    if verbose:
        yield "why", rule.why
        yield from (("ordinary cause", text) for text in rule.false_positives)
        yield from (("blind spot", text) for text in rule.blind_spots)
        yield "threats", ", ".join(rule.threats)
        yield from (("reference", text) for text in rule.references)


def _example_rows(view: FindingView, *, verbose: bool, width: int) -> Iterator[tuple[str, Text]]:
    examples = view.finding.examples
    shown = examples if verbose else examples[:MOST_EXAMPLES]
    for number, example in enumerate(shown):
        label = ("rows" if len(examples) > 1 else "row") if number == 0 else ""
        yield label, _example(example, verbose=verbose, width=width)
    hidden = view.finding.row_count - len(shown)
    if shown and hidden > 0:
        yield "", Text(f"and {count(hidden, 'more row')} (--flagged FILE writes all)", "dim")


def _example(example: Example, *, verbose: bool, width: int) -> Text:
    """One row: its place, then its first values, the suspicious part marked."""
    line = Text.assemble((f"{shorten(example.path, 48)}:{example.row}", "magenta"))
    if example.key is not None:
        line.append(f" {shorten(example.key, 24)}", "dim")
    values = example.values if verbose else example.values[:MOST_VALUES]
    room = max(24, (2 * width) // (1 + len(values)) - INDENT)
    for name, value in values:
        line.append(f"  {shorten(name, 32)}=", "dim")
        mark = example.highlight[1] if example.highlight and example.highlight[0] == name else None
        line.append_text(_value(value, mark, room if mark is None else 2 * room))
    if len(example.values) > len(values):
        line.append(f"  +{count(len(example.values) - len(values), 'column')}", "dim")
    return line


def _value(value: str, mark: str | None, room: int) -> Text:
    part = excerpt(value, mark, room)
    # Without colour the mark is still there: in brackets.
    marked = (f"⟦{part.marked}⟧", "bold red underline") if part.marked else ""
    return Text.assemble("…" if part.cut_before else "", part.before, marked, part.after, "…" if part.cut_after else "")


def _checks(checks: Sequence[CheckView]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("outcome", no_wrap=True)
    table.add_column("check", style="cyan", no_wrap=True)
    table.add_column("title", ratio=2)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("detail", ratio=3, overflow="fold")
    for check in checks:
        word, style = _STATUS[check.status]
        coverage = "" if check.coverage is None else percent(check.coverage)
        partial = "yellow" if check.coverage is not None and check.coverage < 1 else ""
        table.add_row(
            Text(word, style), check.id, terminal(check.title), Text(coverage, partial), terminal(check.detail)
        )
    return table


def _columns(result: ScanResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("column", "type", "role", "because"):
        table.add_column(name, overflow="fold")
    roles = {item.column: item for item in result.roles.assignments}
    for column in result.manifest.columns:
        role = roles.get(column.name)
        name, kind = shorten(column.name, 48), shorten(column.type, 32)
        table.add_row(name, kind, role.role if role else "", terminal(role.reason) if role else "")
    return table


def _answer(result: ScanResult, *, verbose: bool) -> Iterator[RenderableType]:
    yield _section("Answer", "")
    yield _verdict(result)
    reasons = _grid()
    for reason in result.decision.reasons:
        hint = f" {terminal(reason.hint)}" if reason.hint else ""
        reasons.add_row(" ·", Text.assemble(terminal(reason.message), (hint, "dim")))
    if result.decision.reasons:
        yield reasons
    if verbose:
        for name, digest in (("pack", result.pack_digest), ("policy", result.policy_digest)):
            yield Text(f"{name} digest {digest}", "dim")


def _verdict(result: ScanResult) -> Text:
    decision = result.decision
    return Text.assemble(
        (f" {decision.verdict} ", _VERDICTS[decision.verdict]),
        "  ",
        (result.assessment.value, _ASSESSMENTS[result.assessment]),
        f": {terminal(headline(result))}",
        (f"  exit code {decision.exit_code}", "dim"),
    )
