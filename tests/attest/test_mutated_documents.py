"""Every kind of document, changed in every way that has fooled somebody: it is refused, whoever signed it.

Changes from outside leave the signatures as they were. Changes from inside are signed again by those entitled: then
it is the strict reading alone that refuses, so that no two readers can understand one document differently.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import NOW, ORIGIN, council, key, signed, trust_root

from poisonguard.attest.canonical import canonical
from poisonguard.attest.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Envelope, parse_envelope, sign
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.predicates_v1 import RejectionDocument, statement_of
from poisonguard.attest.statement import PAYLOAD_TYPE as STATEMENT
from poisonguard.attest.trust import PAYLOAD_TYPE as TRUST_ROOT
from poisonguard.attest.trust import RoleName, TrustedRoot, open_envelope, pin_of
from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError

ROOT = trust_root()
SAID = statement_of(
    RejectionDocument(
        dataset="reviews",
        version=f"pg1:{'3' * 64}",
        manifest_statement="0" * 64,
        scan_statements=("1" * 64,),
        policy_digest="2" * 64,
        reason="labels are flipped",
        created=NOW,
        nonce="4" * 32,
    )
)


def read_root(data: bytes) -> object:
    return TrustedRoot.start(data, pin_of(data))


def read_statement(data: bytes) -> object:
    result = open_signed(parse_envelope(data), ROOT)
    if isinstance(result, Unentitled):
        raise IntegrityError(result.problem)
    return result


Reader = Callable[[bytes], object]
DOCUMENTS: dict[str, tuple[Envelope, str, Reader]] = {
    "trust root": (open_envelope(signed(ROOT)), "olga", read_root),
    "statement": (sign(SAID.payload(), [key("ann")]), "ann", read_statement),
}
documents = st.sampled_from(sorted(DOCUMENTS))
each = pytest.mark.parametrize("name", sorted(DOCUMENTS))


# Ways to change JSON. Each takes canonical bytes, and gives others that mean the same to some careless reader.

MEMBER = re.compile(rb'"[A-Za-z_]+":')
VALUE = re.compile(rb'(?<=[:\[,])(?:"[^"\\]*"|\d+)')


def places(pattern: re.Pattern[bytes], data: bytes) -> list[re.Match[bytes]]:
    return list(pattern.finditer(data))


def put(data: bytes, match: re.Match[bytes], text: bytes) -> bytes:
    return data[: match.start()] + text + data[match.end() :]


def name_twice(data: bytes, place: int) -> bytes:
    """The member's name comes again, with another value before or after."""
    found = places(MEMBER, data)
    match = found[place % len(found)]
    return put(data, match, match[0] + b"null," + match[0])


def name_escaped(data: bytes, place: int) -> bytes:
    found = places(MEMBER, data)
    match = found[place % len(found)]
    return put(data, match, b'"\\u%04x' % match[0][1] + match[0][2:])


def spaced(data: bytes, place: int) -> bytes:
    found = places(MEMBER, data)
    return put(data, found[place % len(found)], found[place % len(found)][0] + b" ")


def other_value(value: bytes) -> Callable[[bytes, int], bytes]:
    def change(data: bytes, place: int) -> bytes:
        found = places(VALUE, data)
        return put(data, found[place % len(found)], value)

    return change


def nested(data: bytes, place: int) -> bytes:
    found = places(VALUE, data)
    match = found[place % len(found)]
    return put(data, match, b"[" * 40 + match[0] + b"]" * 40)


def one_more_member(data: bytes, place: int) -> bytes:
    found = places(MEMBER, data)
    match = found[place % len(found)]
    return put(data, match, b'"zzz":1,' + match[0])


def followed_by(tail: bytes) -> Callable[[bytes, int], bytes]:
    return lambda data, _: data + tail


def preceded_by(head: bytes) -> Callable[[bytes, int], bytes]:
    return lambda data, _: head + data


CHANGES: dict[str, Callable[[bytes, int], bytes]] = {
    "a member named twice": name_twice,
    "a name with an escape": name_escaped,
    "a space": spaced,
    "NaN": other_value(b"NaN"),
    "Infinity": other_value(b"-Infinity"),
    "a float": other_value(b"1.0"),
    "an exponent": other_value(b"1e0"),
    "a great integer": other_value(b"9" * 400),
    "a lone surrogate": other_value(b'"\\ud800"'),
    "a null": other_value(b"null"),
    "an object": other_value(b"{}"),
    "deep nesting": nested,
    "nesting without end": lambda data, _: data[:1] + b"[" * 200_000,
    "one more member": one_more_member,
    "a newline at the end": followed_by(b"\n"),
    "a second document": followed_by(b"{}"),
    "a zero byte": followed_by(b"\0"),
    "a byte order mark": preceded_by(b"\xef\xbb\xbf"),
    "UTF-16": lambda data, _: data.decode().encode("utf-16"),
    "cut short": lambda data, place: data[: place % len(data)],
}
changes = st.sampled_from(sorted(CHANGES))


