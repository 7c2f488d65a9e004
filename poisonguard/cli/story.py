"""The story of one version, as a person or a program reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from poisonguard.cli.output import json_text

if TYPE_CHECKING:
    from poisonguard.workflow.story import Event, Story

INDENT = " " * 29


def story_as_json(story: Story) -> str:
    """The document ``poisonguard-story/v1``."""
    return json_text(story.to_json())


def story_as_text(story: Story) -> str:
    """Where the version stands now, what speaks against it, and a line for everything that happened."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    lines = [f"{terminal(story.named.title)} is {story.state}", story.named.version]
    for reason in story.reasons:
        lines.append(f"x {reason.code}: {terminal(reason.message)}")
        lines += [f"    {terminal(reason.hint)}"] if reason.hint else []
    for event in story.events:
        lines += _lines(event)
    return "".join(f"{line}\n" for line in lines)


def _lines(event: Event) -> Iterator[str]:
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above

    who = ", ".join(terminal(name) for name in event.people) or "nobody known"
    what = f"{event.what} by {who}"
    yield f"{event.position:>6}  {format_time(event.time)} {what}: {terminal(event.text)}"
    for detail in event.details:
        yield f"{INDENT}{terminal(detail)}"
    if event.problem:
        yield f"{INDENT}does not count: {terminal(event.problem)}"
