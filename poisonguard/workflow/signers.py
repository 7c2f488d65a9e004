"""Keys that are held elsewhere: in a key service, a hardware module, Vault; by URI, through ``securesystemslib``.

Rules:

1. ``securesystemslib`` and what it needs for a device are imported only when a URI of that kind is used; what is
   missing is named with the extra that installs it.
2. A signature counts only when the public key verifies it here: a device that answers wrongly is refused.
3. Secrets (a PIN) are never part of a URI; what a URI says beyond what is understood is refused.
4. Whatever a device or its library raises becomes one clear error.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from poisonguard.attest import mldsa
from poisonguard.attest.key_reference import KeyReference
from poisonguard.attest.keys import PublicKey, Signer, parse_public_key, public_key
from poisonguard.errors import KeyMaterialError

Secret = Callable[[str], str]
"""Gives the secret that a device asks for by name."""

PROBE = b"poisonguard: does this key sign?"
"""No document begins so: what is signed to try a key is worth nothing to anybody."""

MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of URI.

    Attributes:
        signer: Name of the class in ``securesystemslib.signer``.
        extra: Extra of poisonguard that installs what it needs.
        read: The arguments for the class's import of a public key, from what stands after the colon.
    """

    signer: str
    extra: str
    read: Callable[[str], tuple[Any, ...]]


def _one(rest: str) -> tuple[str]:
    if not rest:
        raise ValueError("it names no key")
    return (rest,)


def _azure(rest: str) -> tuple[str, str]:
    found = re.fullmatch(r"//([0-9A-Za-z-]+)\.vault\.azure\.net/keys/([0-9A-Za-z-]+)(?:/[0-9a-f]+)?", rest)
    if not found:
        raise ValueError("it is not azurekms://VAULT.vault.azure.net/keys/NAME[/VERSION]")
    return found[1], found[2]


def _hsm(rest: str) -> tuple[int | None, str | None]:
    number, _, query = rest.partition("?")
    asked = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    if not re.fullmatch(r"[0-9]{0,9}", number, re.ASCII) or "#" in query or not asked.keys() <= {"label"}:
        raise ValueError("it is not hsm:[NUMBER][?label=TOKEN]")
    return int(number) if number else None, asked.get("label")


def _vault(rest: str) -> tuple[str]:
    if not re.fullmatch(r"[^/]+(?:/[1-9][0-9]*)?", rest):
        raise ValueError("it is not hv:NAME[/VERSION]")
    return (rest.partition("/")[0],)


SCHEMES = {
    "awskms": Scheme("AWSSigner", "aws", _one),
    "gcpkms": Scheme("GCPSigner", "gcp", _one),
    "azurekms": Scheme("AzureSigner", "azure", _azure),
    "hsm": Scheme("HSMSigner", "hsm", _hsm),
    "hv": Scheme("VaultSigner", "vault", _vault),
}


def uri_of(text: str) -> str | None:
    """The signer URI that ``text`` is; nothing when it is a path.

    A path that looks like a URI is written with a folder: ``./hsm:2``.
    """
    name, colon, rest = text.partition(":")
    if not colon or name not in SCHEMES:
        return None
    if name == "azurekms":  # whoever took it for a path has folded the two slashes into one
        rest = "//" + rest.lstrip("/")
    return f"{name}:{rest}"


class RemoteKey:
    """A key that is held elsewhere; a :class:`~poisonguard.attest.keys.Signer`.

    Args:
        reference: Where it is held, and which key it must be.
        secret: Asked when the device wants a secret.

    Raises:
        KeyMaterialError: The URI is not one of :data:`SCHEMES`.
    """

    def __init__(self, reference: KeyReference, secret: Secret) -> None:
        _arguments(reference.uri)
        self._reference = reference
        self._secret = secret

    @property
    def public(self) -> PublicKey:
        """The key that the device must sign with."""
        return self._reference.public

    def sign(self, data: bytes) -> bytes:
        """The device's signature of ``data``, verified.

        Raises:
            KeyMaterialError: The device cannot be used, or signs with another key.
        """
        with _device(self._reference.uri):
            signature = bytes.fromhex(self._signer.sign(data).signature)
        if not self.public.verify(data, signature):
            raise KeyMaterialError(
                f"{self._reference.uri} gave a signature that key {self.public.keyid[:16]} does not verify",
                hint="It holds another key, or signs wrongly. If its key is new, import it: poisonguard keys import",
            )
        return signature

    @cached_property
    def _signer(self) -> Any:
        library = _library()
        key = library.SSlibKey.from_crypto(self.public.handle)
        return library.Signer.from_priv_key_uri(self._reference.uri, key, self._secret)


