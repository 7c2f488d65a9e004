"""Which sketches to fold: what every check needs, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from poisonguard.domain.outcome import Failed, Outcome, Skipped
from poisonguard.errors import ConfigurationError
from poisonguard.plugin.check import Check, Context, NotApplicable
from poisonguard.sketches.base import Sketch
from poisonguard.sketches.new_rows import NewRows


@dataclass(frozen=True, slots=True)
class Plan:
    """Checks that will run, the sketches they need, and what became of the others.

    Attributes:
        checks: Checks that will run.
        sketches: What they need, each once.
        outcomes: What became of the others.
        needs: What each of ``checks`` needs, in their order.
    """

    checks: tuple[Check[Any], ...]
    sketches: tuple[Sketch, ...]
    outcomes: tuple[Outcome, ...]
    needs: tuple[tuple[Sketch, ...], ...] = ()

    def sketches_of(self, columns: Sequence[str]) -> tuple[Sketch, ...]:
        """The sketches that a reference with these columns can be folded with."""
        held = set(columns)
        return tuple(item for item in self.lasting if item.columns is None or held.issuperset(item.columns))

    @property
    def lasting(self) -> tuple[Sketch, ...]:
        """The sketches that say something of a version by itself, whatever it is compared with."""
        return tuple(sketch for sketch in self.sketches if not isinstance(sketch, NewRows))


def plan(checks: Sequence[Check[Any]], context: Context, always: Sequence[Sketch] = ()) -> Plan:
    """Ask every check what it needs; a check that breaks is an outcome, not an end.

    Raises:
        ConfigurationError: A contract or parameter that the user gave is wrong.

    Args:
        checks: Checks in order.
        context: What is known before any row is read.
        always: Sketches to fold whatever the checks say.
    """
    sketches = {sketch.key: sketch for sketch in always}
    running: list[Check[Any]] = []
    outcomes: list[Outcome] = []
    needed: list[tuple[Sketch, ...]] = []
    for check in checks:
        try:
            needs = check.needs(context)
        except ConfigurationError:
            # What the user gave is wrong: that is theirs to mend, not an outcome.
            raise
        except Exception as error:  # noqa: BLE001 - a broken detector must not hide the others: it is recorded as failed
            outcomes.append(Failed(check.card.id, describe(error)))
            continue
        if isinstance(needs, NotApplicable):
            outcomes.append(Skipped(check.card.id, needs.reason))
            continue
        sketches.update((sketch.key, sketch) for sketch in needs)
        running.append(check)
        needed.append(tuple(needs))
    return Plan(tuple(running), tuple(sketches.values()), tuple(outcomes), tuple(needed))


def describe(error: Exception) -> str:
    """One line for an error that a detector raised."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
