"""The strings inside nested columns, for any nesting and any cut."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.nested import declares_inner_texts, inner_texts

KIND = pa.struct(
    [
        ("k", pa.string()),
        ("n", pa.int64()),
        ("tags", pa.list_(pa.string())),
        ("map", pa.map_(pa.string(), pa.string())),
        ("deep", pa.list_(pa.struct([("role", pa.string()), ("more", pa.list_(pa.list_(pa.string())))]))),
    ]
)
words = st.one_of(st.none(), st.text(st.sampled_from("ab\u00e9"), max_size=3))
rows = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "k": words,
            "n": st.integers(0, 9),
            "tags": st.one_of(st.none(), st.lists(words, max_size=3)),
            "map": st.one_of(st.none(), st.lists(st.tuples(st.text("xy", min_size=1, max_size=2), words), max_size=2)),
            "deep": st.lists(
                st.fixed_dictionaries({"role": words, "more": st.lists(st.lists(words, max_size=2), max_size=2)}),
                max_size=2,
            ),
        }
    ),
)


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in strings(item)] if isinstance(value, list | tuple) else []


@given(st.lists(rows, max_size=8), st.integers(0, 8))
def test_every_string_is_read_whatever_the_cut(values: list[Any], cut: int) -> None:
    array = pa.array(values, KIND)
    whole = inner_texts("meta", array).to_pylist()
    parts = [inner_texts("meta", part).to_pylist() for part in (array.slice(0, cut), array.slice(cut))]
    assert parts[0] + parts[1] == whole
    for value, text in zip(values, whole, strict=True):
        assert (text is None) == (not strings(value))
        assert sorted((text or "").split("\n")) == sorted(strings(value) or [""])


def test_fields_stand_in_their_order() -> None:
    assert inner_texts("m", pa.array([{"b": "1", "a": ["2", "3"]}])).to_pylist() == ["1\n2\n3"]


def test_of_a_chat_only_what_no_made_column_shows_is_inner() -> None:
    chats = pa.array([[{"role": "user", "content": "x", "reasoning": "y"}]])
    assert inner_texts("messages", chats).to_pylist() == ["y"]
    assert inner_texts("dialog", pa.array([["a", "b"]])).to_pylist() == [None]
    assert inner_texts("tags", pa.array([["a", "b"]])).to_pylist() == ["a\nb"]


CHAT = pa.struct([("role", pa.string()), ("content", pa.string())])


@pytest.mark.parametrize(
    ("name", "kind", "room"),
    [
        ("tags", pa.list_(pa.string()), True),
        ("dialog", pa.list_(pa.string()), False),
        ("dialog", pa.list_(pa.list_(pa.string())), True),
        ("vector", pa.list_(pa.float32()), False),
        ("messages", pa.list_(CHAT), False),
        ("messages", pa.list_(pa.struct([*CHAT, ("why", pa.string())])), True),
        ("messages", pa.list_(pa.struct([*CHAT, ("calls", pa.list_(pa.string()))])), True),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("body", pa.string())])), True),
        ("meta", pa.struct([("k", pa.string())]), True),
        ("meta", pa.map_(pa.string(), pa.int64()), True),
    ],
)
def test_a_declared_type_says_whether_there_is_room(name: str, kind: pa.DataType, room: bool) -> None:  # noqa: FBT001 - a table of cases
    assert declares_inner_texts(name, str(kind)) == room