@each
def test_unchanged_they_are_read(name: str) -> None:
    envelope, _, read = DOCUMENTS[name]
    read(envelope.to_bytes())


@settings(max_examples=400)
@given(documents, changes, st.integers(0, 10**6))
def test_changed_from_outside(name: str, change: str, place: int) -> None:
    envelope, _, read = DOCUMENTS[name]
    data = CHANGES[change](envelope.to_bytes(), place)
    with pytest.raises(IntegrityError):
        read(data)


@settings(max_examples=600)
@given(documents, changes, st.integers(0, 10**6))
def test_changed_from_inside(name: str, change: str, place: int) -> None:
    envelope, signer, read = DOCUMENTS[name]
    payload = CHANGES[change](envelope.payload, place)
    with pytest.raises(IntegrityError):
        read(sign(payload, [key(signer)], payload_type=envelope.payload_type).to_bytes())


@pytest.mark.parametrize("change", sorted(CHANGES))
@each
def test_every_change_is_one(name: str, change: str) -> None:
    data = DOCUMENTS[name][0].to_bytes()
    assert CHANGES[change](data, 1) != data


# Base64


def url_safe(text: str) -> str:
    return text.translate(str.maketrans("+/", "-_"))


BASE64: dict[str, Callable[[str], str]] = {
    "no padding": lambda text: text.rstrip("="),
    "more padding": lambda text: text + "=",
    "a newline": lambda text: text[:8] + "\n" + text[8:],
    "a newline at the end": lambda text: text + "\n",
    "a space": lambda text: " " + text,
    "a character that is ignored": lambda text: text[:8] + "*" + text[8:],
    "URL-safe": url_safe,
    "MIME lines": lambda text: base64.encodebytes(base64.b64decode(text)).decode(),
    "lower case": str.lower,
    "hex": lambda text: base64.b64decode(text).hex(),
    "not ASCII": lambda text: text[:-1] + "\uff1d",
}


