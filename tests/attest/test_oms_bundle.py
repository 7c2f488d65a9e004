"""OMS bundles: every rule of reading, and bits that are flipped.

The official schemas and vectors are not kept here: where ``POISONGUARD_OMS_SPEC`` names a checkout of
https://github.com/ossf/model-signing-spec, they are run too.
"""

import base64
import copy
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from oms_world import ALGORITHMS, KEY, KEYS, ORIGIN, bundle, encoded, key_material, sha256, statement
from referencing import Registry, Resource

from poisonguard.attest import oms_bundle
from poisonguard.attest.canonical import canonical
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.oms import parse_payload, payload_of
from poisonguard.attest.oms_bundle import (
    CertificateMaterial,
    KeyMaterial,
    SigstoreMaterial,
    other_mode,
    parse_bundle,
    verify_with_key,
    write_bundle,
)
from poisonguard.errors import IntegrityError, KeyMaterialError, UsageError

OFFICIAL = Path(os.environ.get("POISONGUARD_OMS_SPEC", "no-checkout"))
SCHEMAS = {path.name.split(".")[0]: json.loads(path.read_text()) for path in OFFICIAL.glob("schemas/v1.0/*.json")}
official = pytest.mark.skipif(not SCHEMAS, reason="POISONGUARD_OMS_SPEC names no checkout of ossf/model-signing-spec")
FILES = {"a.csv": b"x\n1\n", "sub/b": b""}
GOOD = bundle(statement(FILES))


def validator(name: str) -> Draft202012Validator:
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()]
    return Draft202012Validator(SCHEMAS[name], registry=Registry().with_resources(resources))


def vectors(folder: str) -> list[Any]:
    found = sorted(OFFICIAL.glob(f"test-vectors/v1.0/{folder}/*.json"))
    return [pytest.param(path.read_bytes(), id=path.name) for path in found] or [pytest.param(b"", id="no checkout")]


def official_bundle(name: str) -> bytes:
    return (OFFICIAL / "test-vectors" / "v1.0" / "valid" / f"{name}.bundle.json").read_bytes()


def _ours() -> bytes:
    return write_bundle(payload_of([(name, sha256(data)) for name, data in FILES.items()], ORIGIN), KEY)


OURS = _ours()


def changed(path: str, value: object = None, *, remove: bool = False) -> bytes:
    """The good bundle with one member set or removed."""
    document = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    place: Any = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if remove:
        del place[last]
    else:
        place[last] = value
    return encoded(document)


# The official vectors and schemas


@official
@pytest.mark.parametrize(
    ("name", "kind"),
    [("key", KeyMaterial), ("certificate", CertificateMaterial), ("sigstore", SigstoreMaterial)],
)
def test_official_vectors_that_are_valid_parse(name: str, kind: type) -> None:
    parsed = parse_bundle(official_bundle(name))
    said = parse_payload(parsed.payload)
    assert isinstance(parsed.material, kind)
    assert sorted(said.files) == ["signme-1", "signme-2"]
    assert said.leaves_out("ignore-me")
    assert said.leaves_out(".git/config")
    assert not said.leaves_out("sub/.git/config")


@official
@pytest.mark.parametrize("data", vectors("invalid"))
def test_official_vectors_that_are_invalid_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_bundle(data)


@official
@pytest.mark.parametrize("data", vectors("invalid-payload"))
def test_official_vectors_with_an_invalid_payload_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="predicate type"):
        parse_payload(parse_bundle(data).payload)


@official
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_our_bundles_pass_the_official_schemas(algorithm: Algorithm) -> None:
    payload = payload_of([(name, sha256(data)) for name, data in FILES.items()], ORIGIN)
    written = json.loads(write_bundle(payload, KEYS[algorithm]))
    validator("bundle").validate(written)
    validator("statement").validate(json.loads(base64.b64decode(written["dsseEnvelope"]["payload"])))


# Rules of reading


