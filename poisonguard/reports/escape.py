r"""The one layer that makes text from the data safe to show.

Rules:

1. A character that cannot be seen, moves the cursor, reorders text or hides in it is shown as ``\u{XXXX}``:
   control, format, bidi, zero-width, surrogate, private, unassigned and filler characters, variation selectors,
   spaces other than the ordinary one, and combining marks stacked higher than any script stacks them.
2. A backslash before ``u{`` is shown the same way, so that nothing the data say can look like rule 1's output:
   what was there can always be told from what is shown.
3. A command to the CI system that reads the log (``::error::``, ``##[group]``, ``##vso[...]``) is broken the same way.
4. Each surface then escapes what is special to it: HTML, Markdown, spreadsheet cells, CI annotations.

Text that went through the first three rules is a ``Shown``; showing it twice changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup
from markupsafe import escape as escape_html


class Shown(str):
    """Text whose every character can be seen; what is derived from it is plain text again."""

    __slots__ = ()


LONGEST_STACK = 3
"""Combining marks on one letter: Vietnamese, Hebrew and Thai need up to three."""

_VISIBLE_SPACE = "\u3000"
"""The ideographic space is as wide as a letter: it hides nothing and East Asian text is full of it."""

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
_RANGES = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))

_SUSPECT = re.compile(
    r"[^ -~]"
    r"|\\(?=u\{)"
    r"|:(?=:[A-Za-z].*?::)"  # GitHub Actions: ::command name=value::message
    r"|(?<!\S):(?=:[A-Za-z])"  # its beginning, which another text on the same line could end
    r"|\#(?=\#[A-Za-z]*\[)",  # ##[command] and ##vso[command] (Azure), ##teamcity[command]
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\u\{[0-9A-F]{4,6}\}")
_FORMULA = tuple("=+-@'\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_MARKDOWN = re.compile(
    r"[\\`*_{}\[\]<>&~$|#]"
    r"|:(?=//)|(?<=www)\."  # what GitHub turns into links unasked
    r"|^[-+=]|(?<=^\d)[.)](?=\s|$)"  # what would start a list or underline a heading
)
_BACKTICKS = re.compile(r"`+")


def visible(text: str) -> Shown:
    """Rules 1 to 3: nothing hidden, nothing that steers a terminal or a CI log."""
    if isinstance(text, Shown):
        return text
    return Shown(_SUSPECT.sub(_show, text))


def restore(shown: str) -> str:
    """What ``visible`` was given."""
    return _ESCAPE.sub(lambda match: chr(int(match[0][3:-1], 16)), shown)


def terminal(text: str) -> Shown:
    """Text for a terminal or a log: one line, no control bytes."""
    return visible(text)


def html(text: str) -> Markup:
    """Text for an HTML element or a quoted attribute."""
    return escape_html(str(visible(text)))


def html_marked(text: str) -> Markup:
    """Text for an HTML element, hidden characters set apart."""
    escaped = str(html(text))
    return Markup(_ESCAPE.sub(r'<i class="hid">\g<0></i>', escaped))  # noqa: S704 - escaped on the line above


def markdown(text: str) -> str:
    """Text inside a Markdown paragraph or table cell: no markup, links, mentions or issue references."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", visible(text))
    # GitHub finds mentions after rendering, where a backslash no longer protects: part the sign from the name.
    return escaped.replace("@", "@<!-- -->").replace("\\#", "\\#<!-- -->")


def markdown_code(text: str) -> str:
    """Text as a Markdown code span that also survives inside a table."""
    shown = visible(text) or " "
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|")


def csv_cell(text: str) -> str:
    """Text for a spreadsheet cell: formulas are defused by a leading apostrophe, plain numbers are left alone."""
    shown = visible(text)
    if shown.startswith(_FORMULA) and not _NUMBER.fullmatch(shown):
        return f"'{shown}"
    return shown


def ci_annotation(text: str) -> str:
    """Text for the message or a property of a GitHub Actions annotation."""
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def encodable(text: str) -> str:
    """Text that UTF-8 can carry: lone surrogates (from undecodable file names) are shown, all else is kept."""
    return re.sub("[\ud800-\udfff]", _show, text)


def prose(text: str) -> str:
    """Text of a card on one line, whatever way its YAML was folded."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A window on a value, around the suspicious part; ``cut_*`` count the characters left out on each side."""

    before: Shown
    marked: Shown
    after: Shown
    cut_before: int
    cut_after: int

    @property
    def text(self) -> Shown:
        """The window without the mark, dots where text was left out."""
        first, last = "…" if self.cut_before else "", "…" if self.cut_after else ""
        return Shown(f"{first}{self.before}{self.marked}{self.after}{last}")


def excerpt(text: str, mark: str | None = None, limit: int = 160) -> Excerpt:
    """The part of ``text`` around ``mark`` (or its start) that takes up to ``limit`` visible characters."""
    found = text.find(mark) if mark else -1
    start, length = (found, len(mark or "")) if found >= 0 else (0, 0)
    base = max(0, start - limit)
    # Every character shows as at least one, so more than ``limit`` on either side can never fit.
    atoms = _atoms(text[base : start + min(length, limit) + limit])
    first, last = start - base, start - base + min(length, limit)
    marked = _fit(atoms[first:last], 2 * limit // 3)
    room = limit - _width(atoms[first : first + marked])
    # What follows a mark that was cut would read as if it stood right behind it.
    after = _fit(atoms[last:], room - min(room // 2, _width(atoms[:first]))) if marked == length else 0
    room -= _width(atoms[last : last + after])
    before = _fit(atoms[:first][::-1], room)
    return Excerpt(
        _join(atoms[first - before : first]),
        _join(atoms[first : first + marked]),
        _join(atoms[last : last + after]) if marked == length else Shown(),
        base + first - before,
        len(text) - start - marked - after,
    )


def shorten(text: str, limit: int = 160) -> Shown:
    """The start of ``text`` in up to ``limit`` visible characters, dots where it was cut."""
    return excerpt(text, limit=limit).text


def _show(match: re.Match[str]) -> str:
    character = match[0]
    if character.isascii() or _hidden(character) or _stacked(match):
        return f"\\u{{{ord(character):04X}}}"
    return character


def _hidden(character: str) -> bool:
    if character in _FILLERS or any(low <= ord(character) <= high for low, high in _RANGES):
        return True
    return not character.isprintable() and character != _VISIBLE_SPACE


def _stacked(match: re.Match[str]) -> bool:
    """Whether a combining mark stands on too many others."""
    if not unicodedata.combining(match[0]):
        return False
    below = match.string[max(0, match.start() - LONGEST_STACK) : match.start()]
    return len(below) == LONGEST_STACK and all(map(unicodedata.combining, below))


def _atoms(text: str) -> list[str]:
    """How each character of ``text`` is shown."""
    atoms = list(text)
    for match in _SUSPECT.finditer(text):
        atoms[match.start()] = _show(match)
    return atoms


def _fit(atoms: Iterable[str], room: int) -> int:
    """How many atoms fit into ``room`` characters."""
    count = 0
    for atom in atoms:
        room -= len(atom)
        if room < 0:
            break
        count += 1
    return count


def _width(atoms: Iterable[str]) -> int:
    return sum(map(len, atoms))


def _join(atoms: Iterable[str]) -> Shown:
    return Shown("".join(atoms))
