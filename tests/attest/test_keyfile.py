"""Private keys on disk: what comes back, and what is refused."""

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from evidence_world import key
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest import keyfile
from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.key_io import KeyFile, read_key_file
from poisonguard.attest.keyfile import load_private_key, public_half, save_private_key, shows_public_half, unlock
from poisonguard.attest.keys import Algorithm, generate, parse_public_key
from poisonguard.attest.strict_base64 import decode_base64
from poisonguard.errors import KeyMaterialError

SECRET = b"correct horse"

PUBLIC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEalZxgqJLpowazqHUFZwMF/8FZpFm
yCUUDjy4NmljVoiQMDvpq6r1gxXjiAdImynpet2WmcxKE0pdskFcOhEF0g==
-----END PUBLIC KEY-----
"""
BY_OPENSSL = {
    "openssl pkcs8 -topk8 -v2 aes-256-cbc -scrypt": """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAiBGoNiUfCOGAICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBCCedK+Y57fISOliG3OypgmBIGQuqOzjLmUQVh6
D/fHzvpIQHArnKC5f5DJEWytd0gakjSmnb5CxBId0L5gHJx4TKHc5zZ09i6DIQDQ
C/XjzLbt7GDfSwqd2GCmUQPKVYpRTBIV4wZVrMEkfLcBnSwI6PlsG78354Tmsn4L
Lg5Lz67tReRLVm3fOpaY+xgMI7FhhY2hCK/pNFaSF4JV2lMJlYlj
-----END ENCRYPTED PRIVATE KEY-----
""",
    "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256": """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAigd0HqH8aOsAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDPgE/Oeysry2gLqcu1f/rgEgZBC
quocRs2osY2F1I70aYCWPanYQd6hk4Tjhgfk6uulC8/e+AAGfBmBVHREcxiMkEgf
1R1xzyiY9mrtRUuZMnZKs/xGlypaRVt68oBABuSqaQ0VaePtimEIarSDpHxNlK96
CLeE/K1buIeOboLzMXi8sPIt52Dwy0biNUH9mLmr0BREiDjf+ko15LZh79fHj64=
-----END ENCRYPTED PRIVATE KEY-----
""",
    "openssl ec -aes256": """-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,5EBE8843614485D54435A7B03F2C1CEC

VaghwAmTcMDcreFmzqXog5d24d+1gLasEKkYgqJOE73iIU9iEY68u5gduFS525Ay
UjiusGeMo0uiIX6FViqqcW1UsC0u8wk6ZDiyeR3bm9TRwlHr5QuP448mBLL0zpO4
X3XVwivXJnGvSo8zfhV7bbnmFVej3+7ntWuP8bYM3Zs=
-----END EC PRIVATE KEY-----
""",
}
"""One key as OpenSSL 3.0.19 encrypts it with the passphrase "correct horse", by the command that made it."""

SEALED_V1 = (
    rb'{"cipher":"aes-256-gcm","ciphertext":"vog6Aq6x11lDlT57MYiFoDBgaVy7/C1jM0meGQiZerH/SxdlKd8kvWVOD1RB2b'
    rb"4bEbzwc+bHrm8OzlMl+yHNz1C1gDcBKk0JN0f9hXfH/2xIsfPsHjvncrQQfJ3KYsACTWHTzXGljmoX7LfrXGU9HyO4HKf+NDf1DC"
    rb'pz0kUOEhfxaJeqDuqRFccLUd3+i9uxKk7ELOxysVbjuQ==","kdf":"scrypt","kind":"poisonguard-private-key/v1","'
    rb'log2Cost":4,"nonce":"FUQusQRYW218swih","public":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZ'
    rb"Izj0DAQcDQgAEalZxgqJLpowazqHUFZwMF/8FZpFm\nyCUUDjy4NmljVoiQMDvpq6r1gxXjiAdImynpet2WmcxKE0pdskFcOhEF0"
    rb'g==\n-----END PUBLIC KEY-----\n","salt":"l9ncwg3oJkyhe0iWB4SyUQ=="}'
    b"\n"
)
"""The same key as version 1 of our own form has it: what was written once must load for ever."""


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real cost is measured once, below; elsewhere it would only be slow."""
    monkeypatch.setattr(keyfile, "SCRYPT_LOG2_COST", 1)


