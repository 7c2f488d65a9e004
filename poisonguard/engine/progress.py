"""How long work tells an observer where it is; the engine never prints."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told when a stage starts and how far it is."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """``stage`` begins; ``total`` of ``unit`` (``bytes`` or ``rows``) lie ahead, 0 when unknown."""

    def advance(self, amount: int) -> None:
        """``amount`` more are done; called from worker threads too."""


class Silent:
    """Says nothing."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Nothing."""

    def advance(self, amount: int) -> None:
        """Nothing."""
