"""One spelling for each moment and each duration."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.times import LONGEST, format_duration, format_time, parse_duration, parse_time
from poisonguard.errors import UsageError


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0)))
def test_moments_survive(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


def test_moments_are_written_in_utc_and_cut_to_seconds() -> None:
    moment = datetime(2026, 5, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(moment) == "2026-05-01T12:00:00Z"


def test_a_moment_without_time_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_time(datetime(2026, 5, 1))  # noqa: DTZ001  the mistake under test


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-01",
        "2026-05-01T12:00:00",
        "2026-05-01t12:00:00z",
        "2026-05-01T12:00:00.5Z",
        "2026-05-01T12:00:00+00:00",
        "2026-02-30T12:00:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T12:00:60Z",
        "2026-05-01T12:00:00Z\n",
        "२०२६-05-01T12:00:00Z",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        ("1s", timedelta(seconds=1)),
        ("5m", timedelta(minutes=5)),
        ("36500d", LONGEST),
        ("3000000001s", timedelta(seconds=3_000_000_001)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length
    assert format_duration(length) == text


def test_nothing_signed_holds_longer_than_a_century() -> None:
    assert timedelta(days=36500) == LONGEST
    with pytest.raises(UsageError, match="is not a duration"):
        parse_duration(f"{int(LONGEST.total_seconds()) + 1}s")


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "1m"), (90, "90s"), (3600, "1h"), (86400, "1d"), (604800, "1w"), (7200, "2h")]
)
def test_durations_are_written_in_the_largest_unit(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(1, 10**6))
def test_durations_survive(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "1", "d", "1.5h", "1y", "36501d", "9999999999w", "99999999999s", "1d "]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        parse_duration(text)
