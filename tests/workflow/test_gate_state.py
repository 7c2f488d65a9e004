"""The gate's memory on disk: read or refused, never forgotten, and kept whole when two gates write at once."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from evidence_world import ZERO
from simulator import NOW

from poisonguard.domain.decision import Reason
from poisonguard.errors import IntegrityError, UsageError
from poisonguard.workflow import gate_state
from poisonguard.workflow.gate_decision import GateDecision, GateEvidence
from poisonguard.workflow.gate_memory import GateState, Passed
from poisonguard.workflow.gate_state import MAX_STATE_BYTES, load_state, remember

NAMED = f"pg1:{ZERO}"


def decision(dataset: str = "reviews", *against: Reason) -> GateDecision:
    evidence = GateEvidence(
        location="data",
        checked=NOW,
        purpose="training",
        policy="default",
        policy_digest=ZERO,
        dataset=dataset,
        number=3,
        version=NAMED,
        bytes_compared=True,
    )
    return GateDecision.of(against, evidence)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "folder" / "state.json"


@pytest.fixture
def _open_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_passed_is_read_again(path: Path) -> None:
    assert load_state(path) == GateState()
    remember(path, decision())
    assert load_state(path) == GateState({"reviews": (Passed(3, NAMED),)}, NOW)
    remember(path, decision("prices"))
    assert load_state(path).numbers == {"prices": 3, "reviews": 3}


def test_nothing_is_written_when_nothing_is_new(path: Path) -> None:
    remember(path, decision("reviews", Reason("rejected", "bad", 5)))
    assert not path.parent.exists()
    remember(path, decision())
    path.with_name("state.json.lock").unlink()
    before = path.stat()
    remember(path, decision())
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [item.name for item in path.parent.iterdir()] == ["state.json"]


def test_a_state_that_is_no_state_refuses(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    with pytest.raises(IntegrityError) as caught:
        load_state(path)
    assert caught.value.message.startswith(f"{path}: gate state")
    hint = "It remembers the versions that passed; restore it, or remove it and give --min-version once."
    assert caught.value.hint == hint
    with pytest.raises(IntegrityError):
        remember(path, decision())
    assert path.read_bytes() == b"{}"


def test_a_state_that_is_too_large_refuses(path: Path) -> None:
    assert MAX_STATE_BYTES == 16 * 1024 * 1024
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(MAX_STATE_BYTES + 1)
    with pytest.raises(IntegrityError, match=f"larger than {MAX_STATE_BYTES} bytes") as caught:
        load_state(path)
    assert caught.value.hint == "It should be the gate's memory of what passed here."


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_dangling, _folder])
def test_what_is_there_and_cannot_be_read_is_no_fresh_start(path: Path, make: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True)
    make(path)
    with pytest.raises(UsageError):
        load_state(path)


def test_a_name_that_cannot_be_looked_up_is_no_fresh_start(path: Path) -> None:
    path.parent.parent.mkdir()
    path.parent.write_bytes(b"a file where the folder should be")
    for name in (path, path.parent.with_name("n" * 300)):
        with pytest.raises(UsageError, match="cannot be read"):
            load_state(name)


def test_what_another_gate_wrote_meanwhile_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one holds the lock, and writes, when this one has already read."""
    asked = []

    def wait(descriptor: int, operation: int) -> None:
        asked.append(operation)
        assert stat.S_ISREG(os.fstat(descriptor).st_mode)
        path.write_bytes(GateState({"prices": (Passed(7, NAMED),)}, NOW).to_bytes())

    monkeypatch.setattr(fcntl, "flock", wait)
    remember(path, decision())
    assert load_state(path).numbers == {"prices": 7, "reviews": 3}
    assert asked == [fcntl.LOCK_EX]


@pytest.mark.usefixtures("_open_mask")
def test_the_lock_is_a_file_beside_it_that_is_let_go(path: Path) -> None:
    remember(path, decision())
    lock = path.with_name("state.json.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o644
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_lock_is_let_go_after_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise UsageError("the disk is full")

    monkeypatch.setattr(gate_state, "write_durably", fail)
    with pytest.raises(UsageError, match="is full"):
        remember(path, decision())
    with path.with_name("state.json.lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_lock_that_leads_elsewhere_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name("state.json.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"state\.json\.lock cannot be written"):
        remember(path, decision())
    assert not (tmp_path / "elsewhere").exists()
    assert not path.exists()
