"""Encoded blobs in texts, and what they decode to: programs, archives, scripts, pickles, or words that nobody reads.

1. A blob is a long run of base64, hexadecimal digits, percent or backslash escapes; shorter runs are ids and digests.
2. It is decoded, bounded, and judged by its content. Pictures, fonts, certificates and public keys are ordinary.
3. A base64 run must look like one: both cases and digits, many different characters; paths and rulers do not. One
   that begins as a program or an archive does need not: much of a program is zeros.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator

from poisonguard.domain.finding import Level
from poisonguard.sketches.signs import Found, Kind, Rulebook

PROGRAMS = Kind("encoded programs, archives or pickles", 0.97, Level.WARNING)
SCRIPTS = Kind("encoded scripts", 0.96, Level.WARNING)
WORDS = Kind("encoded sentences", 0.95, Level.WARNING, min_rows=2)
OPAQUE = Kind("encoded blobs of unknown content", 0.7, Level.NOTE)

FEWEST = 96
"""Characters of the shortest base64 run that counts: 72 bytes, more than any digest."""
FEWEST_HEX = 160
"""Hexadecimal digits: more than a SHA-512 or a public key of 64 bytes has."""
MOST_DECODED = 1 << 16
DISTINCT = 24
SENTENCE = 40
"""Consecutive readable bytes, among them spaces, that make a sentence."""

_BASE64 = re.compile(rf"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/]{{{FEWEST},}}|[A-Za-z0-9_-]{{{FEWEST},}})={{0,2}}")
_LINES = re.compile(r"(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/]{60,76}\r?\n){2,}[A-Za-z0-9+/]{1,76}={0,2}")
_HEX = re.compile(rf"(?<![0-9A-Za-z])(?:0x)?(?:[0-9a-f]{{{FEWEST_HEX},}}|[0-9A-F]{{{FEWEST_HEX},}})(?![0-9A-Za-z])")
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}){40,}|(?:%[0-9a-fA-F]{2}){40,}|(?:\\u00[0-9a-fA-F]{2}){40,}")
_ORDINARY = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"wOFF", b"wOF2", b"OTTO", b"\0\1\0\0", b"%PDF", b"\0\0\1\0",
    b"\x30\x82", b"\x30\x81", b"\x30\x59", b"\x30\x2a", b"\0\0\0\x07ssh-", b"\0\0\0\x0bssh-", b"\0\0\0\x13ecdsa",
    b"<svg", b"ID3", b"OggS", b"fLaC", b"II*\0", b'{"alg', b'{"typ',
)  # fmt: skip
"""Pictures, fonts, sound, DER (certificates, keys), SSH and PGP keys, web tokens."""
_BEFORE = re.compile(
    r"(?:data:(?:image|font|audio|video)/[\w.+-]{1,40};base64,|ssh-\w+ |sha\d+-|CERTIFICATE-----\s*"
    r"|PUBLIC KEY-----\s*)\Z"
)
_PROGRAM = re.compile(
    rb"\A(?:\x7fELF|MZ.{58}|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe|PK\x03\x04|\x1f\x8b\x08|BZh|\xfd7zXZ|Rar!"
    rb"|7z\xbc\xaf|\0asm|\x80[\x02-\x05].*\.\Z)",
    re.DOTALL,
)
_BEGINNINGS = ("f0VMR", "UEsDB", "H4sIA", "/Td6WF", "UmFyIR", "N3q8rx", "AGFzbQ")
"""Programs and archives in base64: ELF, ZIP, gzip, xz, RAR, 7z, WebAssembly."""
_SCRIPT = re.compile(
    rb"(?i)\A#!|<script\b|\b(?:eval|exec|system|popen|subprocess|__import__)\s*[(.]|\bpowershell\b"
    rb"|/bin/(?:ba)?sh\b|\b(?:curl|wget)\s+-?\w*\s*https?://|Invoke-(?:Expression|WebRequest)"
)
_READABLE = re.compile(rb"[\x20-\x7e\n\r\t]{%d,}" % SENTENCE)


def _blobs(text: str) -> Iterator[tuple[str, bytes]]:
    """(as written, decoded) for every blob."""
    for pattern in (_LINES, _BASE64):
        for match in pattern.finditer(text):
            written = re.sub(r"\s", "", match[0])
            if _looks_encoded(written) and not _BEFORE.search(text, max(0, match.start() - 80), match.start()):
                yield match[0], _from_base64(written)
    for match in _HEX.finditer(text):
        digits = match[0].removeprefix("0x")[: 2 * MOST_DECODED]
        if len(set(digits)) > 6:  # noqa: PLR2004 - rulers and bit masks have fewer
            yield match[0], bytes.fromhex(digits[: len(digits) // 2 * 2])
    for match in _ESCAPES.finditer(text):
        yield match[0], bytes.fromhex(re.sub(r"\\x|%|\\u00", "", match[0][: 6 * MOST_DECODED])[: 2 * MOST_DECODED])


def _looks_encoded(run: str) -> bool:
    if run.startswith(_BEGINNINGS):
        return True
    kinds = (re.search(r"[a-z]", run), re.search(r"[A-Z]", run), re.search(r"\d", run))
    return all(kinds) and len(set(run)) >= DISTINCT


def _from_base64(run: str) -> bytes:
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")[: MOST_DECODED * 4 // 3 // 4 * 4]
    plain = plain[:-1] if len(plain) % 4 == 1 else plain
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""


def _unpacked(data: bytes) -> bytes:
    """What a zlib stream holds, bounded; other bytes as they are."""
    if data[:1] != b"\x78":
        return data
    try:
        return zlib.decompressobj().decompress(data, MOST_DECODED) or data
    except zlib.error:
        return data


def _kind(data: bytes) -> Kind | None:
    """What decoded bytes are; nothing for what is ordinary."""
    if data.startswith(_ORDINARY):
        return None
    data = _unpacked(data)
    if _PROGRAM.search(data):
        return PROGRAMS
    if _SCRIPT.search(data):
        return SCRIPTS
    readable = _READABLE.search(data)
    if readable and readable[0].count(b" ") >= len(readable[0]) // 12:
        return WORDS
    return OPAQUE


def _find(text: str, beside: str) -> Found:
    del beside
    found: dict[str, str] = {}
    for written, data in _blobs(text):
        kind = _kind(data)
        if kind is not None:
            found.setdefault(kind.name, written)
    return found


BLOBS = Rulebook(
    "blobs",
    (PROGRAMS, SCRIPTS, WORDS, OPAQUE),
    r"[A-Za-z0-9+/_-]{60}|(?:\\x[0-9a-fA-F]{2}){20}|(?:%[0-9a-fA-F]{2}){20}|(?:\\u00[0-9a-fA-F]{2}){20}",
    _find,
)
