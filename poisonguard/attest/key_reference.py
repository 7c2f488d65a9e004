"""A key reference: a small file that says where a key is held, and which key it must be.

Canonical JSON with the signer's URI and the public key; nothing in it is secret. Whoever signs with it believes the
public key, not the device: what the device signs is checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields
from poisonguard.attest.keys import MAX_KEY_BYTES, PublicKey, parse_public_key
from poisonguard.errors import IntegrityError, KeyMaterialError

KIND = "poisonguard-key-reference/v1"
_BEGINNING = b'{"kind":"poisonguard-key-reference/'
"""How every reference of every version begins, since members are sorted."""

IMPORT_ANEW = "Write it anew: poisonguard keys import URI"


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Where a key is held.

    Attributes:
        uri: The signer's URI, for example ``hsm:2?label=office``.
        public: The key that it must be.
    """

    uri: str
    public: PublicKey

    def encode(self) -> bytes:
        """The reference as a file."""
        return canonical({"kind": KIND, "public": self.public.pem, "uri": self.uri}) + b"\n"


def is_reference(data: bytes) -> bool:
    """Whether a key file is a reference."""
    return data.startswith(_BEGINNING)


def parse_reference(data: bytes, where: str) -> KeyReference:
    """The reference in a file; ``where`` names it in errors.

    Raises:
        KeyMaterialError: It is not as :meth:`KeyReference.encode` writes it.
    """
    try:
        fields = Fields(parse(data.removesuffix(b"\n"), what="key reference", limit=MAX_KEY_BYTES), "key reference")
        fields.literal("kind", KIND)
        uri, pem = fields.text("uri"), fields.text("public")
        fields.done()
    except IntegrityError as error:
        raise KeyMaterialError(f"{where}: {error.message}", hint=IMPORT_ANEW) from error
    public = parse_public_key(pem, where=where)
    if public.pem != pem:
        raise KeyMaterialError(f"{where}: its public key is spelled in an unusual way", hint=IMPORT_ANEW)
    return KeyReference(uri, public)
