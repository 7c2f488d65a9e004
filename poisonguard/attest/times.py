"""Moments and durations as signed documents write them: ``2026-05-01T12:00:00Z``, ``90d``.

One spelling for each moment: UTC, whole seconds, the letter Z (a profile of RFC 3339).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from poisonguard.errors import UsageError

_MOMENT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", re.ASCII)
_DURATION = re.compile(r"([1-9][0-9]{0,9})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

LONGEST = timedelta(days=36500)
"""Nothing signed holds longer; keeps every sum of a moment and a duration within the calendar."""


def parse_time(text: str) -> datetime:
    """The moment that ``text`` names.

    Raises:
        UsageError: It is not ``YYYY-MM-DDTHH:MM:SSZ``, or no such moment exists.
    """
    match = _MOMENT.fullmatch(text)
    try:
        if match:
            year, month, day, hour, minute, second = map(int, match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        pass
    raise UsageError(f"{text!r} is not a time", hint="Write UTC as 2026-05-01T12:00:00Z.")


def format_time(moment: datetime) -> str:
    """``moment`` in UTC, cut to whole seconds; a moment without a time zone is a ``ValueError``."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def parse_duration(text: str) -> timedelta:
    """The length of time that ``text`` names: a whole number and s, m, h, d or w.

    Raises:
        UsageError: It is anything else.
    """
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= LONGEST.total_seconds():
        hint = "Write a whole number and s, m, h, d or w: 90d, 12h; at most 36500d."
        raise UsageError(f"{text[:40]!r} is not a duration", hint=hint)
    return timedelta(seconds=seconds)


def format_duration(length: timedelta) -> str:
    """``length`` in the largest unit that divides it."""
    seconds = int(length.total_seconds())
    unit = max((name for name in _SECONDS if seconds % _SECONDS[name] == 0), key=_SECONDS.__getitem__)
    return f"{seconds // _SECONDS[unit]}{unit}"
