"""Keys in Google's and Azure's services: securesystemslib's own signers on FAKE clients; neither service was at hand.

The fakes answer as the clients document: Google with PEM and a DER signature of the digest it is given, Azure with
coordinates and r || s. What is shown is that the right signer is asked, with the right key, version and digest.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from poisonguard.attest.keys import Algorithm, generate, private_key
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.keys import import_key, load_key

GOOGLE = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
AZURE = "azurekms://vault.vault.azure.net/keys/ann"
DIGESTS: dict[Algorithm, hashes.HashAlgorithm] = {
    Algorithm.P256: hashes.SHA256(),
    Algorithm.P384: hashes.SHA384(),
    Algorithm.P521: hashes.SHA512(),
}


def sign_digest(handle: Any, digest: bytes, algorithm: Algorithm) -> bytes:
    signature: bytes = handle.sign(digest, ec.ECDSA(Prehashed(DIGESTS[algorithm])))
    return signature


@pytest.mark.parametrize(
    ("name", "algorithm", "digest"),
    [("EC_SIGN_P256_SHA256", Algorithm.P256, "sha256"), ("EC_SIGN_P384_SHA384", Algorithm.P384, "sha384")],
)
def test_a_key_in_google_cloud_kms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, algorithm: Algorithm, digest: str
) -> None:
    from google.cloud import kms

    own = generate(algorithm)

    class Client:
        def get_public_key(self, request: Any) -> Any:
            assert request["name"] == GOOGLE
            kind = kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm[name]
            return SimpleNamespace(algorithm=kind, public_key=SimpleNamespace(data=own.public.pem.encode()))

        def asymmetric_sign(self, request: Any) -> Any:
            assert request["name"] == GOOGLE
            return SimpleNamespace(signature=sign_digest(own.handle, request["digest"][digest], algorithm))

    monkeypatch.setattr(kms, "KeyManagementServiceClient", Client)
    assert import_key(f"gcpkms:{GOOGLE}", tmp_path / "gcp.key") == own.public
    for key in (tmp_path / "gcp.key", f"gcpkms:{GOOGLE}"):
        assert own.public.verify(b"data", load_key(key).sign(b"data"))


def test_an_ml_dsa_key_in_google_cloud_kms_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.cloud import kms

    kind = kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm.PQ_SIGN_ML_DSA_65
    pem = generate(Algorithm.ML_DSA_65).public.pem.encode()
    answer = SimpleNamespace(algorithm=kind, public_key=SimpleNamespace(data=pem))
    client = SimpleNamespace(get_public_key=lambda _: answer)
    monkeypatch.setattr(kms, "KeyManagementServiceClient", lambda: client)
    with pytest.raises(KeyMaterialError, match="TUF's own way"):
        load_key(f"gcpkms:{GOOGLE}")


@pytest.mark.parametrize(
    ("curve", "algorithm", "asked"),
    [("P-256", Algorithm.P256, "ES256"), ("P-384", Algorithm.P384, "ES384"), ("P-521", Algorithm.P521, "ES512")],
)
def test_a_key_in_azure_key_vault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curve: str, algorithm: Algorithm, asked: str
) -> None:
    own = private_key(ec.generate_private_key(ec.SECP521R1())) if curve == "P-521" else generate(algorithm)
    handle: Any = own.handle
    numbers, size = handle.public_key().public_numbers(), (handle.key_size + 7) // 8

    class Client:
        def __init__(self, vault_url: str, credential: object) -> None:
            assert vault_url == "https://vault.vault.azure.net/"

        def get_key(self, name: str) -> Any:
            assert name == "ann"
            x, y = (number.to_bytes(size, "big") for number in (numbers.x, numbers.y))
            kid = "https://vault.vault.azure.net/keys/ann/0af5"
            return SimpleNamespace(key=SimpleNamespace(kty="EC", crv=curve, x=x, y=y, kid=kid))

    class Cryptography:
        def __init__(self, key: str, credential: object) -> None:
            assert key == "https://vault.vault.azure.net/keys/ann/0af5"

        def sign(self, kind: str, digest: bytes) -> Any:
            assert kind == asked
            numbers = decode_dss_signature(sign_digest(handle, digest, algorithm))
            return SimpleNamespace(signature=b"".join(number.to_bytes(size, "big") for number in numbers))

    module = import_module("securesystemslib.signer._azure_signer")
    monkeypatch.setattr(module, "KeyClient", Client)
    monkeypatch.setattr(module, "CryptographyClient", Cryptography)
    assert import_key(AZURE, tmp_path / "azure.key") == own.public
    for key in (tmp_path / "azure.key", AZURE, Path(AZURE), f"{AZURE}/0af5"):
        assert own.public.verify(b"data", load_key(key).sign(b"data"))
    with pytest.raises(KeyMaterialError, match=r"0af6 is not the newest version of its key: that is .*/0af5"):
        load_key(f"{AZURE}/0af6")


@pytest.mark.parametrize(
    ("uri", "module", "flag", "extra"),
    [
        ("awskms:k", "_aws_signer", "AWS_IMPORT_ERROR", "aws"),
        (f"gcpkms:{GOOGLE}", "_gcp_signer", "GCP_IMPORT_ERROR", "gcp"),
        (AZURE, "_azure_signer", "AZURE_IMPORT_ERROR", "azure"),
        ("hsm:", "_hsm_signer", "PKCS11_IMPORT_ERROR", "hsm"),
        ("hv:ann", "_vault_signer", "VAULT_IMPORT_ERROR", "vault"),
    ],
)
def test_a_missing_client_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, uri: str, module: str, flag: str, extra: str
) -> None:
    """The flag is what securesystemslib sets when a client cannot be imported."""
    monkeypatch.setattr(import_module(f"securesystemslib.signer.{module}"), flag, "not installed")
    with pytest.raises(KeyMaterialError, match="a package that is not installed") as caught:
        load_key(uri)
    assert caught.value.hint == f"pip install 'poisonguard[{extra}]'"
