"""Standard base64 with padding, in the one spelling that the bytes encode to."""

from __future__ import annotations

import base64
import binascii

from poisonguard.errors import IntegrityError


def encode_base64(data: bytes) -> str:
    """``data`` in standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, what: str) -> bytes:
    """The bytes that ``text`` spells.

    Raises:
        IntegrityError: It is not base64, or spelled otherwise than :func:`encode_base64` does; ``what`` names it.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise IntegrityError(f"{what} is not base64") from error
    if encode_base64(data) != text:
        raise IntegrityError(f"{what} is base64 in an unusual spelling")
    return data
