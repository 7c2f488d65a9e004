"""What is found in a text is suspected first: the quick pattern never hides a sign from the slow ones."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poisonguard.sketches import check_digits, personal_rules
from poisonguard.sketches.personal_rules import PERSONAL

PATTERNS = [
    value for name, value in vars(personal_rules).items() if isinstance(value, re.Pattern) and name in {
        "_CARD", "_IBAN", "_SSN", "_NIR", "_FISCAL", "_CPF", "_DNI", "_ELEVEN", "_NINE", "_MAIL", "_PHONE", "_IPV4",
    }
]  # fmt: skip
CHECKS = [name for name in vars(check_digits) if name.startswith("is_")]
ASCII = st.characters(max_codepoint=127)
before = st.sampled_from(["", "card ", "visa: ", "BSN ", "dni 12 ", "tax id\n", "pesel=", "x ", "10 "])


def test_every_pattern_is_tried() -> None:
    assert len(PATTERNS) == 12


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.pattern[:30])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_what_is_found_is_suspected(
    pattern: re.Pattern[str], data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CHECKS:
        monkeypatch.setattr(check_digits, name, lambda *_: True)
    monkeypatch.setattr(check_digits, "counts_up", lambda _: False)
    text = (
        data.draw(before)
        + data.draw(st.from_regex(pattern, fullmatch=True, alphabet=ASCII))
        + data.draw(st.sampled_from(["", " ", ", thanks"]))
    )
    if PERSONAL.find(text, ""):
        assert pc.match_substring_regex(pa.scalar(text), PERSONAL.suspect).as_py(), text


@pytest.mark.parametrize("text", ["483920174839", "1234567890123", "00012345"])
def test_a_plain_number_is_not_read_twice(text: str) -> None:
    assert not pc.match_substring_regex(pa.scalar(text), PERSONAL.suspect).as_py()
