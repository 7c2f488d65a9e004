"""Text that is shown to people, without the credentials in it.

What one check masks, another must not show: every row, message and fragment of a report goes through here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from poisonguard.sketches.masking import is_placeholder, masked
from poisonguard.sketches.secret_rules import FORMS, PRIVATE_KEYS

KEY_END = "-----END"
MARK = 8
"""Hex digits that tell masked values apart."""

Span = tuple[int, int]


def without_secrets(text: str, *, told_apart: bool = False) -> str:
    """``text`` with every credential masked: its first characters and its length stay.

    Args:
        text: What is to be shown.
        told_apart: Whether different credentials must stay different, as in a name.
    """
    parts, place = list[str](), 0
    for start, stop in _joined(sorted(_spans(text))):
        secret = text[start:stop]
        mark = f" {hashlib.sha256(secret.encode(errors='surrogatepass')).hexdigest()[:MARK]}" if told_apart else ""
        parts += [text[place:start], masked(secret), mark]
        place = stop
    return "".join([*parts, text[place:]])


def _spans(text: str) -> Iterator[Span]:
    for form in FORMS:
        if form.keyword not in text:
            continue
        for match in form.pattern.finditer(text):
            value = match[1] if form.pattern.groups else match[0]
            if not is_placeholder(value) and form.check(value):
                yield match.start(), _end_of_key(text, match.end()) if form.kind is PRIVATE_KEYS else match.end()


def _end_of_key(text: str, place: int) -> int:
    """A key goes on behind the line that shows it, to its end, or to where the text was cut."""
    end = text.find(KEY_END, place)
    return len(text) if end < 0 else end


def _joined(spans: list[Span]) -> Iterator[Span]:
    """Spans that overlap as one."""
    held: Span | None = None
    for span in spans:
        if held is not None and span[0] < held[1]:
            held = held[0], max(held[1], span[1])
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held
