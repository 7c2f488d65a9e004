"""Keys that are held elsewhere, on a device of the test's own; tests/keys has real ones."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from evidence_project import START, poisonguard
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.key_reference import KeyReference
from poisonguard.attest.keys import Algorithm, PrivateKey, generate
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow.keys import import_key, load_key, new_key, show_key
from poisonguard.workflow.signers import PROBE, SCHEMES, RemoteKey, prove, uri_of

OWN, OTHER = generate(), generate()
PIN = "1234"


class PinIncorrect(Exception):
    """What a token raises."""


class UnsupportedLibraryError(Exception):
    """What securesystemslib raises when a client is missing."""


class Device:
    """A token with one key; stands in for ``securesystemslib.signer``, and knows what was asked of it."""

    def __init__(self, key: PrivateKey = OWN) -> None:
        self.key = key
        self.asked: list[Any] = []
        self.error: Exception | None = None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        module: Any = ModuleType("securesystemslib.signer")
        module.Signer = SimpleNamespace(from_priv_key_uri=self.open)
        module.SSlibKey = SimpleNamespace(from_crypto=lambda handle: handle)
        for scheme, known in SCHEMES.items():
            importer = SimpleNamespace(import_=lambda *arguments, scheme=scheme: self.read(scheme, *arguments))
            setattr(module, known.signer, importer)
        patch.setitem(sys.modules, "securesystemslib", ModuleType("securesystemslib"))
        patch.setitem(sys.modules, "securesystemslib.signer", module)

    def read(self, scheme: str, *arguments: Any) -> tuple[str, Any]:
        self.fail()
        self.asked.append((scheme, *(item for item in arguments if not callable(item))))
        public = self.key.public
        if public.algorithm is Algorithm.ED25519:
            value = public.handle.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
            return "hv:ann/2", SimpleNamespace(keytype="ed25519", keyval={"public": value})
        uri = {"hsm": "hsm:2?label=office", "azurekms": "azurekms://v.vault.azure.net/keys/k/0a"}.get(scheme)
        return uri or f"{scheme}:{arguments[0]}", SimpleNamespace(keytype="ecdsa", keyval={"public": public.pem})

    def open(self, uri: str, _: object, secret: Any) -> Any:
        return SimpleNamespace(sign=lambda data: self.sign(data, secret("pin")))

    def sign(self, data: bytes, pin: str) -> Any:
        self.asked.append(data)
        self.fail()
        if pin != PIN:
            raise PinIncorrect
        return SimpleNamespace(signature=self.key.sign(data).hex())

    def fail(self) -> None:
        if self.error:
            raise self.error


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device()
    made.install(monkeypatch)
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", PIN)
    return made


@pytest.mark.skipif(find_spec("securesystemslib") is not None, reason="securesystemslib is installed")
@pytest.mark.parametrize(
    ("uri", "extra"),
    [
        ("awskms:alias/k", "aws"),
        ("gcpkms:projects/p", "gcp"),
        ("azurekms://v.vault.azure.net/keys/k", "azure"),
        ("hsm:", "hsm"),
        ("hv:k", "vault"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(tmp_path: Path, uri: str, extra: str) -> None:
    (tmp_path / "a.key").write_bytes(KeyReference(uri, OWN.public).encode())
    for use in (lambda: load_key(uri), lambda: load_key(tmp_path / "a.key").sign(b"data"), lambda: show_key(Path(uri))):
        with pytest.raises(KeyMaterialError, match="needs a package that is not installed") as caught:
            use()
        assert caught.value.hint == f"pip install 'poisonguard[{extra}]'"


def test_a_client_that_is_missing_is_named_too(device: Device) -> None:
    device.error = UnsupportedLibraryError("'python-pkcs11' required")
    with pytest.raises(KeyMaterialError, match="needs a package") as caught:
        load_key("hsm:2")
    assert caught.value.hint == "pip install 'poisonguard[hsm]'"


def test_nothing_of_it_is_imported_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    new_key(tmp_path / "a.key", Algorithm.P256, None)
    signer = load_key(tmp_path / "a.key")
    assert signer.public.verify(b"data", signer.sign(b"data"))
    prove(signer)


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("awskms:alias/a", ("awskms", "alias/a")),
        ("awskms:arn:aws:kms:eu:1:key/2", ("awskms", "arn:aws:kms:eu:1:key/2")),
        ("gcpkms:projects/p/x", ("gcpkms", "projects/p/x")),
        ("azurekms://v.vault.azure.net/keys/k", ("azurekms", "v", "k")),
        ("azurekms://v.vault.azure.net/keys/k/0a", ("azurekms", "v", "k")),
        ("hsm:", ("hsm", None, None)),
        ("hsm:2", ("hsm", 2, None)),
        ("hsm:0x", None),
        ("hsm:2?label=an+office%21", ("hsm", 2, "an office!")),
        ("hsm:2?label=a&pin=1234", None),
        ("hsm:2?pin-value=1234", None),
        ("hsm:2?label", None),
        ("hsm:2#3", None),
        ("hsm:²", None),
        ("hsm://2", None),
        ("hv:ann", ("hv", "ann")),
        ("hv:ann/0", None),
        ("hv:ann/2/3", None),
        ("hv:", None),
        ("awskms:", None),
        ("gcpkms:", None),
        ("azurekms://evil.example/keys/k", None),
        ("azurekms://v.vault.azure.net.evil.example/keys/k", None),
    ],
)
def test_a_uri_says_what_to_ask_for(device: Device, uri: str, asked: tuple[Any, ...] | None) -> None:
    if asked is None:
        for use in (lambda: load_key(uri), lambda: RemoteKey(KeyReference(uri, OWN.public), str)):
            with pytest.raises(KeyMaterialError, match="is not the URI of a key") as caught:
                use()
            assert PIN not in caught.value.message
        assert device.asked == []
    else:
        assert load_key(uri).public == load_key(Path(uri)).public == OWN.public
        assert device.asked == [asked, asked]


@given(st.text(max_size=20))
def test_what_is_no_uri_is_a_path(text: str) -> None:
    assert uri_of("./" + text) is None
    assert uri_of(text) is None or text.partition(":")[0] in SCHEMES


@given(st.sampled_from(sorted(SCHEMES)), st.text(max_size=40))
def test_any_uri_is_understood_or_refused(scheme: str, rest: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Device().install(patch)
        try:
            assert load_key(f"{scheme}:{rest}").public == OWN.public
        except KeyMaterialError as error:
            assert error.message.startswith(scheme)  # noqa: PT017 - either way is right


def test_a_reference_names_the_exact_key_and_needs_no_device_to_be_read(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert import_key("hsm:2", tmp_path / "a.key") == OWN.public
    assert '"uri":"hsm:2?label=office"' in (tmp_path / "a.key").read_text()
    device.asked.clear()
    (tmp_path / "a.key.pub").unlink()
    signer = load_key(tmp_path / "a.key")
    assert signer.public == show_key(tmp_path / "a.key") == OWN.public
    assert device.asked == []
    assert OWN.public.verify(b"data", signer.sign(b"data"))
    monkeypatch.delenv("POISONGUARD_PASSPHRASE")
    assert OWN.public.verify(b"more", signer.sign(b"more"))


def test_a_reference_is_never_written_over_a_key(device: Device, tmp_path: Path) -> None:
    import_key("hsm:2", tmp_path / "a.key")
    with pytest.raises(KeyMaterialError, match="exists"):
        import_key("hsm:2", tmp_path / "a.key")
    assert load_key(tmp_path / "a.key").public == OWN.public
    with pytest.raises(KeyMaterialError, match="not the URI of a key that is held elsewhere"):
        import_key(str(tmp_path / "a.key"), tmp_path / "b.key")


def test_a_reference_that_others_may_change_is_refused(device: Device, tmp_path: Path) -> None:
    import_key("hsm:2", tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o666)
    with pytest.raises(KeyMaterialError, match="can be changed by others"):
        load_key(tmp_path / "a.key")


def test_a_reference_to_a_scheme_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(KeyReference("gnupg:ABC", OWN.public).encode())
    with pytest.raises(KeyMaterialError, match="gnupg:ABC is not the URI of a key: a URI begins with awskms:, gcpkms:"):
        load_key(tmp_path / "a.key")


def test_the_command_line_imports_shows_and_names_what_is_missing(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "a.key")
    assert poisonguard("keys", "import", "hsm:2", "-o", path) == 0
    captured = capsys.readouterr()
    assert captured.out == f"key  {OWN.public.keyid}\ntype p256\n"
    assert captured.err == f"wrote {path} (a reference: nothing in it is secret) and {path}.pub (public: hand it out)\n"
    for name in (path, "hsm:2"):
        assert poisonguard("keys", "show", name) == 0
        assert capsys.readouterr().out == captured.out + OWN.public.pem
    monkeypatch.delenv("POISONGUARD_PASSPHRASE")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(KeyMaterialError, match="needs a PIN"):
        load_key(path).sign(b"data")


def test_a_kind_of_key_that_is_not_accepted_is_refused(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    text = pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    monkeypatch.setattr(
        device, "read", lambda *_: ("awskms:k", SimpleNamespace(keytype="rsa", keyval={"public": text}))
    )
    with pytest.raises(KeyMaterialError, match="awskms:k is of a kind that is not accepted"):
        load_key("awskms:k")


def test_a_device_that_signs_with_another_key_is_refused(device: Device, tmp_path: Path) -> None:
    import_key("hsm:2", tmp_path / "a.key")
    device.key = OTHER
    with pytest.raises(KeyMaterialError, match="does not verify"):
        load_key(tmp_path / "a.key").sign(b"data")


@pytest.mark.parametrize("answer", ["", "00", "30", "no hex", None])
def test_a_device_that_answers_nonsense_is_refused(
    device: Device, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    signer = load_key("hsm:2")
    monkeypatch.setattr(device, "sign", lambda *_: SimpleNamespace(signature=answer))
    with pytest.raises(KeyMaterialError, match="hsm:2"):
        signer.sign(b"data")


def test_a_wrong_pin_says_so_and_is_tried_once(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "4321")
    with pytest.raises(KeyMaterialError, match="wrong PIN for hsm:2"):
        load_key("hsm:2").sign(b"data")
    assert device.asked.count(b"data") == 1


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("first line\nsecond line"), r"cannot be used: first line \(ValueError\)$"),
        (RuntimeError(), r"cannot be used: RuntimeError$"),
        (OSError("x" * 1000), r"cannot be used: x{300} \(OSError\)$"),
    ],
)
def test_whatever_a_device_raises_is_one_line(device: Device, error: Exception, shown: str) -> None:
    device.error = error
    for uri, hint in (("hsm:2", "PYKCS11LIB"), ("awskms:k", "Credentials")):
        with pytest.raises(KeyMaterialError, match=shown) as caught:
            load_key(uri)
        assert hint in caught.value.hint


def test_a_key_is_proved_with_something_worthless(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    prove(load_key("hsm:2"))
    assert device.asked[-1] == PROBE
    assert not PROBE.startswith((b"DSSEv1", b"{", b"poisonguard.log"))


def test_a_wrong_pin_shows_before_any_data_are_read(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poisonguard.workflow import sign

    (tmp_path / "data.csv").write_text("id\n1\n")
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "4321")
    monkeypatch.setattr(sign, "inspect", None)
    nowhere: Any = None
    with pytest.raises(KeyMaterialError, match="wrong PIN for hsm:2"):
        sign.sign(nowhere, str(tmp_path / "data.csv"), [load_key("hsm:2")], START)


def test_an_older_version_of_a_key_takes_a_reference(device: Device) -> None:
    device.key = generate(Algorithm.ED25519)
    assert load_key("hv:ann").public == load_key("hv:ann/2").public == device.key.public
    with pytest.raises(KeyMaterialError, match="hv:ann/1 is not the newest version of its key: that is hv:ann/2"):
        load_key("hv:ann/1")


def test_an_ml_dsa_key_in_a_service_is_refused(device: Device) -> None:
    device.key = generate(Algorithm.ML_DSA_65)
    with pytest.raises(KeyMaterialError, match="TUF's own way"):
        load_key("gcpkms:projects/p")
