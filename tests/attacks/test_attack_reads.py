"""Data that change between the gate and their use: what is read is what was checked."""

import shutil
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evidence_project import Project

import poisonguard as pg
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import DataChanged, IntegrityError, PoisonguardError

# Hash, then use


@pytest.fixture
def parquet(project: Project) -> Project:
    """An approved Parquet file of several chunks and row groups."""
    for path in project.data.iterdir():
        path.unlink()
    rows = pa.table(
        {"id": pa.array(range(400_000)), "text": [f"row {index * 7919 % 99991}" for index in range(400_000)]}
    )
    pq.write_table(rows, project.data / "a.parquet", row_group_size=50_000, compression="none", use_dictionary=False)
    assert (project.data / "a.parquet").stat().st_size > CHUNK
    project.publish()
    project.approve("ann")
    return project


def read(opened: Any) -> pa.Table:
    """The whole table, through the file system that checks."""
    return pq.read_table("a.parquet", filesystem=opened.arrow_filesystem)


def test_a_byte_flipped_after_the_gate_stops_the_read(parquet: Project) -> None:
    """Every peer: the files are hashed, and then opened again by name."""
    opened = pg.open_dataset("reviews")
    path = parquet.data / "a.parquet"
    content = bytearray(path.read_bytes())
    content[CHUNK + 1000] ^= 1
    path.write_bytes(content)
    with pytest.raises((DataChanged, IntegrityError, OSError), match=r"a\.parquet"):
        read(opened)


def test_a_file_swapped_after_the_gate_stops_the_read(parquet: Project) -> None:
    """Every peer: another file under the same name, of the same size."""
    opened = pg.open_dataset("reviews")
    path = parquet.data / "a.parquet"
    other = path.read_bytes().replace(b"row 1", b"row 2")
    path.rename(parquet.folder / "aside")
    path.write_bytes(other)
    with pytest.raises((DataChanged, IntegrityError, OSError), match=r"a\.parquet"):
        read(opened)


def test_a_folder_swapped_for_a_link_after_the_gate_stops_the_read(parquet: Project) -> None:
    """Every peer: the path is looked up again, and leads elsewhere."""
    opened = pg.open_dataset("reviews")
    elsewhere = parquet.folder / "elsewhere"
    shutil.copytree(parquet.data, elsewhere)
    path = elsewhere / "a.parquet"
    path.write_bytes(path.read_bytes().replace(b"row 1", b"row 2"))
    parquet.data.rename(parquet.folder / "aside")
    parquet.data.symlink_to(elsewhere)
    with pytest.raises((PoisonguardError, OSError)):
        read(opened)


def test_the_buffer_that_was_checked_is_the_buffer_that_is_used(
    parquet: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified, then read again: here the file changes right after each chunk was read, and nobody reads it again."""
    from poisonguard.dataset.storage import LocalHandle

    expected = pq.read_table(parquet.data / "a.parquet")
    path = parquet.data / "a.parquet"
    good = path.read_bytes()
    reading = LocalHandle.read_into

    def swapped(handle: LocalHandle, offset: int, buffer: memoryview) -> int:
        path.write_bytes(good)
        count = reading(handle, offset, buffer)
        path.write_bytes(bytes(len(good)))
        return count

    opened = pg.open_dataset("reviews")
    monkeypatch.setattr(LocalHandle, "read_into", swapped)
    assert read(opened).equals(expected)


def test_a_file_that_was_not_approved_is_not_there(parquet: Project) -> None:
    """Pyarrow reads whatever lies in the folder: what came after the gate is not even seen."""
    opened = pg.open_dataset("reviews")
    pq.write_table(pa.table({"id": [-1], "text": ["poison"]}), parquet.data / "b.parquet")
    assert opened.files == ("a.parquet",)
    assert read(opened).num_rows == 400_000
    with pytest.raises((FileNotFoundError, PoisonguardError)):
        opened.open("b.parquet")


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a.parquet/../../secret", "./a.parquet/../../secret"])
def test_a_verified_read_never_leaves_the_data(parquet: Project, path: str) -> None:
    """Fsspec joins what it is given: ``..`` in a name asked for leads out of the folder."""
    (parquet.folder / "secret").write_text("secret")
    opened = pg.open_dataset("reviews")
    with pytest.raises((OSError, PoisonguardError)):
        opened.open(path).read()
