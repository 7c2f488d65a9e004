"""The registry: statements and log in one transaction, many writers, damage is named."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError, PoisonguardError, UnknownVersion, UsageError
from poisonguard.store import log
from poisonguard.store.registry import Kind, Registry, Statement, open_registry, registry_url


def note(size: int, root: bytes) -> str:
    return f"{size} {root.hex()}"


def check_note(text: str, size: int, root: bytes) -> None:
    if text != note(size, root):
        raise IntegrityError("the note is not signed", hint="test")


def statement(
    envelope: bytes, *, kind: Kind = Kind.SCAN, dataset: str = "reviews", number: int | None = None
) -> Statement:
    version = "pg1:" + hashlib.sha256(dataset.encode() + str(number).encode()).hexdigest()
    payload = hashlib.sha256(envelope).hexdigest()
    return Statement(
        kind=kind, dataset=dataset, version=version, number=number, payload_digest=payload, envelope=envelope
    )


def publish(registry: Registry, dataset: str, text: str) -> int:
    with registry.write() as writer:
        number = writer.latest_number(dataset) + 1
        item = statement(f"{text} {number}".encode(), kind=Kind.MANIFEST, dataset=dataset, number=number)
        writer.append([item], note)
    return number


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(registry_url(str(tmp_path / "registry.db")))
    made.create()
    return made


def sql(registry: Registry, *commands: str) -> None:
    connection = sqlite3.connect(registry.name)
    for command in commands:
        connection.execute(command)
    connection.commit()
    connection.close()


def audit(registry: Registry) -> log.Audit:
    with registry.read() as reader:
        return log.audit(reader.connection, check_note)


def test_what_was_appended_is_read_back_in_order(registry: Registry) -> None:
    items = [statement(bytes([number])) for number in range(5)]
    with registry.write() as writer:
        writer.append(items[:2], note)
    with registry.write() as writer:
        writer.append(items[2:], note)
    with registry.read() as reader:
        stored = reader.statements()
    assert [item.envelope for item in stored] == [item.envelope for item in items]
    assert [item.position for item in stored] == [0, 1, 2, 3, 4]


def test_every_statement_is_proved_under_the_newest_checkpoint(registry: Registry) -> None:
    for number in range(7):
        publish(registry, "reviews", f"manifest {number}")
    with registry.read() as reader:
        checkpoint, proofs = reader.prove(range(7))
        stored = reader.statements()
    root = checkpoint.frontier.root()
    assert checkpoint.note == note(7, root)
    for item, proof in zip(stored, proofs, strict=True):
        assert merkle.verify_inclusion(merkle.leaf_hash(item.envelope), proof.position, 7, proof.hashes, root)


def test_a_write_that_raises_leaves_nothing(registry: Registry) -> None:
    with pytest.raises(UsageError, match="changed my mind"):
        _append_and_change_my_mind(registry)
    with registry.read() as reader:
        assert reader.statements() == ()
        assert reader.checkpoint() is None


def _append_and_change_my_mind(registry: Registry) -> None:
    with registry.write() as writer:
        writer.append([statement(b"one")], note)
        raise UsageError("changed my mind")


def test_the_same_envelope_is_refused_twice(registry: Registry) -> None:
    with registry.write() as writer:
        writer.append([statement(b"one")], note)
    with pytest.raises(UsageError, match="already holds"), registry.write() as writer:
        writer.append([statement(b"one")], note)


def test_appending_nothing_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="nothing"), registry.write() as writer:
        writer.append([], note)


def test_the_database_itself_holds_one_manifest_per_number(registry: Registry) -> None:
    publish(registry, "reviews", "first")
    with pytest.raises(UsageError, match="UNIQUE"), registry.write() as writer:
        writer.append([statement(b"fork", kind=Kind.MANIFEST, number=1)], note)
    assert audit(registry).leaves == 1


def test_numbers_are_counted_by_dataset(registry: Registry) -> None:
    assert [publish(registry, name, "x" + name) for name in ("a", "a", "b")] == [1, 2, 1]
    with registry.read() as reader:
        assert reader.datasets() == ("a", "b")
        assert reader.latest_number("a") == 2
        assert reader.latest_number("unknown") == 0
        assert reader.manifest("b", 1).number == 1


def test_an_unknown_version_is_named_with_the_latest(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    with pytest.raises(UnknownVersion, match="reviews@9") as caught, registry.read() as reader:
        reader.manifest("reviews", 9)
    assert "reviews@1" in caught.value.hint


def test_a_percent_sign_is_no_wildcard(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    with registry.read() as reader:
        assert reader.manifests_named("%") == ()
        assert len(reader.manifests_named("pg1:")) == 1


def test_an_audit_goes_over_everything(registry: Registry) -> None:
    for number in range(20):
        publish(registry, "reviews", f"manifest {number}")
    result = audit(registry)
    assert (result.leaves, result.checkpoints) == (20, 20)


DAMAGE: dict[str, str] = {
    "an envelope is altered": "UPDATE statement SET envelope = x'00' WHERE position = 1",
    "an envelope and its digest are altered": (
        "UPDATE statement SET envelope = x'00', digest = "
        "'6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d' WHERE position = 1"
    ),
    "an envelope is text": "UPDATE statement SET envelope = 'text' WHERE position = 1",
    "a leaf is altered": "UPDATE statement SET leaf = zeroblob(32) WHERE position = 1",
    "a leaf is short": "UPDATE statement SET leaf = x'00' WHERE position = 1",
    "the last statement is cut off": "DELETE FROM statement WHERE position = 3",
    "a statement in the middle is cut out": "DELETE FROM statement WHERE position = 1",
    "the last checkpoint is cut off": "DELETE FROM checkpoint WHERE size = 4",
    "a checkpoint is altered": "UPDATE checkpoint SET peaks = zeroblob(32) WHERE size = 2",
    "a checkpoint is short": "UPDATE checkpoint SET peaks = x'00' WHERE size = 2",
    "a note is altered": "UPDATE checkpoint SET note = 'x' WHERE size = 2",
    "the log is renumbered": "UPDATE statement SET position = 9 WHERE position = 3",
    "a checkpoint is of no size": "UPDATE checkpoint SET size = -1 WHERE size = 2",
    "the statements are gone": "DROP TABLE statement",
}


@pytest.mark.parametrize("command", DAMAGE.values(), ids=DAMAGE.keys())
def test_an_audit_finds(registry: Registry, command: str) -> None:
    for number in range(4):
        publish(registry, "reviews", f"manifest {number}")
    sql(registry, command)
    with pytest.raises(IntegrityError) as caught:
        audit(registry)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_reading_checks_every_statement_handed_out(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    sql(registry, DAMAGE["an envelope is altered"].replace("position = 1", "position = 0"))
    with pytest.raises(IntegrityError, match="statement 0"), registry.read() as reader:
        reader.statements()


def test_nothing_is_appended_to_a_cut_log(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    publish(registry, "reviews", "y")
    sql(registry, "DELETE FROM statement WHERE position = 1")
    with pytest.raises(IntegrityError, match="signed for 2 statements but holds 1"):
        publish(registry, "reviews", "z")


def test_a_rewritten_log_gives_another_root_for_an_old_size(registry: Registry, tmp_path: Path) -> None:
    other = Registry(registry_url(str(tmp_path / "other.db")))
    other.create()
    for made, text in ((registry, "honest"), (other, "rewritten")):
        publish(made, "reviews", text)
        publish(made, "reviews", "same")
    with registry.read() as one, other.read() as two:
        assert log.root_at(one.connection, 1) != log.root_at(two.connection, 1)
        with pytest.raises(IntegrityError, match="3 statements long"):
            log.root_at(one.connection, 3)


@pytest.mark.parametrize("content", [b"", b"not a database, but quite long enough to be one" * 100])
def test_a_file_that_is_no_registry_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "registry.db").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"registry\.db"):
        open_registry(str(tmp_path / "registry.db"))


def test_no_registry_is_made_by_looking_for_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no registry"):
        open_registry(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["nosuch://host/db", "://", "sqlite+nodriver:///x.db"])
def test_a_url_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(PoisonguardError) as caught:
        open_registry(url)
    assert caught.value.exit_code == 2


def test_a_registry_opens_by_file_folder_project_and_url(tmp_path: Path) -> None:
    folder = tmp_path / ".poisonguard"
    folder.mkdir()
    identity = Registry(registry_url(str(folder / "registry.db"))).create()
    for location in (tmp_path, folder, folder / "registry.db", f"sqlite:///{folder}/registry.db"):
        assert open_registry(str(location)).identity == identity


def test_a_registry_is_made_once(registry: Registry) -> None:
    with pytest.raises(UsageError, match="already"):
        registry.create()


def _append_many(path: str, name: str, count: int) -> None:
    registry = open_registry(path)
    for number in range(count):
        publish(registry, "shared", f"{name} {number}")


def test_eight_processes_append_at_once_and_lose_nothing(registry: Registry) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(registry.name, f"w{number}", 5)) for number in range(8)]
    _start_and_join(workers)
    with registry.read() as reader:
        stored = reader.statements()
    assert [item.number for item in stored] == list(range(1, 41))
    assert audit(registry).checkpoints == 40


def _start_and_join(workers: list[multiprocessing.context.SpawnProcess]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0


APPEND_FOREVER = """
import sys
from test_registry import publish
from poisonguard.store.registry import open_registry
registry = open_registry(sys.argv[1])
while True:
    print(publish(registry, "reviews", "x"), flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_log(registry: Registry) -> None:
    for delay in (0.0, 0.003, 0.007, 0.02):
        acknowledged = _kill_after(registry, lambda: time.sleep(delay))  # noqa: B023 # called before the next delay
        with registry.read() as reader:
            assert reader.latest_number("reviews") >= acknowledged
        audit(registry)
    assert publish(registry, "reviews", "after") > 0


def _kill_after(registry: Registry, wait: Callable[[], None]) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", APPEND_FOREVER, registry.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        last = process.stdout.readline()
        wait()
        process.send_signal(signal.SIGKILL)
        lines = [last, *process.stdout.readlines()]
    return max(int(line) for line in lines if line.endswith("\n"))
