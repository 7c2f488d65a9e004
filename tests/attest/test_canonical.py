"""RFC 8785 vectors, and everything that must not be read."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.canonical import MAX_DEPTH, canonical, digest_of, parse
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


def test_size_and_number_of_containers_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IntegrityError, match="larger than 3 bytes"):
        parse(b'"aa"', what="it", limit=3)
    monkeypatch.setattr("poisonguard.attest.canonical.MAX_VALUES", 2)
    assert parse(b"[[]]", what="it") == [[]]
    with pytest.raises(IntegrityError, match="more than 2 values"):
        parse(b"[[],[]]", what="it")
