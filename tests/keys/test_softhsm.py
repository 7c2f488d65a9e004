"""Keys on a PKCS#11 token, against a real one: SoftHSM 2."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from poisonguard.attest.keys import Algorithm
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.keys import import_key, load_key, show_key

WRONG = {"POISONGUARD_PASSPHRASE": "4321"}


@pytest.mark.parametrize(("number", "algorithm"), [(2, Algorithm.P256), (3, Algorithm.P384)])
def test_a_key_on_a_token_signs_through_its_reference(
    tmp_path: Path, token: str, pin: None, number: int, algorithm: Algorithm
) -> None:
    public = import_key(f"hsm:{number}?{token}", tmp_path / "hsm.key")
    signer = load_key(tmp_path / "hsm.key")
    assert signer.public == public == show_key(tmp_path / "hsm.key") == show_key(tmp_path / "hsm.key.pub")
    assert public.algorithm is algorithm
    assert public.verify(b"data", signer.sign(b"data"))
    assert not public.verify(b"other", signer.sign(b"data"))


def test_a_uri_is_a_key_too(token: str, pin: None) -> None:
    direct, only = load_key(f"hsm:2?{token}"), load_key("hsm:")
    assert direct.public == only.public == show_key(Path(f"hsm:2?{token}"))
    assert direct.public.verify(b"data", only.sign(b"data"))


def test_the_pin_is_asked_for_once_and_only_to_sign(
    tmp_path: Path, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pin").write_text("1234\n")
    import_key(f"hsm:2?{token}", tmp_path / "hsm.key")
    signer = load_key(tmp_path / "hsm.key", tmp_path / "pin")
    signer.sign(b"one")
    (tmp_path / "pin").unlink()
    assert signer.public.verify(b"two", signer.sign(b"two"))


def test_a_wrong_or_missing_pin(tmp_path: Path, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import_key(f"hsm:2?{token}", tmp_path / "hsm.key")
    with pytest.raises(KeyMaterialError, match="needs a PIN"):
        load_key(tmp_path / "hsm.key").sign(b"data")
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "4321")
    with pytest.raises(KeyMaterialError, match=r"wrong PIN for hsm:2\?label=pg\+test"):
        load_key(tmp_path / "hsm.key").sign(b"data")


def test_another_key_under_the_same_number_is_refused(tmp_path: Path, token: str, pin: None) -> None:
    import_key(f"hsm:2?{token}", tmp_path / "hsm.key")
    reference = tmp_path / "hsm.key"
    other = show_key(tmp_path / "hsm.key").pem.replace("\n", "\\n")
    import_key(f"hsm:3?{token}", tmp_path / "other.key")
    swapped = re.sub(r'"public":"[^"]+"', lambda _: f'"public":"{other}"', (tmp_path / "other.key").read_text())
    reference.write_text(swapped)
    with pytest.raises(KeyMaterialError, match="does not verify"):
        load_key(reference).sign(b"data")


def test_what_is_not_there_is_named(token: str, pin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for uri, why in (
        ("hsm:2?label=lost", "No PKCS#11 token found for label lost"),
        (f"hsm:9?{token}", "could not find ECDSA key"),
        (f"hsm:4?{token}", "secp521r1 is not a supported EC curve"),
    ):
        with pytest.raises(KeyMaterialError, match=why):
            load_key(uri)
    monkeypatch.setenv("PYKCS11LIB", "/nowhere/token.so")
    with pytest.raises(KeyMaterialError, match=r"/nowhere/token\.so"):
        load_key(f"hsm:2?{token}")
    monkeypatch.delenv("PYKCS11LIB")
    with pytest.raises(KeyMaterialError, match="PYKCS11LIB environment variable must be set"):
        load_key(f"hsm:2?{token}")


def test_the_whole_way_with_keys_on_a_token(
    poisonguard: Callable[..., str], token: str, tmp_path: Path, pin: None
) -> None:
    """Trust root, manifest, scan and approval, each signed on the token; then the gate."""
    (tmp_path / "reviews.csv").write_text("id,label\n" + "".join(f"{n},{'np'[n % 2]}\n" for n in range(200)))
    for name, number in (("pub", 2), ("ann", 3)):
        poisonguard("keys", "import", f"hsm:{number}?{token}", "-o", f"{name}.key")
    people = ("--person", "pub=pub.key.pub", "--person", "ann=ann.key.pub")
    roles = ("--role=root=pub", "--role=publisher=pub", "--role=scanner=pub", "--role=steward=ann")
    poisonguard("trust", "init", "--key", "pub.key", *people, *roles)
    said = poisonguard("sign", "reviews.csv", "--key", "pub.key", code=2, **WRONG)
    assert said.startswith("error: wrong PIN for hsm:2?label=pg+test\n")
    said = poisonguard("scan", "reviews.csv", "--sign", "pub.key", "-q", code=2, **WRONG)
    assert said.startswith("error: wrong PIN for hsm:2?label=pg+test\n")
    poisonguard("sign", "reviews.csv", "--key", "pub.key")
    poisonguard("scan", "reviews.csv", "--sign", f"hsm:2?{token}", "-q")
    poisonguard("gate", "reviews.csv", code=5)
    poisonguard("approve", "reviews", "--key", "ann.key", "--reason", "looked at it")
    assert "PASSED" in poisonguard("gate", "reviews.csv")