def loosely(text: str) -> str:
    """The last digit before the padding with other bits that nobody uses."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = text.rstrip("=")
    if bare == text:
        return text
    return bare[:-1] + alphabet[alphabet.index(bare[-1]) ^ 1] + "=" * (len(text) - len(bare))


@pytest.mark.parametrize("spelling", [*BASE64, "unused bits"])
@pytest.mark.parametrize("member", ["payload", "sig"])
@each
def test_base64_in_another_spelling(name: str, member: str, spelling: str) -> None:
    envelope, _, read = DOCUMENTS[name]
    respell = BASE64.get(spelling, loosely)
    document: dict[str, Any] = json.loads(envelope.to_bytes())
    holder = document if member == "payload" else document["signatures"][0]
    if respell(holder[member]) == holder[member]:
        assert spelling in {"URL-safe", "no padding", "unused bits"}, "this text has no such spelling"
        return
    holder[member] = respell(holder[member])
    with pytest.raises(IntegrityError):
        read(canonical(document))


# Types


@pytest.mark.parametrize(
    "kind", ["", "application/json", STATEMENT + " ", STATEMENT.upper(), TRUST_ROOT + ";v=2", "text/plain"]
)
@each
def test_another_payload_type(name: str, kind: str) -> None:
    envelope, signer, read = DOCUMENTS[name]
    with pytest.raises(IntegrityError, match="payloadType"):
        read(sign(envelope.payload, [key(signer)], payload_type=kind).to_bytes())


@pytest.mark.parametrize(("name", "other"), [("trust root", "statement"), ("statement", "trust root")])
def test_one_kind_in_the_place_of_the_other(name: str, other: str) -> None:
    envelope, signer, read = DOCUMENTS[name]
    with pytest.raises(IntegrityError, match="payloadType"):
        read(DOCUMENTS[other][0].to_bytes())
    relabelled = sign(DOCUMENTS[other][0].payload, [key(signer)], payload_type=envelope.payload_type)
    with pytest.raises(IntegrityError, match="lacks"):
        read(relabelled.to_bytes())


@pytest.mark.parametrize(
    "change",
    [
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"predicateType": ""},
        {"predicateType": 1},
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": [{"name": "reviews", "digest": {"sha256": "3" * 64}}] * 2},
        {"subject": [{"name": "reviews", "digest": {"sha256": "3" * 63}}]},
        {"subject": [{"name": "reviews", "digest": {"sha256": "A" * 64}}]},
        {"subject": [{"name": "reviews", "digest": {"sha256": "4" * 64}}]},
        {"subject": [{"name": "prices", "digest": {"sha256": "3" * 64}}]},
        {"subject": [{"name": "reviews", "digest": {"sha1": "3" * 40}}]},
        {"subject": [{"name": "reviews", "digest": {"sha256": "3" * 64, "sha1": "3" * 40}}]},
        {"subject": [{"digest": {"sha256": "3" * 64}}]},
        {"subject": [{"name": "", "digest": {"sha256": "3" * 64}}]},
        {"subject": [{"name": "reviews", "uri": "x", "digest": {"sha256": "3" * 64}}]},
        {"subject": {"name": "reviews", "digest": {"sha256": "3" * 64}}},
        {"predicate": []},
        {"predicate": None},
        {"predicate": {}},
    ],
)
def test_another_statement(change: dict[str, object]) -> None:
    payload = canonical(json.loads(SAID.payload()) | change)
    with pytest.raises(IntegrityError):
        read_statement(sign(payload, [key("ann")]).to_bytes())


# Keys and people


@each
def test_the_same_key_twice(name: str) -> None:
    envelope, _, read = DOCUMENTS[name]
    twice = Envelope(envelope.payload, envelope.payload_type, envelope.signatures * 2)
    with pytest.raises(IntegrityError, match="two signatures under one key id"):
        read(twice.to_bytes())


def test_one_person_with_two_keys() -> None:
    root = council("olga", "otto", threshold=2, olga=("olga-2",))
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        read_root(signed(root, "olga", "olga-2"))


# Checkpoints

NOTE = sign_checkpoint(Checkpoint(ORIGIN, 7, merkle.EMPTY_ROOT), key("log"))
KEYS = ROOT.keys_of(RoleName.LOG)
TEXT, LINE = NOTE.decode().split("\n\n")
ENCODED = LINE.split(" ")[2].strip()


def resigned(text: str) -> bytes:
    """Any text, signed by the log."""
    signature = base64.b64encode(base64.b64decode(ENCODED)[:4] + key("log").sign(text.encode())).decode()
    return f"{text}\n\u2014 {ORIGIN} {signature}\n".encode()


def test_what_the_log_signs_is_read() -> None:
    assert open_checkpoint(resigned(TEXT + "\n"), KEYS) == open_checkpoint(NOTE, KEYS)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n7\n", "\n07\n") + "\n",
        TEXT.replace("\n7\n", "\n+7\n") + "\n",
        TEXT.replace("\n7\n", "\n7.0\n") + "\n",
        TEXT.replace("\n7\n", "\n7e0\n") + "\n",
        TEXT.replace("\n7\n", "\n-7\n") + "\n",
        TEXT.replace("\n7\n", "\n\u0667\n") + "\n",
        TEXT.replace("\n7\n", "\n1000000000000000000\n") + "\n",
        TEXT.replace("\n7\n", "\n\n") + "\n",
        TEXT + "\nextension\n",
        TEXT + "\n\n",
        "\n" + TEXT + "\n",
        TEXT.rstrip("=") + "\n",
        TEXT[:-4] + "\n",
        TEXT.replace(ORIGIN, "") + "\n",
        TEXT.replace(ORIGIN, "another/log") + "\n",
        TEXT.replace("\n7\n", "\n7\t\n") + "\n",
        TEXT.replace("\n7\n", "\n7\r\n") + "\n",
    ],
)
def test_the_log_itself_cannot_say_it_otherwise(text: str) -> None:
    with pytest.raises(IntegrityError):
        open_checkpoint(resigned(text), KEYS)


@pytest.mark.parametrize("spelling", [name for name in BASE64 if name != "lower case"])
def test_a_checkpoints_signature_in_another_spelling(spelling: str) -> None:
    other = BASE64[spelling](ENCODED)
    if other != ENCODED:
        with pytest.raises(IntegrityError):
            open_checkpoint(NOTE.replace(ENCODED.encode(), other.encode()), KEYS)


@settings(max_examples=300)
@given(st.integers(0, 10**6), st.sampled_from([b"\n", b" ", b"\0", b"\xe2\x80\x94", b"A", b"="]))
def test_one_byte_more_in_a_checkpoint(place: int, more: bytes) -> None:
    place %= len(NOTE) + 1
    with pytest.raises(IntegrityError):
        open_checkpoint(NOTE[:place] + more + NOTE[place:], KEYS)
