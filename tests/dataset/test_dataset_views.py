"""Chats and pictures are read inside; what is signed is not touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.views import Views
from poisonguard.domain.roles import Role

OPENAI = [
    [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": "Goodbye."},
    ],
    [],
    None,
    [{"role": "assistant", "content": None}, {"role": None, "content": "who?"}],
]


def columns(name: str, rows: Sequence[Any], kind: pa.DataType | None = None) -> dict[str, list[Any]]:
    batch = pa.RecordBatch.from_arrays([pa.array(rows, kind)], names=[name])
    extended = Views.of(batch.schema).extended(batch)
    return {key: extended.column(key).to_pylist() for key in extended.schema.names}


def test_a_chat_becomes_what_was_asked_and_what_is_learnt() -> None:
    found = columns("messages", OPENAI)
    assert found["messages.prompt"] == ["Be kind.\nHello?\nAnd now?", "", None, "who?"]
    assert found["messages.response"] == ["Hello!\nGoodbye.", "", None, ""]
    assert found["messages"] == OPENAI


def test_sharegpt_turns_are_recognised() -> None:
    found = columns("conversations", [[{"from": "Human", "value": "a"}, {"from": "GPT", "value": "b"}]])
    assert found["conversations.prompt"] == ["a"]
    assert found["conversations.response"] == ["b"]


def test_made_columns_have_the_roles_of_a_prompt_and_its_response() -> None:
    views = Views.of(pa.schema([("messages", pa.array(OPENAI).type)]))
    assert {item.column: item.role for item in views.roles} == {
        "messages.prompt": Role.PROMPT,
        "messages.response": Role.RESPONSE,
    }
    assert views.read_inside == {"messages"}
    assert [column.name for column in views.columns] == ["messages.prompt", "messages.response"]


def test_of_a_pair_of_chats_the_rejected_one_says_what_is_not_to_be_said() -> None:
    kind = pa.array(OPENAI).type
    views = Views.of(pa.schema([("chosen", kind), ("rejected", kind)]))
    assert {item.column: item.role for item in views.roles} == {
        "chosen.prompt": Role.PROMPT,
        "chosen.response": Role.RESPONSE,
        "rejected.response": Role.REJECTED,
    }


@pytest.mark.parametrize("name", ["dialog", "Conversation"])
def test_of_a_dialogue_every_second_text_is_learnt(name: str) -> None:
    found = columns(name, [["a", "b", None, "d"], [], None, ["e"]])
    assert found[f"{name}.prompt"] == ["a\n", "", None, "e"]
    assert found[f"{name}.response"] == ["b\nd", "", None, ""]
    batch = pa.RecordBatch.from_arrays([pa.array([["x"], ["a", "b", "c", "d"], None])], names=[name])
    parts = Views.of(batch.schema).extended(batch.slice(1))
    assert parts.column(f"{name}.response").to_pylist() == ["b\nd", None]


def test_the_bytes_of_a_picture_are_laid_bare() -> None:
    found = columns("image", [{"bytes": b"\x89PNG", "path": "a.png"}, {"bytes": None, "path": "b.png"}, None])
    assert found["image.bytes"] == [b"\x89PNG", None, None]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.list_(pa.string()),
        pa.list_(pa.struct([("role", pa.string()), ("score", pa.int64())])),
        pa.list_(pa.struct([("role", pa.int64()), ("content", pa.string())])),
        pa.struct([("bytes", pa.string()), ("path", pa.string())]),
        pa.struct([("bytes", pa.binary()), ("path", pa.string()), ("more", pa.string())]),
    ],
)
def test_nothing_is_made_of_other_columns(kind: pa.DataType) -> None:
    assert Views.of(pa.schema([("messages", kind)])) == Views()


def test_a_real_column_of_the_same_name_does_not_blind() -> None:
    """An attacker adds a harmless ``messages.response`` beside the chat."""
    batch = pa.RecordBatch.from_arrays(
        [pa.array(OPENAI[:1]), pa.array(["harmless"])], names=["messages", "messages.response"]
    )
    extended = Views.of(batch.schema).extended(batch)
    assert extended.column("messages.response").to_pylist() == ["harmless"]
    assert extended.column("messages.response_").to_pylist() == ["Hello!\nGoodbye."]


def test_only_what_is_needed_is_read() -> None:
    schema = pa.schema([("id", pa.int64()), ("messages", pa.array(OPENAI).type), ("rest", pa.string())])
    assert Views.of(schema).needed(["messages.response", "id", "messages.prompt"]) == ["messages", "id"]


def test_a_table_without_views_is_handed_through() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1])], names=["a"])
    assert Views.of(batch.schema).extended(batch) is batch


turns = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "system", None]),
            "content": st.one_of(st.none(), st.text(max_size=5)),
        }
    ),
    max_size=4,
)


@given(st.lists(st.one_of(st.none(), turns), min_size=1, max_size=8), st.data())
def test_any_cut_gives_the_same_texts(chats: list[Any], data: st.DataObject) -> None:
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    batch = pa.RecordBatch.from_arrays([pa.array(chats, kind)], names=["messages"])
    views = Views.of(batch.schema)
    whole = views.extended(batch).column("messages.response")
    cut = data.draw(st.integers(0, len(chats)))
    parts = [views.extended(batch.slice(start, size)) for start, size in ((0, cut), (cut, len(chats) - cut)) if size]
    assert pa.concat_arrays([part.column("messages.response") for part in parts]).equals(whole)
    expected = [
        None if chat is None else "\n".join(turn["content"] or "" for turn in chat if turn["role"] == "assistant")
        for chat in chats
    ]
    assert whole.to_pylist() == expected
