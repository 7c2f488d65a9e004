"""Keys in AWS KMS, against moto's server; see ``kms_server.py`` for what was made right in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from poisonguard.attest.key_reference import KeyReference
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.keys import import_key, load_key
from poisonguard.workflow.signers import RemoteKey


@pytest.fixture(autouse=True)
def account(kms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", kms),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)


def create(kind: str) -> Any:
    return boto3.client("kms").create_key(KeySpec=kind, KeyUsage="SIGN_VERIFY")["KeyMetadata"]


@pytest.mark.parametrize(("kind", "algorithm"), [("ECC_NIST_P256", Algorithm.P256), ("ECC_NIST_P384", Algorithm.P384)])
def test_a_key_in_kms_signs(tmp_path: Path, kind: str, algorithm: Algorithm) -> None:
    made = create(kind)
    public = import_key(f"awskms:{made['KeyId']}", tmp_path / "aws.key")
    assert public.algorithm is algorithm
    for name in (tmp_path / "aws.key", f"awskms:{made['KeyId']}", f"awskms:{made['Arn']}"):
        signer = load_key(name)
        assert signer.public == public
        assert public.verify(b"data", signer.sign(b"data"))


def test_a_service_that_signs_something_else_is_refused(
    tmp_path: Path, broken_kms: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", broken_kms)
    import_key(f"awskms:{create('ECC_NIST_P256')['KeyId']}", tmp_path / "aws.key")
    with pytest.raises(KeyMaterialError, match="does not verify"):
        load_key(tmp_path / "aws.key").sign(b"data")


@pytest.mark.parametrize(
    ("kind", "why"),
    [("RSA_2048", "not accepted"), ("ECC_SECG_P256K1", "not accepted"), ("ECC_NIST_P521", "Unsupported AWS key")],
)
def test_kinds_of_key_that_are_not_accepted(kind: str, why: str) -> None:
    with pytest.raises(KeyMaterialError, match=why):
        load_key(f"awskms:{create(kind)['KeyId']}")


def test_what_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyMaterialError, match=r"awskms:alias/lost cannot be used: .*alias/lost"):
        load_key("awskms:alias/lost")
    lost = RemoteKey(KeyReference("awskms:alias/lost", generate().public), lambda _: "")
    with pytest.raises(KeyMaterialError, match=r"awskms:alias/lost cannot be used: .*alias/lost"):
        lost.sign(b"data")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(KeyMaterialError, match="Could not connect"):
        load_key("awskms:alias/lost")
    assert capfd.readouterr() == ("", "")
