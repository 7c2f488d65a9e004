"""Folding with a work store: the same states as without, and nothing is folded twice."""

import pickle
import shutil
import zoneinfo
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.dataset.opening import open_dataset
from poisonguard.dataset.views import Views
from poisonguard.engine import codeversion, piecework
from poisonguard.engine.executor import Executor, local
from poisonguard.engine.fold import Folded, Kept, fold, job_of
from poisonguard.engine.objects import LocalObjects
from poisonguard.engine.piecework import fold_piece, load_known, put_known
from poisonguard.engine.progress import Silent
from poisonguard.engine.source import DatasetSource, pieces_of
from poisonguard.engine.spool import Spool
from poisonguard.engine.workers import Processes
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan, IntegrityError
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.digests import RowDigests
from poisonguard.sketches.new_rows import DigestSet, NewRows
from poisonguard.sketches.row_runs import RowRuns
from poisonguard.sketches.sample import RowSample

SKETCHES: tuple[Sketch, ...] = (
    RowDigests(),
    RowSample(),
    RowRuns(("n",)),
    NewRows(RowSample()),
    NewRows(RowRuns(("n",))),
)
KEY = bytes(range(32))
pytestmark = pytest.mark.usefixtures("files_apart")


def known_rows() -> DigestSet:
    return DigestSet([np.zeros((1, 32), dtype=np.uint8)])


def write(folder: Path, name: str, start: int, rows: int = 40) -> None:
    folder.mkdir(exist_ok=True)
    table = pa.table({"n": range(start, start + rows), "text": [f"row {start + i}" for i in range(rows)]})
    if name.endswith(".csv"):
        pc_csv.write_csv(table, folder / name)
    else:
        pq.write_table(table, folder / name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number, name in enumerate(("b.parquet", "c.csv", "d.parquet", "e.csv")):
        write(tmp_path / "data", name, number * 100)
    return tmp_path / "data"


def store(folder: Path, *, shared: bool = False) -> WorkStore:
    return WorkStore(LocalObjects(str(folder)), KEY, shared)


def folded(
    data: Path,
    spool: Spool,
    kept: Kept | None = None,
    executor: Executor | None = None,
    sketches: Sequence[Sketch] = SKETCHES,
) -> Folded:
    with open_dataset(str(data), workers=1) as dataset:
        source = DatasetSource(dataset, "data", Views.of(dataset.schema))
        return fold(source, sketches, executor or local(1), spool, Silent(), known_rows(), kept)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path) as made:
        yield made


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


def same(one: Folded, other: Folded) -> bool:
    equal = all(one.states[key].equals(other.states[key]) for key in one.states)
    return equal and one.states.keys() == other.states.keys() and one.runs == other.runs


def test_cold_and_warm_give_what_none_gives(data: Path, spool: Spool, tmp_path: Path, read: list[int]) -> None:
    plain = folded(data, spool)
    kept = Kept(store(tmp_path / "units"))
    cold, rows = folded(data, spool, kept), len(read)
    warm = folded(data, spool, kept)
    assert same(plain, cold)
    assert same(plain, warm)
    assert len(read) == rows == 8


def test_only_what_changed_is_folded_wherever_files_move(
    data: Path, spool: Spool, tmp_path: Path, read: list[int]
) -> None:
    kept = Kept(store(tmp_path / "units"))
    folded(data, spool, kept)
    read.clear()
    write(data, "a.parquet", 1000, rows=7)  # every other file comes one place later
    write(data, "e.csv", 300, rows=9)
    shutil.move(data / "c.csv", data / "z.csv")
    warm = folded(data, spool, kept)
    assert sorted(read) == [7, 9]
    assert same(warm, folded(data, spool))


def test_another_sketch_costs_its_own_fold_only(data: Path, spool: Spool, tmp_path: Path, read: list[int]) -> None:
    kept = Kept(store(tmp_path / "units"))
    folded(data, spool, kept, sketches=SKETCHES[:3])
    whole = folded(data, spool, kept)
    assert same(whole, folded(data, spool))
    read.clear()
    # Two units of each partition together hold everything now.
    assert same(folded(data, spool, kept), whole)
    assert not read


def test_a_killed_fold_resumes(data: Path, spool: Spool, tmp_path: Path, read: list[int]) -> None:
    kept = Kept(store(tmp_path / "units"))

    class Killed:
        shares_memory = True

        def run(self, function: Any, tasks: Sequence[Any]) -> Iterator[Any]:
            for number, task in enumerate(tasks):
                if number == 3:
                    raise KeyboardInterrupt
                yield function(task)

        def close(self) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        folded(data, spool, kept, Killed())
    read.clear()
    resumed = folded(data, spool, kept)
    assert read == [40]
    assert same(resumed, folded(data, spool))


