"""DSSE: the specification's vector, every rule, and bits that are flipped."""

import base64
import json

import pytest
from evidence_world import key
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import (
    MAX_SIGNATURES,
    Envelope,
    Signature,
    add_signatures,
    pae,
    parse_envelope,
    sign,
    verify,
)
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.errors import IntegrityError, UsageError

PAYLOAD = b'{"it":"is said"}'


def envelope(*names: str) -> Envelope:
    return sign(PAYLOAD, [key(name) for name in names])


def altered(data: bytes, **members: object) -> bytes:
    return canonical(json.loads(data) | members)


def test_pre_authentication_encoding_of_the_specification() -> None:
    # https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#test-vectors
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_signature_of_the_specification() -> None:
    # The same page: ECDSA over NIST P-256 and SHA-256.
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    from poisonguard.attest.keys import public_key

    numbers = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    )
    encoded = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    raw = base64.b64decode(encoded)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    trusted = public_key(numbers.public_key())
    example = Envelope(b"hello world", "http://example.com/HelloWorld", (Signature(trusted.keyid, der),))
    assert verify(example, [trusted]) == (trusted,)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm_signs_and_verifies(algorithm: Algorithm) -> None:
    own = generate(algorithm)
    read = parse_envelope(sign(PAYLOAD, [own]).to_bytes())
    assert verify(read, [own.public, key("ann").public]) == (own.public,)
    assert read.payload == PAYLOAD


def test_all_signatures_are_examined() -> None:
    both = envelope("ann", "bob")
    assert {item.keyid for item in verify(both, [key("ann").public, key("bob").public])} == {
        key("ann").public.keyid,
        key("bob").public.keyid,
    }
    assert verify(both, [key("bob").public]) == (key("bob").public,)


def test_a_bad_signature_under_a_known_key_refuses_all() -> None:
    good = envelope("ann", "bob")
    bob = key("bob").public.keyid
    swapped = tuple(Signature(item.keyid, good.signatures[0].sig) for item in good.signatures)
    with pytest.raises(IntegrityError, match="does not verify"):
        verify(Envelope(PAYLOAD, good.payload_type, swapped), [key("ann").public, key("bob").public])
    assert bob in {item.keyid for item in swapped}


def test_an_unknown_signature_counts_for_nothing() -> None:
    assert verify(envelope("mallory"), [key("ann").public]) == ()


def test_the_same_key_twice_counts_once() -> None:
    twice = sign(PAYLOAD, [key("ann"), key("ann")])
    assert verify(twice, [key("ann").public, key("ann").public]) == (key("ann").public,)
    one = twice.signatures[0]
    doubled = Envelope(PAYLOAD, twice.payload_type, (one, one)).to_bytes()
    with pytest.raises(IntegrityError, match="two signatures under one key"):
        parse_envelope(doubled)


def test_the_type_is_signed_and_checked_first() -> None:
    other = sign(b"not json", [key("ann")], payload_type="text/plain")
    with pytest.raises(IntegrityError, match="payloadType"):
        parse_envelope(other.to_bytes())
    relabelled = Envelope(other.payload, "application/vnd.in-toto+json", other.signatures)
    with pytest.raises(IntegrityError, match="does not verify"):
        verify(relabelled, [key("ann").public])


def test_nobody_signs_nothing() -> None:
    with pytest.raises(UsageError, match="nothing to sign with"):
        sign(PAYLOAD, [])
    with pytest.raises(IntegrityError, match="0 signatures"):
        parse_envelope(Envelope(PAYLOAD, "application/vnd.in-toto+json", ()).to_bytes())


def test_the_number_of_signatures_is_limited() -> None:
    many = tuple(Signature(f"{number:064x}", b"x") for number in range(MAX_SIGNATURES + 1))
    assert MAX_SIGNATURES == 64
    most = Envelope(PAYLOAD, "application/vnd.in-toto+json", many[:MAX_SIGNATURES])
    assert parse_envelope(most.to_bytes()) == most
    with pytest.raises(IntegrityError, match="65 signatures"):
        parse_envelope(Envelope(PAYLOAD, "application/vnd.in-toto+json", many).to_bytes())


def test_a_signature_can_be_added_later() -> None:
    both = add_signatures(envelope("ann"), [key("bob")])
    assert both.digest == envelope("ann").digest
    assert len(verify(parse_envelope(both.to_bytes()), [key("ann").public, key("bob").public])) == 2


@pytest.mark.parametrize(
    "members",
    [
        {"extra": 1},
        {"payload": 7},
        {"payload": ""},
        {"payload": "eyJ"},
        {"payload": "eyJ9===="},
        {"payload": "e\nJ9"},
        {"payload": "eyJ_"},
        {"payload": "YR=="},
        {"payload": "é"},
        {"signatures": {}},
        {"signatures": [[]]},
        {"signatures": [{"sig": "YQ=="}]},
        {"signatures": [{"keyid": "", "sig": "YQ=="}]},
        {"signatures": [{"keyid": "a", "sig": "YQ==", "alg": "none"}]},
        {"signatures": [{"keyid": "b", "sig": "YQ=="}, {"keyid": "a", "sig": "YQ=="}]},
    ],
)
def test_malformed_envelopes_are_refused(members: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        parse_envelope(altered(envelope("ann").to_bytes(), **members))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("eyJ", "payload is not base64"),
        ("eyJ9====", r"payload is (not base64|base64 in an unusual spelling)"),
        ("e\nJ9", "payload is not base64"),
        (" YWE=", "payload is not base64"),
        ("YWE=\n", "payload is not base64"),
        ("eyJ_", "payload is not base64"),
        ("YWE", "payload is not base64"),
        ("é", "payload is not base64"),
        ("YR==", "payload is base64 in an unusual spelling"),
        ("YWF=", "payload is base64 in an unusual spelling"),
    ],
)
def test_base64_has_one_spelling(text: str, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        parse_envelope(altered(envelope("ann").to_bytes(), payload=text))


ORIGINAL = envelope("ann").to_bytes()


@settings(max_examples=400)
@given(st.data())
def test_no_flipped_bit_verifies_as_something_else(data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(ORIGINAL) - 1)), data.draw(st.integers(0, 7))
    mutated = bytearray(ORIGINAL)
    mutated[place] ^= 1 << bit
    try:
        signed_by = verify(parse_envelope(bytes(mutated)), [key("ann").public])
    except IntegrityError:
        return
    assert signed_by == ()