def prove(signer: Signer) -> None:
    """Let a key that is held elsewhere sign something worthless, so that a wrong PIN shows before long work.

    Raises:
        KeyMaterialError: It cannot sign.
    """
    if isinstance(signer, RemoteKey):
        signer.sign(PROBE)


def import_reference(uri: str, secret: Secret) -> KeyReference:
    """Ask the device for its public key.

    Args:
        uri: Where the key is held; see :data:`SCHEMES`.
        secret: Asked when the device shows its public key only to who knows the PIN.

    Raises:
        KeyMaterialError: The URI is wrong, the device cannot be used, or the key is of a kind that is not accepted.
    """
    arguments = _arguments(uri)
    scheme = uri.partition(":")[0]
    with _device(uri):
        importer = getattr(_library(), SCHEMES[scheme].signer).import_
        found, key = importer(*arguments, secret) if scheme == "hsm" else importer(*arguments)
        public = _public(key, uri)
    _check(uri, found, public)
    return KeyReference(found, public)


def _arguments(uri: str) -> tuple[Any, ...]:
    name, _, rest = uri.partition(":")
    try:
        if name not in SCHEMES:
            raise ValueError(f"a URI begins with {', '.join(f'{known}:' for known in SCHEMES)}")  # noqa: TRY301 - one way out
        return SCHEMES[name].read(rest)
    except ValueError as error:
        raise KeyMaterialError(f"{uri.partition('?')[0]} is not the URI of a key: {error}") from error


def _public(key: Any, uri: str) -> PublicKey:
    if key.keytype == "ed25519":  # the only kind that securesystemslib does not hold as PEM
        return public_key(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"])))
    return parse_public_key(key.keyval["public"], where=uri)


def _check(asked: str, found: str, public: PublicKey) -> None:
    if mldsa.is_public(public.handle):
        raise KeyMaterialError(
            f"{asked} is an ML-DSA key in a key service, which securesystemslib signs with in TUF's own way",
            hint="Use an EC key there, and add a local ML-DSA key: poisonguard keys new --algorithm ml-dsa-65",
        )
    if asked.startswith(("azurekms:", "hv:")) and found != asked and found.rpartition("/")[0] != asked:
        raise KeyMaterialError(f"{asked} is not the newest version of its key: that is {found}")


@contextmanager
def _device(uri: str) -> Iterator[None]:
    """The border to other people's code, which may raise anything."""
    try:
        yield
    except KeyMaterialError:
        raise
    except Exception as error:  # drivers and clients of key services raise what they like: it becomes ours
        raise _problem(uri, error) from error


def _problem(uri: str, error: Exception) -> KeyMaterialError:
    kind = type(error).__name__
    if isinstance(error, ImportError) or kind == "UnsupportedLibraryError":
        extra = SCHEMES[uri.partition(":")[0]].extra
        hint = f"pip install 'poisonguard[{extra}]'"
        return KeyMaterialError(f"{uri} needs a package that is not installed", hint=hint)
    if kind == "PinIncorrect":
        hint = "Tokens lock after a few wrong PINs: be sure before you try again."
        return KeyMaterialError(f"wrong PIN for {uri}", hint=hint)
    return KeyMaterialError(f"{uri} cannot be used: {_reason(error)}", hint=_advice(uri))


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{lines[0][:MAX_REASON]} ({type(error).__name__})" if lines else type(error).__name__


def _advice(uri: str) -> str:
    if uri.startswith("hsm:"):
        return "PYKCS11LIB names the PKCS#11 library of the token; the URI names key and token: hsm:2?label=TOKEN"
    return "Credentials and address come from the environment, as the service's own tools read them."


def _library() -> Any:
    # Its own logging would reach the terminal beside our one clear line when nobody configured logging.
    logging.getLogger("securesystemslib").addHandler(logging.NullHandler())
    return import_module("securesystemslib.signer")
