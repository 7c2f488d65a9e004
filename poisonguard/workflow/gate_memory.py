"""What the gate remembers from one time to the next: values, and their file's bytes.

Rules:

1. A version that passed sets a floor: lower numbers are refused. When it is revoked, what passed before it sets it.
2. Of each dataset the ``MOST`` highest numbers are kept; when all of them are revoked, the lowest is the floor.
3. A number that passed stands for that version and no other.
4. What is authentic whatever the decision (numbers of trust roots and of lists of revocations) is remembered even when
   the data do not pass: who was told that a version is revoked cannot be made to forget it.
5. A pass for which no bytes were compared is no version that passed: only its time is remembered.
6. The file says of what kind it is; those of the first kind, which knew numbers only, are read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields
from poisonguard.attest.revocations_v1 import RevocationsDocument
from poisonguard.attest.times import format_time
from poisonguard.workflow.gate_decision import GateDecision

FIRST_KIND = "poisonguard-gate-state/v1"
STATE_KIND = "poisonguard-gate-state/v2"
MOST = 64
"""Versions that are remembered of each dataset."""


@dataclass(frozen=True, slots=True, order=True)
class Passed:
    """A version that passed; its name is empty where only the number was remembered."""

    number: int
    version: str = ""

    def is_revoked(self, dataset: str, revocations: RevocationsDocument) -> bool:
        """Whether the list names it."""
        return any(
            item.dataset == dataset and (item.version == self.version if self.version else item.number == self.number)
            for item in revocations.versions
        )


@dataclass(frozen=True, slots=True)
class GateState:
    """What earlier gates saw on this machine; refuses rollback.

    Attributes:
        passed: Versions that passed, by dataset, lowest number first.
        latest: Time of the latest passing gate.
        trust_version: Highest version of the trust root seen.
        revocations: Highest number of a list of revocations seen.
    """

    passed: Mapping[str, tuple[Passed, ...]] = field(default_factory=lambda: MappingProxyType({}))
    latest: datetime | None = None
    trust_version: int = 0
    revocations: int = 0

    @property
    def numbers(self) -> Mapping[str, int]:
        """Highest version number that passed, by dataset."""
        return {dataset: max(passed).number for dataset, passed in self.passed.items()}

    def floor(self, dataset: str, revocations: RevocationsDocument | None) -> int:
        """The lowest version number that is no rollback; 0 when any will do."""
        passed = self.passed.get(dataset, ())
        good = [item for item in passed if revocations is None or not item.is_revoked(dataset, revocations)]
        if good:
            return max(good).number
        return min(passed).number if len(passed) >= MOST else 0

    def other_version(self, dataset: str, number: int, version: str) -> str | None:
        """The other version that passed under the same number, if there is one."""
        named = (item.version for item in self.passed.get(dataset, ()) if item.number == number)
        return next((name for name in named if name and name != version), None)

    def to_bytes(self) -> bytes:
        """The state as a file's bytes."""
        return canonical(
            {
                "kind": STATE_KIND,
                "passed": [
                    {"dataset": name, "number": item.number, "version": item.version}
                    for name in sorted(self.passed)
                    for item in self.passed[name]
                ],
                "latest": None if self.latest is None else format_time(self.latest),
                "trustVersion": self.trust_version,
                "revocations": self.revocations,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> GateState:
        """The state in a file's bytes.

        Raises:
            IntegrityError: It is malformed, or of a kind that is not known here.
        """
        value = parse(data, what="gate state")
        fields = Fields(value, "gate state")
        first = value.get("kind") == FIRST_KIND
        fields.literal("kind", FIRST_KIND if first else STATE_KIND)
        passed = fields.items("seen", _seen) if first else fields.items("passed", _passed)
        latest = fields.take("latest")
        state = cls(
            passed=_by_dataset(passed),
            latest=None if latest is None else Fields({"at": latest}, "gate state.latest").time("at"),
            trust_version=fields.integer("trustVersion"),
            revocations=0 if first else fields.integer("revocations"),
        )
        fields.done()
        if len(set(passed)) != len(passed):
            raise fields.refusal("names a version twice")
        return state

    def after(self, decision: GateDecision) -> GateState:
        """The state to remember after ``decision``: rules 4 and 5."""
        evidence = decision.evidence
        lists = 0 if evidence.revocations is None else evidence.revocations.number
        state = replace(
            self,
            trust_version=max(evidence.trust_version, self.trust_version),
            revocations=max(lists, self.revocations),
        )
        if not decision.passed or evidence.dataset is None or evidence.version is None:
            return state
        state = replace(state, latest=max(evidence.checked, self.latest or evidence.checked))
        if not evidence.bytes_compared:
            return state
        passed = self._with(evidence.dataset, evidence.number, evidence.version)
        return replace(state, passed={**self.passed, evidence.dataset: passed})

    def _with(self, dataset: str, number: int, version: str) -> tuple[Passed, ...]:
        now = Passed(number, version)
        known = {item for item in self.passed.get(dataset, ()) if item != Passed(number)}
        return tuple(sorted(known | {now})[-MOST:])


def _by_dataset(passed: Iterable[tuple[str, Passed]]) -> dict[str, tuple[Passed, ...]]:
    found: dict[str, tuple[Passed, ...]] = {}
    for dataset, item in passed:
        found[dataset] = tuple(sorted((*found.get(dataset, ()), item)))
    return found


def _passed(value: Any, where: str) -> tuple[str, Passed]:
    fields = Fields(value, where)
    dataset, number = fields.text("dataset"), fields.integer("number", minimum=1)
    version = fields.text("version", empty=True)
    fields.done()
    if version:
        Fields({"version": version}, where).version("version")
    return dataset, Passed(number, version)


def _seen(value: Any, where: str) -> tuple[str, Passed]:
    fields = Fields(value, where)
    pair = fields.text("dataset"), Passed(fields.integer("number", minimum=1))
    fields.done()
    return pair
