"""The gate before one folder of data, for worlds in which one thing is wrong at a time."""

from pathlib import Path
from typing import Any

from evidence_world import World
from simulator import NOW

from poisonguard.attest.trust import pin_of
from poisonguard.store.bundle import Bundle, dump, load
from poisonguard.workflow.gate import gate
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_memory import GateState, Passed


class Gate:
    """The gate before one folder, for one world."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, world: World, bundle: Bundle | None = None, **changes: Any) -> GateDecision:
        defaults: dict[str, Any] = {"trust_pin": pin_of(world.root_bytes), "policy": world.policy, "now": NOW}
        bundle = bundle or world.bundle()
        if "trust_pin" not in changes:
            changes["trust_pin"] = pin_of(bundle.trust_roots[0])
        return gate(str(self.folder), load(dump(bundle)), **(defaults | changes))


def codes(decision: GateDecision) -> set[str]:
    """Codes of the reasons that speak against."""
    return {reason.code for reason in decision.decision.reasons if reason.exit_code}


def notes(decision: GateDecision) -> set[str]:
    """Codes of the reasons that only inform."""
    return {reason.code for reason in decision.decision.reasons if not reason.exit_code}


def seen(**numbers: int) -> GateState:
    """What a gate remembers that let these versions pass, of which it knows the numbers only."""
    return GateState({name: (Passed(number),) for name, number in numbers.items()})


def refused(decision: GateDecision, code: str, exit_code: int = 5) -> None:
    assert code in codes(decision)
    assert (decision.passed, decision.exit_code) == (False, exit_code)
