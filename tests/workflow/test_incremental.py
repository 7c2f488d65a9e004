"""What is taken over from the last trusted version changes nothing but the time that it takes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evidence_project import START, Project, poisonguard
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.inventory import Inventory
from poisonguard.dataset import hashing, parallel
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE
from poisonguard.dataset.formats.parquet import ParquetTable
from poisonguard.errors import DataChanged
from poisonguard.workflow import incremental, row_cache
from poisonguard.workflow.incremental import Reuse, reuse_of
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.row_cache import READER, RowCache
from poisonguard.workflow.sign import sign

PROFILE = BLAKE3_TREE.hash_profile


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(incremental, "LARGE", 1)
    monkeypatch.setattr(parallel, "GROUP_BYTES", 0)
    project = Project.start(tmp_path / "project")
    shutil.rmtree(project.data)
    for name in ("a", "b", "sub/c"):
        write(project, f"{name}.parquet", name)
    write_bytes(project, "notes.txt", b"notes")
    return project


def write(project: Project, name: str, text: str, rows: int = 40, **columns: list[int]) -> None:
    path = project.data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"id": range(rows), "text": [f"{text} {row}" for row in range(rows)], **columns})
    pq.write_table(table, path, row_group_size=16)


def write_bytes(project: Project, name: str, data: bytes) -> None:
    (project.data / name).parent.mkdir(parents=True, exist_ok=True)
    (project.data / name).write_bytes(data)


def publish(project: Project, minutes: int = 1) -> None:
    with project.workspace as workspace:
        sign(workspace, str(project.data), [project.keys["pub"]], START + timedelta(minutes=minutes))


def reuse(project: Project, profile: str = PROFILE) -> Reuse:
    with project.workspace as workspace:
        return reuse_of(workspace, "reviews", START + timedelta(minutes=50), hash_profile=profile)


def everything(inventory: Inventory) -> tuple[object, ...]:
    """The manifest, and every byte of the listing."""
    return inventory.manifest, inventory.version, list(inventory.files.shards())


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows of each row group are read from now on."""
    read: list[int] = []
    real = ParquetTable.read

    def counted(self: ParquetTable, *arguments: object) -> Iterator[pa.RecordBatch]:
        for batch in real(self, *arguments):  # type: ignore[arg-type] # handed through
            read.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(ParquetTable, "read", counted)
    return read


def test_only_what_changed_is_read(project: Project, rows_read: list[int]) -> None:
    publish(project)
    (project.data / "a.parquet").rename(project.data / "renamed.parquet")
    write(project, "b.parquet", "changed")
    write(project, "new.parquet", "new", rows=10)
    rows_read.clear()
    found, _ = inspect(str(project.data), reuse=reuse(project))
    assert sum(rows_read) == 50
    assert everything(found) == everything(inspect(str(project.data))[0])
    rows_read.clear()
    publish(project, 2)
    assert sum(rows_read) == 50, "what no signed version says is never taken from the cache"


def test_a_known_sha256_is_not_computed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(project)
    known = reuse(project).known
    assert known is not None
    asked: list[int] = []
    real = hashing.hashlib.sha256  # type: ignore[attr-defined] # the module as hashing sees it

    def counted() -> object:
        asked.append(1)
        return real()

    monkeypatch.setattr(hashing, "hashlib", type("Counting", (), {"sha256": staticmethod(counted)}))
    found, _ = inspect(str(project.data), reuse=reuse(project))
    assert not asked
    assert found.manifest.file_count == 4
    write_bytes(project, "notes.txt", b"NOTES")
    inspect(str(project.data), reuse=reuse(project))
    assert len(asked) == 1, "the same size, another tree"


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["append", "modify", "rename", "delete", "add", "swap", "column", "touch"]),
        st.integers(0, 2),
        st.integers(1, 60),
    ),
    max_size=4,
)


