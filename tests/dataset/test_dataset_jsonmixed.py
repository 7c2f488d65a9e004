"""JSON places of several kinds: the same text whatever the order, the blocks or the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset.formats import jsonlines
from poisonguard.dataset.formats.jsonmixed import mixed_paths, with_text
from poisonguard.dataset.opening import open_dataset


def column(folder: Path, texts: list[str], name: str = "a") -> list[Any]:
    """One column of a dataset of JSON Lines files with these contents, as strings or numbers."""
    for old in folder.iterdir():
        old.unlink()
    for number, content in enumerate(texts):
        (folder / f"{number}.jsonl").write_text(content, encoding="utf-8")
    with open_dataset(str(folder)) as dataset:
        parts = [batch.table for part in dataset.partitions() for batch in dataset.read(part)]
        values: list[Any] = pa.Table.from_batches(parts, schema=dataset.schema)[name].to_pylist()
        return values


def lines(*values: object) -> str:
    return "\n".join(json.dumps({"a": value}) for value in values) + "\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"a":1}\n{"a":"x"}', ["1", "x"]),
        ('{"a":1.50}\n{"a":1.0}\n{"a":1e2}\n{"a":"x"}\n{"a":null}', ["1.5", "1", "100", "x", None]),
        ('{"a":true}\n{"a":"x"}\n{"a":0}', ["true", "x", "0"]),
        ('{"a":true}\n{"a":0}', ["true", "0"]),
        ('{"a":1e25}\n{"a":-0.0}\n{"a":"x"}', ["1e+25", "0", "x"]),
        ('{"a":NaN}\n{"a":-Infinity}\n{"a":"x"}', ["NaN", "-Infinity", "x"]),
        ('{"a":"2024-01-01"}\n{"a":5}', ["2024-01-01", "5"]),
        ('{"a":9223372036854775808}\n{"a":1}', ["9223372036854775808", "1"]),
        ('{"a":-9223372036854775809}\n{"a":0.5}', ["-9223372036854775809", "0.5"]),
        ('{"a":9223372036854775807}\n{"a":-9223372036854775808}', [2**63 - 1, -(2**63)]),
        ('{"a":1e30}\n{"a":1}', [1e30, 1.0]),
        ('{"a":[1,"x"]}\n{"a":[true]}', [["1", "x"], ["true"]]),
        ('{"a":{"b":1}}\n{"a":{"b":"x","c":2}}', [{"b": "1", "c": None}, {"b": "x", "c": 2}]),
    ],
)
def test_scalars_of_several_kinds_are_their_canonical_text(tmp_path: Path, written: str, read: list[Any]) -> None:
    assert column(tmp_path, [written]) == read
    array = "[" + ",".join(written.split("\n")) + "]"
    (tmp_path / "0.jsonl").unlink()
    (tmp_path / "a.json").write_text(array, encoding="utf-8")
    with open_dataset(str(tmp_path)) as dataset:
        assert dataset.peek()["a"].to_pylist() == read


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)


@given(st.lists(scalars, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_neither_blocks_nor_order_change_a_value(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("law")
    whole = column(folder, [lines(*values)])
    backwards = column(folder, [lines(*reversed(values))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonlines, "BLOCK_BYTES", 16)
        cut = column(folder, [lines(*values)])
    assert repr(cut) == repr(whole)
    assert repr(backwards[::-1]) == repr(whole)


def test_a_column_is_text_in_every_file_when_it_is_in_one(tmp_path: Path) -> None:
    assert column(tmp_path, [lines(1, 1.5), lines("x")]) == ["1", "1.5", "x"]
    assert column(tmp_path, [lines("x"), lines(2**70)]) == ["x", str(2**70)]


def test_only_the_asked_places_become_text() -> None:
    text = b'{"a":1,"b":1}\n\n{"a":[1.0,"x"],"c":"y"}\nno json'
    assert with_text(text, frozenset({"/a", "/a/[]"})) == b'{"a": "1", "b": 1}\n\n{"a": ["1", "x"], "c": "y"}\nno json'
    assert with_text(text, frozenset()) is text


def test_places_are_named_by_their_path() -> None:
    assert mixed_paths(b'{"a":{"b":[1,"x"]},"c":1}\n{"c":1.5}') == {"/a/b/[]"}
    assert mixed_paths(b'{"a":1}\n{"a":') == frozenset()
    assert mixed_paths(b'{"a":1}\n{"a":"x"}\n{"a":') == {"/a"}, "a bad line says nothing of the others"
