"""Checkpoints of the log: C2SP tlog-checkpoint inside a C2SP signed note, signed with Ed25519.

A checkpoint says how many leaves the log has and under which root; whoever holds one can prove any rewrite.
(https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note). Rules of reading:

1. A note is UTF-8 text, an empty line, and lines ``— NAME BASE64``; nothing follows the last newline.
2. It holds no control character but the newline, and at most ``MAX_NOTE_BYTES``.
3. The text is origin, size and root, each spelled in one way; no extension line is accepted.
4. The origin is the one asked for, and the note is signed under that name by a trusted key: every signature
   under a trusted key's name and hash must verify, unknown ones count for nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from poisonguard.attest.keys import Algorithm, PublicKey, Signer
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.domain.merkle import HASH_SIZE
from poisonguard.errors import IntegrityError, KeyMaterialError

LOG_ALGORITHM = Algorithm.ED25519
MAX_NOTE_BYTES = 16 * 1024

_ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_NAME = re.compile(r"[!-*,-~]+", re.ASCII)
_DASH = "\u2014"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State of a log: ``size`` leaves under ``root``."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The checkpoint as a signed note; the key's name is the origin.

    Raises:
        KeyMaterialError: The key is not Ed25519, or the origin cannot be a key's name.
    """
    if not _NAME.fullmatch(checkpoint.origin):
        raise KeyMaterialError(f"{checkpoint.origin!r} cannot name a log", hint="No spaces, no plus sign, ASCII.")
    text = checkpoint.text()
    signature = key_hash(checkpoint.origin, signer.public) + signer.sign(text.encode())
    return f"{text}\n{_DASH} {checkpoint.origin} {encode_base64(signature)}\n".encode()


def open_checkpoint(note: bytes, keys: Iterable[PublicKey], *, origin: str | None = None) -> Checkpoint:
    """The checkpoint in a note that one of ``keys`` signed.

    Args:
        note: The signed note.
        keys: Keys trusted to sign checkpoints; those that are not Ed25519 are passed over.
        origin: The log's name when it is known; any other is refused.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    text, lines = _split(note)
    checkpoint = _parse_text(text)
    if origin is not None and checkpoint.origin != origin:
        raise IntegrityError(f"the checkpoint is of log {checkpoint.origin!r}, not {origin!r}")
    usable = [key for key in keys if key.algorithm is LOG_ALGORITHM]
    known = {key_hash(checkpoint.origin, key): key for key in usable}
    if not _is_verified(text, lines, checkpoint.origin, known):
        raise IntegrityError(
            "the checkpoint is not signed by a trusted log key", hint="Add the log's key to the trust root."
        )
    return checkpoint


def check_form(note: bytes) -> None:
    """Refuse what is no signed checkpoint, whoever signed it.

    Raises:
        IntegrityError: Rule 1, 2 or 3 of this module is broken.
    """
    text, _ = _split(note)
    _parse_text(text)


def key_hash(name: str, key: PublicKey) -> bytes:
    """First four bytes of the hash that signed notes know an Ed25519 key by."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw()).digest()[:4]


def _is_verified(text: str, lines: list[str], origin: str, known: dict[bytes, PublicKey]) -> bool:
    """Whether a known key signed; every line is looked at, whatever came before it."""
    verified = False
    for line in lines:
        name, signature = _parse_signature(line)
        key = known.get(signature[:4]) if name == origin else None
        if key is None:
            continue
        if not key.verify(text.encode(), signature[4:]):
            raise IntegrityError("the checkpoint's signature does not verify")
        verified = True
    return verified


def _split(note: bytes) -> tuple[str, list[str]]:
    if len(note) > MAX_NOTE_BYTES:
        raise IntegrityError("the checkpoint is too large")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IntegrityError("the checkpoint is not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole) or not whole.endswith("\n"):
        raise IntegrityError("the checkpoint is not a signed note")
    text, separator, signatures = whole.rpartition("\n\n")
    if not separator or not signatures:
        raise IntegrityError("the checkpoint is not signed")
    return f"{text}\n", signatures.removesuffix("\n").split("\n")


def _parse_text(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != 3 or not lines[0] or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004 - origin, size, root
        raise IntegrityError("the checkpoint is not origin, size and root")
    root = decode_base64(lines[2], "the checkpoint's root")
    if len(root) != HASH_SIZE:
        raise IntegrityError("the checkpoint's root is not a SHA-256")
    return Checkpoint(lines[0], int(lines[1]), root)


def _parse_signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    signature = decode_base64(encoded, "the checkpoint's signature")
    if dash != _DASH or not _NAME.fullmatch(name) or len(signature) <= 4:  # noqa: PLR2004 - key hash, then signature
        raise IntegrityError("the checkpoint has a malformed signature line")
    return name, signature
