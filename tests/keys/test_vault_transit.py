"""Keys in Vault's transit engine, against the fake in ``vault_server.py``: no Vault was at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from vault_server import Transit

from poisonguard.attest.keys import Algorithm
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.keys import import_key, load_key


def test_a_key_in_vault_signs_and_stays_at_its_version(transit: Transit, tmp_path: Path) -> None:
    transit.keys["ann"] = [Ed25519PrivateKey.generate() for _ in range(10)]
    public = import_key("hv:ann", tmp_path / "vault.key")
    assert public.algorithm is Algorithm.ED25519
    assert '"uri":"hv:ann/10"' in (tmp_path / "vault.key").read_text()
    transit.keys["ann"].append(Ed25519PrivateKey.generate())
    signer = load_key(tmp_path / "vault.key")
    assert signer.public == public
    assert public.verify(b"data", signer.sign(b"data"))
    assert load_key("hv:ann").public == load_key("hv:ann/11").public != public
    with pytest.raises(KeyMaterialError, match=r"hv:ann/10 is not the newest version of its key: that is hv:ann/11"):
        load_key("hv:ann/10")


def test_a_key_that_was_replaced_is_refused(transit: Transit, tmp_path: Path) -> None:
    transit.keys["ann"] = [Ed25519PrivateKey.generate()]
    import_key("hv:ann", tmp_path / "vault.key")
    transit.keys["ann"] = [Ed25519PrivateKey.generate()]
    with pytest.raises(KeyMaterialError, match="does not verify"):
        load_key(tmp_path / "vault.key").sign(b"data")


def test_what_is_not_there_is_named(transit: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyMaterialError, match=r"hv:lost cannot be used: .*InvalidPath"):
        load_key("hv:lost")
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    with pytest.raises(KeyMaterialError, match="permission denied"):
        load_key("hv:ann")
