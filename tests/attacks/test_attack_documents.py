"""Mutate, then read: every document that poisonguard signs or reads, bent in every way that has fooled a verifier.

Whatever is accepted is spelled exactly as poisonguard spells it (``documents``): two readers can never understand two
things, and nothing can be varied under a signature.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from document_spellings import Path_, Twist, canonical_with, places, refused, spell
from documents import KINDS
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import parse_envelope
from poisonguard.errors import IntegrityError


def quoted(inside: str) -> Twist:
    return lambda value: f'"{value if isinstance(value, str) else "x"}{inside}"'


OTHER_SPELLINGS: dict[str, Twist] = {
    "a space in front": lambda value: f" {spell(value)}",
    "a tab behind": lambda value: f"{spell(value)}\t",
    "NaN": lambda _: "NaN",
    "Infinity": lambda _: "Infinity",
    "minus Infinity": lambda _: "-Infinity",
    "a float": lambda _: "1.0",
    "a float with an exponent": lambda _: "1e3",
    "an exponent beyond a double": lambda _: "1e999",
    "minus zero": lambda _: "-0",
    "a leading zero": lambda _: "01",
    "an integer beyond 2**53": lambda _: str(2**53),
    "an integer below -2**53": lambda _: str(-(2**53)),
    "an integer of five thousand digits": lambda _: "9" * 5000,
    "an escaped letter": quoted("\\u0061"),
    "an escaped slash": quoted("\\/"),
    "a lone surrogate": quoted("\\ud800"),
    "a surrogate pair in the wrong order": quoted("\\udc00\\ud800"),
    "a raw control character": quoted("\x01"),
    "a raw line break": quoted("\n"),
    "single quotes": lambda _: "'x'",
    "a comment": lambda value: f"/* */{spell(value)}",
    "deep nesting": lambda _: "[" * 200 + "]" * 200,
    "nesting beyond the stack": lambda _: "[" * 100_000 + "]" * 100_000,
    "an unclosed array": lambda _: "[",
    "a comma too many": lambda value: f"{spell(value)},",
    "undefined": lambda _: "undefined",
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("how", OTHER_SPELLINGS)
@pytest.mark.parametrize("name", KINDS)
def test_no_value_has_another_spelling(name: str, how: str) -> None:
    kind = KINDS[name]
    data = kind.example()
    value = json.loads(data)
    assert spell(value).encode() == data == kind.read(data)
    every = [at for at, _ in places(value) if at and not (how == "nothing" and isinstance(at[-1], int))]
    for at in every[:: max(1, len(every) // 12)]:
        assert refused(kind, spell(value, at, OTHER_SPELLINGS[how]).encode()), at


def twice(value: dict[str, Any], name: str, other: Any) -> str:
    members = [f"{json.dumps(item)}:{spell(value[item])}" for item in sorted(value)]
    return "{" + ",".join([f"{json.dumps(name)}:{spell(other)}", *members]) + "}"


@pytest.mark.parametrize("name", KINDS)
def test_no_member_is_named_twice(name: str) -> None:
    """One reader takes the first, another the last: signed is one, used is the other."""
    kind = KINDS[name]
    value = json.loads(kind.example())
    for at, item in places(value):
        members: list[str] = list(item) if isinstance(item, dict) else []
        for member in members:
            for other in (item[member], 7, "other"):
                data = spell(value, at, partial(twice, name=member, other=other))
                assert refused(kind, data.encode())


@pytest.mark.parametrize("name", KINDS)
def test_members_stand_in_one_order(name: str) -> None:
    kind = KINDS[name]
    value = json.loads(kind.example())
    for at, item in places(value):
        if isinstance(item, dict) and len(item) > 1:

            def backwards(found: Any) -> str:
                return "{" + ",".join(f"{json.dumps(m)}:{spell(found[m])}" for m in sorted(found, reverse=True)) + "}"

            assert refused(kind, spell(value, at, backwards).encode())


@pytest.mark.parametrize("name", KINDS)
def test_no_member_is_missing_or_unknown(name: str) -> None:
    kind = KINDS[name]
    value = json.loads(kind.example())
    for at, item in places(value):
        members: list[str] = list(item) if isinstance(item, dict) else []
        for member in members:
            without = {other: item[other] for other in item if other != member}
            assert refused(kind, canonical_with(value, at, without)), (at, member)
        if isinstance(item, dict):
            for unknown in ("", "zzz", "__proto__", "Payload", "payload\u0000", "é"):
                more = item | {unknown: 1}
                assert refused(kind, canonical_with(value, at, more)), (at, unknown)


OTHER_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    7,
    2**53 - 1,
    "",
    "x",
    "\u0000",
    "é",
    "e\u0301",
    "../x",
    [],
    {},
    [1],
    {"a": 1},
)


@pytest.mark.parametrize("name", KINDS)
def test_no_value_is_of_another_type(name: str) -> None:
    """Each value of each document replaced by each of these: refused, or understood exactly as it is spelled."""
    kind = KINDS[name]
    value = json.loads(kind.example())
    tried = sum(
        1
        for at, item in places(value)
        for other in OTHER_VALUES
        if other != item and refused(kind, canonical_with(value, at, other))
    )
    assert tried > 60


@pytest.mark.parametrize("name", KINDS)
def test_lists_that_are_sets_hold_nothing_twice_and_in_one_order(name: str) -> None:
    kind = KINDS[name]
    value = json.loads(kind.example())
    for at, item in places(value):
        if isinstance(item, list) and item:
            for other in ([*item, item[0]], item[::-1], item[1:], [item[-1], *item]):
                if other != item:
                    refused(kind, canonical_with(value, at, other))  # or spelled as it was read


SETS: dict[str, list[Path_]] = {
    "approval": [("predicate", "scanStatements"), ("predicate", "waivers")],
    "rejection": [("predicate", "scanStatements")],
    "scan": [("predicate", "waived"), ("predicate", "outcomes")],
    "revocations": [("predicate", "versions"), ("predicate", "approvals"), ("predicate", "keys")],
    "receipt": [("predicate", "reads", "listed"), ("predicate", "gate", "statements")],
    "trust root": [("people",), ("roles",)],
    "envelope": [("signatures",)],
    "bundle": [("statements",)],
    "gate state": [("passed",)],
}


@pytest.mark.parametrize("name", SETS)
def test_nothing_is_there_twice(name: str) -> None:
    kind = KINDS[name]
    value = json.loads(kind.example())
    everywhere = dict(places(value))
    for at in SETS[name]:
        assert refused(kind, canonical_with(value, at, [*everywhere[at], everywhere[at][0]])), at


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "UTF-32": lambda data: data.decode().encode("utf-32"),
    "a space in front": lambda data: b" " + data,
    "a line break behind": lambda data: data + b"\n\n",
    "a NUL behind": lambda data: data + b"\0",
    "another document behind": lambda data: data + data,
    "a word behind": lambda data: data + b"null",
    "an array around": lambda data: b"[" + data + b"]",
    "quotes around": lambda data: json.dumps(data.decode()).encode(),
    "nothing": lambda _: b"",
    "null": lambda _: b"null",
    "a number": lambda _: b"7",
    "an empty object": lambda _: b"{}",
    "an empty array": lambda _: b"[]",
    "invalid UTF-8": lambda data: data.replace(b"a", b"\xff", 1),
    "an overlong encoding": lambda data: data.replace(b"a", b"\xc1\xa1", 1),
    "an encoded surrogate": lambda data: data.replace(b"a", b"\xed\xa0\x80", 1),
}


HUGE: dict[str, Callable[[], bytes]] = {
    "half a million members": lambda: b"{" + b",".join(b'"%d":0' % index for index in range(500_000)) + b"}",
    "two million empty arrays": lambda: b"[" + b"[]," * 2_000_000 + b"[]]",
    "two million members of objects": lambda: b"[" + b'{"a":{"a":{}}},' * 700_000 + b"0]",
    "a text of a hundred megabytes": lambda: b'["' + b"a" * (100 << 20) + b'"]',
    "more bytes than are read": lambda: b"[" + b" " * (128 << 20) + b"]",
}


@pytest.mark.parametrize("how", WRAPPINGS)
@pytest.mark.parametrize("name", KINDS)
def test_nothing_around_a_document(name: str, how: str) -> None:
    kind = KINDS[name]
    assert refused(kind, WRAPPINGS[how](kind.example()))


@pytest.mark.parametrize("how", HUGE)
def test_huge_documents_cost_little(how: str) -> None:
    """All documents are read by one reader; its budget of values and bytes bounds them all."""
    data = HUGE[how]()
    started = time.process_time()
    assert refused(KINDS["envelope"], data)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("name", KINDS)
def test_every_cut_is_refused(name: str) -> None:
    kind = KINDS[name]
    data = kind.example()
    assert all(refused(kind, data[:size]) for size in range(0, len(data), max(1, len(data) // 400)))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_bytes_are_refused_or_read_as_they_are_spelled(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    altered = bytearray(kind.example())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(altered) - 1))
        length = data.draw(st.integers(0, 3))
        altered[place : place + length] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b"\\u0000", b"{}", b"[", b",", b"1", b"null"]))
        )
    refused(kind, bytes(altered))


# Payload and predicate types


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/json",
        "application/vnd.in-toto+json ",
        "APPLICATION/VND.IN-TOTO+JSON",
        "application/vnd.in-toto",
    ],
)
def test_another_payload_type_is_not_even_parsed(kind: str) -> None:
    value = json.loads(KINDS["envelope"].example())
    with pytest.raises(IntegrityError, match="payloadType"):
        parse_envelope(canonical(value | {"payloadType": kind, "payload": "!"}))


@pytest.mark.parametrize("name", ["manifest", "scan", "approval", "rejection", "revocations", "receipt"])
def test_no_predicate_is_read_as_another(name: str) -> None:
    """Cosign (2026) did not compare predicate types: what was signed as one thing was used as another."""
    value = json.loads(KINDS[name].example())
    others = {
        json.loads(KINDS[other].example())["predicateType"] for other in KINDS if "predicateType" in other_(other)
    }
    assert len(others) == 6
    for other in (others - {value["predicateType"]}) | {"", "https://example.org/x", value["predicateType"] + "/"}:
        assert refused(KINDS[name], canonical(value | {"predicateType": other}))


def other_(name: str) -> dict[str, Any]:
    value = json.loads(KINDS[name].example())
    return value if isinstance(value, dict) else {}


@pytest.mark.parametrize("name", ["manifest", "scan", "approval", "rejection", "revocations", "receipt"])
def test_the_subject_is_what_the_predicate_speaks_of(name: str) -> None:
    value = json.loads(KINDS[name].example())
    subject = value["subject"][0]
    for other in (
        [],
        [subject, subject],
        [subject | {"name": "prices"}],
        [subject | {"digest": {"sha256": "f" * 64}}],
        [subject | {"digest": {"sha256": subject["digest"]["sha256"].upper() + ""}}],
        [subject | {"digest": {"sha256": subject["digest"]["sha256"], "sha1": "0" * 40}}],
        [subject | {"digest": {"sha512": subject["digest"]["sha256"]}}],
        [subject | {"uri": "x"}],
    ):
        if other != [subject]:
            assert refused(KINDS[name], canonical(value | {"subject": other})), other
