"""Signatures of a version's texts, from files to an index and back."""

import json
from pathlib import Path

import datasketch
import pyarrow as pa
import pytest

import poisonguard as pg

SEED = 20_260_101
LONG = "the quick brown fox jumps over the lazy dog and runs away into the deep dark wood where it sleeps until dawn"


def folder_of(path: Path, parts: list[list[str]]) -> str:
    path.mkdir()
    for number, texts in enumerate(parts):
        lines = [json.dumps({"text": text, "stars": row % 5}) for row, text in enumerate(texts)]
        (path / f"part-{number}.jsonl").write_text("\n".join(lines) + "\n")
    return str(path)


def test_near_copies_of_a_new_version_are_found_in_the_index_of_the_old_one(tmp_path: Path) -> None:
    filler = [
        f"{LONG[number:]} {number} tells another story of the hen number {number} in house {number}"
        for number in (5, 30, 60)
    ]
    old = folder_of(tmp_path / "old", [[*filler, "too short"], [LONG]])
    new = folder_of(
        tmp_path / "new", [[f"{LONG} again", "something else that has never been said before by anybody here"]]
    )
    index = datasketch.MinHashLSH(threshold=0.7, num_perm=128)
    table = pg.signatures(old, seed=SEED, name="tales@1", columns=("text",))
    assert table.num_rows == 4
    for key, sketch in pg.minhashes(table):
        index.insert(key, sketch)
    found = dict(pg.candidates(index, pg.signatures(new, seed=SEED, name="tales@2", columns=("text",))))
    assert found == {b"tales@2/part-0.jsonl#0": [b"tales@1/part-1.jsonl#0"]}
    assert pg.from_minhashes(pg.minhashes(table)).equals(table)


def test_workers_change_nothing(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", [[f"{LONG} {part} {row}" for row in range(50)] for part in range(4)])
    alone = pg.signatures(data, seed=SEED, columns=("text",))
    assert pg.signatures(data, seed=SEED, columns=("text",), workers=3).equals(alone, check_metadata=True)
    assert alone["key"][60].as_py() == b"data/part-1.jsonl#10"


def test_a_table_in_memory_and_columns_that_are_found() -> None:
    table = pa.table({"review": [f"{LONG} number {row}" for row in range(60)], "stars": [row % 5 for row in range(60)]})
    assert pg.signatures(table, seed=SEED).num_rows == 60


def test_what_cannot_be_signed_is_refused() -> None:
    table = pa.table({"stars": [1, 2, 3]})
    with pytest.raises(pg.NothingToScan, match="no column of text"):
        pg.signatures(table, seed=SEED)
    with pytest.raises(pg.UsageError, match="no column nothing"):
        pg.signatures(table, seed=SEED, columns=("nothing",))
    with pytest.raises(pg.UsageError, match="32 bits"):
        pg.signatures(table, seed=-1)
