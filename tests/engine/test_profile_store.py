"""What is stored of a version: the states, and of pictures as many as it takes to compare."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from harness import TableSource, evidence_of

from poisonguard.engine.executor import local
from poisonguard.engine.fold import fold
from poisonguard.engine.profile import dump_profile, load_profile
from poisonguard.engine.progress import Silent
from poisonguard.engine.spool import Spool
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.pictures import MOST_STORED, PictureColumns, PictureSample, Shape
from poisonguard.sketches.sample import RowSample

ROWS = 3_000
PICTURES = PictureSample(PictureColumns(Shape.LIST, ("image",)), "label")
SKETCHES: tuple[Sketch, ...] = (RowDigests(), RowSample(), PICTURES)


def evidence() -> Evidence:
    grids = np.random.default_rng(1).integers(0, 255, (ROWS, 4)).astype(np.uint8)
    table = pa.table({"image": pa.array(grids.tolist()), "label": [str(row % 3) for row in range(ROWS)]})
    source = TableSource(table)
    with Spool() as spool:
        return evidence_of(source, fold(source, SKETCHES, local(1), spool, Silent()))


def test_what_comes_back_is_what_was_stored() -> None:
    given = evidence()
    content = dump_profile(given, SKETCHES)
    assert content == dump_profile(given, tuple(reversed(SKETCHES)))
    loaded = load_profile(content, "v1")
    assert (loaded.rows, loaded.seed, loaded.columns) == (given.rows, given.seed, given.columns)
    for sketch in (RowDigests(), RowSample()):
        assert loaded[sketch].to_pylist() == given[sketch].to_pylist()
    assert given[PICTURES].num_rows == ROWS
    assert loaded[PICTURES].to_pylist() == given[PICTURES].to_pylist()[:MOST_STORED]
