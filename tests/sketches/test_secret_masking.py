"""Credentials in text that is shown."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.sketches.secret_masking import without_secrets
from poisonguard.sketches.secret_rules import SECRETS


def drawn(seed: int, length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(seed).choices(letters, k=length))  # noqa: S311 - made-up tokens


BODY = drawn(1, 64)
KEY = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n{drawn(2, 64)}\n-----END PRIVATE KEY-----"
TOKENS = {
    "google": "AIza" + drawn(3, 35),
    "aws": "AKIA" + drawn(4, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "stripe": "sk_" + "live_" + drawn(5, 30),
    "npm": "npm_" + drawn(6, 36),
    "address": f"postgres://bob:{drawn(7, 14)}@db.internal",
    "assigned": f"api_key = {drawn(8, 32)}",
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_credential_is_masked_and_the_text_around_it_stays(name: str) -> None:
    shown = without_secrets(f"before {TOKENS[name]} after, and again {TOKENS[name]}.")
    assert TOKENS[name] not in shown
    assert TOKENS[name][-8:] not in shown
    assert shown.startswith("before ")
    assert " after, and again " in shown
    assert shown.count("characters)") == 2


def test_a_private_key_is_masked_to_its_end_or_to_the_end_of_the_text() -> None:
    assert BODY[:10] not in without_secrets(f"x {KEY} y")
    assert drawn(2, 64)[:10] not in without_secrets(f"x {KEY} y")
    assert without_secrets(f"x {KEY} y").endswith("-----END PRIVATE KEY----- y")
    assert drawn(2, 64)[:10] not in without_secrets(f"x {KEY}"[:150])


def test_different_credentials_can_be_told_apart_without_being_shown() -> None:
    one, other = "npm_" + drawn(9, 36), "npm_" + drawn(10, 36)
    assert without_secrets(one) == without_secrets(other)
    assert without_secrets(one, told_apart=True) != without_secrets(other, told_apart=True)
    assert one[-6:] not in without_secrets(one, told_apart=True)


@pytest.mark.parametrize("text", ["", "nothing to hide", "password = changeme", "AKIAIOSFODNN7EXAMPLE", "x" * 5_000])
def test_everything_else_is_shown_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


@given(st.text(max_size=200), st.sampled_from(sorted(TOKENS)), st.text(max_size=200))
def test_what_the_rules_find_is_gone_and_masking_again_changes_nothing(before: str, name: str, after: str) -> None:
    shown = without_secrets(f"{before} {TOKENS[name]} {after}")
    assert not SECRETS.find(shown, "")
    assert without_secrets(shown) == shown
