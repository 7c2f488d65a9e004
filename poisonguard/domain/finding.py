"""One thing a check found, with where, how sure, and compared with what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is (SARIF's words)."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for a note, 2 for an error."""
        return list(Level).index(self)


class Signal(StrEnum):
    """What a finding speaks for; decides the dataset's assessment.

    Only ``POISONING`` makes a dataset suspicious; ``DRIFT`` makes it drifted;
    ``QUALITY`` and ``INTEGRITY`` leave the assessment alone and act through their level.
    """

    POISONING = "poisoning"
    DRIFT = "drift"
    QUALITY = "quality"
    INTEGRITY = "integrity"


@dataclass(frozen=True, slots=True)
class Example:
    """One row shown as evidence. ``values`` are raw text: whoever prints them escapes them.

    ``highlight`` names the suspicious part: (column, exact substring) or nothing.
    """

    path: str
    row: int
    key: str | None
    values: tuple[tuple[str, str], ...]
    highlight: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a check found.

    Attributes:
        check: Card id, for example ``PG-LABEL-002``.
        level: How serious.
        signal: What it speaks for.
        subject: What it is about, stable between scans (``column=price``, ``source=web-7``).
        message: Why it is suspicious, one sentence with numbers.
        compared_with: The reference or the population it was compared with.
        confidence: In [0, 1]; also the score of ``rows`` that no row scorer scores.
        column: Column it concerns, if one.
        path: File it concerns, if one.
        numbers: The evidence, by name.
        rows: Global row numbers (manifest order) it names, sorted; may be a NumPy array.
        row_count: How many rows it concerns; may exceed ``len(rows)`` when rows are not named.
        highlight: Exact text that is suspicious inside ``column``, if one.
        examples: Rows shown as evidence, filled in by the engine.
        private: Whether the values of these rows stay out of reports; ``highlight`` is masked then.
    """

    check: str
    level: Level
    signal: Signal
    subject: str
    message: str
    compared_with: str
    confidence: float
    column: str | None = None
    path: str | None = None
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    rows: Sequence[int] = ()
    row_count: int = 0
    highlight: str | None = None
    examples: tuple[Example, ...] = ()
    private: bool = False

    @property
    def fingerprint(self) -> str:
        """Stable name of the finding: 16 hex digits from check and subject, so that a waiver can name it."""
        # A subject may quote a file name or value that is no valid Unicode.
        name = f"{self.check}\0{self.subject}".encode(errors="surrogatepass")
        return hashlib.sha256(name).hexdigest()[:16]
