"""What one value may be is said by Python as Arrow says it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poisonguard.dataset.formats.textvalues import FIRST, PATTERNS

STAMPS = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,10})?)?)?(Z|[+-][0-9]{2})?"
)


@pytest.mark.parametrize("name", PATTERNS)
@example("1\n")
@example("\x0b1")
@example("\u00a01")
@example("\u0661")
@example("true\n")
@example("2024-02-30\n")
@given(
    value=st.text("0123456789+-.eE :TZ\t\n\x0b\u0661", max_size=24) | st.sampled_from(["true", "nan", "inf"]) | STAMPS
)
def test_the_first_value_is_judged_as_all_are(name: str, value: str) -> None:
    found = pc.match_substring_regex(pa.array([value]), PATTERNS[name])[0].as_py()
    assert bool(FIRST[name].fullmatch(value)) == found
