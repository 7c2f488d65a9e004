"""The policy: one frozen document, known by its digest, which every scan and approval binds.

Rules, kept by construction (``ConfigurationError`` otherwise):

1. It asks for at least one pack: an empty policy would pass everything.
2. It asks for at least one approver for every assessment.
3. Coverage is 0 to 100 percent; ages are 1 second to 36500 days.
4. Lists that are sets are sorted and hold nothing twice, so that equal policies have equal digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from poisonguard.attest.canonical import digest_of
from poisonguard.attest.times import LONGEST, format_duration
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.result import Assessment
from poisonguard.errors import ConfigurationError

KIND = "poisonguard-policy/v1"
FULL = 100


@dataclass(frozen=True, slots=True)
class WaiverRule:
    """Which findings may be waived, and how.

    Attributes:
        checks: Shell patterns of card ids whose findings may be waived; none allows no waiver.
        approvers: How many approvers must waive the same finding.
        max_age: How long before its expiry a waiver may have been signed.
    """

    checks: tuple[str, ...]
    approvers: int
    max_age: timedelta

    def allows(self, check: str) -> bool:
        """Whether findings of ``check`` may be waived."""
        return any(fnmatchcase(check, pattern) for pattern in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What must be true before a version may be used.

    Attributes:
        name: How people call it.
        packs: Packs that every scan must have run.
        required: Card ids that must have run with full coverage, whatever the packs say.
        fail_on: Findings at this level or above stand in the way unless waived.
        fail_on_poisoning: The same for signs of poisoning; the lower of the two levels holds.
        minimum_coverage: Percent of rows that each check which ran must have seen; at 0 a sample of any size will
            do, so long as there is one.
        approvers: How many approvers each assessment takes.
        scan_max_age: How old a scan may be at the gate.
        approval_max_age: How long an approval may hold.
        waivers: Which findings may be waived, and how.
        fips: Whether only FIPS-approved algorithms will do: chunk trees of SHA-256, and signatures.
    """

    name: str
    packs: tuple[str, ...]
    required: tuple[str, ...]
    fail_on: Level
    fail_on_poisoning: Level
    minimum_coverage: int
    approvers: Mapping[Assessment, int]
    scan_max_age: timedelta
    approval_max_age: timedelta
    waivers: WaiverRule = field(default_factory=lambda: WaiverRule((), 1, timedelta(days=1)))
    fips: bool = False

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ConfigurationError(f"policy {self.name!r}: {problem}", hint="See docs/reference/policy.md.")

    def level_for(self, signal: Signal) -> Level:
        """The level from which findings that speak for ``signal`` stand in the way."""
        if signal is not Signal.POISONING:
            return self.fail_on
        return min(self.fail_on, self.fail_on_poisoning, key=lambda level: level.rank)

    def to_json(self) -> dict[str, Any]:
        """The policy as JSON; what its digest is taken of."""
        written = {
            "kind": KIND,
            "name": self.name,
            "packs": list(self.packs),
            "required": list(self.required),
            "failOn": str(self.fail_on),
            "failOnPoisoning": str(self.fail_on_poisoning),
            "minimumCoverage": self.minimum_coverage,
            "approvers": {str(word): self.approvers[word] for word in Assessment},
            "scanMaxAge": format_duration(self.scan_max_age),
            "approvalMaxAge": format_duration(self.approval_max_age),
            "waivers": {
                "checks": list(self.waivers.checks),
                "approvers": self.waivers.approvers,
                "maxAge": format_duration(self.waivers.max_age),
            },
        }
        # Left out where it is not asked for, so that older policies keep their digests.
        return written | {"fips": True} if self.fips else written


def policy_digest(policy: Policy) -> str:
    """Hex SHA-256 of the policy's canonical JSON."""
    return digest_of(policy.to_json())


def _problem(policy: Policy) -> str:
    """The first rule that is broken, or nothing."""
    sets = {"packs": policy.packs, "required": policy.required, "waivers": policy.waivers.checks}
    unsorted = [name for name, values in sets.items() if list(values) != sorted(set(values)) or not all(values)]
    fewest = min(policy.waivers.approvers, *(policy.approvers.get(word, 0) for word in Assessment))
    ages = sorted((policy.scan_max_age, policy.approval_max_age, policy.waivers.max_age))
    problems = {
        "has no name": not policy.name,
        "asks for no pack; empty means refuse": not policy.packs,
        f"{', '.join(unsorted)}: not sorted, or something is empty or there twice": bool(unsorted),
        "asks for fewer than one approver": fewest < 1,
        f"minimum coverage is {policy.minimum_coverage}, not 0 to 100 percent": not _is_percent(policy),
        "an age is not 1 second to 36500 days": not timedelta(seconds=1) <= ages[0] <= ages[-1] <= LONGEST,
    }
    return next((problem for problem, present in problems.items() if present), "")


def _is_percent(policy: Policy) -> bool:
    return 0 <= policy.minimum_coverage <= FULL