def test_a_bundle_of_another_maker_is_read() -> None:
    parsed = parse_bundle(json.dumps(GOOD, indent=4).encode())
    verify_with_key(parsed, KEY.public)
    assert list(parse_payload(parsed.payload).files) == ["a.csv", "sub/b"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        encoded(GOOD) + b"{}",
        encoded(GOOD).replace(b'"mediaType"', b'"mediaType":"x","mediaType"'),
        encoded(GOOD).replace(b'"tlogEntries": []', b'"tlogEntries": [{"n": NaN}]'),
        encoded(GOOD).replace(b'"tlogEntries": []', b'"tlogEntries": [{"n": 1.5}]'),
        encoded(GOOD).replace(b'"tlogEntries": []', b'"tlogEntries": ' + b"[" * 100_000 + b"]" * 100_000),
        encoded(GOOD).replace(b'"tlogEntries": []', b'"tlogEntries": ' + b"[" * 40 + b"]" * 40),
        changed("surplus", 1),
        changed("mediaType", remove=True),
        changed("mediaType", "application/vnd.dev.sigstore.bundle.v9+json"),
        changed("mediaType", 3),
        changed("verificationMaterial", remove=True),
        changed("verificationMaterial", []),
        changed("verificationMaterial", {"tlogEntries": []}),
        changed("verificationMaterial/surplus", 1),
        changed("verificationMaterial/certificate", {"rawBytes": "AAAA"}),
        changed("verificationMaterial/publicKey", {}),
        changed("verificationMaterial/publicKey", {"hint": 1}),
        changed("verificationMaterial/publicKey", {"rawBytes": "AAA"}),
        changed("verificationMaterial/tlogEntries", {}),
        changed("verificationMaterial/tlogEntries", [[]]),
        changed("verificationMaterial/tlogEntries", [{"logIndex": 1}]),
        changed("verificationMaterial/tlogEntries", [{"inclusionProof": {"hashes": [1]}}]),
        changed("verificationMaterial/timestampVerificationData", []),
        changed("verificationMaterial/timestampVerificationData", {"rfc3161Timestamps": [{"signedTimestamp": 1}]}),
        changed("verificationMaterial", {"x509CertificateChain": {"certificates": []}}),
        changed("verificationMaterial", {"x509CertificateChain": {"certificates": [{"rawBytes": ""}]}}),
        changed("verificationMaterial", {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}] * 17}}),
        changed("verificationMaterial", {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []}),
        changed("dsseEnvelope", remove=True),
        changed("dsseEnvelope/surplus", 1),
        changed("dsseEnvelope/payload", ""),
        changed("dsseEnvelope/payload", "AB=="),
        changed("dsseEnvelope/payload", "AA"),
        changed("dsseEnvelope/payload", "A-_A"),
        changed("dsseEnvelope/payload", "AAAA\n"),
        changed("dsseEnvelope/payloadType", "application/json"),
        changed("dsseEnvelope/signatures", []),
        changed("dsseEnvelope/signatures", GOOD["dsseEnvelope"]["signatures"] * 2),
        changed("dsseEnvelope/signatures/0/surplus", 1),
        changed("dsseEnvelope/signatures/0/sig", ""),
        changed("dsseEnvelope/signatures/0/keyid", 1),
    ],
)
def test_what_breaks_a_rule_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"^OMS bundle"):
        parse_bundle(data)


ENTRY: dict[str, Any] = {
    "logIndex": "1",
    "logId": {"keyId": "a"},
    "kindVersion": {"kind": "dsse", "version": "0.0.1"},
    "integratedTime": "2",
    "inclusionPromise": {"signedEntryTimestamp": "b"},
    "inclusionProof": {
        "logIndex": "3",
        "rootHash": "c",
        "treeSize": "4",
        "hashes": ["d", "e"],
        "checkpoint": {"envelope": "f"},
    },
    "canonicalizedBody": "g",
}
STAMPS = {"rfc3161Timestamps": [{"signedTimestamp": "h"}, {"signedTimestamp": "i"}]}
EXTRAS = {"tlogEntries": [{}, ENTRY], "timestampVerificationData": STAMPS}


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where something is in a document, at every depth."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from places(item, (*place, name))


