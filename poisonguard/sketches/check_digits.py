"""Check digits of cards, bank accounts and national numbers, by the rules that their issuers publish."""

from __future__ import annotations

from itertools import pairwise

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19,
    "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Characters of an account number by country (SWIFT's IBAN registry)."""
TEST_CARDS = frozenset(
    {
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "5555555555554444",
        "5105105105105100",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "3530111333300000",
        "4000000000000002",
    }
)
"""Numbers that every payment manual prints."""
BRANDS = (
    (4000, 4999, {13, 16, 19}),
    (5100, 5599, {16}),
    (2221, 2720, {16}),
    (3400, 3499, {15}),
    (3700, 3799, {15}),
    (6011, 6011, {16}),
    (6440, 6599, {16}),
    (3528, 3589, {16}),
    (3600, 3699, {14}),
    (3800, 3999, {14}),
)
"""First and last beginning and lengths of the numbers of each brand."""
LEAST_VARIED = 4
"""Different digits of a number that nobody made up."""
DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)
ODD_CODES = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", _ODD, strict=True))
"""What a character at an odd place counts in an Italian fiscal code (decree of 23 December 1976)."""


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) if place % 2 else int(digit) for place, digit in enumerate(digits[::-1]))
    return sum(doubled) % 10 == 0


def is_card(digits: str) -> bool:
    """A brand's prefix and length and Luhn's digit; no number of a manual."""
    head, varied = int(digits[:4]), len(set(digits)) >= LEAST_VARIED
    branded = any(first <= head <= last and len(digits) in lengths for first, last, lengths in BRANDS)
    return branded and varied and digits not in TEST_CARDS and luhn(digits)


def is_iban(text: str) -> bool:
    """ISO 13616: the country's length, and the remainder 1 modulo 97."""
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    number = "".join(str(int(sign, 36)) for sign in text[4:] + text[:4])
    return int(number) % 97 == 1


def is_social_security(area: str, group: str, serial: str) -> bool:
    """A number that the US administration could have issued; none that was ever printed as a specimen."""
    if area in {"000", "666"} or area[0] == "9" or group == "00" or serial == "0000":
        return False
    return (area, group, serial) not in {("078", "05", "1120"), ("219", "09", "9999"), ("123", "45", "6789")}


def is_bsn(digits: str) -> bool:
    """Dutch citizen service number: the 11-test."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True))
    return total % 11 == 0 and len(set(digits)) >= LEAST_VARIED


def is_german_tax_id(digits: str) -> bool:
    """ISO 7064 MOD 11,10; the first is no zero, and one or two of the first ten are repeated."""
    carry = 10
    for digit in digits[:10]:
        carry = (carry + int(digit)) % 10 or 10
        carry = carry * 2 % 11
    distinct = len(set(digits[:10]))
    return digits[0] != "0" and distinct in {8, 9} and (11 - carry) % 10 == int(digits[10])


def is_dni(text: str) -> bool:
    """Spanish identity number: its letter is the number modulo 23."""
    number = str("XYZ".find(text[0])) + text[1:-1] if text[0] in "XYZ" else text[:-1]
    return DNI_LETTERS[int(number) % 23] == text[-1]


def is_nir(text: str) -> bool:
    """French social security number: 97 minus the number modulo 97; Corsica's letters are 19 and 18."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def is_fiscal_code(text: str) -> bool:
    """Italian fiscal code: its last letter counts the others."""
    total = sum(
        ODD_CODES[sign] if place % 2 == 0 else int(sign, 36) % 36 - (10 if sign.isalpha() else 0)
        for place, sign in enumerate(text[:15])
    )
    return chr(ord("A") + total % 26) == text[15]


def is_cpf(digits: str) -> bool:
    """Brazilian taxpayer number: two digits modulo 11."""
    if len(set(digits)) == 1:
        return False
    for size in (9, 10):
        total = sum(int(digit) * (size + 1 - place) for place, digit in enumerate(digits[:size]))
        if total * 10 % 11 % 10 != int(digits[size]):
            return False
    return True


def is_pesel(digits: str) -> bool:
    """Polish number: weights 1, 3, 7, 9."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), strict=True))
    return total % 10 == 0 and len(set(digits)) >= LEAST_VARIED


def counts_up(digits: str) -> bool:
    """Whether most digits follow the one before by one: a made-up number."""
    steps = [(int(second) - int(first)) % 10 for first, second in pairwise(digits)]
    return steps.count(1) > 0.7 * len(steps)
