"""What a renderer is."""

from __future__ import annotations

from typing import Protocol

from poisonguard.domain.result import ScanResult


class Renderer(Protocol):
    """A pure function from a scan result to one text; it reads no file, clock, terminal or environment."""

    def __call__(self, result: ScanResult, /) -> str:
        """The result as text."""
        ...
