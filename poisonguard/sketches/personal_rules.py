"""Personal data in texts: numbers with check digits, addresses, telephone numbers.

1. A number with strong check digits (IBAN, French, Italian, Brazilian numbers) counts by itself; one that a tenth of
   all numbers passes needs its usual grouping, or its name within ``NEAR`` characters before it.
2. Reserved names and numbers are nobody's: ``example.com``, 555-01xx, specimens, test cards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from poisonguard.domain.finding import Level
from poisonguard.sketches import check_digits as digits_of
from poisonguard.sketches.masking import masked
from poisonguard.sketches.signs import Found, Kind, Rulebook

CARDS = Kind("payment card numbers", 0.95, Level.WARNING)
ACCOUNTS = Kind("bank account numbers (IBAN)", 0.94, Level.WARNING)
NATIONAL = Kind("national identity numbers", 0.93, Level.WARNING)
ADDRESSES = Kind("e-mail addresses", 0.7, Level.NOTE, min_rows=3, usual=True)
TELEPHONES = Kind("telephone numbers", 0.68, Level.NOTE, min_rows=3, usual=True)
NETWORK = Kind("public IP addresses", 0.55, Level.NOTE, min_rows=10, burst=Level.NOTE)

NEAR = 40
"""Characters before a number in which its name must stand."""

_CARD = re.compile(
    r"(?<![\w.+/=-])(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{5}|\d{13,19})(?![\w/=-]|\.\d)"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_SSN = re.compile(r"(?<![\w.-])(\d{3})-(\d{2})-(\d{4})(?![\w-]|\.\d)")
_NIR = re.compile(r"(?<![\w.])([12]) ?(\d\d) ?(0[1-9]|1[0-2]) ?(\d\d|2[AB]) ?(\d{3}) ?(\d{3}) ?(\d\d)(?![\w]|\.\d)")
_FISCAL = re.compile(r"(?<![A-Z0-9])[A-Z]{6}\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z](?![A-Z0-9])")
_CPF = re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w-])")
_DNI = re.compile(r"(?<![\w.-])(?:\d{8}|[XYZ]\d{7})-?[A-Z](?![\w-])")
_ELEVEN = re.compile(r"(?<![\w.-])\d{2} ?\d{3} ?\d{3} ?\d{3}(?![\w-]|\.\d)")
_NINE = re.compile(r"(?<![\w.-])\d{4}\.?\d{2}\.?\d{3}(?![\w-]|\.\d)")
_MAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,18})(?![\w@-])")
_NOBODYS = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local|localdomain)$|^(?:domain"
    r"|company|email)\.com$",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.+/=-])(?:\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}|\(\d{3}\) ?\d{3}[ .-]\d{4}"
    r"|1?[ .-]?\d{3}-\d{3}-\d{4})"
    r"(?![\w=-]|\.\d)"
)
_FICTION = re.compile(r"555\D{0,2}01\d\d")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\w)")
_PRIVATE = re.compile(
    r"(?:0|10|127|22[4-9]|23\d|24\d|25\d)\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.(?:168|0\.[02])\."
    r"|198\.(?:1[89]|51\.100)\.|203\.0\.113\.|[0-9]\."
    r"|(?:1\.1\.1\.1|8\.8\.[48]\.[48])$"
)
"""Private, documentation and multicast networks, resolvers that everybody names, and version numbers."""

_CARD_NAME = re.compile(r"(?i)\b(?:card|visa|master ?card|amex|american express|credit|debit|cc|pan)\b")
_NAMES = {
    "bsn": re.compile(r"(?i)\b(?:bsn|burgerservice|sofinummer)"),
    "dni": re.compile(r"(?i)\b(?:dni|nif|nie)\b"),
    "tax": re.compile(r"(?i)\b(?:steuer-?id|steueridentifikation|tax id|tin|idnr)"),
    "pesel": re.compile(r"(?i)\bpesel\b"),
}


def _plain(number: str) -> str:
    return re.sub(r"[ .-]", "", number)


def _named(name: re.Pattern[str], match: re.Match[str]) -> bool:
    return bool(name.search(match.string, max(0, match.start() - NEAR), match.start()))


def _cards(text: str) -> Iterator[str]:
    for match in _CARD.finditer(text):
        number, grouped = _plain(match[0]), not match[0].isdigit()
        if 13 <= len(number) <= 19 and (grouped or _named(_CARD_NAME, match)) and digits_of.is_card(number):  # noqa: PLR2004 - lengths of cards
            yield match[0]


def _accounts(text: str) -> Iterator[str]:
    for match in _IBAN.finditer(text):
        length = digits_of.IBAN_LENGTHS.get(match[0][:2], 0)
        plain = match[0].replace(" ", "")[:length]
        if length and digits_of.is_iban(plain) and not digits_of.counts_up(re.sub(r"\D", "", plain[4:]) or "00"):
            yield match[0]


def _national(text: str) -> Iterator[str]:
    yield from (match[0] for match in _SSN.finditer(text) if digits_of.is_social_security(*match.groups()))
    yield from (match[0] for match in _NIR.finditer(text) if digits_of.is_nir(match[0].replace(" ", "")))
    yield from (match[0] for match in _FISCAL.finditer(text) if digits_of.is_fiscal_code(match[0]))
    yield from (match[0] for match in _CPF.finditer(text) if digits_of.is_cpf(_plain(match[0])))
    weak: tuple[tuple[re.Pattern[str], str, Callable[[str], bool]], ...] = (
        (_NINE, "bsn", digits_of.is_bsn),
        (_DNI, "dni", digits_of.is_dni),
        (_ELEVEN, "tax", digits_of.is_german_tax_id),
        (_ELEVEN, "pesel", digits_of.is_pesel),
    )
    for pattern, name, check in weak:
        if _NAMES[name].search(text):
            found = (match for match in pattern.finditer(text) if _named(_NAMES[name], match))
            yield from (match[0] for match in found if check(_plain(match[0])))


def _mails(text: str) -> Iterator[str]:
    yield from (match[0] for match in _MAIL.finditer(text) if not _NOBODYS.search(match[1]))


def _telephones(text: str) -> Iterator[str]:
    for match in _PHONE.finditer(text):
        number = re.sub(r"\D", "", match[0])
        if 10 <= len(number) <= 15 and not _FICTION.search(match[0]) and not digits_of.counts_up(number):  # noqa: PLR2004 - E.164
            yield match[0]


def _networks(text: str) -> Iterator[str]:
    for match in _IPV4.finditer(text):
        if not _PRIVATE.match(match[0]) and all(int(part) < 256 for part in match[0].split(".")):  # noqa: PLR2004 - a byte
            yield match[0]


_FINDERS = (
    (CARDS, _cards),
    (ACCOUNTS, _accounts),
    (NATIONAL, _national),
    (ADDRESSES, _mails),
    (TELEPHONES, _telephones),
    (NETWORK, _networks),
)


def _find(text: str, beside: str) -> Found:
    del beside
    first = ((kind.name, next(find(text), None)) for kind, find in _FINDERS)
    return {kind: value for kind, value in first if value is not None}


PERSONAL = Rulebook(
    "personal-data",
    tuple(kind for kind, _ in _FINDERS),
    r"[\w.+%-]@[A-Za-z0-9-]+\.|\d{3}[ .-]\d{2,4}[ .-]?\d{3}|\d{3}[ .-]?\d{2,4}[ .-]\d{3}|\(\d{3}\) ?\d{3}"
    # A plain number counts by its name before it only: columns of long numbers are passed over.
    r"|[A-Za-z](?s:.*)\d{8}|[A-Z]{2}\d{2} ?[A-Z0-9]{4}|[A-Z]{6}\d\d|[XYZ]\d{7}"
    r"|\+\d[\d .()-]{6}|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
    r"|[12] ?\d\d ?[01]\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d",
    _find,
    masked,
)
