"""Keys: identity, kinds, and files at rest."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from evidence_world import key

from poisonguard.attest import keyfile
from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.keyfile import load_private_key, save_private_key
from poisonguard.attest.keys import Algorithm, generate, parse_public_key, private_key, public_key
from poisonguard.errors import KeyMaterialError

SECRET = b"correct horse"


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real cost is measured once, below; elsewhere it would only be slow."""
    monkeypatch.setattr(keyfile, "SCRYPT_LOG2_COST", 10)


def asked() -> bytes:
    return SECRET


def never() -> bytes:
    raise AssertionError("the passphrase of an unencrypted key was asked for")


def test_one_key_in_two_encodings_has_one_id() -> None:
    handle = ec.generate_private_key(ec.SECP256R1()).public_key()
    compressed = handle.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    again = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), compressed)
    assert public_key(handle) == public_key(again)
    assert public_key(handle).keyid == parse_public_key(public_key(handle).pem.replace("\n", "\r\n")).keyid


@pytest.mark.parametrize(
    "handle",
    [
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        dsa.generate_private_key(key_size=2048),
        ec.generate_private_key(ec.SECP256K1()),
    ],
)
def test_other_kinds_of_key_are_refused(handle: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(KeyMaterialError, match="not accepted"):
        private_key(handle)
    pem = handle.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyMaterialError, match="not accepted"):
        parse_public_key(pem)


@pytest.mark.parametrize(
    "pem", ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "x" * 10**6]
)
def test_what_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyMaterialError, match="its file"):
        parse_public_key(pem, where="its file")


def test_a_signature_of_other_data_does_not_verify() -> None:
    for algorithm in Algorithm:
        own = generate(algorithm)
        assert own.public.verify(b"data", own.sign(b"data"))
        assert not own.public.verify(b"Data", own.sign(b"data"))
        assert not own.public.verify(b"data", b"")


def test_only_ed25519_has_raw_bytes() -> None:
    assert len(key("log").public.raw()) == 32
    with pytest.raises(KeyMaterialError, match="not ed25519"):
        key("ann").public.raw()


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_comes_back_from_its_file(tmp_path: Path, algorithm: Algorithm) -> None:
    own, path = generate(algorithm), tmp_path / "ann.key"
    save_private_key(own, path, SECRET)
    again = load_private_key(path, asked)
    assert again.public == own.public == parse_public_key((tmp_path / "ann.key.pub").read_bytes())
    assert own.public.verify(b"data", again.sign(b"data"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in path.read_bytes()


def test_the_shipped_cost_is_owasps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, SECRET)
    assert b'"log2Cost":17' in path.read_bytes()
    assert load_private_key(path, asked).public == key("ann").public


def test_an_unencrypted_key_needs_no_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    save_private_key(key("log"), path, None)
    assert load_private_key(path, never).public == key("log").public
    assert load_private_key(path).public == key("log").public


@pytest.mark.parametrize("encryption", [BestAvailableEncryption(SECRET), NoEncryption()])
def test_ordinary_pkcs8_loads(tmp_path: Path, encryption: BestAvailableEncryption | NoEncryption) -> None:
    path = tmp_path / "theirs.pem"
    path.touch(mode=0o600)
    path.write_bytes(key("ann").handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    encrypted = isinstance(encryption, BestAvailableEncryption)
    assert load_private_key(path, asked if encrypted else never).public == key("ann").public
    if encrypted:
        with pytest.raises(KeyMaterialError, match="wrong passphrase"):
            load_private_key(path, lambda: b"battery")


def test_wrong_or_missing_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, SECRET)
    with pytest.raises(KeyMaterialError, match="wrong passphrase"):
        load_private_key(path, lambda: b"battery staple")
    with pytest.raises(KeyMaterialError, match="no passphrase was given"):
        load_private_key(path)


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="passphrase is empty"):
        save_private_key(key("ann"), tmp_path / "ann.key", b"")
    assert list(tmp_path.iterdir()) == []


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, None)
    before = path.read_bytes()
    with pytest.raises(KeyMaterialError, match="exists"):
        save_private_key(key("bob"), path, None)
    (tmp_path / "ann.key.pub").unlink()
    with pytest.raises(KeyMaterialError, match="exists"):
        save_private_key(key("bob"), path, None)
    assert path.read_bytes() == before
    assert not (tmp_path / "ann.key.pub").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="cannot be written"):
        save_private_key(key("ann"), tmp_path / "no" / "ann.key", None)
    with pytest.raises(KeyMaterialError, match="cannot be read"):
        load_private_key(tmp_path / "no.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, None)
    path.chmod(mode)
    with pytest.raises(KeyMaterialError, match="touched by others"):
        load_private_key(path)


def test_links_pipes_and_large_files_are_refused(tmp_path: Path) -> None:
    save_private_key(key("ann"), tmp_path / "ann.key", None)
    (tmp_path / "link.key").symlink_to(tmp_path / "ann.key")
    os.mkfifo(tmp_path / "pipe.key", 0o600)
    (tmp_path / "large.key").touch(mode=0o600)
    (tmp_path / "large.key").write_bytes(b"x" * 100_000)
    for name, why in (("link", "symbolic link"), ("pipe", "not a regular file"), ("large", "too large")):
        with pytest.raises(KeyMaterialError, match=why):
            load_private_key(tmp_path / f"{name}.key")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"{}", b"{", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ann.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyMaterialError):
        load_private_key(path, asked)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("log2Cost", 40),
        ("log2Cost", 11),
        ("log2Cost", 0),
        ("nonce", "AAAA"),
        ("salt", "AAAA"),
        ("ciphertext", "AAAA"),
        ("kdf", "none"),
        ("cipher", "none"),
        ("extra", 1),
        ("public", "bob"),
    ],
)
def test_a_changed_key_file_is_refused(tmp_path: Path, member: str, value: object) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, SECRET)
    changed = key("bob").public.pem if value == "bob" else value
    path.write_bytes(canonical(parse(path.read_bytes()[:-1], what="key") | {member: changed}))
    with pytest.raises(KeyMaterialError):
        load_private_key(path, asked)
