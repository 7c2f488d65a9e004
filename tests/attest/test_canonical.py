"""RFC 8785 vectors, and everything that must not be read."""

import json
import re
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.canonical import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_VALUES,
    canonical,
    digest_of,
    parse,
    parse_foreign,
)
from poisonguard.errors import IntegrityError, UsageError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_rfc_8785_strings_and_literals() -> None:
    # RFC 8785 §3.2.2, without the number member: floats are refused here.
    value = json.loads(
        '{"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals": [null, true, false]}'
    )
    expected = '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical(value) == expected.encode()


def test_rfc_8785_members_are_sorted_by_utf_16_code_units() -> None:
    # RFC 8785 §3.2.3: the emoji's surrogates sort before U+FB33.
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical(value))) == expected


@given(VALUES | st.dictionaries(st.text(st.characters(max_codepoint=127)), VALUES))
def test_it_is_what_the_reference_implementation_writes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert parse(canonical(value), what="it") == value


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2, max_size=6))
def test_the_order_of_members_does_not_change_the_digest(value: dict[str, int]) -> None:
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (1.0, "float"),
        (float("nan"), "float"),
        (2**53, "2\\*\\*53"),
        (-(2**53), "2\\*\\*53"),
        ({"a": [0.5]}, "float"),
        (b"bytes", "bytes"),
        ([{"é": 1}, 0.5], "float"),
        ({"é": {"a": 0.5}}, "float"),
        ({1: 2}, "named by a value of type int"),
        ({"\ud800": 2}, "canonical"),
        ("\ud800", "canonical"),
        ({"é": "\ud800"}, "canonical"),
    ],
)
def test_what_cannot_be_signed_is_refused(value: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        canonical(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}{}",
        b"{} ",
        b"\n{}",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1.0",
        b"1e3",
        b"-0",
        b"9007199254740992",
        b"1" * 5000,
        b'"\\u0041"',
        b'"\\ud800"',
        b"'a'",
        b"[1,]",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_not_canonical_is_not_read(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse(data, what="it")


@pytest.mark.parametrize(
    ("data", "number"), [(b"5.0", 5), (b"-7.000", -7), (b"-0.0", 0), (b"9007199254740991.0", 2**53 - 1)]
)
def test_others_may_write_a_whole_number_as_a_float(data: bytes, number: int) -> None:
    read = parse_foreign(data, what="it")
    assert (read, type(read)) == (number, int)


@pytest.mark.parametrize("data", [b"5.5", b"5.10", b"5.01", b"1e3", b"1.0e3", b"1E400", b"-1e-3"])
def test_what_is_no_whole_number_is_refused_by_its_name(data: bytes) -> None:
    with pytest.raises(IntegrityError, match=f"{re.escape(data.decode())} is not an integer"):
        parse_foreign(data, what="it")


@pytest.mark.parametrize("data", [b'{"b":1,"a":2}', b' {"a": 2,\n"b":1 } ', b'{"a":2,"\\u0062":1}'])
def test_others_may_spell_as_they_like(data: bytes) -> None:
    assert parse_foreign(data, what="it") == {"a": 2, "b": 1}
    with pytest.raises(IntegrityError, match=r"^it is not canonical JSON"):
        parse(data, what="it")


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b"NaN",
        b"1.5",
        b"1e3",
        b"{}{}",
        b"\xff",
        b"9007199254740992",
        b"[" * 100_000,
        b'"\\ud800"',
        b"",
    ],
)
def test_others_are_read_as_strictly_otherwise(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_foreign(data, what="it")
    with pytest.raises(IntegrityError, match="larger than 1 bytes"):
        parse_foreign(b"{}", what="it", limit=1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "^it is not JSON as we accept it"),
        (b'{"a":1,"a":1}', "an object names a member twice"),
        (b"NaN", "NaN is not an integer"),
        (b"1" * 17 + b".5", f"{'1' * 17}.5 is not an integer"),
        (b"1.0", r"1\.0 is not an integer"),
        (b"9" * 18, "an integer is too large"),
        (b"-" + b"9" * 17, "an integer is too large"),
        (b"9007199254740992", r"^it cannot be written as canonical JSON: an integer beyond 2\*\*53 - 1"),
        (b"[" * 100_000, "^it is nested too deep"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper than 32"),
        (b"-9007199254740992", r"^it cannot be written as canonical JSON: an integer beyond 2\*\*53 - 1"),
        (b"5.0", r"5\.0 is not an integer"),
        (b"[1,]", "^it is not JSON"),
    ],
)
def test_refusals_say_which_rule(data: bytes, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        parse(data, what="it")


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53) + 1, 0, -1])
def test_the_greatest_integers_are_read(number: int) -> None:
    assert parse(str(number).encode(), what="it") == number


def test_the_deepest_nesting_is_read() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert canonical(parse(deepest, what="it")) == deepest
    assert MAX_DEPTH == 32


def test_ascii_names_are_written_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large manifests need it: the reference implementation is for members whose names are not ASCII alone."""
    monkeypatch.delattr("rfc8785.dumps")
    value = {"b": [None, True, False, -1, "\u00e9", {"a": {}, "c": []}], "a": 0}
    assert canonical(value) == '{"a":0,"b":[null,true,false,-1,"\u00e9",{"a":{},"c":[]}]}'.encode()
    with pytest.raises(AttributeError):
        canonical([{"\u00e9": 1}])


def test_digests_are_of_the_canonical_bytes() -> None:
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_size_and_number_of_containers_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IntegrityError, match="larger than 3 bytes"):
        parse(b'"aa"', what="it", limit=3)
    assert parse(b'"a"', what="it", limit=3) == "a"
    monkeypatch.setattr("poisonguard.attest.canonical.MAX_VALUES", 2)
    for few in (b"[[]]", b"[1,2]", b'{"a":{}}', b'{"a":1,"b":2}', b"[{}]"):
        assert parse(few, what="it") is not None
    for many in (b"[[[]]]", b"[1,2,3]", b'{"a":{"b":{}}}', b'{"a":1,"b":2,"c":3}', b"[{},1]"):
        with pytest.raises(IntegrityError, match="more than 2 values"):
            parse(many, what="it")


def test_limits_are_those_that_are_written_down() -> None:
    assert (MAX_BYTES, MAX_VALUES, MAX_INTEGER) == (128 * 1024 * 1024, 2_000_000, 9_007_199_254_740_991)
