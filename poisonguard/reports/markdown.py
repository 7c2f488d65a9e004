"""Markdown (GitHub flavour), for pull requests, job summaries and wikis.

Values from the data stand in code spans or are escaped: they cannot link, mention, embed or format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from poisonguard.domain.finding import Example, Level
from poisonguard.domain.result import Assessment, ScanResult
from poisonguard.reports.escape import excerpt, markdown, markdown_code, prose
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

MOST_EXAMPLES = 5
MOST_VALUES = 4
VALUE_WIDTH = 120

_SIGNS = {Assessment.CLEAN: "🟢", Assessment.DRIFTED: "🟡", Assessment.SUSPICIOUS: "🔴"}
_LEVELS = {Level.ERROR: "🔴 error", Level.WARNING: "🟠 warning", Level.NOTE: "🔵 note"}
_STATUS = {Status.FAILED: "💥 broke", Status.FOUND: "❗ found", Status.PASSED: "✅ passed", Status.SKIPPED: "⏭️ skipped"}


def render(result: ScanResult) -> str:
    """The result as Markdown."""
    views, checks = finding_views(result), check_views(result)
    blocks = [
        f"# {_SIGNS[result.assessment]} poisonguard: {markdown(result.dataset)} is {result.assessment}",
        f"**{result.decision.verdict}** · {markdown(headline(result))}",
        *_reasons(result),
        _facts(result, views, checks),
        *(["## Findings"] if views else []),
        *(block for view in views for block in _finding(view)),
        "## Checks",
        _checks(checks),
        *_notes(result),
    ]
    return "\n\n".join(blocks) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are escaped already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _reasons(result: ScanResult) -> list[str]:
    reasons = result.decision.reasons
    lines = [f"- {markdown(r.message)}" + (f" *{markdown(r.hint)}*" if r.hint else "") for r in reasons]
    return ["\n".join(lines)] if lines else []


def _facts(result: ScanResult, views: Sequence[FindingView], checks: Sequence[CheckView]) -> str:
    facts = {
        "version": markdown_code(result.version),
        "compared with": markdown_code(result.reference) if result.reference else "no reference",
        "data": size(result),
        "findings": level_counts(views) or "none",
        "checks": status_counts(checks),
        "pack": f"{markdown(result.pack)} {markdown_code(result.pack_digest)}",
        "policy": markdown_code(result.policy_digest),
        "poisonguard": markdown(result.tool_version),
    }
    return table(["", ""], facts.items())


def _finding(view: FindingView) -> Iterator[str]:
    finding = view.finding
    waived = " (waived)" if view.waived else ""
    yield f"### {view.rank}. {_LEVELS[finding.level]}{waived} · {markdown(view.title)} `{finding.check}`"
    yield markdown(finding.message)
    facts = [
        f"- compared with: {markdown(finding.compared_with)}",
        f"- where: {markdown(where(finding))}",
        *([f"- same rows as: finding {view.leader}"] if view.follows else []),
        f"- confidence: {percent(finding.confidence)}",
        *(f"- {markdown(name)}: {markdown(figure(value))}" for name, value in sorted(finding.numbers.items())),
        f"- fingerprint: `{finding.fingerprint}`",
    ]
    yield "\n".join(facts)
    if finding.examples:
        yield _examples(finding.examples)
    if view.rule:
        yield f"**What to do:** {markdown(prose(view.rule.remediation))}"


def _examples(examples: Sequence[Example]) -> str:
    shown = examples[:MOST_EXAMPLES]
    names = [name for name, _ in shown[0].values[:MOST_VALUES]]
    header = ["file", "row", *map(markdown_code, names)]
    rows = [
        [markdown_code(example.path), f"{example.row}", *(_value(example, name) for name in names)] for example in shown
    ]
    return table(header, rows)


def _value(example: Example, name: str) -> str:
    column, mark = example.highlight or ("", "")
    value = dict(example.values).get(name, "")
    part = excerpt(value, mark if column == name else None, VALUE_WIDTH)
    if not part.marked:
        return markdown_code(part.text)
    before = markdown_code(part.before) if part.before else ""
    after = markdown_code(part.after) if part.after else ""
    dots = ("…" if part.cut_before else ""), ("…" if part.cut_after else "")
    return f"{dots[0]}{before} **{markdown_code(part.marked)}** {after}{dots[1]}".strip()


def _checks(checks: Sequence[CheckView]) -> str:
    rows = [
        [
            f"`{check.id}`",
            markdown(check.title),
            _STATUS[check.status],
            "" if check.coverage is None else percent(check.coverage),
            markdown(check.detail),
        ]
        for check in checks
    ]
    return table(["check", "title", "outcome", "coverage", "detail"], rows)


def _notes(result: ScanResult) -> list[str]:
    return ["## Notes", "\n".join(f"- {markdown(note)}" for note in result.notes)] if result.notes else []
