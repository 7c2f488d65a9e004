"""Copies hold what was attacked, in the files and row groups that the rows came from; the original stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.opening import open_dataset
from poisonguard.domain.roles import Roles
from poisonguard.redteam.attack import Poisoned
from poisonguard.workflow.redteam_copy import Original, read_original

GROUPS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=6).map(sorted)


def held(folder: Path) -> tuple[list[int], list[tuple[int, int]]]:
    """Values and row groups of a copy, in the order of its files."""
    values, groups = list[int](), list[tuple[int, int]]()
    for path in sorted(folder.iterdir()):
        with pq.ParquetFile(path) as file:
            values += file.read()["n"].to_pylist()
            number = int(path.stem.removeprefix("part-"))
            groups += [(number, file.metadata.row_group(index).num_rows) for index in range(file.num_row_groups)]
    return values, groups


@given(GROUPS, st.data())
def test_added_rows_lie_in_the_row_group_of_the_row_before(
    tmp_path_factory: pytest.TempPathFactory, groups: list[tuple[int, int]], data: st.DataObject
) -> None:
    total = sum(rows for _, rows in groups)
    added = data.draw(st.integers(0, 5))
    places = data.draw(st.sets(st.integers(0, total + added - 1), min_size=added, max_size=added))
    places_array = np.array(sorted(places), dtype=np.int64)
    values = np.empty(total + added, dtype=np.int64)
    honest = np.delete(np.arange(total + added), places_array)
    values[honest] = np.arange(total)
    values[places_array] = -1
    original = Original(pa.table({"n": np.arange(total)}), Roles(()), tuple(groups), total)
    folder = tmp_path_factory.mktemp("copy")
    original.write_poisoned(Poisoned(pa.table({"n": values}), places_array, "added"), folder)
    written, sizes = held(folder)
    assert written == values.tolist()
    assert [file for file, _ in sizes] == [file for file, _ in groups]
    owner = [index for index, (_, rows) in enumerate(groups) for _ in range(rows)]
    found = [index for index, (_, rows) in enumerate(sizes) for _ in range(rows)]
    for place, value in enumerate(written):
        before = next((item for item in reversed(written[:place]) if item >= 0), 0)
        assert found[place] == owner[value if value >= 0 else before]


def lines(folder: Path) -> Path:
    folder.mkdir()
    for file in range(2):
        (folder / f"part-{file}.jsonl").write_text("".join(f'{{"n": {100 * file + row}}}\n' for row in range(50)))
    return folder


def test_a_copy_of_other_formats_has_a_file_for_each(tmp_path: Path) -> None:
    with open_dataset(str(lines(tmp_path / "data"))) as dataset:
        original = read_original(dataset, Roles(()), 1000, seed=0)
    copy = tmp_path / "copy"
    copy.mkdir()
    original.write(copy)
    assert held(copy) == ([*range(50), *range(100, 150)], [(0, 50), (1, 50)])
    assert original.total_rows == 100


def test_a_sample_is_even_seeded_and_in_order(tmp_path: Path) -> None:
    with open_dataset(str(lines(tmp_path / "data"))) as dataset:
        first, again, other = (read_original(dataset, Roles(()), 20, seed) for seed in (1, 1, 2))
    values = first.table["n"].to_pylist()
    assert values == sorted(values)
    assert len(set(values)) == 20
    assert sum(rows for _, rows in first.groups) == 20
    assert first.groups[0][1] == sum(value < 100 for value in values)
    assert first.table.equals(again.table)
    assert not first.table.equals(other.table)
    assert first.total_rows == 100
