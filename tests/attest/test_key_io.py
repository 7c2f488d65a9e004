"""Key files as bytes: never over another, whole or not at all, and what a crash leaves."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from evidence_world import key
from opened_files import opened_below

from poisonguard.attest import keyfile
from poisonguard.attest.key_io import KeyFile, read_key_file
from poisonguard.attest.keyfile import load_private_key, public_half, save_private_key
from poisonguard.attest.keys import parse_public_key
from poisonguard.errors import KeyMaterialError

SECRET = b"correct horse"


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "SCRYPT_LOG2_COST", 1)


def asked() -> bytes:
    return SECRET


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, None)
    before = path.read_bytes()
    with pytest.raises(KeyMaterialError, match=r"ann\.key\.pub exists$"):
        save_private_key(key("bob"), path, None)
    (tmp_path / "ann.key.pub").unlink()
    with pytest.raises(KeyMaterialError, match=r"ann\.key exists, but .*\.pub does not$"):
        save_private_key(key("bob"), path, None)
    assert path.read_bytes() == before
    assert not (tmp_path / "ann.key.pub").exists()
    (tmp_path / "bob.key.pub").touch()
    with pytest.raises(KeyMaterialError, match=r"bob\.key\.pub exists"):
        save_private_key(key("bob"), tmp_path / "bob.key", None)
    assert not (tmp_path / "bob.key").exists()


def test_a_pair_is_on_disk_when_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is synced with its content before it gets its name, and the folder after."""
    synced: list[tuple[bool, int]] = []

    def sync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        names = sum(1 for name in tmp_path.iterdir() if not name.name.startswith("."))
        synced.append((stat.S_ISDIR(found.st_mode) or found.st_size > 0, names))

    monkeypatch.setattr(os, "fsync", sync)
    save_private_key(key("ann"), tmp_path / "ann.key", None)
    assert not opened_below(tmp_path)
    assert synced == [(True, 0), (True, 1), (True, 1), (True, 2)]


def test_permissions_do_not_hang_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o277)
    try:
        save_private_key(key("ann"), tmp_path / "ann.key", None)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ann.key", "ann.key.pub")]
    assert modes == [0o600, 0o644]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="cannot be written"):
        save_private_key(key("ann"), tmp_path / "no" / "ann.key", None)
    with pytest.raises(KeyMaterialError, match=r"no\.key cannot be read: No such file"):
        load_private_key(tmp_path / "no.key")


def test_links_pipes_and_large_files_are_refused(tmp_path: Path) -> None:
    save_private_key(key("ann"), tmp_path / "ann.key", None)
    (tmp_path / "link.key").symlink_to(tmp_path / "ann.key")
    os.mkfifo(tmp_path / "pipe.key", 0o600)
    (tmp_path / "large.key").touch(mode=0o600)
    (tmp_path / "large.key").write_bytes(b"x" * 100_000)
    (tmp_path / "folder.key").mkdir()
    reasons = {
        "link": "is a symbolic link",
        "pipe": "is not a regular file",
        "folder": "is not a regular file",
        "large": "is too large for a key",
    }
    for name, why in reasons.items():
        with pytest.raises(KeyMaterialError, match=rf"{name}\.key {why}$"):
            load_private_key(tmp_path / f"{name}.key")
    assert not opened_below(tmp_path)


def test_a_file_may_be_as_large_as_a_key(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, None)
    with path.open("ab") as stream:
        stream.write(b"#" * (64 * 1024 - path.stat().st_size))
    assert load_private_key(path).public == key("ann").public
    with path.open("ab") as stream:
        stream.write(b"#")
    with pytest.raises(KeyMaterialError, match="too large"):
        load_private_key(path)


def test_a_folder_that_may_not_be_written_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(KeyMaterialError, match=r"ann\.key cannot be written: Permission denied"):
        save_private_key(key("ann"), tmp_path / "ann.key", None)


def test_a_long_name_leaves_room_for_those_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 233)
    save_private_key(key("ann"), path, None)
    assert {item.name for item in tmp_path.iterdir()} == {path.name, f"{path.name}.pub"}


@pytest.mark.parametrize("bit", range(9))
def test_each_permission_of_others_counts(bit: int) -> None:
    """A private key is its owner's alone; a file without a secret may be read and run, but not written, by others."""
    file = KeyFile(Path("ann.key"), b"", 1 << bit)
    for check, refused, why in (
        (file.require_private, stat.S_IRWXG | stat.S_IRWXO, "touched"),
        (file.require_unaltered, stat.S_IWGRP | stat.S_IWOTH, "changed"),
    ):
        if file.mode & refused:
            with pytest.raises(KeyMaterialError, match=rf"^ann\.key can be {why} by others$"):
                check()
        else:
            check()


def test_a_failing_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyMaterialError, match=r"ann\.key cannot be written: No space left"):
        save_private_key(key("ann"), tmp_path / "ann.key", SECRET)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ann.key"
    monkeypatch.setattr(os, "fsync", lambda _: path.write_bytes(b"theirs"))
    with pytest.raises(KeyMaterialError, match=r"ann\.key exists"):
        save_private_key(key("ann"), path, None)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, sys
from pathlib import Path
from poisonguard.attest import keyfile
from poisonguard.attest.keys import generate

def deadly(name, function):
    def call(*arguments, **options):
        global left
        left -= 1
        if not left:
            os._exit(9)
        return function(*arguments, **options)
    return call

keyfile.SCRYPT_LOG2_COST = 1
key = generate()
for number in range(1, 100):
    folder = Path(sys.argv[1], str(number))
    folder.mkdir()
    child = os.fork()
    if not child:
        left = number
        for name in ("open", "link", "unlink", "fsync", "fchmod", "write", "close"):
            setattr(os, name, deadly(name, getattr(os, name)))
        keyfile.save_private_key(key, folder / "ann.key", b"correct horse")
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


def test_a_process_that_is_killed_while_it_makes_a_key_leaves_no_half_one(tmp_path: Path) -> None:
    """Killed before each call to the system that makes the pair: what is there is whole, and tells how to go on."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=True)
    states = set()
    for folder in tmp_path.iterdir():
        path = folder / "ann.key"
        state = (path.exists(), (folder / "ann.key.pub").exists())
        states.add(state)
        if state == (True, False):
            shown = public_half(read_key_file(path))
            with pytest.raises(KeyMaterialError, match=r"exists, but .*\.pub does not") as caught:
                save_private_key(key("bob"), path, SECRET)
            assert f"poisonguard keys show --pem {path} > {path}.pub" in caught.value.hint
            assert shown == load_private_key(path, asked).public
        elif state == (True, True):
            assert load_private_key(path, asked).public == parse_public_key((folder / "ann.key.pub").read_bytes())
        else:
            save_private_key(key("bob"), path, SECRET)
    assert states == {(False, False), (True, False), (True, True)}