def with_extras(extras: dict[str, Any]) -> bytes:
    return encoded(GOOD | {"verificationMaterial": GOOD["verificationMaterial"] | extras})


@official
def test_the_extras_that_are_read_are_those_of_the_schema() -> None:
    validator("bundle").validate(json.loads(with_extras({"tlogEntries": [ENTRY], "timestampVerificationData": STAMPS})))


@pytest.mark.parametrize("place", [place for place in places(EXTRAS) if place])
def test_log_entries_and_timestamps_are_of_the_schemas_shape(place: tuple[str | int, ...]) -> None:
    verify_with_key(parse_bundle(with_extras(EXTRAS)), KEY.public)
    extras = copy.deepcopy(EXTRAS)
    *parents, last = place
    inside: Any = extras
    for part in parents:
        inside = inside[part]
    inside[last] = 1
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    why = f"^{re.escape(f'OMS bundle.verificationMaterial{named} is not of the schema')}"
    with pytest.raises(IntegrityError, match=why):
        parse_bundle(with_extras(extras))


def test_a_quarter_of_a_gigabyte_is_the_most_that_is_read() -> None:
    with pytest.raises(IntegrityError, match="larger than 268435456 bytes"):
        parse_bundle(bytes(256 * 1024 * 1024 + 1))


def test_size_and_number_of_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IntegrityError, match="values"):
        parse_bundle(b"[" + b"," * 9_000_000 + b"]")
    monkeypatch.setattr(oms_bundle, "MAX_BUNDLE_BYTES", 100)
    with pytest.raises(IntegrityError, match="larger than 100 bytes"):
        parse_bundle(encoded(GOOD))
    with pytest.raises(UsageError, match="too large"):
        write_bundle(b"{}" * 100, KEY)


def test_a_bundle_of_just_the_size_that_is_read_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    key = _Constant()
    size = len(write_bundle(b"{}", key))
    monkeypatch.setattr(oms_bundle, "MAX_BUNDLE_BYTES", size)
    assert parse_bundle(write_bundle(b"{}", key)).payload == b"{}"
    with pytest.raises(UsageError, match="too large"):
        write_bundle(b"{}  ", key)


class _Constant:
    """A signer whose signatures have one length, which those of ECDSA have not."""

    public = KEY.public

    def sign(self, data: bytes) -> bytes:
        return b"signature"


@pytest.mark.parametrize("count", [1, 16])
def test_chains_of_certificates_have_a_greatest_length(count: int) -> None:
    chain = {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}] * count}}
    assert parse_bundle(changed("verificationMaterial", chain)).material == CertificateMaterial((b"\0\0\0",) * count)


@pytest.mark.parametrize("keyid", ["", "anything", None])
def test_any_key_id_is_accepted_and_none_is_needed(keyid: str | None) -> None:
    verify_with_key(parse_bundle(changed("dsseEnvelope/signatures/0/keyid", keyid)), KEY.public)
    verify_with_key(parse_bundle(changed("dsseEnvelope/signatures/0/keyid", remove=True)), KEY.public)


def test_log_entries_may_be_absent_or_present_in_key_mode() -> None:
    verify_with_key(parse_bundle(changed("verificationMaterial/tlogEntries", remove=True)), KEY.public)
    entry = {"logIndex": "1", "inclusionProof": {"hashes": ["a"]}, "more": 1}
    verify_with_key(parse_bundle(changed("verificationMaterial/tlogEntries", [entry])), KEY.public)
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}]}
    verify_with_key(parse_bundle(changed("verificationMaterial/timestampVerificationData", stamps)), KEY.public)


def test_both_spellings_of_the_media_type_are_accepted_and_the_newer_is_written() -> None:
    older, newer = (
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
    )
    for spelling in (older, newer):
        verify_with_key(parse_bundle(changed("mediaType", spelling)), KEY.public)
    assert json.loads(OURS)["mediaType"] == newer


# Rules of verifying with a key


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_curve_signs_and_verifies(algorithm: Algorithm) -> None:
    key = KEYS[algorithm]
    verify_with_key(parse_bundle(encoded(bundle(statement(FILES), key))), key.public)


