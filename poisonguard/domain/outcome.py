"""What became of each check. Silence is not an outcome."""

from __future__ import annotations

from dataclasses import dataclass

from poisonguard.domain.finding import Finding


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the data a check looked at; ``note`` states any sample or cap."""

    rows_seen: int
    rows_total: int
    note: str = ""

    @property
    def full(self) -> bool:
        """Whether every row was looked at."""
        return self.rows_seen >= self.rows_total


@dataclass(frozen=True, slots=True)
class Ran:
    """The check ran; no findings means it looked and found nothing."""

    check: str
    coverage: Coverage
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """The check does not apply or was not possible, for a stated reason."""

    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The check broke; the scan is incomplete."""

    check: str
    error: str


Outcome = Ran | Skipped | Failed
