"""A log rewritten by somebody who holds the log key: sound by itself, and refused by every checkpoint of before."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_world import SCRIBE, audit, filled, statement
from sqlalchemy import select

from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError
from poisonguard.store import tables
from poisonguard.store.registry import Registry, registry_url
from poisonguard.store.tables import CHECKPOINT

LENGTH = 9
HINT = "The registry was altered or is damaged: restore it from a backup, then run 'poisonguard log audit'."


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SYNCHRONOUS", "OFF")  # nobody cuts the power here


def made(path: Path) -> Registry:
    registry = Registry(registry_url(str(path)))
    registry.create()
    return registry


def checkpoints(registry: Registry) -> list[tuple[int, bytes]]:
    with registry.read() as reader:
        rows = reader.connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size))
        return [(row.size, row.root) for row in rows]


def forked(path: Path, at: int, length: int) -> Registry:
    """A log that is the original's up to ``at``, and properly signed from there on."""
    registry = filled(made(path), at)
    with registry.write() as writer:
        writer.append([statement(f"forged {number}".encode()) for number in range(at, length)], SCRIBE)
    return registry


@pytest.mark.parametrize("at", range(LENGTH))
@pytest.mark.parametrize("length", [LENGTH, LENGTH + 3])
def test_a_fork_is_found_by_every_checkpoint_after_it(tmp_path: Path, at: int, length: int) -> None:
    original, fork = filled(made(tmp_path / "original.db"), LENGTH), forked(tmp_path / "fork.db", at, length)
    assert audit(fork).leaves == length, "sound by itself"
    with fork.read() as reader:
        for size, root in checkpoints(original):
            if size <= at:
                newest, proof = reader.prove_growth(size, root)
                assert merkle.verify_consistency(size, newest.size, proof, root, newest.root)
            else:
                with pytest.raises(IntegrityError, match="does not continue"):
                    reader.prove_growth(size, root)


@pytest.mark.parametrize("length", range(1, LENGTH))
def test_a_log_that_was_cut_and_signed_again_is_found(tmp_path: Path, length: int) -> None:
    original, cut = filled(made(tmp_path / "original.db"), LENGTH), filled(made(tmp_path / "cut.db"), length)
    assert audit(cut).leaves == length, "sound by itself"
    with cut.read() as reader:
        for size, root in checkpoints(original):
            if size > length:
                with pytest.raises(
                    IntegrityError, match=rf"was {size} statements? long and now holds {length}"
                ) as caught:
                    reader.prove_growth(size, root)
                assert caught.value.hint == HINT
