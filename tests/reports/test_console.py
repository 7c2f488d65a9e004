"""The terminal report: what it shows, and when it is coloured."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from reports.example_results import clean, drifted, suspicious

from poisonguard.reports import console


def test_findings_come_first_and_the_answer_last() -> None:
    text = console.render(suspicious())
    places = [
        text.index(word) for word in ("Findings", "PG-TEXT-003", "PG-LABEL-002", "PG-DUP-001", "Checks", "Answer")
    ]
    assert places == sorted(places)
    assert text[text.index("Answer") :].splitlines()[1].startswith(" FAILED   suspicious: Something")


def test_a_finding_says_what_where_and_what_to_do() -> None:
    text = console.render(suspicious(), width=140)
    for words in (
        "119 of them positive",
        "all phrases of one to three words",
        "column text",
        "⟦cf\\u{200B}mn⟧",
        "retrain",
    ):
        assert words in text


def test_a_skipped_check_gives_its_reason() -> None:
    assert "no column plays the role text" in console.render(clean(), width=140)


def test_quiet_is_a_line_per_finding_and_the_answer() -> None:
    assert len(console.render(drifted(), quiet=True, width=160).splitlines()) == 5
    assert console.render(clean(), quiet=True).splitlines()[0].startswith(" PASSED")


def test_quiet_still_says_what_was_not_read() -> None:
    told = replace(clean(), notes=("nested columns are not read inside: v", "one.csv is read as text"))
    text = console.render(told, quiet=True)
    assert "not read inside: v" in text
    assert "one.csv" not in text


def test_verbose_adds_numbers_roles_and_blind_spots() -> None:
    text = console.render(suspicious(), verbose=True, width=140)
    for words in ("ratio infinite", "38 distinct values, named source", "Changes spread evenly", "policy digest"):
        assert words in text


def test_colour_is_an_argument() -> None:
    assert "\x1b[" in console.render(clean(), color=True)
    assert "\x1b" not in console.render(clean(), color=False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "color"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_when_to_colour(stream: io.StringIO, environ: dict[str, str], color: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    assert console.terminal_options(stream, environ)[0] is color


def test_how_wide() -> None:
    assert console.terminal_options(io.StringIO(), {}) == (False, console.DEFAULT_WIDTH)
    assert console.terminal_options(io.StringIO(), {"COLUMNS": "72"}) == (False, 72)
    assert console.terminal_options(Terminal(), {"COLUMNS": "what"})[1] > 0
