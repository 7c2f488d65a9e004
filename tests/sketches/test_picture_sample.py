"""The picture sample: which rows it keeps, and how each shape of picture is read."""

import numpy as np
import pyarrow as pa
import pytest
from sketch_blocks import block_of

from poisonguard.redteam.png import encode
from poisonguard.sketches.pictures import LABEL, PIXELS, SIDE, PictureColumns, PictureSample, Shape
from poisonguard.sketches.sample import HASH_COLUMN

SQUARE = tuple(f"pixel_{place}" for place in range(4))


def grids_of(columns: PictureColumns, table: pa.Table) -> tuple[np.ndarray, list[int]]:
    grids, places = columns.grids(columns.read(table))
    return grids, places.tolist()


def test_pixel_columns_make_squares_and_nulls_make_none() -> None:
    table = pa.table({name: pa.array([place, None if place == 2 else 1]) for place, name in enumerate(SQUARE)})
    grids, places = grids_of(PictureColumns(Shape.PIXELS, SQUARE), table)
    assert places == [0]
    assert grids[0].tolist() == [[0, 1], [2, 3]]


def test_lists_of_every_depth_are_read_and_odd_ones_left_out() -> None:
    lines = [[[0, 1], [2, 3]], [[4, 4], [4, 4]], [[1, 2, 3]], None, []]
    grids, places = grids_of(PictureColumns(Shape.LIST, ("image",)), pa.table({"image": pa.array(lines)}))
    assert places == [0, 1]
    assert grids.tolist() == [[[0, 1], [2, 3]], [[4, 4], [4, 4]]]
    flat = pa.table({"image": pa.array([[0.0, 1.0, 2.0, 3.0]], pa.list_(pa.float32(), 4))})
    assert grids_of(PictureColumns(Shape.LIST, ("image",)), flat)[0].tolist() == [[[0, 1], [2, 3]]]


def test_colours_are_averaged() -> None:
    coloured = [[[[0, 3, 6], [9, 9, 9]], [[1, 1, 1], [2, 2, 2]]]]
    grids, _ = grids_of(PictureColumns(Shape.LIST, ("image",)), pa.table({"image": pa.array(coloured)}))
    assert grids.tolist() == [[[3, 9], [1, 2]]]


def test_the_commonest_size_wins() -> None:
    lists = pa.table({"image": pa.array([[1] * 9, [1] * 4, [2] * 4])})
    grids, places = grids_of(PictureColumns(Shape.LIST, ("image",)), lists)
    assert (grids.shape, places) == ((2, 2, 2), [1, 2])


def test_bytes_are_decoded() -> None:
    picture = encode(np.full((5, 5, 1), 40, dtype=np.uint8))
    table = pa.table({"image": pa.array([picture, b"broken", None]), "label": ["a", "b", "c"]})
    columns = PictureColumns(Shape.BYTES, ("image",))
    grids, places = grids_of(columns, table)
    assert places == [0]
    assert np.array_equal(grids, np.full((1, SIDE, SIDE), 40, np.float32))


def test_the_sample_holds_the_smallest_hashes_with_their_labels() -> None:
    table = pa.table({**{name: list(range(20)) for name in SQUARE}, "label": [str(row) for row in range(20)]})
    block = block_of(table)
    state = PictureSample(PictureColumns(Shape.PIXELS, SQUARE), "label", limit=5).fold(block)
    order = np.argsort(block.hashes)[:5]
    assert state[HASH_COLUMN].to_pylist() == block.hashes[order].tolist()
    assert state[LABEL].to_pylist() == [str(row) for row in order]
    assert [np.frombuffer(value, np.float32)[0] for value in state[PIXELS].to_pylist()] == order.tolist()


def test_no_pictures_are_no_grids() -> None:
    grids, places = PictureColumns(Shape.LIST, ("image",)).grids(pa.nulls(3, pa.binary()))
    assert (len(grids), places.tolist()) == (0, [])


def test_a_stored_state_is_the_beginning_of_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poisonguard.sketches.pictures.MOST_STORED", 3)
    table = pa.table({**{name: list(range(20)) for name in SQUARE}, "label": [str(row) for row in range(20)]})
    sketch = PictureSample(PictureColumns(Shape.PIXELS, SQUARE), "label", limit=5)
    state = sketch.fold(block_of(table))
    stored = sketch.kept(state)
    assert stored.schema == state.schema
    assert stored.to_pylist() == state.to_pylist()[:3]
