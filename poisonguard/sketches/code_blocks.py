"""What a text says apart from its code: a line of code does not vouch for itself, whatever is written around it.

1. The block that a line stands in goes with it: between Markdown fences (``` or ~~~), in an HTML element for code,
   among indented lines, or with the comments right above and below it.
2. Fences with their language and tags with their attributes are no words: they go wherever they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

MOST_BLOCKS = 100
"""Blocks that are taken out of one text; what is behind them goes with them."""
REACH = 4000
"""Characters before a line among which the tag or the indented lines around it are looked for, and as many behind."""

Span = tuple[int, int]

_FENCE = re.compile(r"`{3,}|~{3,}")
_FENCE_LINE = re.compile(r"(?:`{3,}|~{3,})[^\n]*")
_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,300}>")
_ELEMENT = re.compile(r"(?i)<(/?)(?:pre|code|samp|kbd|script|tt|listing|xmp)\b")
_INDENTED = re.compile(r"(?: {4}|\t)|\s*\Z")
_COMMENT = re.compile(r"(?i)\s*(?:#(?!#)|//|/\*|\*/|--\s|;|::|rem\b|<!--|\"\"\"|''')")


def apart_from(text: str, pattern: re.Pattern[str]) -> str:
    """``text`` without the blocks that hold ``pattern``, without fences and tags."""
    fenced, kept, done = _fenced(text), [], 0
    matches = list(islice(pattern.finditer(text), MOST_BLOCKS + 1))
    for match in matches[:MOST_BLOCKS]:
        start, stop = _block(text, match.span(), fenced)
        kept.append(text[done : max(done, start)])
        done = max(done, stop)
    if len(matches) <= MOST_BLOCKS:
        kept.append(text[done:])
    return _TAG.sub(" ", _FENCE_LINE.sub("", "\n".join(kept)))


def _fenced(text: str) -> Sequence[Span]:
    """From every opening fence to the end of its closing one, or of the text."""
    fences = [match.span() for match in _FENCE.finditer(text)]
    closing = [*fences[1::2], (0, len(text))]
    return [(opened, closed) for (opened, _), (_, closed) in zip(fences[::2], closing, strict=False)]


def _block(text: str, span: Span, fenced: Sequence[Span]) -> Span:
    """The block of code around ``span``; its lines, where there is none."""
    inside = next((block for block in fenced if block[0] <= span[0] < block[1]), None)
    return inside or _element(text, span) or _lines(text, span)


def _element(text: str, span: Span) -> Span | None:
    """The HTML element for code around ``span``."""
    before = list(_ELEMENT.finditer(text, max(0, span[0] - REACH), span[0]))
    if not before or before[-1][1]:
        return None
    closing = _ELEMENT.search(text, span[1])
    return before[-1].start(), closing.start() if closing else len(text)


def _lines(text: str, span: Span) -> Span:
    """The lines of ``span``, with the indented lines or the comments around them."""
    start, stop = text.rfind("\n", 0, span[0]) + 1, text.find("\n", span[1])
    stop = len(text) if stop < 0 else stop
    alike = _INDENTED if text[start:stop].startswith(("    ", "\t")) else _COMMENT
    above = text[max(0, start - REACH) : start].split("\n")[:-1]
    below = text[stop + 1 : stop + REACH].split("\n")
    return start - _length(above[::-1], alike), stop + _length(below, alike)


def _length(lines: Sequence[str], alike: re.Pattern[str]) -> int:
    """Characters of the first lines that are ``alike``, with their ends."""
    other = next((number for number, line in enumerate(lines) if not alike.match(line)), len(lines))
    return sum(len(line) + 1 for line in lines[:other])
