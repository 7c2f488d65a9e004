"""Content-addressed blobs: named by content, whole or absent, checked on read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poisonguard.errors import IntegrityError, UnknownVersion, UsageError
from poisonguard.store.blobs import Blobs, write_durably


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(content=st.binary(max_size=4096))
def test_what_was_put_is_what_is_got(tmp_path: Path, content: bytes) -> None:
    blobs = Blobs(tmp_path / "blobs")
    digest = blobs.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert digest in blobs
    assert blobs.get(digest) == content
    assert blobs.put(content) == digest


def test_an_altered_blob_is_refused_and_named(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    digest = blobs.put(b"report")
    blobs.path(digest).write_bytes(b"rep0rt")
    with pytest.raises(IntegrityError, match=digest):
        blobs.get(digest)


def test_putting_again_heals_an_altered_blob(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    digest = blobs.put(b"report")
    blobs.path(digest).write_bytes(b"")
    assert blobs.get(blobs.put(b"report")) == b"report"


def test_a_missing_blob_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownVersion, match="a" * 64):
        Blobs(tmp_path).get("a" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_name_that_is_no_digest_never_reaches_the_disk(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        Blobs(tmp_path).get(name)


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["state.json"]  # noqa: PTH208 # hidden files count here


def test_the_mode_asked_for_is_the_mode_given(tmp_path: Path) -> None:
    write_durably(tmp_path / "log.key", b"secret", mode=0o600)
    assert (tmp_path / "log.key").stat().st_mode & 0o777 == 0o600