def test_ed25519_is_refused_on_both_sides() -> None:
    ed25519 = KEYS[Algorithm.ED25519]
    with pytest.raises(KeyMaterialError, match="ed25519, which OpenSSF Model Signing does not know"):
        write_bundle(b"{}", ed25519)
    with pytest.raises(KeyMaterialError, match="ed25519"):
        verify_with_key(parse_bundle(encoded(GOOD)), ed25519.public)


def test_another_key_is_refused_by_its_hint_and_by_its_signature() -> None:
    other = generate()
    with pytest.raises(IntegrityError, match="says that it is signed with another key"):
        verify_with_key(parse_bundle(encoded(GOOD)), other.public)
    forged = bundle(statement(FILES), other, key_material(KEY))
    with pytest.raises(IntegrityError, match="the signature is not that of key"):
        verify_with_key(parse_bundle(encoded(forged)), KEY.public)


def test_the_hint_may_be_the_digest_of_the_der() -> None:
    verify_with_key(parse_bundle(changed("verificationMaterial/publicKey/hint", KEY.public.keyid)), KEY.public)


def test_bundles_before_1_1_0_hold_the_key_itself() -> None:
    pem = KEY.public.pem.encode()
    der = KEY.public.handle.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for raw in (pem, der):
        material = {"rawBytes": base64.b64encode(raw).decode(), "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        verify_with_key(parse_bundle(changed("verificationMaterial/publicKey", material)), KEY.public)
    for raw in (generate().public.pem.encode(), b"no key"):
        other = parse_bundle(changed("verificationMaterial/publicKey", {"rawBytes": base64.b64encode(raw).decode()}))
        with pytest.raises(IntegrityError, match="another key"):
            verify_with_key(other, KEY.public)


CERTIFICATE = {"rawBytes": base64.b64encode(b"any").decode()}
MODES = {
    "certificate": {"x509CertificateChain": {"certificates": [CERTIFICATE]}, "tlogEntries": []},
    "sigstore": {"certificate": CERTIFICATE, "tlogEntries": [{"logIndex": "1"}]},
}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("certificate", "Give the root certificate you trust with --certificate-chain."),
        ("sigstore", "poisonguard works offline; verify it with 'model_signing verify sigstore'."),
    ],
)
def test_other_modes_are_refused_with_what_to_do(name: str, hint: str) -> None:
    parsed = parse_bundle(changed("verificationMaterial", MODES[name]))
    with pytest.raises(IntegrityError, match=f"signed in {name} mode, not in key mode") as refused:
        verify_with_key(parsed, KEY.public)
    assert refused.value.hint == hint


def test_key_mode_where_another_is_wanted_is_refused_with_what_to_do() -> None:
    refused = other_mode(parse_bundle(encoded(GOOD)), "certificate")
    assert "signed in key mode, not in certificate mode" in refused.message
    assert refused.hint == "Give the signer's public key with --public-key."


# Tampering


def survives(data: bytes) -> bool:
    try:
        parsed = parse_bundle(data)
        verify_with_key(parsed, KEY.public)
        parse_payload(parsed.payload)
    except IntegrityError:
        return False
    return True


def test_every_single_bit_flip_of_a_bundle_is_refused() -> None:
    data = OURS
    assert survives(data)
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            assert not survives(bytes(flipped)), (position, bit, data[max(0, position - 20) : position + 20])


@given(data=st.data())
def test_every_cut_insertion_and_replacement_is_refused(data: st.DataObject) -> None:
    whole = OURS
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 8)))
    put = data.draw(st.binary(max_size=8).filter(lambda put: put.strip() == put))
    altered = whole[:start] + put + whole[stop:]
    if altered != whole and not _only_white_space(altered, whole):
        assert not survives(altered)


def _only_white_space(altered: bytes, whole: bytes) -> bool:
    """Space between tokens is no part of what is said: other makers write it too."""
    try:
        return canonical(json.loads(altered)) == canonical(json.loads(whole))
    except (ValueError, UsageError):
        return False