def asked() -> bytes:
    return SECRET


def never() -> bytes:
    raise AssertionError("the passphrase of an unencrypted key was asked for")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_comes_back_from_its_file(tmp_path: Path, algorithm: Algorithm) -> None:
    own, path = generate(algorithm), tmp_path / "ann.key"
    save_private_key(own, path, SECRET)
    again = load_private_key(path, asked)
    assert again.public == own.public == parse_public_key((tmp_path / "ann.key.pub").read_bytes())
    assert own.public.verify(b"data", again.sign(b"data"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in path.read_bytes()


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


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, None)
    path.chmod(mode)
    with pytest.raises(KeyMaterialError, match="touched by others"):
        load_private_key(path)


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
        ("log2Cost", 2),
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


def sealed(folder: Path) -> Path:
    path = folder / "ann.key"
    save_private_key(key("ann"), path, SECRET)
    return path


def test_every_single_bit_flip_of_a_sealed_key_is_refused(tmp_path: Path) -> None:
    path = sealed(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            with pytest.raises(KeyMaterialError):
                unlock(KeyFile(path, bytes(changed), 0o600), asked)
    assert unlock(KeyFile(path, whole, 0o600), asked).public == key("ann").public


def test_every_shorter_sealed_key_is_refused(tmp_path: Path) -> None:
    path = sealed(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # the last byte is the line's end, which says nothing
        with pytest.raises(KeyMaterialError):
            unlock(KeyFile(path, whole[:length], 0o600), asked)


@given(wrong=st.binary(max_size=40))
def test_only_the_passphrase_opens_it(tmp_path_factory: pytest.TempPathFactory, wrong: bytes) -> None:
    path = sealed(tmp_path_factory.mktemp("key"))
    if wrong != SECRET:
        with pytest.raises(KeyMaterialError, match="wrong passphrase"):
            load_private_key(path, lambda: wrong)


@pytest.mark.parametrize("command", BY_OPENSSL)
def test_a_key_that_openssl_encrypted_loads(tmp_path: Path, command: str) -> None:
    path = tmp_path / "theirs.pem"
    path.touch(mode=0o600)
    path.write_text(BY_OPENSSL[command])
    assert load_private_key(path, asked).public == public_half(read_key_file(path), asked) == parse_public_key(PUBLIC)
    with pytest.raises(KeyMaterialError, match="wrong passphrase"):
        load_private_key(path, lambda: b"battery staple")
    with pytest.raises(KeyMaterialError, match="no passphrase was given"):
        load_private_key(path)


def test_a_kind_that_is_not_accepted_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pem"
    path.touch(mode=0o600)
    handle = ec.generate_private_key(ec.SECP256K1())
    path.write_bytes(handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyMaterialError, match=r"theirs\.pem is of a kind that is not accepted"):
        load_private_key(path)


def test_only_encrypted_pem_hides_the_public_half(tmp_path: Path) -> None:
    save_private_key(key("ann"), tmp_path / "plain.key", None)
    assert shows_public_half(read_key_file(tmp_path / "plain.key"))
    assert shows_public_half(read_key_file(sealed(tmp_path)))
    for text in BY_OPENSSL.values():
        (tmp_path / "theirs.pem").write_text(text)
        assert not shows_public_half(read_key_file(tmp_path / "theirs.pem"))
    odd = KeyFile(tmp_path / "odd.key", SEALED_V1.replace(b"l9ncwg3oJ", b"ENCRYPTED"), 0o600)
    assert shows_public_half(odd)
    assert public_half(odd) == parse_public_key(PUBLIC)


def test_the_form_of_version_1_loads_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    path.touch(mode=0o600)
    path.write_bytes(SEALED_V1)
    assert load_private_key(path, asked).public == public_half(read_key_file(path)) == parse_public_key(PUBLIC)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_public_half_needs_no_passphrase(tmp_path: Path, algorithm: Algorithm) -> None:
    own = generate(algorithm)
    save_private_key(own, tmp_path / "sealed.key", SECRET)
    save_private_key(own, tmp_path / "plain.key", None)
    for name in ("sealed.key", "plain.key"):
        assert public_half(read_key_file(tmp_path / name), never) == own.public


def test_a_sealed_key_that_names_another_public_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows the passphrase can write one; signatures would be looked for under the other key."""
    path = tmp_path / "ann.key"
    monkeypatch.setattr(keyfile, "_plain", lambda _, encoding: _plain(encoding))
    save_private_key(key("ann"), path, SECRET)
    with pytest.raises(KeyMaterialError, match="names another public key"):
        load_private_key(path, asked)


def _plain(encoding: Encoding) -> bytes:
    return key("bob").handle.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())


def test_a_sealed_key_of_a_kind_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ann.key"
    monkeypatch.setattr(keyfile, "_plain", lambda *_: b"of tomorrow")
    save_private_key(key("ann"), path, SECRET)
    with pytest.raises(KeyMaterialError, match="the installed cryptography cannot read"):
        load_private_key(path, asked)


@pytest.mark.parametrize("inside", ["encrypted again", "unknown to this build"])
def test_a_sealed_key_whose_inside_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    """Whoever knows the passphrase can write one: no traceback for it."""
    again = key("ann").handle.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET))
    monkeypatch.setattr(keyfile, "_plain", lambda *_: again)
    path = sealed(tmp_path)
    if inside == "unknown to this build":
        monkeypatch.setattr(keyfile, "load_der_private_key", _unsupported)
    with pytest.raises(KeyMaterialError, match="the installed cryptography cannot read"):
        load_private_key(path, asked)


def test_a_plain_key_that_says_it_is_encrypted_is_refused(tmp_path: Path) -> None:
    pem = key("ann").handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = KeyFile(tmp_path / "odd.pem", b"ENCRYPTED\n" + pem, 0o600)
    with pytest.raises(KeyMaterialError, match=r"wrong passphrase for .*odd\.pem"):
        unlock(file, asked)


def test_pem_of_a_kind_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, None)
    monkeypatch.setattr(keyfile, "load_pem_private_key", _unsupported)
    with pytest.raises(KeyMaterialError, match="the installed cryptography cannot read"):
        load_private_key(path)


def _unsupported(*_: object) -> None:
    raise UnsupportedAlgorithm("not in this build")


def test_costs_that_nobody_should_pay_are_refused_unpaid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice what we write ourselves is paid, 256 MiB, and no more."""
    whole = sealed(tmp_path).read_bytes()
    paid = []
    scrypt = keyfile.Scrypt

    def pay(*, n: int, **options: Any) -> object:
        paid.append(n)
        return scrypt(n=2, **options)

    monkeypatch.setattr(keyfile, "Scrypt", pay)
    for cost, why in ((18, "wrong passphrase"), (19, "ann.key is damaged: its parameters are out of bounds")):
        changed = canonical(parse(whole[:-1], what="key") | {"log2Cost": cost})
        with pytest.raises(KeyMaterialError, match=why):
            unlock(KeyFile(tmp_path / "ann.key", changed, 0o600), asked)
    assert paid == [2**18]


def test_the_highest_cost_and_the_sizes_that_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "MAX_SCRYPT_LOG2_COST", 1)
    path = sealed(tmp_path)
    assert load_private_key(path, asked).public == key("ann").public
    written = parse(path.read_bytes()[:-1], what="key")
    assert [len(decode_base64(written[name], name)) for name in ("salt", "nonce")] == [16, 12]


def test_nothing_is_shown_of_a_key(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(key("ann"))
    assert repr(key("ann").handle) not in repr(key("ann"))


def test_the_shipped_cost_is_owasps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = tmp_path / "ann.key"
    save_private_key(key("ann"), path, SECRET)
    assert b'"log2Cost":17' in path.read_bytes()
    assert load_private_key(path, asked).public == key("ann").public
