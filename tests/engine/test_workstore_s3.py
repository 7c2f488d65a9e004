"""The work store in an object store: a real server that speaks S3, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from poisonguard.engine.objects import RemoteObjects, _connected
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IntegrityError, UsageError

pytest.importorskip("s3fs")
server = pytest.importorskip("moto.server")

KEY = bytes(range(32))
STATES = {"a": pa.table({"n": [1, 2, 3]}), "b": pa.table({"text": ["x", None, "zebra"]})}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        running.stop()


@pytest.fixture
def store(address: str, monkeypatch: pytest.MonkeyPatch) -> WorkStore:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }.items():
        monkeypatch.setenv(name, value)
    _connected.cache_clear()
    files, _ = _connected("s3://work/scans")
    files.mkdirs("work", exist_ok=True)
    files.rm("work/scans", recursive=True) if files.exists("work/scans") else None
    return WorkStore(RemoteObjects("s3://work/scans"), KEY, shared=True)


def test_what_is_put_is_got_and_listed(store: WorkStore) -> None:
    assert store.names("part") == []
    assert store.get("part/one") is None
    store.put("part/one", STATES)
    store.put("part/two", STATES)
    unit = store.get("part/one")
    assert unit is not None
    assert all(unit.table(key).equals(state) for key, state in STATES.items())
    assert store.names("part") == ["part/one", "part/two"]
    store.remove("part/one")
    assert store.get("part/one") is None


def test_a_flipped_byte_fails_loudly(store: WorkStore) -> None:
    store.put("part/one", STATES)
    files, _ = _connected("s3://work/scans")
    (key,) = files.find("work/scans")
    content = bytearray(files.cat_file(key))
    content[len(content) // 3] ^= 1
    files.pipe_file(key, bytes(content))
    unit = store.get("part/one")
    assert unit is not None
    with pytest.raises(IntegrityError, match="were changed"):
        [unit.table(name) for name in STATES]


def test_many_may_put_the_same(store: WorkStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.put("part/one", STATES), range(8)))
    unit = store.get("part/one")
    assert unit is not None
    assert unit.table("a").equals(STATES["a"])


def test_what_is_not_finished_is_not_there(store: WorkStore) -> None:
    def stopped() -> None:
        with store.unit("part/one") as unit:
            unit.append("a", STATES["a"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert store.get("part/one") is None


def test_a_store_that_is_not_there_is_one_line(store: WorkStore) -> None:
    del store
    with pytest.raises(UsageError, match="s3://no-such-bucket/scans: no such place"):
        WorkStore(RemoteObjects("s3://no-such-bucket/scans"), KEY).put("part/one", STATES)


def test_an_unknown_protocol_is_one_line() -> None:
    with pytest.raises(UsageError, match="work store"):
        WorkStore(RemoteObjects("none-such://place"), KEY).names("part")
