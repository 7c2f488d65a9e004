"""A pack of one check, so that a scan can be timed beside a peer that does that one thing."""

from __future__ import annotations

from pathlib import Path


def only(card: str, folder: Path) -> Path:
    """A pack file with that check."""
    path = folder / f"only-{card.lower()}.yaml"
    path.write_text(f"name: only\nwhat: One check alone, to be timed.\nchecks:\n  - card: {card}\n", encoding="utf-8")
    return path
