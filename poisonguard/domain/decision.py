"""The answer of a scan's policy or of the gate, with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """SLSA verification summary words."""

    PASSED = "PASSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, with a stable code and the exit code it stands for (0 for information)."""

    code: str
    message: str
    exit_code: int
    hint: str = ""


EXIT_PRECEDENCE = (6, 5, 4, 3, 1)


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and every reason for it."""

    verdict: Verdict
    reasons: tuple[Reason, ...]

    @property
    def exit_code(self) -> int:
        """The process exit code: 0 when passed, otherwise the gravest reason's (6 > 5 > 4 > 3 > 1)."""
        codes = {reason.exit_code for reason in self.reasons}
        if self.verdict is Verdict.PASSED:
            return 0
        return next((code for code in EXIT_PRECEDENCE if code in codes), 1)