def test_other_columns_of_the_dataset_are_another_partition(data: Path, spool: Spool, tmp_path: Path) -> None:
    kept = Kept(store(tmp_path / "units"))
    folded(data, spool, kept)
    (data / "e.csv").write_text("n,text\n1.5,x\n")  # n is a fraction in all files now
    assert same(folded(data, spool, kept), folded(data, spool))


def test_other_rows_of_the_reference_are_other_new_rows(data: Path, spool: Spool, tmp_path: Path) -> None:
    kept = Kept(store(tmp_path / "units"))
    before = folded(data, spool, kept)
    digests = before.states[RowDigests().key]["digest"].slice(0, 10).to_pylist()
    known = DigestSet([np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)])
    with open_dataset(str(data), workers=1) as dataset:
        source = DatasetSource(dataset, "data", Views.of(dataset.schema))
        warm = fold(source, SKETCHES, local(1), spool, Silent(), known, kept)
        plain = fold(source, SKETCHES, local(1), spool, Silent(), known)
    assert same(warm, plain)
    assert warm.states[NewRows(RowSample()).key].num_rows == 150


def test_other_code_is_another_state(
    data: Path, spool: Spool, tmp_path: Path, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(store(tmp_path / "units"))
    folded(data, spool, kept)
    read.clear()
    monkeypatch.setattr(piecework, "code_version", lambda: "other")
    folded(data, spool, kept)
    assert read == [40] * 4


def test_an_edit_of_any_covered_file_is_another_version(tmp_path: Path) -> None:
    package = tmp_path / "package"
    for folder in codeversion.PACKAGES:
        (package / folder).mkdir(parents=True)
        (package / folder / "code.py").write_text("x = 1\n")
    versions = {codeversion.version_of(package)}
    for number, folder in enumerate(codeversion.PACKAGES):
        (package / folder / "code.py").write_text("x = 2\n")
        versions.add(codeversion.version_of(package))
        assert len(versions) == number + 2
    (package / "domain" / "__pycache__").mkdir()
    (package / "domain" / "__pycache__" / "code.pyc").write_bytes(b"compiled")
    assert codeversion.version_of(package) in versions
    assert codeversion.code_version() == codeversion.version_of(Path(codeversion.__file__).parents[1])


def test_states_of_foreign_sketches_are_never_kept(data: Path, spool: Spool, tmp_path: Path, read: list[int]) -> None:
    class Foreign(RowSample):
        pass

    kept = Kept(store(tmp_path / "units"))
    folded(data, spool, kept, sketches=[Foreign()])
    folded(data, spool, kept, sketches=[Foreign()])
    assert read == [40] * 8


def test_bulky_states_of_foreign_sketches_are_nobody_elses(data: Path, spool: Spool, tmp_path: Path) -> None:
    foreign = type("RowDigests", (RowDigests,), {"fold": _reversed, "__module__": "others.sketches"})()
    kept = Kept(store(tmp_path / "units", shared=True), audited=4)
    both = folded(data, spool, kept, sketches=[foreign, RowDigests(), RowSample()])
    assert foreign.key == "others.sketches.RowDigests()"
    assert not both.states[foreign.key].equals(both.states[RowDigests().key])
    again = folded(data, spool, kept, sketches=[foreign, RowDigests(), RowSample()])
    assert same(again, both)
    assert same(folded(data, spool, kept), folded(data, spool))
    assert not [path for path in (tmp_path / "units").rglob("once/**/*") if path.is_file()]


def _reversed(self: RowDigests, block: Block) -> pa.Table:
    state = RowDigests().fold(block)
    return state.take(pa.array(range(state.num_rows - 1, -1, -1)))


def test_every_piece_can_be_sent_elsewhere(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    with open_dataset("data", workers=1) as dataset:
        source = DatasetSource(dataset, "data", Views.of(dataset.schema))
        job = job_of(SKETCHES, store(tmp_path / "units"), known_rows(), keeps=True)
        sent = pickle.dumps([partial(fold_piece, job), *pieces_of(source)])
    monkeypatch.chdir("/")  # workers have working directories of their own
    work, *pieces = pickle.loads(sent)  # noqa: S301 - our own bytes
    assert [sum(run.rows for run in work(piece).runs) for piece in pieces] == [40] * 4


def test_processes_give_what_threads_give(data: Path, spool: Spool, tmp_path: Path) -> None:
    engine = Processes(2)
    try:
        kept = Kept(store(tmp_path / "units"))
        assert same(folded(data, spool, executor=engine), folded(data, spool, executor=local(3)))
        assert same(folded(data, spool, kept, engine), folded(data, spool, kept))
    finally:
        engine.close()


def test_a_wrong_state_by_a_holder_of_the_key_is_found_out(data: Path, spool: Spool, tmp_path: Path) -> None:
    shared = store(tmp_path / "units", shared=True)
    honest = folded(data, spool, Kept(shared))
    assert same(folded(data, spool, Kept(shared, audited=4)), honest)
    with open_dataset(str(data), workers=1) as dataset:
        source = DatasetSource(dataset, "data", Views.of(dataset.schema))
        job = job_of(SKETCHES, shared, known_rows(), keeps=True)
        piece = pieces_of(source)[2]
        (name,) = (name for name in shared.names(job.folder(piece)) if name.endswith(".small"))
        unit = shared.get(name)
        assert unit is not None
        states = {key: unit.table(key) for key in sorted(unit.keys)}
        states[RowSample().key] = states[RowSample().key].slice(1)
        shared.put(name, states)
    with pytest.raises(IntegrityError, match="partition 3 is not what folding it gives: RowSample"):
        folded(data, spool, Kept(shared, audited=4))
    assert not same(folded(data, spool, Kept(shared, audited=0)), honest)


def test_a_delta_of_anothers_sketch_is_named_by_its_module_too(tmp_path: Path) -> None:
    foreign = type("RowSample", (RowSample,), {"__module__": "others.sketches"})()
    assert NewRows(foreign).key == "NewRows(others.sketches.RowSample(limit=20000))"
    assert NewRows(RowSample()).key == "NewRows(RowSample(limit=20000))"


def test_rows_of_the_reference_that_are_gone_are_an_incomplete_scan(tmp_path: Path) -> None:
    kept = store(tmp_path / "units")
    with pytest.raises(IncompleteScan, match="rows of the reference") as caught:
        load_known(kept, "known/none")
    assert "--cache" in caught.value.hint


def test_spoilt_rows_of_the_reference_are_put_again_in_ones_own_store_only(tmp_path: Path) -> None:
    for shared in (False, True):
        kept = store(tmp_path / f"units-{shared}", shared=shared)
        name = put_known(kept, known_rows())
        (path,) = (tmp_path / f"units-{shared}").rglob(name.rpartition("/")[2])
        whole = path.read_bytes()
        path.write_bytes(b"X" + whole[1:])
        load_known.cache_clear()
        put_known(kept, known_rows())
        assert (path.read_bytes() == whole) is not shared
        load_known.cache_clear()


def test_rows_of_another_reference_under_that_name_are_not_believed(tmp_path: Path) -> None:
    kept = store(tmp_path / "units", shared=True)
    forged = f"known/{'0' * 64}"
    kept.put(forged, {"known": known_rows().table()})
    load_known.cache_clear()
    with pytest.raises(IntegrityError, match="not the rows of the reference"):
        load_known(kept, forged)
    assert load_known(kept, put_known(kept, known_rows())).table().equals(known_rows().table())
    load_known.cache_clear()


def test_a_file_that_promises_a_huge_index_is_refused_unread(tmp_path: Path) -> None:
    kept = store(tmp_path / "units", shared=True)
    name = put_known(kept, known_rows())
    (path,) = (tmp_path / "units").rglob(name.rpartition("/")[2])
    size = 3 << 30
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size - 8)
        file.write((size - 1000).to_bytes(8, "little"))
    with pytest.raises(IntegrityError, match="not a unit"):
        kept.get(name)


def test_other_time_zones_are_another_version(tmp_path: Path) -> None:
    def rules(name: str) -> str:
        return codeversion.zone_rules([str(tmp_path / "none"), str(tmp_path / name)])

    for name in ("debian", "bare"):
        (tmp_path / name / "Europe").mkdir(parents=True)
        (tmp_path / name / "Europe" / "Berlin").write_bytes(b"TZif2")
    (tmp_path / "debian" / "tzdata.zi").write_text("# version 2026a\nR A 1\n")
    assert rules("debian") == "# version 2026a"
    before = rules("bare")
    (tmp_path / "bare" / "Europe" / "Berlin").write_bytes(b"TZif3")
    assert len({before, rules("bare"), rules("debian"), rules("none")}) == 4
    assert dict(codeversion.libraries())["time zones"] == codeversion.zone_rules(zoneinfo.TZPATH)


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=5), first=st.integers(0, 5), seed=st.integers(0, 3))
def test_any_part_that_is_there_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], first: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("law")
    for number, rows in enumerate(cuts):
        write(folder / "data", f"{number}.parquet", (number * 50 + seed) % 120, rows)
    kept = Kept(store(folder / "units"))
    with Spool(folder) as spool, open_dataset(str(folder / "data"), workers=1) as dataset:
        source = DatasetSource(dataset, "data", Views.of(dataset.schema))
        job = job_of(SKETCHES, kept.store, known_rows(), keeps=True)
        for piece in pieces_of(source)[first::2]:
            fold_piece(job, piece)
        plain = fold(source, SKETCHES, local(1), spool, Silent(), known_rows())
        assert same(fold(source, SKETCHES, local(2), spool, Silent(), known_rows(), kept), plain)
