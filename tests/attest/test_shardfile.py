"""Shards one after the other: in memory while few, in a file without a name beyond."""

import errno
import gc
import os
import tempfile
from pathlib import Path

import pytest

from poisonguard.attest import shardfile
from poisonguard.attest.listing import Shard
from poisonguard.attest.shardfile import HeldBytes, OpenFile, Place, PlacedShards, spool
from poisonguard.errors import IntegrityError, UsageError

SHARDS = [Shard(b"[%d]\n" % index * (index + 1), bytes(32 * (index % 3))) for index in range(50)]


@pytest.mark.parametrize("limit", [0, 100, 1 << 20])
def test_what_was_kept_is_what_is_loaded(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shardfile, "SPILL_BYTES", limit)
    kept = spool(SHARDS)
    assert isinstance(kept.span, HeldBytes) == (limit == 1 << 20)
    assert [kept.load(position) for position in range(50)] == SHARDS
    assert list(kept.roots) == [shard.root for shard in SHARDS]


def test_small_shards_after_a_large_one_are_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shardfile, "SPILL_BYTES", 100)
    kept = spool(SHARDS[::-1])
    assert [kept.load(position) for position in range(50)] == SHARDS[::-1]


@pytest.mark.parametrize("beyond", [0, 1])
def test_eight_mebibytes_stay_in_memory(beyond: int) -> None:
    lines = b"[1]\n"
    kept = spool([Shard(lines, bytes(8 * 1024 * 1024 - len(lines) + beyond))])
    assert isinstance(kept.span, OpenFile if beyond else HeldBytes)


def test_what_the_system_reads_and_writes_in_pieces_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pread, write = os.pread, os.write
    monkeypatch.setattr(shardfile, "SPILL_BYTES", 0)
    monkeypatch.setattr(os, "pread", lambda file, size, offset: pread(file, min(size, 7), offset))
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    kept = spool(SHARDS)
    assert [kept.load(position) for position in range(50)] == SHARDS


def test_a_file_is_closed_when_nobody_holds_it(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    file = OpenFile(descriptor)
    os.fstat(descriptor)
    del file
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_nothing_is_left_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shardfile, "SPILL_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = spool(SHARDS)
    assert kept.load(3) == SHARDS[3]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_in_one_line_and_no_room_on_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def full(descriptor: int, _data: object) -> int:
        opened.append(descriptor)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shardfile, "SPILL_BYTES", 0)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UsageError, match="No space left"):
        spool(SHARDS)
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(*opened)


def test_bytes_that_end_too_soon_are_refused() -> None:
    shards = PlacedShards(HeldBytes(b"[1]\n"), (Place(SHARDS[0].root, 0, 4, 32),))
    with pytest.raises(IntegrityError, match="cut off"):
        shards.load(0)


def test_a_descriptor_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = OpenFile(os.open(tmp_path, os.O_RDONLY))
    with pytest.raises(UsageError, match="cannot be read"):
        folder.read_at(0, 4)
