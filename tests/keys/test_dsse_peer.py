"""DSSE as securesystemslib writes and reads it: each accepts what the other signed."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope as PeerEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import pae, parse_envelope, sign, verify
from poisonguard.attest.keys import Algorithm, PrivateKey, generate, private_key
from poisonguard.errors import IntegrityError

TYPE = "application/vnd.in-toto+json"
PAYLOADS = [b"{}", b"hello world", bytes(range(256)), "caf\u00e9".encode() * 1000]
SCHEMES = {Algorithm.P256: "ecdsa-sha2-nistp256", Algorithm.P384: "ecdsa-sha2-nistp384", Algorithm.ED25519: "ed25519"}


def peer_key(key: PrivateKey) -> SSlibKey:
    """The same key, under our id for it."""
    return SSlibKey.from_crypto(key.public.handle, keyid=key.public.keyid, scheme=SCHEMES[key.public.algorithm])


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("kind", [TYPE, "http://example.com/HelloWorld", "application/vnd.caf\u00e9+json"])
def test_both_sign_the_same_bytes(payload: bytes, kind: str) -> None:
    assert pae(kind, payload) == PeerEnvelope(payload, kind, {}).pae()


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("algorithm", SCHEMES)
def test_the_peer_accepts_what_we_sign(algorithm: Algorithm, payload: bytes) -> None:
    key = generate(algorithm)
    theirs = PeerEnvelope.from_dict(json.loads(sign(payload, [key], payload_type=TYPE).to_bytes()))
    assert list(theirs.verify([peer_key(key)], 1)) == [key.public.keyid]
    theirs.payload += b" "
    with pytest.raises(VerificationError):
        theirs.verify([peer_key(key)], 1)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("algorithm", SCHEMES)
def test_we_accept_what_the_peer_signs(algorithm: Algorithm, payload: bytes) -> None:
    key = generate(algorithm)
    theirs = PeerEnvelope(payload, TYPE, {})
    theirs.sign(CryptoSigner(key.handle, peer_key(key)))
    ours = parse_envelope(canonical(theirs.to_dict()), payload_type=TYPE)
    assert verify(ours, [key.public], what="the peer's envelope") == (key.public,)
    assert verify(ours, [generate(algorithm).public], what="the peer's envelope") == ()
    altered = parse_envelope(canonical(theirs.to_dict() | {"payload": base64.b64encode(payload + b" ").decode()}))
    with pytest.raises(IntegrityError):
        verify(altered, [key.public], what="the peer's envelope")


def test_the_signature_is_the_same_byte_for_byte() -> None:
    """Ed25519 is deterministic; the key is that of RFC 8032, section 7.1, test 1."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = private_key(Ed25519PrivateKey.from_private_bytes(seed))
    theirs = PeerEnvelope(b"hello world", TYPE, {})
    theirs.sign(CryptoSigner(key.handle, peer_key(key)))
    (ours,) = sign(b"hello world", [key], payload_type=TYPE).signatures
    assert base64.b64decode(theirs.to_dict()["signatures"][0]["sig"]) == ours.sig
