"""Credentials in texts, by the formats that their issuers document: prefixes, lengths, checksums, entropy.

1. A token counts when it has its issuer's form, is no placeholder, and its random part has the entropy of one.
2. GitHub's classic tokens carry a CRC-32 of themselves, JSON web tokens a header, Discord's a number: they are checked.
3. ``name = value`` without a known form counts by its entropy, and is told apart.

Written from the issuers' own documentation; nothing is taken from other scanners' rule files.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from poisonguard.domain.finding import Level
from poisonguard.sketches.masking import entropy, is_placeholder, masked
from poisonguard.sketches.signs import Found, Kind, Rulebook

PRIVATE_KEYS = Kind("private keys", 0.98, Level.WARNING, habitual=False)
CLOUD = Kind("cloud credentials", 0.97, Level.WARNING, habitual=False)
TOKENS = Kind("service tokens", 0.96, Level.WARNING, habitual=False)
ADDRESSES = Kind("addresses with a password", 0.95, Level.WARNING, habitual=False)
WEB_TOKENS = Kind("JSON web tokens", 0.85, Level.NOTE)
ASSIGNED = Kind("values assigned to a name for a secret", 0.75, Level.NOTE)

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CRC_DIGITS = 6
LEAST_ENTROPY = 3.0
"""Bits a character; 20 random letters and digits have 3.4 to 4.3 (3,000 drawn)."""
LEAST_SHORT = 2.5
LEAST_ASSIGNED = 3.6
"""Without a known form: 16 random letters and digits have 3.1 to 4.0, half of them 3.75 and more (3,000 drawn)."""
STRANGER = re.compile(r"(?i)password|passwd|passphrase|secret|postgres|mysql|admin|root|user|guest|test|demo|pass\b")
"""Passwords of manuals."""

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Form:
    """One issuer's token: found by ``pattern`` where ``keyword`` is; group 1, or all of it, is the random part."""

    kind: Kind
    keyword: str
    pattern: re.Pattern[str]
    check: Check


def _random(value: str) -> bool:
    return entropy(value) >= LEAST_ENTROPY


def _short(value: str) -> bool:
    """Of 16 random base32 characters one in 20,000 has less."""
    return entropy(value) >= LEAST_SHORT


def _dense(value: str) -> bool:
    """Forty random letters and digits have 4.2 bits each and more; hexadecimal digits never more than 4."""
    return entropy(value) > 4.0  # noqa: PLR2004 - see above


def _checksummed(token: str) -> bool:
    """Whether the last six characters are the CRC-32 of those before, behind the prefix."""
    body = token.partition("_")[2]
    rest, digits = zlib.crc32(body[:-CRC_DIGITS].encode()), ""
    while len(digits) < CRC_DIGITS:
        rest, digit = divmod(rest, len(BASE62))
        digits = BASE62[digit] + digits
    return body.endswith(digits)


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return b""


def _web_token(token: str) -> bool:
    """A header that names an algorithm, and claims that are not the tutorial's."""
    header, claims, _ = token.split(".", 2)
    try:
        signed = "alg" in json.loads(_decoded(header))
    except (ValueError, TypeError, RecursionError):
        return False
    return signed and not re.search(rb"John Doe|1234567890|example", _decoded(claims))


def _bot(token: str) -> bool:
    return _decoded(token.split(".", 1)[0]).isdigit() and _random(token)


def _password(value: str) -> bool:
    return entropy(value) >= LEAST_SHORT and not STRANGER.search(value)


def _assigned(value: str) -> bool:
    """Letters and digits mixed at random, no path, no call, no version."""
    mixed = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    plain = not re.search(r"://|^/|^\$|\.\w{1,4}$|^[a-z_.\-]+$", value)
    return bool(mixed) and plain and entropy(value) >= LEAST_ASSIGNED and not STRANGER.search(value)


def _form(kind: Kind, keyword: str, pattern: str, check: Check = _random) -> Form:
    return Form(kind, keyword, re.compile(pattern), check)


