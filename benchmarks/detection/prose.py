"""Plain text out of mail, HTML and reStructuredText, and its cutting into documents."""

from __future__ import annotations

import email
import email.policy
import gzip
import html
import re
from collections.abc import Iterator
from pathlib import Path

TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
BLANK = re.compile(r"\n\s*\n")
SPACES = re.compile(r"\s+")


def read_text(path: Path) -> str:
    """Text of a file, compressed or not."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix in {".gz", ".dz"} else data).decode("utf-8", errors="replace")


def plain(markup: str) -> str:
    """HTML without its tags."""
    return html.unescape(TAG.sub(" ", markup))


def one_line(text: str) -> str:
    """``text`` with every run of white space as one space."""
    return SPACES.sub(" ", text).strip()


def mail_body(message: str) -> str:
    """What a reader of a mail sees; nothing for a mail that holds no text."""
    parsed = email.message_from_string(message, policy=email.policy.compat32)
    texts = []
    for part in parsed.walk():
        if part.get_content_maintype() != "text":
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            text = payload.decode("utf-8", errors="replace")
            texts.append(plain(text) if part.get_content_subtype() == "html" else text)
    return one_line(" ".join(texts))


def passages(text: str, words: int) -> Iterator[str]:
    """``text`` cut at paragraphs into passages of at least ``words`` words; a shorter rest is dropped."""
    held: list[str] = []
    count = 0
    for paragraph in BLANK.split(text):
        line = one_line(paragraph)
        if not line:
            continue
        held.append(line)
        count += line.count(" ") + 1
        if count >= words:
            yield "\n".join(held)
            held, count = [], 0
