"""JSON of other makers: as strict as ours but for the spelling."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.canonical import MAX_DEPTH, MAX_INTEGER, parse_foreign
from poisonguard.errors import IntegrityError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(value=values, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans())
def test_any_spelling_gives_the_value(value: object, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    assert parse_foreign(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(), what="it") == value


def test_whole_numbers_may_be_spelled_as_protobuf_does() -> None:
    assert parse_foreign(b'{"a": 5.0, "b": -0.00, "c": [1000000000.0]}', what="it") == {"a": 5, "b": 0, "c": [10**9]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"5.5",
        b"5e0",
        b"5.0e1",
        b"1E400",
        b"9007199254740993.0",
        b"9007199254740993",
        b"NaN",
        b"-Infinity",
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b"[1]]",
        b"[1] x",
        b"\xef\xbb\xbf[1]",
        b"\xff",
        b'"\\ud800"',
        b"'a'",
        b"[1,]",
        b"// comment\n1",
        b"[" * 1_000_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_ambiguous_or_endless_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="it "):
        parse_foreign(data, what="it")


def test_size_is_bounded() -> None:
    with pytest.raises(IntegrityError, match="larger than 3 bytes"):
        parse_foreign(b"[11]", what="it", limit=3)
