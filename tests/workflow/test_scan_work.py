"""Where a scan works, and what it keeps, changes nothing of what it says."""

from __future__ import annotations

import json
import os
import random
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.cli.main import run
from poisonguard.dataset import tables
from poisonguard.engine import piecework
from poisonguard.engine.objects import LocalObjects
from poisonguard.errors import IntegrityError, KeyMaterialError, PoisonguardError, UsageError
from poisonguard.reports.json_v1 import render
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import open_scan
from poisonguard.workflow.work_cache import has_room, own_store, prune
from poisonguard.workflow.worker import Shard, fold_shard

ROWS = 300
pytestmark = pytest.mark.usefixtures("files_apart")


def table(seed: int, labels: str = "ab") -> pa.Table:
    draw = random.Random(seed)  # noqa: S311 - data, not secrets
    words = [f"word{number}" for number in range(50)]
    return pa.table(
        {
            "text": [" ".join(draw.choices(words, k=12)) for _ in range(ROWS)],
            "size": [draw.gauss(0, 1) for _ in range(ROWS)],
            "label": draw.choices(labels, k=ROWS),
        }
    )


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "few.yaml").write_text(PACK)
    (tmp_path / "one.yaml").write_text(ONE)
    for folder, first in (("data", 0), ("approved", 10)):
        (tmp_path / folder).mkdir()
        for number in range(4):
            pq.write_table(table(first + number), tmp_path / folder / f"{number}.parquet", row_group_size=100)
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the blocks that were folded."""
    rows: list[int] = []
    real = piecework.fresh_block

    def counted(batch: Any, first_file: int = 0) -> Any:
        rows.append(batch.table.num_rows)
        return real(batch, first_file)

    monkeypatch.setattr(piecework, "fresh_block", counted)
    return rows


PACK = """
name: few
what: One check of every kind of state that is kept.
checks: [{card: PG-DUP-001}, {card: PG-DUP-002}, {card: PG-LABEL-001}, {card: PG-DRIFT-001}, {card: PG-TEXT-001}]
"""
ONE = """
name: one
what: One check, which a test waits for a moment only.
checks: [{card: PG-DUP-001}]
"""
REQUEST = ScanRequest(data="data", reference="approved", packs=("few.yaml",), workers=2)
QUICK = ScanRequest(data="data", packs=("one.yaml",), workers=2)


def said(request: ScanRequest) -> tuple[str, bytes]:
    """The report, which a scan statement binds by its digest, and the profile that is signed beside it."""
    with open_scan(request) as finished:
        return render(finished.result), finished.profile()


def write_key(path: Path) -> None:
    path.write_bytes(bytes(range(1, 33)))
    path.chmod(0o600)


def units(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".small", ".bulky"})


def test_every_engine_and_every_state_of_the_cache_say_the_same() -> None:
    plain = said(replace(REQUEST, workers=1, keep_profile=True))
    kept = replace(REQUEST, keep_states=True, keep_profile=True)
    for request in (
        replace(REQUEST, workers=3, keep_profile=True),
        replace(REQUEST, engine="processes", keep_profile=True),
        kept,
        kept,
        replace(kept, engine="processes", cache="store"),
        replace(kept, cache="store", audit_units=2),
    ):
        assert said(request) == plain, request


def test_small_files_that_are_read_together_are_as_each_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(3).to_pylist() * 2
    for number in range(40):
        (place / "data" / f"more-{number:02d}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows[10 * number :][:10])
        )
        (place / "data" / f"more-{number:02d}.txt").write_text("no table\n")
    request = replace(REQUEST, keep_profile=True)
    plain = said(request)
    kept = replace(request, keep_states=True, cache="store", audit_units=2, engine="processes")
    monkeypatch.setattr(tables, "SMALL", 64 << 10)
    monkeypatch.setattr(tables, "ENDS", 8)
    for asked in (request, kept, kept):
        assert said(asked) == plain


def test_a_scan_that_was_killed_resumes(read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    plain = said(REQUEST)
    kept = replace(REQUEST, keep_states=True, workers=1)
    real, folds = piecework._folded, 0

    def killed(*arguments: Any) -> Any:
        nonlocal folds
        folds += 1
        if folds == 7:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(piecework, "_folded", killed)
    with pytest.raises(KeyboardInterrupt):
        said(kept)
    monkeypatch.setattr(piecework, "_folded", real)
    read.clear()
    assert said(kept) == plain
    # Four files of the reference and four of the data; six of them were done.
    assert read == [ROWS] * 2


def test_a_new_version_costs_what_changed(read: list[int], place: Path) -> None:
    kept = replace(REQUEST, keep_states=True)
    said(kept)
    read.clear()
    pq.write_table(table(9), place / "data" / "2.parquet", row_group_size=100)
    (place / "data" / "3.parquet").rename(place / "data" / "00.parquet")
    changed = said(kept)
    assert read == [ROWS]
    assert changed == said(REQUEST)


def test_workers_fold_and_the_scan_only_judges(read: list[int]) -> None:
    plain = said(REQUEST)
    shared = replace(REQUEST, cache="store")
    works = [fold_shard(shared, Shard(index, 3)) for index in range(3)]
    assert [work.partitions for work in works] == [2, 1, 1]
    assert sum(work.rows for work in works) == 4 * ROWS
    again = fold_shard(shared, Shard(0, 1))
    assert (again.partitions, again.found, again.total) == (4, 4, 4)
    read.clear()
    assert said(replace(shared, keep_states=True, audit_units=0)) == plain
    assert read == []


def test_a_share_that_nobody_folded_is_folded_by_the_scan(read: list[int]) -> None:
    shared = replace(REQUEST, cache="store")
    fold_shard(shared, Shard(1, 2))
    read.clear()
    assert said(replace(shared, keep_states=True, audit_units=0)) == said(REQUEST)
    assert read[:2] == [ROWS, ROWS]


def test_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--reference", "approved", "--pack", "few.yaml"]
    common = [*few, "--cache", "store"]
    assert run(["worker", "data", "--shard", "0/2", *common]) == 0
    assert run(["worker", "data", "--shard", "1/2", *common]) == 0
    assert "fold 1/2: 2 of 4 partitions, 600 rows; folded before: 0" in capsys.readouterr().out
    assert run(["scan", "data", *common, "-f", "json"]) in {0, 1}
    warm = capsys.readouterr().out
    assert run(["scan", "data", *few, "--no-cache", "--engine", "processes", "-f", "json"]) in {
        0,
        1,
    }
    assert capsys.readouterr().out == warm


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["worker", "data", "--shard", "0/2"], "a worker needs a work store"),
        (["worker", "data", "--shard", "2/2", "--cache", "store"], "--shard 2/2: not i/N"),
        (["worker", "data", "--shard", "x", "--cache", "store"], "--shard x: not i/N"),
        (["scan", "data", "--no-cache", "--cache", "store"], "--no-cache excludes"),
        (["scan", "data", "--cache", "data/store"], "lies in the data"),
        (["scan", "s3://bucket/data/", "--cache", "s3://user:word@bucket/data/work"], "s3://bucket/data/work: lies in"),
        (["scan", "data", "--cache", "s3://bucket/store"], "needs a key"),
        (["scan", "data", "--cache", "store", "--cache-key", "none"], "none: No such file"),
        (["scan", "data", "--cache", "store", "--cache-key", "short"], "a key of 5 bytes can be guessed"),
        (["scan", "data", "--address", "here:1"], "--address is for a cluster"),
        (["scan", "data", "--engine", "ray", "--address", "here:1"], "where every machine reaches them"),
    ],
)
def test_bad_requests_are_refused(
    place: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "short").write_text("short")
    (place / "short").chmod(0o600)
    assert run(arguments) == 2
    assert message in capsys.readouterr().err


def test_an_engine_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from poisonguard.workflow import engines

    monkeypatch.setitem(engines.CLUSTERS, "ray", ("poisonguard.engines.not_there", "RayTasks"))
    with pytest.raises(UsageError, match="not installed") as caught:
        said(replace(REQUEST, engine="ray"))
    assert caught.value.hint == "pip install 'poisonguard[ray]'"


def test_settings_say_where(place: Path) -> None:
    (place / "poisonguard.yaml").write_text("engine: processes\nworkers: 1\ncache: store\n")
    plain = said(replace(REQUEST, workers=0))
    assert said(replace(REQUEST, workers=0, keep_states=True)) == plain
    assert units(place / "store")


def test_a_wrong_setting_is_refused(place: Path) -> None:
    (place / "poisonguard.yaml").write_text("engine: spark\n")
    with pytest.raises(PoisonguardError, match="engine"):
        said(REQUEST)


def test_the_own_store_is_the_users_alone_and_stays_small(place: Path) -> None:
    said(replace(REQUEST, keep_states=True))
    kept = own_store(None, "data")
    assert kept is not None
    assert isinstance(kept.store.objects, LocalObjects)
    folder = place / "home" / "poisonguard"
    assert stat.S_IMODE((folder / "units.key").stat().st_mode) == 0o600
    found = sorted(path for path in (folder / "units").rglob("*") if path.is_file())
    for age, path in enumerate(found):
        os.utime(path, (age, age))
    sizes = [path.stat().st_size for path in found]
    prune(kept, sum(sizes) - sum(sizes[:3]))
    assert [path for path in found if path.exists()] == found[3:]
    prune(replace(kept, store=replace(kept.store, shared=True)), 0)
    assert [path for path in found if path.exists()] == found[3:]


def test_large_data_want_a_store_of_their_own() -> None:
    kept = own_store(None, "data")
    assert kept is not None
    assert has_room(kept, 10, largest=100)
    assert not has_room(kept, 11, largest=100)
    assert not has_room(kept, 1 << 60, largest=1 << 70)
    assert has_room(replace(kept, store=replace(kept.store, shared=True)), 1 << 60)


def test_where_no_cache_can_be_there_is_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "file"))
    assert own_store(None, "data") is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "data"))
    assert own_store(None, "data") is None
    assert said(replace(REQUEST, keep_states=True)) == said(REQUEST)
    assert not (place / "data" / "poisonguard").exists()


def test_a_store_or_key_that_others_reach_is_not_used(place: Path) -> None:
    folder = place / "home" / "poisonguard"
    assert own_store(None, "data") is not None
    for item, mode in (("units", 0o777), ("units", 0o770), ("", 0o777), ("units.key", 0o644)):
        before = stat.S_IMODE((folder / item).stat().st_mode)
        (folder / item).chmod(mode)
        assert own_store(None, "data") is None, item
        (folder / item).chmod(before)
    assert own_store(None, "data") is not None
    (folder / "units.key").rename(place / "elsewhere")
    (folder / "units.key").symlink_to(place / "elsewhere")
    assert own_store(None, "data") is None
    with pytest.raises(KeyMaterialError, match="symbolic link"):
        said(replace(REQUEST, keep_states=True, cache="store"))


def test_somebody_elses_key_is_not_used(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "home" / "poisonguard").mkdir(parents=True, mode=0o700)
    (place / "home" / "poisonguard" / "units.key").write_bytes(bytes(range(32)))
    (place / "home" / "poisonguard" / "units.key").chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(KeyMaterialError, match="somebody else"):
        said(replace(REQUEST, keep_states=True, cache="store"))
    assert own_store(None, "data") is None


def test_who_has_no_home_is_told_to_give_a_key(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert own_store(None, str(place / "data")) is None
    with pytest.raises(KeyMaterialError, match="no home"):
        said(replace(REQUEST, keep_states=True, cache="store"))


def test_a_key_without_a_store_is_refused(place: Path) -> None:
    write_key(place / "key")
    with pytest.raises(PoisonguardError, match="none is named"):
        said(replace(REQUEST, keep_states=True, cache_key="key"))


def test_another_key_sees_nothing_of_it(place: Path, read: list[int]) -> None:
    write_key(place / "key")
    said(replace(REQUEST, keep_states=True, cache="store"))
    read.clear()
    said(replace(REQUEST, keep_states=True, cache="store", cache_key="key"))
    assert read == [ROWS] * 8


def test_a_key_that_cannot_be_made_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "file"))
    with pytest.raises(KeyMaterialError, match="no key can be kept") as caught:
        said(replace(REQUEST, keep_states=True, cache="store"))
    assert "--cache-key" in caught.value.hint


@pytest.mark.parametrize("suffix", [".small", ".bulky"])
def test_a_spoilt_unit_of_ones_own_is_folded_again_and_told(
    place: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["scan", "data", "--pack", "one.yaml", "-f", "json"]
    assert run(arguments) in {0, 1}
    plain = capsys.readouterr()
    spoilt = next(path for path in units(place / "home") if path.suffix == suffix)
    before = spoilt.read_bytes()
    spoilt.write_bytes(bytes([before[0] ^ 1]) + before[1:-60] + bytes(60))
    assert run(arguments) in {0, 1}
    after = capsys.readouterr()
    assert after.out == plain.out
    assert "note: reading rows: computed again because it was spoilt: 1 partial result of your cache" in after.err
    assert spoilt.read_bytes() == before
    assert run(arguments) in {0, 1}
    assert "note" not in capsys.readouterr().err


def test_a_spoilt_unit_of_a_shared_store_stays_an_error(place: Path) -> None:
    shared = replace(QUICK, keep_states=True, cache="store")
    said(shared)
    spoilt = units(place / "store")[0]
    spoilt.write_bytes(bytes(60) + spoilt.read_bytes()[:-60])
    with pytest.raises(IntegrityError, match="work store"):
        said(shared)


def test_a_pruned_unit_is_folded_again(place: Path, read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = replace(QUICK, keep_states=True)
    plain = said(kept)
    real, removed = LocalObjects.names, list[str]()

    def pruned(self: LocalObjects, folder: str) -> list[str]:
        """What another scan's pruning does just after the look-up."""
        names = real(self, folder)
        if len(removed) < 3:
            removed.extend(name for name in names if name.endswith(".bulky"))
            for name in removed:
                self.remove(name)
        return names

    monkeypatch.setattr(LocalObjects, "names", pruned)
    read.clear()
    assert said(kept) == plain
    assert len(removed) >= 3
    assert ROWS in read


def test_a_named_store_is_as_open_as_the_umask_says(place: Path) -> None:
    before = os.umask(0o002)
    try:
        said(replace(QUICK, keep_states=True, cache="store"))
    finally:
        os.umask(before)
    shared = units(place / "store")
    assert {stat.S_IMODE(path.stat().st_mode) for path in shared} == {0o664}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in shared} == {0o775}
    said(replace(QUICK, keep_states=True))
    assert {stat.S_IMODE(path.stat().st_mode) for path in units(place / "home")} == {0o600}


def test_what_killed_writers_left_is_swept_when_it_is_old(place: Path) -> None:
    for request, folder in (
        (replace(QUICK, keep_states=True), place / "home"),
        (replace(QUICK, keep_states=True, cache="store"), place / "store"),
    ):
        said(request)
        beside = units(folder)[0].parent
        old, young = beside / ".new-0123", beside / ".new-4567"
        old.write_bytes(b"half")
        young.write_bytes(b"half")
        os.utime(old, (1, 1))
        said(request)
        assert not old.exists()
        assert young.exists()
