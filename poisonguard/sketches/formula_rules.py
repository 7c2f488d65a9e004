"""Cells that a spreadsheet runs when the table is opened in it: commands (DDE), links and fetches.

A cell that merely starts with ``=``, ``+``, ``-`` or ``@`` is counted apart and told only against a reference: numbers
with a sign, user names and lists in Markdown start so too.
"""

from __future__ import annotations

import re

from poisonguard.domain.finding import Level
from poisonguard.sketches.signs import Found, Kind, Rulebook

COMMANDS = Kind("commands that a spreadsheet runs (DDE)", 0.97, Level.ERROR)
FETCHES = Kind("formulas that open or fetch an address", 0.9, Level.WARNING)
FORMULAS_ = Kind("formulas", 0.55, Level.NOTE, min_rows=1)

_COMMAND = re.compile(r"""\A[\s"']*[=+\-@][^\n|]{0,200}\|\s*['"/][^\n!]{0,400}!|\A[\s"']*[=+\-@]\s*(?:DDE|DDEAUTO)\b""")
_FETCH = re.compile(
    r"\A[\s\"']*[=+\-@]\s?[\w.()&,;\"'!$:+*/-]{0,200}?\b(?:HYPERLINK|WEBSERVICE|IMPORT(?:XML|DATA|HTML|FEED|RANGE)|IMAGE|CALL|REGISTER\.ID|EXEC)\s*\(",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\A[=+\-@]\s*[A-Z]{2,}[A-Z0-9.]*\(.{0,400}\)|\A=[A-Z]{1,3}\d+\s*[-+*/:]")


def _find(text: str, beside: str) -> Found:
    del beside
    for kind, pattern in ((COMMANDS, _COMMAND), (FETCHES, _FETCH), (FORMULAS_, _FORMULA)):
        match = pattern.search(text)
        if match:
            return {kind.name: match.group()}
    return {}


FORMULAS = Rulebook("formulas", (COMMANDS, FETCHES, FORMULAS_), r"\A[\s\"']*[=+\-@]", _find)
