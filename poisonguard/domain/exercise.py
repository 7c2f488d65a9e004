"""What a red team exercise says: attacks planted in copies of a dataset, and what the scan made of each copy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from poisonguard.domain.decision import Verdict
from poisonguard.domain.result import Assessment


class Notice(StrEnum):
    """How well a scan saw an attack.

    ``CAUGHT``: a finding is about it and half of its rows or more rank above 99 % of the honest ones.
    ``NOTICED``: a finding is about it, but most of its rows do not rank that high.
    ``MISSED``: no finding is about it.
    """

    CAUGHT = "caught"
    NOTICED = "noticed"
    MISSED = "missed"


HALF = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """One attack at one strength, and what the scan of that copy said.

    Attributes:
        rate: Share of the data's rows that were poisoned; of planted files, their share of all files.
        poisoned: How many rows, or files, that is.
        what: What was planted, one phrase.
        recall: Share of the poisoned rows that score above all but 1 % of the honest rows.
        assessment: The scan's word for the copy.
        verdict: What the policy would have made of the copy: whether training would have started.
        checks: Checks with a finding about the attack, sorted.
        unit: What was counted: a row or a file.
    """

    rate: float
    poisoned: int
    what: str
    recall: float
    assessment: Assessment
    verdict: Verdict
    checks: tuple[str, ...]
    unit: str = "row"

    @property
    def notice(self) -> Notice:
        """How well the scan saw it."""
        if not self.checks:
            return Notice.MISSED
        return Notice.CAUGHT if self.recall >= HALF else Notice.NOTICED


@dataclass(frozen=True, slots=True)
class AttackTrials:
    """One attack at rising strength; ``trials`` is never empty."""

    name: str
    family: str
    reference: str
    published: str
    trials: tuple[Trial, ...]

    @property
    def smallest_caught(self) -> Trial | None:
        """The trial with the fewest rows that was caught."""
        return next((trial for trial in self.trials if trial.notice is Notice.CAUGHT), None)

    @property
    def best(self) -> Notice:
        """The best that any strength was seen."""
        seen = {trial.notice for trial in self.trials}
        return next(notice for notice in Notice if notice in seen)


@dataclass(frozen=True, slots=True)
class AttackSkipped:
    """An attack that cannot run on this data, and why."""

    name: str
    family: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """Everything a red team exercise says.

    Attributes:
        tool_version: Version of poisonguard.
        dataset: Name of the dataset.
        rows: Rows of each copy, before rows are added.
        total_rows: Rows of the dataset; more than ``rows`` when a sample was taken.
        seed: What every attack was drawn with.
        reference: What the copies were compared with, or nothing.
        pack: Names of the packs, joined by ``+``.
        policy_digest: Hex SHA-256 of the policy.
        clean: The scan's word for the copy without any attack.
        clean_verdict: What the policy makes of that copy.
        clean_checks: Checks with findings at warning level or above on that copy, sorted.
        attacks: What was tried, in the order of the families.
        skipped: What was not, and why.
        incomplete: Scans in which a required check said nothing, by attack; empty when all were whole.
    """

    tool_version: str
    dataset: str
    rows: int
    total_rows: int
    seed: int
    reference: str | None
    pack: str
    policy_digest: str
    clean: Assessment
    clean_verdict: Verdict
    clean_checks: tuple[str, ...]
    attacks: tuple[AttackTrials, ...]
    skipped: tuple[AttackSkipped, ...]
    incomplete: tuple[str, ...] = ()

    def seen(self, notice: Notice) -> tuple[AttackTrials, ...]:
        """The attacks whose best trial was seen so well."""
        return tuple(attack for attack in self.attacks if attack.best is notice)
