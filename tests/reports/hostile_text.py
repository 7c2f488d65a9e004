"""Strategies for text that tries everything."""

from __future__ import annotations

from hypothesis import strategies as st

ANYTHING = st.text(st.characters(codec=None))  # surrogates too
PIECES = (
    *("\x1b[31m", "\x9b", "\r", "\n", "\t", "\x7f", "\u202e", "\u200b", "\ufeff", "\U000e0041", "\ufe0f", "\u2800"),
    *("\\u{", "\\", "u{41}", "::error::", "::", "##vso[", "##[", "#", "a", "b c", "\u0301", "é", "日本", "\u3000"),
    *("|", "`", "``", "*", "_", "[x](y)", "<b>", "&lt;", "=1+1", "-5", "'", '"', "http://x", "www.x", "@me", "\ud800"),
)
NASTY = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
TEXT = st.one_of(ANYTHING, NASTY)
