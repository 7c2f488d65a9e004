"""The shipped rulebooks, by name."""

from __future__ import annotations

from functools import cache

from poisonguard.sketches.blob_rules import BLOBS
from poisonguard.sketches.code_rules import CODE
from poisonguard.sketches.formula_rules import FORMULAS
from poisonguard.sketches.injection_rules import INJECTIONS
from poisonguard.sketches.personal_rules import PERSONAL
from poisonguard.sketches.secret_rules import SECRETS
from poisonguard.sketches.signs import Rulebook


@cache
def rulebook(name: str) -> Rulebook:
    """The book called ``name``."""
    return next(book for book in (BLOBS, CODE, FORMULAS, INJECTIONS, PERSONAL, SECRETS) if book.name == name)
