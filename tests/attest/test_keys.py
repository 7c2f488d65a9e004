"""Keys: identity, kinds, signatures."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric import mldsa as theirs
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from evidence_world import key
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest import mldsa
from poisonguard.attest.keys import Algorithm, generate, parse_public_key, private_key, public_key
from poisonguard.errors import KeyMaterialError

OWN = {algorithm: generate(algorithm) for algorithm in Algorithm}
SIGNATURES = {algorithm: own.sign(b"data") for algorithm, own in OWN.items()}
POST_QUANTUM = (Algorithm.ML_DSA_65, Algorithm.ML_DSA_87)


def test_kinds_are_named_in_files_that_were_written_and_in_command_lines() -> None:
    assert list(Algorithm) == ["p256", "p384", "p521", "ed25519", "ml-dsa-65", "ml-dsa-87"]
    assert [item for item in Algorithm if generate(item).public.algorithm is not item] == []


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_two_handles_of_one_key_are_one_key(algorithm: Algorithm) -> None:
    own = OWN[algorithm]
    der = own.handle.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    again = private_key(load_der_private_key(der, None))
    assert again.handle is not own.handle
    assert again == own
    assert {again, own, OWN[Algorithm.P256]} == {own, OWN[Algorithm.P256]}
    assert {again.public, own.public} == {own.public}
    assert own != generate(algorithm)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_is_shown_by_its_id_and_kind_alone(algorithm: Algorithm) -> None:
    own = OWN[algorithm]
    shown = f"PublicKey(keyid='{own.public.keyid}', algorithm=<Algorithm.{algorithm.name}: '{algorithm}'>)"
    assert repr(own.public) == shown
    assert repr(own) == f"PrivateKey(public={shown})"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_as_json_is_its_public_half(algorithm: Algorithm) -> None:
    public = OWN[algorithm].public
    assert public.to_json() == {"keyid": public.keyid, "algorithm": algorithm.value, "pem": public.pem}


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
        theirs.MLDSA44PrivateKey.generate(),
    ],
)
def test_other_kinds_of_key_are_refused(handle: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(KeyMaterialError, match="not accepted"):
        private_key(handle)
    pem = handle.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyMaterialError, match="not accepted"):
        parse_public_key(pem)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_one_half_of_a_key_is_not_taken_for_the_other(algorithm: Algorithm) -> None:
    own = OWN[algorithm]
    with pytest.raises(KeyMaterialError, match="its file is of a kind that is not accepted"):
        private_key(own.public.handle, where="its file")
    with pytest.raises(KeyMaterialError, match="its file is of a kind that is not accepted"):
        public_key(own.handle, where="its file")


@pytest.mark.parametrize(
    "pem", ["", "nonsense", "\ud800", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "x" * 10**6]
)
def test_what_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyMaterialError, match="its file"):
        parse_public_key(pem, where="its file")


def test_a_signature_of_other_data_does_not_verify() -> None:
    for own in OWN.values():
        assert own.public.verify(b"data", own.sign(b"data"))
        assert not own.public.verify(b"Data", own.sign(b"data"))
        assert not own.public.verify(b"data", b"")


def test_only_ed25519_has_raw_bytes() -> None:
    assert len(key("log").public.raw()) == 32
    with pytest.raises(KeyMaterialError, match="not ed25519"):
        key("ann").public.raw()


@pytest.mark.parametrize("algorithm", list(Algorithm))
@given(data=st.binary(max_size=200), other=st.binary(max_size=200))
def test_a_signature_holds_for_its_data_and_key_alone(algorithm: Algorithm, data: bytes, other: bytes) -> None:
    own = OWN[algorithm]
    signature = own.sign(data)
    assert own.public.verify(data, signature)
    assert own.public.verify(other, signature) == (other == data)
    assert not any(key.public.verify(data, signature) for key in OWN.values() if key is not own)
    assert not own.public.verify(data, other)


@pytest.mark.parametrize("algorithm", [item for item in Algorithm if item not in POST_QUANTUM])
def test_no_bit_of_a_signature_can_be_flipped(algorithm: Algorithm) -> None:
    signature = SIGNATURES[algorithm]
    assert not any(OWN[algorithm].public.verify(b"data", flip(signature, bit)) for bit in range(8 * len(signature)))


@pytest.mark.parametrize("algorithm", list(Algorithm))
@given(place=st.integers(0, 2**20))
def test_a_changed_signature_does_not_verify(algorithm: Algorithm, place: int) -> None:
    signature, public = SIGNATURES[algorithm], OWN[algorithm].public
    assert not public.verify(b"data", flip(signature, place % (8 * len(signature))))
    assert not public.verify(b"data", signature[: place % len(signature)])
    assert not public.verify(b"data", signature + signature[:1])


def flip(signature: bytes, bit: int) -> bytes:
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_public_key_comes_back_from_its_pem(algorithm: Algorithm) -> None:
    public = OWN[algorithm].public
    again = parse_public_key("a line before\n" + public.pem)
    assert (again, again.algorithm, again.pem) == (public, algorithm, public.pem)
    assert again.verify(b"data", OWN[algorithm].sign(b"data"))


@given(junk=st.binary(max_size=300), algorithm=st.sampled_from(list(Algorithm)), place=st.integers(0, 4000))
def test_whatever_is_parsed_is_a_key_or_refused(junk: bytes, algorithm: Algorithm, place: int) -> None:
    pem = OWN[algorithm].public.pem.encode()
    place %= len(pem)
    for text in (junk, pem[:place] + junk[:3] + pem[place + 2 :], pem[:place]):
        try:
            found = parse_public_key(text)
        except KeyMaterialError:
            continue
        assert parse_public_key(found.pem) == found


def test_a_key_that_is_too_large_is_not_parsed() -> None:
    public = OWN[Algorithm.P256].public
    largest = public.pem + "#" * (64 * 1024 - len(public.pem))
    assert parse_public_key(largest) == public
    with pytest.raises(KeyMaterialError, match="too large"):
        parse_public_key(largest + "#")


@pytest.mark.parametrize("algorithm", POST_QUANTUM)
def test_ml_dsa_is_pure_and_at_its_standard_sizes(algorithm: Algorithm) -> None:
    """FIPS 204, table 2; signed without context, so that any implementation verifies it."""
    own = OWN[algorithm]
    handle = own.public.handle
    assert isinstance(handle, theirs.MLDSA65PublicKey | theirs.MLDSA87PublicKey)
    sizes = (len(handle.public_bytes_raw()), len(own.sign(b"data")))
    assert sizes == {Algorithm.ML_DSA_65: (1952, 3309), Algorithm.ML_DSA_87: (2592, 4627)}[algorithm]
    handle.verify(own.sign(b"data"), b"data", b"")


@pytest.mark.parametrize("algorithm", POST_QUANTUM)
def test_an_older_cryptography_says_what_to_install(algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mldsa, "import_module", _missing)
    assert mldsa._kinds() == ()
    monkeypatch.setattr(mldsa, "KINDS", ())
    update = "An ML-DSA key needs cryptography 48 or newer: pip install --upgrade cryptography"
    with pytest.raises(KeyMaterialError, match=f"cannot make {algorithm} keys") as caught:
        generate(algorithm)
    assert caught.value.hint == update
    with pytest.raises(KeyMaterialError, match="holds no public key") as caught:
        parse_public_key("nonsense")
    assert caught.value.hint == f"Give the .pub file that `keys new` wrote. {update}"
    with pytest.raises(KeyMaterialError, match="not accepted"):
        private_key(OWN[algorithm].handle)


def test_an_openssl_without_ml_dsa_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theirs.MLDSA65PrivateKey, "generate", _unsupported)
    with pytest.raises(KeyMaterialError, match="cannot make ml-dsa-65 keys"):
        generate(Algorithm.ML_DSA_65)
    monkeypatch.setattr("poisonguard.attest.keys.load_pem_public_key", _unsupported)
    with pytest.raises(KeyMaterialError, match="its file: the installed cryptography cannot read it") as caught:
        parse_public_key(OWN[Algorithm.ML_DSA_65].public.pem, where="its file")
    assert "cryptography 48" in caught.value.hint


def _missing(name: str) -> None:
    raise ImportError(name)


def _unsupported(*_: object) -> None:
    raise UnsupportedAlgorithm("not in this build")
