"""in-toto statements: the bytes of one, and what is read as one."""

import json

import pytest

from poisonguard.attest.canonical import canonical
from poisonguard.attest.statement import PAYLOAD_TYPE, STATEMENT_TYPE, Statement, parse_statement
from poisonguard.errors import IntegrityError

SHA256 = "0123456789abcdef" * 4
SAID = Statement("reviews", SHA256, "https://example.org/said/v1", {"it": 1})


def test_the_bytes_are_in_totos() -> None:
    # https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
    assert json.loads(SAID.payload()) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "reviews", "digest": {"sha256": SHA256}}],
        "predicateType": "https://example.org/said/v1",
        "predicate": {"it": 1},
    }
    assert STATEMENT_TYPE == "https://in-toto.io/Statement/v1"
    assert PAYLOAD_TYPE == "application/vnd.in-toto+json"


def test_a_statement_comes_back() -> None:
    assert parse_statement(SAID.payload()) == SAID


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, r"statement\._type is not"),
        ({"subject": []}, "statement has not exactly one subject"),
        ({"subject": [{"name": "a", "digest": {"sha256": SHA256}}] * 2}, "statement has not exactly one subject"),
        ({"subject": {}}, r"statement\.subject is not an array"),
        ({"subject": ["a"]}, r"statement\.subject\[0\] is not an object"),
        ({"subject": [{"name": "", "digest": {"sha256": SHA256}}]}, r"subject\[0\]\.name is not text"),
        ({"subject": [{"digest": {"sha256": SHA256}}]}, r"subject\[0\] lacks 'name'"),
        ({"subject": [{"name": "a", "digest": {"sha1": "0"}}]}, r"subject\[0\]\.digest lacks 'sha256'"),
        ({"subject": [{"name": "a", "digest": SHA256}]}, r"subject\[0\]\.digest is not an object"),
        (
            {"subject": [{"name": "a", "digest": {"sha256": SHA256, "md5": "0"}}]},
            r"digest holds an unknown member 'md5'",
        ),
        (
            {"subject": [{"name": "a", "digest": {"sha256": SHA256}, "uri": "x"}]},
            r"\[0\] holds an unknown member 'uri'",
        ),
        ({"predicateType": ""}, r"statement\.predicateType is not text"),
        ({"predicate": []}, "statement has a predicate that is not an object"),
        ({"predicate": None}, "statement has a predicate that is not an object"),
        ({"more": 1}, "statement holds an unknown member 'more'"),
    ],
)
def test_anything_else_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(IntegrityError, match=f"^{why}" if why.startswith("statement") else why):
        parse_statement(canonical(json.loads(SAID.payload()) | change))


@pytest.mark.parametrize("member", ["_type", "subject", "predicateType", "predicate"])
def test_every_member_is_needed(member: str) -> None:
    left = {name: value for name, value in json.loads(SAID.payload()).items() if name != member}
    with pytest.raises(IntegrityError, match=f"^statement lacks '{member}'"):
        parse_statement(canonical(left))


def test_it_is_canonical_json() -> None:
    with pytest.raises(IntegrityError, match=r"^statement is not canonical"):
        parse_statement(SAID.payload() + b" ")
