"""Words that read as Latin but hold letters of another script: Cyrillic, Greek or Armenian look-alikes.

1. A word that mixes Latin letters with look-alikes is disguised: no language spells like that.
2. So is a word wholly of look-alikes among Latin ones, when no other letter of its text belongs to that script:
   Russian among English brings letters along that look like nothing Latin.
3. Texts mostly of another script are left alone, and short words with Greek letters are symbols.

Where many texts hold genuine words of such scripts, a few of their look-alikes slip in by accident:
``holds_foreign_words`` says which texts do. Source: Unicode Technical Standard 39, confusables.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

_SCRIPTS = ("\u0400-\u052f", "\u0370-\u03ff", "\u0530-\u058f")
"""Cyrillic, Greek, Armenian."""

_CYRILLIC = "аеорсухіѕјһԁԛԝӏѵАВЕКМНОРСТХІЅЈҮӀѴ"  # noqa: RUF001 - these letters are the point
_GREEK = "ονρυκχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
_ARMENIAN = "օսոհ"  # noqa: RUF001 - the same
_LOOKALIKE = _CYRILLIC + _GREEK + _ARMENIAN
_ANY_SCRIPT = "".join(_SCRIPTS)

SHORTEST_GREEK = 4
"""Letters of a word that is more than a symbol with a Greek letter in it."""

_LATIN = re.compile("[A-Za-z]")
_FOREIGN = re.compile(f"[{_ANY_SCRIPT}]")
_BROKEN = re.compile("\\S*\ufffd\\S*")
"""Bytes that were read in the wrong encoding give letters of any script."""

_GREEK_LETTER = re.compile(f"[{_GREEK}]")
_WORD = re.compile(rf"\w*[{_LOOKALIKE}]\w*")
_GENUINE = [(re.compile(f"[{script}]"), re.compile(f"(?=[{script}])[^\\W\\d_{_LOOKALIKE}]")) for script in _SCRIPTS]
"""Of each script: any letter, and one that looks like nothing Latin."""

CANDIDATE = f"[A-Za-z][{_LOOKALIKE}]|[{_LOOKALIKE}][A-Za-z]|(?:^|\\PL)[{_LOOKALIKE}]+(?:\\PL|$)"
"""What every text with a disguised word matches, as a pattern of RE2."""


def disguised_word(text: str) -> str:
    """The first disguised word in ``text``; the empty string when there is none."""
    text = _BROKEN.sub(" ", text)
    words = _WORD.findall(text)
    if not words or len(_LATIN.findall(text)) <= len(_FOREIGN.findall(text)):
        return ""
    written = [any_letter for any_letter, genuine in _GENUINE if genuine.search(text)]
    return next((word for word in words if _is_disguised(word, written)), "")


def _is_disguised(word: str, written: list[re.Pattern[str]]) -> bool:
    """Whether it is Latin letters and look-alikes, or look-alikes of a script in which nothing else is written."""
    if len(word) < SHORTEST_GREEK and _GREEK_LETTER.search(word):
        return False
    letters = [letter for letter in word if letter.isalpha()]
    if any(not letter.isascii() and letter not in _LOOKALIKE for letter in letters):
        return False
    return any(letter.isascii() for letter in letters) or not any(script.search(word) for script in written)


_OWN = "".join(chr(code) for code in range(0x370, 0x590) if chr(code).isalpha() and chr(code) not in _LOOKALIKE)
_FOREIGN_WORD = f"[{_OWN}][{_ANY_SCRIPT}]|[{_ANY_SCRIPT}][{_OWN}]"


def holds_foreign_words(texts: Any) -> npt.NDArray[np.bool_]:
    """Which texts of an Arrow array hold words of those scripts that look like nothing Latin, shape (texts,)."""
    found = pc.match_substring_regex(texts, _FOREIGN_WORD)
    return np.asarray(pc.fill_null(found, fill_value=False))
