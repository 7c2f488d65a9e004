"""RFC 8785 as others test it: the reference implementation's data."""

import json
from pathlib import Path

import pytest

from poisonguard.attest.canonical import canonical, parse
from poisonguard.errors import IntegrityError, UsageError

DATA = Path(__file__).parents[1] / "data" / "rfc8785"
NAMES = sorted(path.name for path in (DATA / "input").iterdir())
FLOATS = "values.json"


def whole(text: str) -> int | float:
    """JSON does not tell 56.0 from 56; what is no whole number stays a float, and is refused."""
    return int(float(text)) if float(text).is_integer() else float(text)


def test_all_data_are_there() -> None:
    names = ("arrays", "french", "structures", "unicode", "values", "weird")
    assert [f"{name}.json" for name in names] == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name != FLOATS])
def test_it_is_spelled_as_the_reference_spells_it(name: str) -> None:
    value = json.loads((DATA / "input" / name).read_bytes(), parse_float=whole)
    expected = (DATA / "output" / name).read_bytes()
    assert canonical(value) == expected
    assert parse(expected, what="it") == value


@pytest.mark.parametrize("name", [name for name in NAMES if name != FLOATS])
def test_the_same_in_another_spelling_is_not_read(name: str) -> None:
    with pytest.raises(IntegrityError):
        parse((DATA / "input" / name).read_bytes(), what="it")


def test_floats_are_refused_on_both_ways() -> None:
    with pytest.raises(UsageError, match="of type float"):
        canonical(json.loads((DATA / "input" / FLOATS).read_bytes()))
    with pytest.raises(IntegrityError, match="is not an integer"):
        parse((DATA / "output" / FLOATS).read_bytes(), what="it")