@settings(max_examples=12)
@given(rounds=st.lists(EDITS, min_size=1, max_size=2))
def test_the_manifest_is_the_same_with_and_without(
    rounds: list[list[tuple[str, int, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = Project.start(tmp_path_factory.mktemp("edits") / "project")
    shutil.rmtree(project.data)
    for name in ("a", "b", "sub/c"):
        write(project, f"{name}.parquet", name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "LARGE", 1)
        patch.setattr(parallel, "GROUP_BYTES", 0)
        for number, edits in enumerate(rounds):
            publish(project, number + 1)
            for kind, which, size in edits:
                edit(project, kind, which, size)
            found, notes = inspect(str(project.data), reuse=reuse(project))
            full, full_notes = inspect(str(project.data))
            assert (everything(found), notes) == (everything(full), full_notes)


def edit(project: Project, kind: str, which: int, size: int) -> None:
    files = sorted(path for path in project.data.rglob("*") if path.is_file())
    target = files[which % len(files)]
    name = str(target.relative_to(project.data))
    match kind:
        case "append":
            write(project, name, name, rows=40 + size)
        case "modify":
            write(project, name, f"other {size}", rows=size)
        case "rename":
            target.rename(project.data / f"z{size}.parquet")
        case "delete" if len(files) > 1:
            target.unlink()
        case "add":
            write(project, f"new{size}.parquet", "a", rows=size)
        case "swap":
            other = files[(which + 1) % len(files)]
            one, two = target.read_bytes(), other.read_bytes()
            target.write_bytes(two)
            other.write_bytes(one)
        case "column":
            write(project, name, name, extra=list(range(40)))
        case _:
            target.touch()


# What is never believed


def cached(project: Project) -> list[Path]:
    return sorted(path for path in (project.folder / ".poisonguard/cache").rglob("*") if path.is_file())


def test_an_altered_cache_is_not_used(project: Project, rows_read: list[int]) -> None:
    publish(project)
    full = everything(inspect(str(project.data))[0])
    for number, path in enumerate(cached(project)):
        data = bytearray(path.read_bytes())
        data[number * 100] ^= 1
        path.write_bytes(data[:-1] if number == 2 else data)
    rows_read.clear()
    assert everything(inspect(str(project.data), reuse=reuse(project))[0]) == full
    assert sum(rows_read) == 120
    rows_read.clear()
    assert everything(inspect(str(project.data), reuse=reuse(project))[0]) == full
    assert sum(rows_read) == 0, "what was read is kept for the next time"


def test_a_cache_that_changes_after_it_was_checked_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project)
    real = RowCache.find

    def then_altered(self: RowCache, *arguments: object) -> object:
        found = real(self, *arguments)  # type: ignore[arg-type] # handed through
        for path in cached(project):
            path.write_bytes(b"")
        return found

    monkeypatch.setattr(RowCache, "find", then_altered)
    with pytest.raises(DataChanged, match="cache of row digests"):
        inspect(str(project.data), reuse=reuse(project))


def test_rows_are_read_again_when_the_columns_are_others(project: Project, rows_read: list[int]) -> None:
    publish(project)
    write(project, "b.parquet", "b", extra=list(range(40)))
    rows_read.clear()
    inspect(str(project.data), reuse=reuse(project))
    assert sum(rows_read) == 120


def test_another_reader_reads_again(project: Project, rows_read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    publish(project)
    monkeypatch.setattr(row_cache, "READER", f"{READER}-next")
    rows_read.clear()
    inspect(str(project.data), reuse=reuse(project))
    assert sum(rows_read) == 120
    assert {path.parts[-3] for path in cached(project)} == {f"{READER}-next"}


def test_nothing_is_taken_over_from_a_version_that_is_not_trusted(project: Project) -> None:
    assert reuse(project).known is None
    publish(project)
    assert reuse(project).known is not None
    assert reuse(project, FIPS_TREE.hash_profile).known is None
    with project.workspace as workspace:
        now = START + timedelta(minutes=3)
        assert reuse_of(workspace, "other", now, hash_profile=PROFILE).known is None
        assert reuse_of(workspace, "reviews", now, hash_profile=PROFILE, full=True).known is None


def test_a_workspace_that_cannot_keep_a_cache_signs_all_the_same(project: Project) -> None:
    (project.folder / ".poisonguard/cache").write_text("no folder")
    publish(project)
    assert everything(inspect(str(project.data), reuse=reuse(project))[0]) == everything(inspect(str(project.data))[0])


def test_only_the_rows_of_the_last_version_are_kept(project: Project) -> None:
    publish(project)
    assert len(cached(project)) == 3
    assert sum(path.stat().st_size for path in cached(project)) == 3 * 40 * 32
    write(project, "a.parquet", "changed")
    publish(project, 2)
    assert len(cached(project)) == 3


def test_a_runs_digests_come_back(tmp_path: Path) -> None:
    cache = RowCache(tmp_path, "d")
    digests = np.arange(64, dtype=np.uint8).reshape(2, 32)
    assert len(list(cache.recorded(iter([(0, 0, digests)]), lambda _: "ab"))) == 1
    assert cache.find("ab", ()) is None


def test_the_command_reads_all_with_full(
    project: Project, rows_read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    publish(project)
    rows_read.clear()
    arguments = ("sign", "reviews", "--key", project.key("pub"))
    assert poisonguard(*arguments) == 0
    assert sum(rows_read) == 0
    assert poisonguard(*arguments, "--full") == 0
    assert sum(rows_read) == 120
