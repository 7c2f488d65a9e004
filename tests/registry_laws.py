"""What holds for a registry on any database: each test asks for a fixture ``registry``, an empty one.

``tests/store`` runs this on SQLite, ``tests/postgres`` on PostgreSQL.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable

import pytest
from registry_world import SCRIBE, Scribe, Writer, alter, audit, filled, numbers_of, publish, statement, tampering
from sqlalchemy import Executable, delete, select, text, update

from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError, UnknownVersion, UsageError
from poisonguard.store import log, tables
from poisonguard.store.registry import Kind, Registry
from poisonguard.store.tables import CHECKPOINT, REGISTRY, STATEMENT


def test_what_was_appended_is_read_back_in_order(registry: Registry) -> None:
    items = [statement(bytes([number])) for number in range(5)]
    with registry.write() as writer:
        writer.append(items[:2], SCRIBE)
    with registry.write() as writer:
        writer.append(items[2:], SCRIBE)
    with registry.read() as reader:
        stored = reader.statements()
        assert tuple(reader.each()) == stored
    assert [item.envelope for item in stored] == [item.envelope for item in items]
    assert [item.position for item in stored] == [0, 1, 2, 3, 4]


def test_every_statement_is_proved_under_the_newest_checkpoint(registry: Registry) -> None:
    for number in range(7):
        publish(registry, "reviews", f"manifest {number}")
    with registry.read() as reader:
        checkpoint, proofs = reader.prove(range(7))
        stored = reader.statements()
    assert checkpoint.note == SCRIBE.sign(7, checkpoint.root)
    for item, proof in zip(stored, proofs, strict=True):
        leaf = merkle.leaf_hash(item.envelope)
        assert merkle.verify_inclusion(leaf, proof.position, 7, proof.hashes, checkpoint.root)


def test_every_checkpoint_is_proved_to_be_continued(registry: Registry) -> None:
    filled(registry, 11)
    with registry.read() as reader:
        held = reader.connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size)).all()
        for old in held:
            newest, proof = reader.prove_growth(old.size, old.root)
            assert merkle.verify_consistency(old.size, newest.size, proof, old.root, newest.root)
        assert reader.prove_growth(0, merkle.EMPTY_ROOT)[1] == ()
        with pytest.raises(IntegrityError, match="does not continue the checkpoint of 3"):
            reader.prove_growth(3, bytes(32))
        with pytest.raises(IntegrityError, match="does not continue the checkpoint of 0"):
            reader.prove_growth(0, bytes(32))
        with pytest.raises(IntegrityError, match="was 12 statements long and now holds 11"):
            reader.prove_growth(12, bytes(32))


def test_nothing_is_proved_of_an_empty_log(registry: Registry) -> None:
    with registry.read() as reader, pytest.raises(IntegrityError, match="empty"):
        reader.prove([0])
    assert audit(registry) == log.Audit(0, 0, merkle.EMPTY_ROOT)


def test_a_place_beyond_the_end_is_not_proved(registry: Registry) -> None:
    filled(registry, 2)
    with registry.read() as reader, pytest.raises(IntegrityError, match="no leaf 2 in a log of 2"):
        reader.prove([2])


def test_a_write_that_raises_leaves_nothing(registry: Registry) -> None:
    with pytest.raises(UsageError, match="changed my mind"):
        _append_and_change_my_mind(registry)
    with registry.read() as reader:
        assert reader.statements() == ()
        assert reader.checkpoint() is None


def _append_and_change_my_mind(registry: Registry) -> None:
    with registry.write() as writer:
        writer.append([statement(b"one")], SCRIBE)
        raise UsageError("changed my mind")


def test_the_same_envelope_is_refused_twice(registry: Registry) -> None:
    with registry.write() as writer:
        writer.append([statement(b"one")], SCRIBE)
    with pytest.raises(UsageError, match="already holds"), registry.write() as writer:
        writer.append([statement(b"one")], SCRIBE)
    with pytest.raises(UsageError, match="already holds"), registry.write() as writer:
        writer.append([statement(b"two"), statement(b"two")], SCRIBE)


def test_appending_nothing_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="nothing"), registry.write() as writer:
        writer.append([], SCRIBE)


def test_the_database_itself_holds_one_manifest_per_number(registry: Registry) -> None:
    publish(registry, "reviews", "first")
    with pytest.raises(UsageError, match=r"(?i)unique"), registry.write() as writer:
        writer.append([statement(b"fork", kind=Kind.MANIFEST, number=1)], SCRIBE)
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


def test_an_unknown_dataset_is_named(registry: Registry) -> None:
    with pytest.raises(UnknownVersion, match="dataset 'reviews'") as caught, registry.read() as reader:
        reader.manifest("reviews", 0)
    assert "versions" in caught.value.hint


def test_a_percent_sign_is_no_wildcard(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    with registry.read() as reader:
        assert reader.manifests_named("%") == ()
        assert len(reader.manifests_named("pg1:")) == 1


def test_what_is_held_is_known_by_its_bytes(registry: Registry) -> None:
    filled(registry, 1)
    with registry.read() as reader:
        assert reader.holds(b"statement 0")
        assert not reader.holds(b"statement 1")


def test_an_audit_goes_over_everything(registry: Registry) -> None:
    for number in range(20):
        publish(registry, "reviews", f"manifest {number}")
    result = audit(registry)
    assert (result.leaves, result.checkpoints) == (20, 20)


def at(position: int) -> object:
    return STATEMENT.c.position == position


DAMAGE: dict[str, Executable] = {
    "an envelope is altered": update(STATEMENT).where(STATEMENT.c.position == 1).values(envelope=b"\0"),
    "an envelope and its digest are altered": update(STATEMENT)
    .where(STATEMENT.c.position == 1)
    .values(envelope=b"\0", digest=hashlib.sha256(b"\0").hexdigest()),
    "an envelope, its digest and its leaf are altered": update(STATEMENT)
    .where(STATEMENT.c.position == 1)
    .values(envelope=b"\0", digest=hashlib.sha256(b"\0").hexdigest(), leaf=merkle.leaf_hash(b"\0")),
    "a leaf is altered": update(STATEMENT).where(STATEMENT.c.position == 1).values(leaf=bytes(32)),
    "a leaf is short": update(STATEMENT).where(STATEMENT.c.position == 1).values(leaf=b"\0"),
    "a subtree is altered": update(STATEMENT).where(STATEMENT.c.position == 1).values(nodes=bytes(32)),
    "a subtree is missing": update(STATEMENT).where(STATEMENT.c.position == 3).values(nodes=bytes(32)),
    "a subtree too many": update(STATEMENT).where(STATEMENT.c.position == 0).values(nodes=bytes(32)),
    "the last statement is cut off": delete(STATEMENT).where(STATEMENT.c.position == 3),
    "a statement in the middle is cut out": delete(STATEMENT).where(STATEMENT.c.position == 1),
    "every statement is gone": delete(STATEMENT),
    "the last checkpoint is cut off": delete(CHECKPOINT).where(CHECKPOINT.c.size == 4),
    "a checkpoint in the middle is cut out": delete(CHECKPOINT).where(CHECKPOINT.c.size == 2),
    "the first checkpoint is cut off": delete(CHECKPOINT).where(CHECKPOINT.c.size == 1),
    "every checkpoint is gone": delete(CHECKPOINT),
    "a checkpoint is altered": update(CHECKPOINT).where(CHECKPOINT.c.size == 2).values(root=bytes(32)),
    "a checkpoint is short": update(CHECKPOINT).where(CHECKPOINT.c.size == 2).values(root=b"\0"),
    "the last checkpoint is altered": update(CHECKPOINT).where(CHECKPOINT.c.size == 4).values(root=bytes(32)),
    "a checkpoint follows another": update(CHECKPOINT).where(CHECKPOINT.c.size == 2).values(before=0),
    "a note is altered": update(CHECKPOINT).where(CHECKPOINT.c.size == 2).values(note="x"),
    "the log is renumbered": update(STATEMENT).where(STATEMENT.c.position == 3).values(position=9),
    "the log starts later": update(STATEMENT).where(STATEMENT.c.position == 0).values(position=-1),
    "a checkpoint is of no size": update(CHECKPOINT).where(CHECKPOINT.c.size == 2).values(size=-1),
    "the statements' table is gone": text("DROP TABLE statement"),
}


@pytest.mark.parametrize("command", DAMAGE.values(), ids=DAMAGE.keys())
def test_an_audit_finds(registry: Registry, command: Executable) -> None:
    for number in range(4):
        publish(registry, "reviews", f"manifest {number}")
    alter(registry, command)
    with pytest.raises(IntegrityError) as caught:
        audit(registry)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_reading_checks_every_statement_handed_out(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    alter(registry, update(STATEMENT).values(envelope=b"\0"))
    with pytest.raises(IntegrityError, match="statement 0"), registry.read() as reader:
        reader.statements()


def test_reading_to_the_end_finds_a_statement_that_is_gone(registry: Registry) -> None:
    filled(registry, 4)
    alter(registry, delete(STATEMENT).where(STATEMENT.c.position == 1))
    with pytest.raises(IntegrityError, match="statement 1 is missing"), registry.read() as reader:
        list(reader.each())


def test_reading_to_the_end_finds_a_statement_that_was_exchanged(registry: Registry) -> None:
    filled(registry, 4)
    alter(registry, DAMAGE["an envelope, its digest and its leaf are altered"])
    with pytest.raises(IntegrityError, match="4 leaves do not give the root"), registry.read() as reader:
        list(reader.each())


def test_nothing_is_appended_to_a_cut_log(registry: Registry) -> None:
    publish(registry, "reviews", "x")
    publish(registry, "reviews", "y")
    alter(registry, delete(STATEMENT).where(STATEMENT.c.position == 1))
    with pytest.raises(IntegrityError, match="signed for 2 statements but holds 1"):
        publish(registry, "reviews", "z")


def test_an_honest_machine_does_not_sign_a_history_that_was_rewritten(registry: Registry) -> None:
    """Whoever can write to the database, but holds no log key, cannot have the next append sign what they wrote."""
    filled(registry, 3)
    _rewrite_without_key(registry)
    with pytest.raises(IntegrityError, match="not signed"):
        publish(registry, "reviews", "z")


def _rewrite_without_key(registry: Registry) -> None:
    leaf = merkle.leaf_hash(b"rewritten")
    with tampering(registry) as connection:
        held = list(connection.execute(select(STATEMENT.c.leaf).order_by(STATEMENT.c.position)).scalars())
        root = merkle.root([held[0], held[1], leaf])
        digest = hashlib.sha256(b"rewritten").hexdigest()
        row = {"envelope": b"rewritten", "digest": digest, "leaf": leaf}
        connection.execute(update(STATEMENT).where(STATEMENT.c.position == 2).values(**row))
        connection.execute(update(CHECKPOINT).where(CHECKPOINT.c.size == 3).values(root=root))


def test_an_altered_subtree_is_neither_proved_from_nor_appended_to(registry: Registry) -> None:
    filled(registry, 6)
    alter(registry, update(STATEMENT).where(STATEMENT.c.position == 3).values(nodes=bytes(64)))
    with registry.read() as reader:
        assert reader.prove([2, 3])[0].size == 6, "these proofs do not pass through it"
        with pytest.raises(IntegrityError, match="around statement 5 does not give the root"):
            reader.prove([5])
    with pytest.raises(IntegrityError, match="does not give the root that was signed"):
        publish(registry, "reviews", "z")


def test_a_statement_that_a_proof_needs_and_that_is_gone_is_named(registry: Registry) -> None:
    filled(registry, 6)
    alter(registry, delete(STATEMENT).where(STATEMENT.c.position == 1))
    with registry.read() as reader, pytest.raises(IntegrityError, match="statement 1 is missing"):
        reader.prove([0])


def test_a_fork_is_found_by_a_checkpoint_of_the_other_branch(registry: Registry) -> None:
    filled(registry, 3)
    with registry.read() as reader:
        fork = merkle.root([merkle.leaf_hash(f"statement {number}".encode()) for number in (0, 1, 7)])
        with pytest.raises(IntegrityError, match="does not continue"):
            reader.prove_growth(3, fork)


def test_another_log_key_does_not_count(registry: Registry) -> None:
    filled(registry, 2)
    with registry.read() as reader, pytest.raises(IntegrityError, match="not signed"):
        log.audit(reader.connection, Scribe("somebody else").check)
    with pytest.raises(IntegrityError, match="not signed"), registry.write() as writer:
        writer.append([statement(b"x")], Scribe("somebody else"))


def test_proofs_read_few_rows(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(registry, 300)
    read: list[int] = []
    whole = log._rows

    def counting(connection: object, subtrees: object) -> dict[int, bytes]:
        rows = whole(connection, subtrees)  # type: ignore[arg-type] # passed through
        read.append(len(rows))
        return rows

    monkeypatch.setattr(log, "_rows", counting)
    with registry.read() as reader:
        reader.prove(range(300))
    publish(registry, "reviews", "x")
    assert len(read) == 301
    assert max(read) <= 2 * 9, "two times log2(300)"


def test_a_registry_is_made_once(registry: Registry) -> None:
    with pytest.raises(UsageError, match="already"):
        registry.create()


def test_a_registry_without_identity_is_refused(registry: Registry) -> None:
    alter(registry, delete(REGISTRY))
    with pytest.raises(IntegrityError, match="identity"), registry.write():
        pass
    with pytest.raises(IntegrityError, match="not a registry"):
        registry.identity  # noqa: B018 # reading it is what is tested


def test_a_registry_of_another_release_is_refused(registry: Registry) -> None:
    alter(registry, update(REGISTRY).values(schema_version=99))
    with pytest.raises(IntegrityError, match="not a registry this poisonguard can read"):
        registry.identity  # noqa: B018 # as above


def test_a_reader_sees_one_state(registry: Registry) -> None:
    filled(registry, 2)
    with registry.read() as reader:
        before = reader.checkpoint()
        writing = threading.Thread(target=publish, args=(registry, "reviews", "meanwhile"))
        writing.start()
        time.sleep(0.2)  # on PostgreSQL it commits now; on SQLite it waits for the reader
        assert reader.checkpoint() == before
        assert len(reader.statements()) == 2
    writing.join(30)
    assert audit(registry).leaves == 3


def test_who_waits_too_long_is_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BUSY_SECONDS", 1)
    impatient = Registry(registry.url)
    with registry.write() as writer:
        writer.append([statement(b"first")], SCRIBE)
        with pytest.raises(UsageError, match="is busy") as caught:
            publish(impatient, "reviews", "second")
    assert "try again" in caught.value.hint
    assert publish(impatient, "reviews", "second") == 1


def test_sixteen_processes_append_at_once_and_lose_nothing(registry: Registry) -> None:
    writers = [Writer(_location(registry), f"writer {number}", 4) for number in range(16)]
    acknowledged = [number for writer in writers for number in writer.acknowledged()]
    assert sorted(acknowledged) == list(range(1, 65))
    assert numbers_of(registry) == list(range(1, 65))
    assert audit(registry).checkpoints == 64


def test_writers_killed_at_any_moment_leave_a_whole_log(registry: Registry) -> None:
    delays = random.Random(3)  # noqa: S311 # no secret
    acknowledged: list[int] = []
    for _ in range(4):
        writers = [Writer(_location(registry), f"writer {number}", 10**6) for number in range(2)]
        acknowledged += [writer.first() for writer in writers]
        _after(delays.random() / 10, *(writer.kill for writer in writers))
        acknowledged += [number for writer in writers for number in writer.acknowledged()]
    held = numbers_of(registry)
    assert held == list(range(1, len(held) + 1))
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= set(held)
    assert audit(registry).leaves == len(held)
    assert publish(registry, "shared", "after") == len(held) + 1


def _after(seconds: float, *calls: Callable[[], None]) -> None:
    time.sleep(seconds)
    for call in calls:
        call()


def _location(registry: Registry) -> str:
    return registry.url.render_as_string(hide_password=False)
