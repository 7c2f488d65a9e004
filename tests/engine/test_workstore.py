"""Laws of the work store: what is got is what was put by who has the key, or it is an error."""

from pathlib import Path
from typing import ClassVar

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.engine.objects import LocalObjects, RemoteObjects
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IntegrityError, UsageError

KEY = bytes(range(32))
STATES = {"a": pa.table({"n": [1, 2, 3]}), "b": pa.table({"text": ["x", None, "zebra"]})}


def store_at(folder: Path, key: bytes = KEY) -> WorkStore:
    return WorkStore(LocalObjects(str(folder)), key)


def only_file(folder: Path) -> Path:
    (found,) = (path for path in folder.rglob("*") if path.is_file())
    return found


def test_what_is_put_is_got(tmp_path: Path) -> None:
    store_at(tmp_path).put("part/one", STATES)
    unit = store_at(tmp_path).get("part/one")
    assert unit is not None
    assert unit.keys == {"a", "b"}
    assert all(unit.table(key).equals(state) for key, state in STATES.items())


def test_streams_are_appended_block_by_block(tmp_path: Path) -> None:
    with store_at(tmp_path).unit("bulky") as unit:
        unit.append("a", STATES["a"])
        unit.append("a", STATES["a"])
    found = store_at(tmp_path).get("bulky")
    assert found is not None
    assert found.table("a").equals(pa.concat_tables([STATES["a"], STATES["a"]]))


class Remote(RemoteObjects):
    """Counts what is fetched."""

    fetched: ClassVar[list[int]] = []

    def part(self, name: str, start: int, stop: int) -> pa.Buffer:
        data = super().part(name, start, stop)
        self.fetched.append(data.size)
        return data


def remote() -> WorkStore:
    Remote.fetched.clear()
    return WorkStore(Remote("memory://ranges"), KEY, shared=True)


@pytest.mark.parametrize("streams", [2, 3_000])
def test_of_a_large_unit_elsewhere_only_what_is_asked_for_is_fetched(streams: int) -> None:
    states = {f"stream-{number}": pa.table({"n": range(number, number + 2_000)}) for number in range(streams)}
    remote().put("near/large", states)
    unit = remote().opened("near/large")
    assert unit is not None
    assert unit.keys == states.keys()
    assert unit.table("stream-1") == states["stream-1"]
    assert sum(Remote.fetched) < 500_000
    assert remote().opened("near/none") is None


def test_a_stream_that_was_changed_elsewhere_fails_loudly() -> None:
    remote().put("near/one", STATES)
    place = remote()._place("near/one")
    files = fsspec.filesystem("memory")
    data = files.cat_file(f"/ranges/{place}")
    for spot in (20, len(data) - 60, len(data) - 20, len(data) - 1):
        files.pipe_file(f"/ranges/{place}", data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1 :])
        with pytest.raises(IntegrityError):
            _read_opened(remote())
    for end in (0, 5, len(data) // 2, len(data) - 1):
        files.pipe_file(f"/ranges/{place}", data[:end])
        with pytest.raises(IntegrityError):
            _read_opened(remote())
    files.pipe_file(f"/ranges/{remote()._place('near/other')}", data)
    with pytest.raises(IntegrityError, match="not put there by who has the key"):
        remote().opened("near/other")


def _read_opened(store: WorkStore) -> None:
    unit = store.opened("near/one")
    assert unit is not None
    for key in sorted(unit.keys):
        unit.table(key)


def test_what_is_not_there_is_a_miss(tmp_path: Path) -> None:
    assert store_at(tmp_path / "nowhere").get("part/one") is None
    assert store_at(tmp_path / "nowhere").names("part") == []


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_fails_loudly_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = store_at(folder)
    store.put("part/one", STATES)
    path = only_file(folder)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="work store"):
        _read_all(store)


@pytest.mark.parametrize("length", [0, 1, 8, 40, 200])
def test_a_cut_unit_fails_loudly(tmp_path: Path, length: int) -> None:
    store = store_at(tmp_path)
    store.put("part/one", STATES)
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(IntegrityError, match="not a unit"):
        store.get("part/one")


def test_who_has_not_the_key_forges_nothing(tmp_path: Path) -> None:
    mine, theirs = store_at(tmp_path / "mine"), store_at(tmp_path / "theirs", bytes(32))
    mine.put("part/one", {"a": STATES["a"]})
    theirs.put("part/one", {"a": pa.table({"n": [9, 9, 9]})})
    only_file(tmp_path / "mine").write_bytes(only_file(tmp_path / "theirs").read_bytes())
    with pytest.raises(IntegrityError, match="not put there by who has the key"):
        mine.get("part/one")


def test_a_unit_is_bound_to_its_name(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.put("part/one", STATES)
    path = only_file(tmp_path)
    path.rename(path.with_name("two"))
    with pytest.raises(IntegrityError):
        store.get("part/two")


def test_units_under_another_key_are_not_seen(tmp_path: Path) -> None:
    store_at(tmp_path, bytes(32)).put("part/one", STATES)
    assert store_at(tmp_path).get("part/one") is None
    assert store_at(tmp_path).names("part") == []


def test_what_is_not_finished_is_not_there(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    def stopped() -> None:
        with store.unit("part/one") as unit:
            unit.append("a", STATES["a"])
            assert store.names("part") == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert store.get("part/one") is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_nobody_else_reads_the_units(tmp_path: Path) -> None:
    store_at(tmp_path / "store").put("part/one", STATES)
    assert only_file(tmp_path).stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        store_at(tmp_path / "file").put("part/one", STATES)
    assert "--no-cache" in caught.value.hint


def shared_at(folder: Path) -> WorkStore:
    return WorkStore(LocalObjects(str(folder)), KEY, shared=True)


def test_in_a_shared_store_even_what_was_put_a_moment_ago_is_compared(tmp_path: Path) -> None:
    store = shared_at(tmp_path)
    store.put("part/one", STATES)
    changed_in_place(only_file(tmp_path))
    unit = store.get("part/one", own=True)
    assert unit is not None
    with pytest.raises(IntegrityError, match="bytes of a state were changed"):
        unit.table("a")


def test_what_was_compared_in_a_shared_store_is_changed_by_nobody(tmp_path: Path) -> None:
    store = shared_at(tmp_path)
    store.put("part/one", STATES)
    unit = store.get("part/one")
    assert unit is not None
    compared = unit.table("a")
    changed_in_place(only_file(tmp_path))
    assert compared.equals(STATES["a"])


def test_what_is_proven_is_what_was_written_not_what_lies_there(tmp_path: Path) -> None:
    store = shared_at(tmp_path)
    with store.unit("part/one") as unit:
        unit.add("a", [STATES["a"]])
        unit.append("b", STATES["b"])
        (path,) = tmp_path.rglob(".new-*")
        changed_in_place(path)
    found = store.get("part/one")
    assert found is not None
    with pytest.raises(IntegrityError, match="bytes of a state were changed"):
        found.table("a")


def changed_in_place(path: Path) -> None:
    """The number 2 of the first state is a 7."""
    place = path.read_bytes().index((1).to_bytes(8, "little") + (2).to_bytes(8, "little"))
    with path.open("r+b") as file:
        file.seek(place + 8)
        file.write((7).to_bytes(8, "little"))


def _read_all(store: WorkStore) -> None:
    unit = store.get("part/one")
    assert unit is not None
    for key in STATES:
        unit.table(key)
