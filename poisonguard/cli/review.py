"""What a steward sees of a version before they sign, and where it stands after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from poisonguard.domain.wording import count, counts

if TYPE_CHECKING:
    from poisonguard.attest.scan_v1 import FindingRecord
    from poisonguard.workflow.approve import Difference, Review
    from poisonguard.workflow.standing import Standing

MOST_SHOWN = 20


def print_review(review: Review) -> None:
    """The version, its scans, its findings, and what changed since the last approved one."""
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above

    standing = review.standing
    manifest = standing.manifest
    content, release = manifest.document.manifest, manifest.document.release
    click.echo(f"version     {terminal(standing.title)}")
    click.echo(f"digest      {release.version}")
    click.echo(f"content     {counts(file=content.file_count, row=content.rows)}")
    click.echo(f"published   {release.created} by {_names(manifest.people)}")
    for scan in standing.scans:
        who = _names(scan.people)
        click.echo(f"scanned     {format_time(scan.document.scanned)} by {who}, pack {terminal(scan.document.pack)}")
    for scan in standing.superseded:
        who = _names(scan.people)
        click.echo(f"done over   {format_time(scan.document.scanned)} by {who}: {scan.document.assessment}, incomplete")
    click.echo(f"assessment  {standing.assessment or 'none: not scanned under this policy'}")
    _print_findings(review.findings)
    for reason in review.verdict:
        click.echo(f"policy      {reason.code}: {terminal(reason.message)}")
    _print_difference(review.difference)


def print_standing(standing: Standing) -> None:
    """How many of those needed approve, and who."""
    people = standing.consenting
    who = f": {_names(sorted(people))}" if people else ""
    click.echo(f"{standing.title} is {standing.state}, {len(people)} of {count(standing.needed, 'approval')}{who}")


def _print_findings(findings: tuple[FindingRecord, ...]) -> None:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    click.echo(f"findings    {len(findings)}")
    for item in findings[:MOST_SHOWN]:
        rows = f", {count(item.row_count, 'row')}" if item.row_count else ""
        subject = terminal(item.subject)
        click.echo(f"            {terminal(item.fingerprint)}  {item.level}  {terminal(item.check)}  {subject}{rows}")
    if len(findings) > MOST_SHOWN:
        click.echo(f"            and {len(findings) - MOST_SHOWN} more; see the report")


def _print_difference(difference: Difference | None) -> None:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    if difference is None:
        click.echo("changes     no version was approved before")
        return
    counts = f"{len(difference.added)} added, {len(difference.removed)} removed, {len(difference.changed)} changed"
    columns = ", columns differ" if difference.columns else ""
    click.echo(f"changes     since {terminal(difference.since)}: files {counts}; rows {difference.rows:+d}{columns}")
    paths = [*difference.added, *difference.removed, *difference.changed]
    for path in paths[:MOST_SHOWN]:
        click.echo(f"            {terminal(path)}")
    if len(paths) > MOST_SHOWN:
        click.echo(f"            and {len(paths) - MOST_SHOWN} more")


def _names(people: tuple[str, ...] | list[str]) -> str:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    return ", ".join(terminal(name) for name in people)
