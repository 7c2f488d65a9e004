"""A folder of data, a world that knows it, and the gate before it."""

from pathlib import Path

import pytest
from evidence_gate import Gate
from evidence_world import World, inventory_of_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "more").mkdir(parents=True)
    (data / "train.csv").write_bytes(b"a,b\n1,2\n")
    (data / "more" / "test.csv").write_bytes(b"a,b\n3,4\n")
    return data


@pytest.fixture
def world(folder: Path) -> World:
    return World(content=inventory_of_folder(folder))


@pytest.fixture
def check(folder: Path) -> Gate:
    return Gate(folder)
