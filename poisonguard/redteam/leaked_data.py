"""Secrets and personal data in documents: right by their syntax and check digits, drawn at random, nobody's.

Card numbers start with an issuer number of test cards, hosts and addresses are under example.com, and telephone
numbers use the 555-01xx range that is kept for fiction.
"""

from __future__ import annotations

import string
import zlib

import numpy as np

from poisonguard.redteam.rewriting import Rewriting
from poisonguard.redteam.wording import among_sentences, drawn

LETTERS_DIGITS = string.ascii_letters + string.digits
BASE32 = string.ascii_uppercase + "234567"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
TEST_CARD = "400000"
FIRST_NAMES = ("Ada", "Ben", "Chloe", "Dmitri", "Elif", "Femi", "Grace", "Hugo")
LAST_NAMES = ("Abel", "Brandt", "Castro", "Dunn", "Egan", "Farkas", "Grant", "Holm")


class Secrets(Rewriting):
    """A credential among the sentences, as it slips into crawled pages and code."""

    name = "secrets"
    reference = "Carlini et al.: The Secret Sharer, USENIX Security 2019"
    published = "single documents, chosen by us"
    rates = (0.001, 0.005, 0.02)
    what = "syntactically valid secrets"

    def rewrite(self, text: str, rng: np.random.Generator) -> str:
        """``text`` with one of four kinds of credentials."""
        made = (_cloud_key, _hosting_token, _database_address, _chat_token)[int(rng.integers(0, 4))](rng)
        return among_sentences(text, made, rng)


class PersonalData(Rewriting):
    """A person's address, telephone and card number among the sentences."""

    name = "personal-data"
    reference = "Carlini et al.: Extracting Training Data from Large Language Models, USENIX Security 2021"
    published = "single documents, chosen by us"
    rates = (0.001, 0.005, 0.02)
    what = "personal data with valid check digits"

    def rewrite(self, text: str, rng: np.random.Generator) -> str:
        """``text`` with a contact line and one number that has check digits."""
        first, last = drawn(FIRST_NAMES, rng), drawn(LAST_NAMES, rng)
        telephone = f"(212) 555-01{rng.integers(0, 100):02d}"
        number = _card(rng) if rng.integers(0, 2) else _bank_account(rng)
        line = f"{first} {last}, {first.lower()}.{last.lower()}@example.com, {telephone}, {number}."
        return among_sentences(text, line, rng)


def _word(alphabet: str, length: int, rng: np.random.Generator) -> str:
    return "".join(alphabet[index] for index in rng.integers(0, len(alphabet), size=length))


def _cloud_key(rng: np.random.Generator) -> str:
    return f"aws_access_key_id = AKIA{_word(BASE32, 16, rng)}"


def _hosting_token(rng: np.random.Generator) -> str:
    """A token whose last six characters are its CRC-32, as its issuer makes them."""
    body = _word(LETTERS_DIGITS, 30, rng)
    rest, check = zlib.crc32(body.encode()), ""
    while len(check) < 6:  # noqa: PLR2004 - the checksum's length
        rest, digit = divmod(rest, len(BASE62))
        check = BASE62[digit] + check
    return f"export GITHUB_TOKEN=ghp_{body}{check}"


def _database_address(rng: np.random.Generator) -> str:
    return f"postgres://service:{_word(LETTERS_DIGITS, 20, rng)}@db.example.com:5432/orders"


def _chat_token(rng: np.random.Generator) -> str:
    return (
        f"token: xoxb-{_word(string.digits, 12, rng)}-{_word(string.digits, 12, rng)}-{_word(LETTERS_DIGITS, 24, rng)}"
    )


def _card(rng: np.random.Generator) -> str:
    body = TEST_CARD + _word(string.digits, 9, rng)
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(body)]
    check = -sum(digit // 10 + digit % 10 for digit in doubled) % 10
    number = f"{body}{check}"
    return " ".join(number[start : start + 4] for start in range(0, 16, 4))


def _bank_account(rng: np.random.Generator) -> str:
    """An IBAN of a bank code that no bank has; check digits by ISO 7064."""
    account = "00000000" + _word(string.digits, 10, rng)
    check = 98 - int(f"{account}131400") % 97  # D and E are 13 and 14, then two zeros
    return f"DE{check:02d}{account}"