FORMS = (
    _form(
        PRIVATE_KEYS,
        "PRIVATE KEY",
        r"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,300}?([A-Za-z0-9+/=]{40,100})",
    ),
    _form(PRIVATE_KEYS, "AGE-SECRET-KEY-", r"\bAGE-SECRET-KEY-1([QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})\b"),
    _form(
        PRIVATE_KEYS, "PuTTY-User-Key-File", r"PuTTY-User-Key-File-\d: [\s\S]{0,4000}?Private-Lines: \d+\s+(\S{40,80})"
    ),
    _form(CLOUD, "AKIA", r"(?<![A-Za-z0-9])AKIA([A-Z2-7]{16})(?![A-Za-z0-9])", _short),
    _form(CLOUD, "ASIA", r"(?<![A-Za-z0-9])ASIA([A-Z2-7]{16})(?![A-Za-z0-9])", _short),
    _form(
        CLOUD,
        "aws",
        r"(?i)aws.{0,20}secret.{0,20}?[\"'=:\s]([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        _dense,
    ),
    _form(CLOUD, "AIza", r"\bAIza([0-9A-Za-z_-]{35})(?![0-9A-Za-z_-])"),
    _form(CLOUD, "ya29.", r"\bya29\.([0-9A-Za-z_-]{40,300})"),
    _form(CLOUD, "GOCSPX-", r"\bGOCSPX-([\w-]{28})(?![\w-])"),
    _form(CLOUD, "AccountKey=", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
    _form(CLOUD, "Q~", r"(?<![\w~.-])[\w~.-]{3}\dQ~([\w~.-]{31,34})(?![\w~.-])"),
    _form(CLOUD, "LTAI", r"\bLTAI([A-Za-z0-9]{20})\b"),
    _form(CLOUD, "dop_v1_", r"\bdop_v1_([0-9a-f]{64})\b"),
    _form(CLOUD, "dapi", r"\bdapi([0-9a-f]{32})(?:-\d)?\b"),
    _form(CLOUD, "hvs.", r"\bhvs\.([\w-]{90,200})"),
    _form(CLOUD, ".atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.([\w-]{60,80})"),
    _form(TOKENS, "ghp_", r"\bghp_[A-Za-z0-9]{36}\b", _checksummed),
    _form(TOKENS, "gho_", r"\bgho_[A-Za-z0-9]{36}\b", _checksummed),
    _form(TOKENS, "ghs_", r"\bghs_[A-Za-z0-9]{36}\b", _checksummed),
    _form(TOKENS, "github_pat_", r"\bgithub_pat_([A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    _form(TOKENS, "glpat-", r"\bglpat-([\w-]{20,60})"),
    _form(TOKENS, "xox", r"\bxox[abeprs]-(?:\d{8,14}-){1,3}([A-Za-z0-9]{20,64})"),
    _form(TOKENS, "xapp-", r"\bxapp-\d-[A-Z0-9]{8,14}-\d{8,14}-([a-f0-9]{64})\b"),
    _form(TOKENS, "hooks.slack.com", r"hooks\.slack\.com/services/T\w{7,12}/B\w{7,12}/(\w{24})"),
    _form(TOKENS, "k_live_", r"\b[sr]k_live_([0-9A-Za-z]{20,250})"),
    _form(TOKENS, "whsec_", r"\bwhsec_([A-Za-z0-9+/]{32})"),
    _form(TOKENS, "npm_", r"\bnpm_([A-Za-z0-9]{36})\b"),
    _form(TOKENS, "pypi-AgEI", r"\bpypi-AgEI([\w-]{60,300})"),
    _form(TOKENS, "rubygems_", r"\brubygems_([0-9a-f]{48})\b"),
    _form(TOKENS, "dckr_pat_", r"\bdckr_pat_([\w-]{27})"),
    _form(TOKENS, "T3BlbkFJ", r"\bsk-[\w-]{16,120}?T3BlbkFJ([\w-]{20,120})"),
    _form(TOKENS, "sk-ant-", r"\bsk-ant-[a-z]{2,8}\d\d-([\w-]{80,120})"),
    _form(TOKENS, "hf_", r"\bhf_([A-Za-z]{34})\b"),
    _form(TOKENS, "SG.", r"\bSG\.([\w-]{22}\.[\w-]{43})(?![\w-])"),
    _form(TOKENS, "-us", r"(?<![0-9a-f])([0-9a-f]{32})-us\d{1,2}\b"),
    _form(TOKENS, ":AA", r"\b\d{8,10}:AA([\w-]{33})(?![\w-])"),
    _form(TOKENS, "api/webhooks/", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/([\w-]{60,80})"),
    _form(TOKENS, ".", r"(?<![\w.-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])", _bot),
    _form(TOKENS, "shp", r"\bshp(?:at|ca|pa|ss)_([0-9a-fA-F]{32})\b"),
    _form(TOKENS, "sq0", r"\bsq0(?:atp|csp)-([\w-]{22,43})"),
    _form(TOKENS, "lin_api_", r"\blin_api_([A-Za-z0-9]{40})\b"),
    _form(TOKENS, "PMAK-", r"\bPMAK-([0-9a-f]{24}-[0-9a-f]{34})\b"),
    _form(TOKENS, "NRAK-", r"\bNRAK-([A-Z0-9]{27})\b"),
    _form(TOKENS, "glsa_", r"\bglsa_([A-Za-z0-9]{32})_[0-9a-f]{8}\b"),
    _form(TOKENS, "ATATT3", r"\bATATT3([\w=-]{150,300})"),
    _form(TOKENS, "sbp_", r"\bsbp_([0-9a-f]{40})\b"),
    _form(
        ADDRESSES,
        "://",
        r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|clickhouse|ldaps?|ftps?|https?|ssh)(?:\+\w{1,12})?"
        r"://[^\s:/@\"'<>]{0,64}:([^\s:/@\"'<>]{8,100})@[\w.-]{3,}",
        _password,
    ),
    _form(WEB_TOKENS, "eyJ", r"\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{20,1000}", _web_token),
    _form(
        ASSIGNED,
        "",
        r"(?i)(?:api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?|(?:access|auth|bearer|api|bot)[_-]?token|passw(?:or)?d"
        r"|client[_-]?secret)[\"']?\s{0,3}(?:=|:|=>|:=)\s{0,3}[\"']?([A-Za-z0-9+/_=~.!@#$%^&*-]{16,100})(?![\w(\[])",
        _assigned,
    ),
)
_WORDS = sorted({form.keyword for form in FORMS} - {"", ".", "-us", ":AA", "Q~", "://", "aws", "shp", "xox"})
_SHAPES = (
    r"[0-9a-f]{32}-us\d", r"\d{8}:AA[\w-]{33}", r"\dQ~[\w~.-]{31}", r"://[^\s:/@]{0,64}:[^\s:/@]{8,100}@",
    r"(?i:aws.{0,20}secret)", r"shp(?:at|ca|pa|ss)_", r"xox[abeprs]-", r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27}",
    r"(?i:(?:key|secret|token|passwd|password)[\"']?\s{0,3}(?:=|:)>?=?\s{0,3}[\"']?[!-~]{16})",
)  # fmt: skip


def _find(text: str, beside: str) -> Found:
    """One fragment of each kind."""
    del beside
    found: dict[str, str] = {}
    for form in FORMS:
        if form.kind.name in found or form.keyword not in text:
            continue
        for match in form.pattern.finditer(text):
            value = match[1] if form.pattern.groups else match[0]
            if not is_placeholder(value) and form.check(value):
                found[form.kind.name] = match[0]
                break
    if len(found) > 1:
        found.pop(ASSIGNED.name, None)  # the same secret, by its form
    return found


SECRETS = Rulebook(
    "secrets",
    (PRIVATE_KEYS, CLOUD, TOKENS, ADDRESSES, WEB_TOKENS, ASSIGNED),
    "|".join([*map(re.escape, _WORDS), *_SHAPES]),
    _find,
    masked,
)
