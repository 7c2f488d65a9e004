"""Near duplicates by way of a work store: the clusters of the search in memory, however the work is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from near_sets import SKETCH, asked_of, crowd, families, same, state_of

from poisonguard.engine import near, near_tasks
from poisonguard.engine.executor import Executor, ResultT, Serial, TaskT, Threads
from poisonguard.engine.near import NearOnEngine, begun
from poisonguard.engine.near_plan import Span, cut, plan_of, segment_bits
from poisonguard.engine.near_tasks import run_task, stages_of
from poisonguard.engine.objects import LocalObjects, RemoteObjects
from poisonguard.engine.piecework import STATE
from poisonguard.engine.workers import Processes
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan, IntegrityError
from poisonguard.kernels import neighbours
from poisonguard.kernels.run import in_turn
from poisonguard.sketches.fingerprints import search_here

KEY = b"k" * 32


@pytest.fixture
def store(tmp_path: Path) -> WorkStore:
    return WorkStore(LocalObjects(str(tmp_path), lasting=False), KEY)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and segments of a few documents."""
    monkeypatch.setattr(near, "PART", 50)
    monkeypatch.setattr(near, "SEGMENT", 30)


@settings(deadline=None, max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.tuples(st.integers(0, 150), st.integers(0, 60)),
    cuts=st.tuples(st.integers(1, 80), st.integers(1, 200), st.integers(2, 5)),
    edits=st.integers(0, 9),
)
def test_clusters_do_not_depend_on_how_the_work_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    counts: tuple[int, int],
    cuts: tuple[int, int, int],
    edits: int,
) -> None:
    sets = families(seed, sum(counts), edits=edits)
    asked = asked_of(state_of(sets[: counts[0]], (7, 90)), state_of(sets[counts[0] :]), seed=seed)
    store = WorkStore.private(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "PART", cuts[0])
        patch.setattr(near, "SEGMENT", cuts[1])
        patch.setattr(near_tasks, "FAN", cuts[2])
        found = NearOnEngine(Serial(), store, fewest=0)(asked, in_turn)
    assert same(found, search_here(asked, in_turn))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(4))
def test_buckets_that_are_too_large_give_the_same_clusters(
    monkeypatch: pytest.MonkeyPatch, store: WorkStore, seed: int
) -> None:
    """What is found with representatives follows from the bucket, not from what was found before."""
    monkeypatch.setattr(neighbours, "BUCKET_LIMIT", 20)
    monkeypatch.setattr(near, "BUCKET_LIMIT", 20)
    asked = asked_of(state_of(crowd(seed, 300)), threshold=0.9, seed=seed)
    found = search_here(asked, in_turn)
    assert found.bounded
    assert same(NearOnEngine(Serial(), store, fewest=0)(asked, in_turn), found)


