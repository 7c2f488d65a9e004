"""Picture files as rows: which files, which columns, and what a hostile folder can do."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_folders import png, put, put_all

from poisonguard.dataset import pictures as module
from poisonguard.dataset.opening import Dataset, open_dataset
from poisonguard.dataset.pictures import Layout
from poisonguard.dataset.roles import infer_roles
from poisonguard.domain.roles import Role
from poisonguard.errors import DataChanged, NothingToScan, UnreadableData

NAMES = ("cat/1.png", "cat/2.jpg", "dog/1.gif", "dog/2.webp", "dog/3.bmp", "dog/4.TIFF")


def rows_of(dataset: Dataset, columns: list[str] | None = None) -> list[dict[str, Any]]:
    batches = [batch for part in dataset.partitions() for batch in dataset.read(part, columns)]
    assert all(batch.counts == (1,) * batch.table.num_rows for batch in batches)
    return [row for batch in batches for row in batch.table.to_pylist()]


def rows_at(root: Path) -> list[dict[str, Any]]:
    with open_dataset(str(root)) as dataset:
        return rows_of(dataset)


def metadata(root: Path, lines: list[dict[str, Any]], name: str = "metadata.jsonl") -> None:
    put(root, name, "".join(json.dumps(line) + "\n" for line in lines).encode())


# Which files are rows, and what a row holds


def test_a_folder_for_each_class_gives_path_label_and_bytes_in_path_order(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    with open_dataset(str(tmp_path)) as dataset:
        assert dataset.schema.names == ["path", "label", "image"]
        rows = rows_of(dataset)
        assert any("6 pictures read as a table" in note for note in dataset.notes)
    assert [row["path"] for row in rows] == sorted(NAMES)
    assert [row["label"] for row in rows] == ["cat"] * 2 + ["dog"] * 4
    assert all(row["image"] == (tmp_path / row["path"]).read_bytes() for row in rows)


def test_their_roles_are_key_label_and_image(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    with open_dataset(str(tmp_path)) as dataset:
        roles = infer_roles(dataset.columns, dataset.peek(), {})
    assert [roles.of(name) for name in ("path", "label", "image")] == [Role.ID, Role.LABEL, Role.IMAGE]


def test_a_flat_folder_has_no_label(tmp_path: Path) -> None:
    rows = rows_at(put_all(tmp_path, ["b.png", "a.png"]))
    assert [list(row) for row in rows] == [["path", "image"]] * 2


@pytest.mark.parametrize(
    ("folders", "split", "labels"),
    [
        (["train/cat", "train/dog", "test/cat", "test/dog"], True, ["cat", "dog", "cat", "dog"]),
        (["data/train/cat", "data/test/dog"], True, ["cat", "dog"]),
        (["train", "test"], True, [None, None]),
        (["train/cat", "train/dog"], False, ["cat", "dog"]),
        (["train", "car", "bus"], False, ["train", "car", "bus"]),
        (["animals/cat", "plants/rose", "plants"], False, ["cat", "rose", "plants"]),
        (["", "cat", "dog"], False, [None, "cat", "dog"]),
        (["cat"], False, [None]),
    ],
)
def test_what_folders_say(folders: list[str], split: bool, labels: list[str | None]) -> None:  # noqa: FBT001 - a table
    layout = Layout.of(set(folders))
    assert layout.split is split
    assert [layout.label(folder) for folder in folders] == labels


@given(st.sets(st.lists(st.sampled_from(["train", "test", "a", "b"]), max_size=3).map("/".join), min_size=1))
def test_a_split_is_one_of_the_names_and_one_class_is_none(folders: set[str]) -> None:
    layout = Layout.of(folders)
    if layout.split:
        assert {layout.split_of(folder) for folder in folders} == {"train", "test"}
    labels = {layout.label(folder) for folder in folders} - {None}
    assert (len(labels) > 1) is layout.classes


def test_tables_win_and_the_pictures_beside_them_are_counted(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    put(tmp_path, "table.csv", b"x,y\n1,2\n")
    with open_dataset(str(tmp_path)) as dataset:
        assert dataset.schema.names == ["x", "y"]
        assert dataset.pictures is None
        assert any(note.startswith("6 files hold no table (") for note in dataset.notes)


@pytest.mark.parametrize(
    ("name", "content"),
    [("readme.txt", b"BM25 is a ranking"), ("a.png", b"BM25"[:1] + b"\0\1"), ("photo.dat", png()), ("a.png", b"")],
)
def test_what_is_no_picture_by_name_and_content_is_no_row(tmp_path: Path, name: str, content: bytes) -> None:
    put(tmp_path, "empty.png", b"")
    put(tmp_path, name, content)
    with pytest.raises(NothingToScan), open_dataset(str(tmp_path)) as dataset:
        dataset.peek()


def test_files_between_pictures_do_not_shift_their_rows(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    put(tmp_path, "cat/10.txt", b"a note")
    put(tmp_path, ".hidden", b"x")
    with open_dataset(str(tmp_path)) as dataset:
        batches = [batch for part in dataset.partitions() for batch in dataset.read(part, ["path"])]
        for batch in batches:
            for place, path in enumerate(batch.table["path"].to_pylist()):
                assert dataset.files[batch.file + place].path == path
        assert sum(batch.table.num_rows for batch in batches) == len(NAMES)


def test_large_pictures_are_counted_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_all(tmp_path, NAMES)
    put(tmp_path, "cat/large.png", png(side=64))
    monkeypatch.setattr(module, "LARGEST", 10_000)
    with open_dataset(str(tmp_path)) as dataset:
        assert len(rows_of(dataset)) == len(NAMES)
        assert any(note.startswith("1 picture of more than") for note in dataset.notes)


# Partitions and memory


def test_rows_do_not_depend_on_runs_and_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_at(put_all(tmp_path, [f"{'ab'[number % 2]}/{number:03d}.png" for number in range(40)]))
    for name, value in (("RUN_FILES", 7), ("BATCH_FILES", 3), ("BATCH_BYTES", 500)):
        monkeypatch.setattr(module, name, value)
    assert rows_at(tmp_path) == whole
    with open_dataset(str(tmp_path)) as dataset:
        assert max(part.files for part in dataset.partitions()) == 7


def test_runs_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_all(tmp_path, [f"{number}.png" for number in range(9)])
    size = (tmp_path / "0.png").stat().st_size
    monkeypatch.setattr(module, "RUN_BYTES", 3 * size)
    with open_dataset(str(tmp_path)) as dataset:
        assert max(part.files for part in dataset.partitions()) <= 4


def test_bytes_are_read_only_where_somebody_asks_for_them(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    with open_dataset(str(tmp_path)) as dataset:
        for name in NAMES:
            (tmp_path / name).unlink()
        assert [row["label"] for row in rows_of(dataset, ["label"])] == ["cat"] * 2 + ["dog"] * 4


def test_a_picture_that_changed_after_it_was_hashed_is_refused(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    with open_dataset(str(tmp_path)) as dataset:
        path = tmp_path / "dog/1.gif"
        path.write_bytes(bytes(reversed(path.read_bytes())))
        with pytest.raises(DataChanged, match=r"dog/1\.gif: changed after it was hashed"):
            rows_of(dataset)


# Metadata


def test_metadata_are_joined_by_file_name(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    metadata(tmp_path, [{"file_name": "dog/1.gif", "who": "ann"}, {"file_name": "./cat/1.png", "who": "bob"}])
    rows = {row["path"]: row["who"] for row in rows_at(tmp_path)}
    assert rows == dict.fromkeys(NAMES) | {"dog/1.gif": "ann", "cat/1.png": "bob"}


def test_metadata_lie_in_any_folder_and_format(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    put(tmp_path, "cat/metadata.csv", b"file_name,who\n1.png,ann\n2.jpg,bob\n")
    metadata(tmp_path, [{"file_name": "4.TIFF", "who": "cy", "age": 3}], "dog/metadata.jsonl")
    rows = {row["path"]: (row["who"], row["age"]) for row in rows_at(tmp_path)}
    assert rows["cat/2.jpg"] == ("bob", None)
    assert rows["dog/4.TIFF"] == ("cy", 3)
    assert rows["dog/1.gif"] == (None, None)


def test_the_metadata_s_label_is_the_label_and_the_folder_stays(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    metadata(tmp_path, [{"file_name": name, "label": name[-1], "image": 1, "path": "x"} for name in NAMES])
    with open_dataset(str(tmp_path)) as dataset:
        assert dataset.schema.names == ["path_", "folder", "image_", "label", "image", "path"]
        assert rows_of(dataset)[0]["folder"] == "cat"


def test_lines_about_pictures_that_are_not_there_are_counted(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    strays = ["gone.png", "../outside.png", "/etc/passwd"]
    metadata(tmp_path, [{"file_name": name, "who": "x"} for name in ("cat/1.png", *strays)])
    with open_dataset(str(tmp_path)) as dataset:
        assert [row["who"] for row in rows_of(dataset)] == ["x", None, None, None, None, None]
        assert "3 lines of metadata name no picture that is here: not scanned" in dataset.notes


def test_two_lines_about_one_picture_are_refused(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    metadata(tmp_path, [{"file_name": "cat/1.png"}, {"file_name": "cat/./1.png"}])
    with pytest.raises(UnreadableData, match=r"metadata\.jsonl: more than one line is about cat/1\.png"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "line"), [("metadata.jsonl", {"file": "cat/1.png"}), ("facts.jsonl", {"file_name": "cat/1.png"}),
                       ("metadata.jsonl", {"file_name": "elsewhere.png"}), ("metadata.jsonl", {"file_name": 3})]
)  # fmt: skip
def test_other_tables_are_the_rows(tmp_path: Path, name: str, line: dict[str, Any]) -> None:
    put_all(tmp_path, NAMES)
    metadata(tmp_path, [line], name)
    with open_dataset(str(tmp_path)) as dataset:
        assert dataset.schema.names == list(line)


# Hostile folders


def test_what_cannot_be_decoded_is_a_row_all_the_same(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    put(tmp_path, "cat/cut.png", png()[:40])
    put(tmp_path, "cat/name.jpg", png())
    assert len(rows_at(tmp_path)) == len(NAMES) + 2


def test_a_pickle_that_is_called_a_picture_is_no_row_and_stands_out(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    put(tmp_path, "cat/evil.png", pickle.dumps(os.system))
    with open_dataset(str(tmp_path)) as dataset:
        assert len(rows_of(dataset)) == len(NAMES)
        assert [fact.path for fact in dataset.facts.kept] == ["cat/evil.png"]


def test_a_link_to_a_picture_is_refused(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    (tmp_path / "cat/link.png").symlink_to(tmp_path / "dog/1.gif")
    with pytest.raises(UnreadableData, match="symbolic link"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize("name", ["ünï cøde.png", "a=b/c=d.png", "'; drop--.png", "=cmd().png", ".png.png"])
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, png())
    assert [row["path"] for row in rows_at(tmp_path)] == [name]


def test_the_schema_is_that_of_the_batches(tmp_path: Path) -> None:
    put_all(tmp_path, NAMES)
    with open_dataset(str(tmp_path)) as dataset:
        part = dataset.partitions()[0]
        assert next(dataset.read(part)).table.schema == dataset.schema
        assert next(dataset.read(part, ["image", "path"])).table.schema == pa.schema(
            [("image", pa.binary()), ("path", pa.string())]
        )