@pytest.fixture(params=["threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    engine: Executor = Threads(3) if request.param == "threads" else Processes(2)
    yield engine
    engine.close()


@pytest.mark.usefixtures("small")
def test_every_engine_gives_the_same_clusters(executor: Executor, store: WorkStore) -> None:
    asked = asked_of(state_of(families(1, 400), (100, 130)), state_of(families(1, 90)))
    found = NearOnEngine(executor, store, fewest=0)(asked, in_turn)
    assert same(found, search_here(asked, in_turn))
    assert len(set(found.labels.tolist())) < 350


@pytest.mark.usefixtures("small")
def test_sets_are_read_where_a_fold_has_put_them(store: WorkStore) -> None:
    state, base = state_of(families(2, 200)), state_of(families(2, 60))
    names = [("fold/a", 120), ("fold/b", 80)]
    for (name, rows), start in zip(names, (0, 120), strict=True):
        store.put(name, {STATE: state.slice(start, rows)})
    search = NearOnEngine(Serial(), store, [{SKETCH.key: names}], fewest=0)
    asked = asked_of(state, base)
    assert set(plan_of(search.planned(asked)).units[:2]) == {"fold/a", "fold/b"}
    assert same(search(asked, in_turn), search_here(asked, in_turn))
    assert store.names("fold") == ["fold/a", "fold/b"]


@pytest.mark.usefixtures("small")
def test_an_object_store_does_as_well() -> None:
    store = WorkStore(RemoteObjects("memory://near"), KEY, shared=True)
    assert not begun(store)
    asked = asked_of(state_of(families(7, 150)), state_of(families(7, 40)))
    assert same(NearOnEngine(Serial(), store, fewest=0)(asked, in_turn), search_here(asked, in_turn))
    assert begun(store)
    again = NearOnEngine(Serial(), store, fewest=0)
    assert same(again(asked, in_turn), search_here(asked, in_turn))
    assert set(again.moved) == {"join-1"}  # the answer is no other's


@pytest.mark.usefixtures("small")
def test_what_the_disk_has_spoilt_in_a_store_of_ones_own_is_made_anew(tmp_path: Path, store: WorkStore) -> None:
    asked = asked_of(state_of(families(8, 150)))
    search = NearOnEngine(Serial(), store, fewest=0)
    first = search(asked, in_turn)
    (answer,) = [path for path in tmp_path.rglob("*") if path.parent.name.startswith("join-")]
    content = bytearray(answer.read_bytes())
    content[200] ^= 1
    answer.write_bytes(content)
    assert same(search(asked, in_turn), first)
    assert not answer.exists()
    shared = WorkStore(LocalObjects(str(tmp_path)), KEY, shared=True)
    work = NearOnEngine(Serial(), shared, fewest=0).planned(asked)
    run_task(work, "digests", 0)
    (spoilt,) = [path for path in tmp_path.rglob("*") if path.parent.name == "digests"]
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        NearOnEngine(Serial(), shared, fewest=0)(asked, in_turn)


class Meanwhile(Serial):
    """Something happens before the tasks of the fourth stage."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self.happens, self.stages = happens, 0

    def run(self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Iterator[ResultT]:
        self.stages += 1
        if self.stages == 4:
            self.happens()
        return super().run(function, tasks)


@pytest.mark.usefixtures("small")
def test_of_two_scans_at_once_neither_fails_when_the_other_tidies(store: WorkStore) -> None:
    asked = asked_of(state_of(families(9, 150)))
    other = NearOnEngine(Serial(), store, fewest=0)
    search = NearOnEngine(Meanwhile(lambda: other(asked, in_turn)), store, fewest=0)
    assert same(search(asked, in_turn), search_here(asked, in_turn))
    assert "verify" in other.moved


@pytest.mark.usefixtures("small")
def test_what_is_gone_from_a_shared_store_is_an_error(tmp_path: Path) -> None:
    shared = WorkStore(LocalObjects(str(tmp_path)), KEY, shared=True)
    asked = asked_of(state_of(families(9, 150)))
    search = NearOnEngine(Serial(), shared, fewest=0)
    work = search.planned(asked)
    search.executor = Meanwhile(lambda: shared.remove(work.unit("copies", 0)))
    with pytest.raises(IncompleteScan, match="the stage copies comes first"):
        search(asked, in_turn)


@pytest.mark.usefixtures("small")
def test_a_plan_that_is_spoilt_while_it_is_read_is_forgotten(tmp_path: Path, store: WorkStore) -> None:
    asked = asked_of(state_of(families(10, 150)))

    def spoil() -> None:
        (plan,) = [path for path in tmp_path.rglob("plan") if path.is_file()]
        content = bytearray(plan.read_bytes())
        content[200] ^= 1
        plan.unlink()
        plan.write_bytes(content)
        plan_of.cache_clear()  # as in a process that reads it for the first time

    found = NearOnEngine(Meanwhile(spoil), store, fewest=0)(asked, in_turn)
    assert same(found, search_here(asked, in_turn))
    assert [path for path in tmp_path.rglob("near/**/*") if path.is_file()] == []


def forged(store: WorkStore, name: str, change: Callable[[str, pa.Table], pa.Table]) -> None:
    """A unit put anew, with the key, as somebody else would have it."""
    unit = store.get(name)
    assert unit is not None
    store.put(name, {key: change(key, unit.table(key)) for key in unit.keys})
    plan_of.cache_clear()


def nothing_eligible(_: str, table: pa.Table) -> pa.Table:
    return pa.table({"eligible": pa.array([False] * len(table))}) if table.column_names == ["eligible"] else table


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("shared", [False, True])
def test_a_plan_of_the_right_name_is_not_believed(tmp_path: Path, *, shared: bool) -> None:
    store = WorkStore(LocalObjects(str(tmp_path)), KEY, shared=shared)
    asked = asked_of(state_of(families(11, 120)))
    search = NearOnEngine(Serial(), store, audited=0, fewest=0)
    for change in (nothing_eligible, lambda key, table: table.slice(0, 1) if key == "spans" else table):
        forged(store, search.planned(asked).plan, change)
        if shared:
            with pytest.raises(IntegrityError, match="not the plan that follows from what is asked"):
                search(asked, in_turn)
            store.remove(store.names("near")[0] + "/plan")
        else:
            assert same(search(asked, in_turn), search_here(asked, in_turn))
            assert "verify" in search.moved


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("shared", "tasks_done"), [(False, False), (True, False), (True, True)])
def test_sets_of_the_right_name_are_not_believed(tmp_path: Path, *, shared: bool, tasks_done: bool) -> None:
    store = WorkStore(LocalObjects(str(tmp_path)), KEY, shared=shared)
    asked = asked_of(state_of(families(13, 120)))
    search = NearOnEngine(Serial(), store, audited=0, fewest=0)
    work = search.planned(asked)
    unit = plan_of(work).units[0]
    assert "/sets/" in unit
    forged(store, unit, lambda _, table: table.take(list(range(len(table)))[::-1]))
    if tasks_done:  # another has done everything with what was forged: all that is wrong agrees
        for stage in stages_of(plan_of(work)):
            for number in range(stage.tasks):
                run_task(work, stage.name, number)
    if shared:
        with pytest.raises(IntegrityError, match="not the sets that are to be compared"):
            search(asked, in_turn)
    else:
        assert same(search(asked, in_turn), search_here(asked, in_turn))
        assert "verify" in search.moved


@pytest.mark.usefixtures("small")
def test_spoilt_sets_of_ones_own_store_are_put_anew(tmp_path: Path) -> None:
    store = WorkStore(LocalObjects(str(tmp_path)), KEY)
    asked = asked_of(state_of(families(14, 120)))
    search = NearOnEngine(Serial(), store, fewest=0)
    unit = plan_of(search.planned(asked)).units[0]
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file() and unit.endswith(path.name)]
    path.write_bytes(path.read_bytes()[:-1])
    assert same(search(asked, in_turn), search_here(asked, in_turn))
    assert "verify" in search.moved


@pytest.mark.usefixtures("small")
def test_the_answer_of_a_shared_store_is_never_taken_from_others(tmp_path: Path) -> None:
    shared = WorkStore(LocalObjects(str(tmp_path)), KEY, shared=True)
    asked = asked_of(state_of(families(12, 120)))
    search = NearOnEngine(Serial(), shared, audited=0, fewest=0)
    found = search(asked, in_turn)
    assert len(set(found.labels.tolist())) < 120
    work = search.planned(asked)
    forged(shared, work.unit(stages_of(plan_of(work))[-1].name, 0), lambda _, table: table.slice(0, 0))
    assert same(search(asked, in_turn), found)


def test_few_documents_are_compared_here(store: WorkStore) -> None:
    asked = asked_of(state_of(families(3, 100)))
    search = NearOnEngine(Serial(), store)
    assert same(search(asked, in_turn), search_here(asked, in_turn))
    assert not search.moved


@pytest.mark.usefixtures("small")
def test_what_was_done_is_not_done_again(store: WorkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of(state_of(families(4, 300)))
    search = NearOnEngine(Serial(), store, fewest=0)
    work = search.planned(asked)
    for number in range(plan_of(work).parts):
        run_task(work, "digests", number)
    first = search(asked, in_turn)
    assert "digests" not in search.moved
    assert "verify" in search.moved
    assert store.names(f"{work.folder}/verify") == []
    again = NearOnEngine(Serial(), store, fewest=0)
    assert same(again(asked, in_turn), first)
    assert not again.moved


@pytest.mark.usefixtures("small")
def test_a_task_says_which_stage_comes_first(store: WorkStore) -> None:
    work = NearOnEngine(Serial(), store, fewest=0).planned(asked_of(state_of(families(5, 100))))
    with pytest.raises(IncompleteScan, match="the stage digests comes first") as caught:
        run_task(work, "copies", 0)
    assert "--stage digests" in caught.value.hint


@pytest.mark.usefixtures("small")
def test_a_wrong_unit_of_a_shared_store_is_found_out(tmp_path: Path) -> None:
    shared = WorkStore(LocalObjects(str(tmp_path)), KEY, shared=True)
    asked = asked_of(state_of(families(6, 120)))
    work = NearOnEngine(Serial(), shared, fewest=0).planned(asked)
    for stage in stages_of(plan_of(work)):
        for number in range(stage.tasks):
            run_task(work, stage.name, number)
    everything = NearOnEngine(Serial(), shared, audited=1_000, fewest=0)
    assert same(everything(asked, in_turn), search_here(asked, in_turn))
    name = work.unit("verify", 0)
    unit = shared.get(name)
    assert unit is not None
    shared.put(name, {"pairs": unit.table("pairs").slice(1), "large": unit.table("large")})
    with pytest.raises(IntegrityError, match="task 0 of the stage verify is not what doing it gives"):
        everything(asked, in_turn)


def test_parts_and_segments_follow_from_the_documents() -> None:
    assert cut([("a", 5), ("b", 2), ("c", 0), ("d", 1)], 3) == [
        [Span("a", 0, 3)],
        [Span("a", 3, 2)],
        [Span("b", 0, 2), Span("d", 0, 1)],
    ]
    assert [segment_bits(count, 100) for count in (0, 1, 100, 101, 200, 201, 400)] == [0, 0, 0, 1, 1, 2, 2]
