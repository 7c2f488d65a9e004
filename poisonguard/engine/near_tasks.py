"""One task of the search for near duplicates, run anywhere; and which tasks there are, in which order.

Rules:

1. A task reads units by name and puts one, atomically; the same task puts the same bytes.
2. A task whose inputs are not there yet says which stage comes first; it never goes on with a part of them.
3. Stages, tasks and the fan-in of joins follow from the plan, that is from the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from poisonguard.engine import near_stages
from poisonguard.engine.near_plan import Plan, Work, plan_of
from poisonguard.engine.near_stages import Inputs, Put
from poisonguard.errors import IncompleteScan

FAN = 32
"""Units that one join reads."""

JOIN = "join"
PARTS: dict[str, Callable[[Plan, Inputs, int, Put], None]] = {
    "digests": near_stages.digests,
    "bands": near_stages.bands,
    "gather": near_stages.gather,
}
"""Stages with a task for each part."""
SEGMENTS: dict[str, Callable[[Plan, Inputs, int, Put], None]] = {
    "copies": near_stages.copies,
    "buckets": near_stages.buckets,
    "verify": near_stages.verify,
}
"""Stages with a task for each segment."""
ORDER = ("digests", "copies", "bands", "buckets", "gather", "verify")
PAIRED = ("copies", "verify")
"""Stages that find pairs."""

Named = tuple[str, int]
"""Stage and number of a unit."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Tasks that may run side by side.

    Attributes:
        name: What it is called.
        tasks: How many.
        joins: Of a join, the units that its tasks join, ``FAN`` each.
    """

    name: str
    tasks: int
    joins: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a task has put: bytes of its streams."""

    number: int
    size: int


def stages_of(plan: Plan) -> list[Stage]:
    """All stages in their order; the last has one task."""
    stages = [Stage(name, plan.parts if name in PARTS else plan.facts.segments) for name in ORDER]
    units: Sequence[Named] = [(name, number) for name in PAIRED for number in range(plan.facts.segments)]
    while len(stages) == len(ORDER) or len(units) > 1:
        level = Stage(f"{JOIN}-{len(stages) - len(ORDER) + 1}", -(-len(units) // FAN), tuple(units))
        stages.append(level)
        units = [(level.name, number) for number in range(level.tasks)]
    return stages


def run_task(work: Work, stage: str, number: int) -> Receipt:
    """Do one task and put what it makes."""
    made = made_by(work, stage, number)
    work.store.put(work.unit(stage, number), made)
    return Receipt(number, sum(table.nbytes for table in made.values()))


def made_by(work: Work, stage: str, number: int) -> dict[str, pa.Table]:
    """What a task makes, by stream.

    Raises:
        IncompleteScan: A stage that comes before is not done.
    """
    plan, made = plan_of(work), dict[str, pa.Table]()

    def put(stream: str, columns: dict[str, Any]) -> None:
        made[stream] = pa.table(columns)

    inputs = _Stored(work, plan)
    if stage in PARTS:
        PARTS[stage](plan, inputs, number, put)
    elif stage in SEGMENTS:
        SEGMENTS[stage](plan, inputs, number, put)
    else:
        joins = next(item for item in stages_of(plan) if item.name == stage).joins
        units = joins[number * FAN : (number + 1) * FAN]
        near_stages.join(partial(inputs.of, units), put)
    return made


class _Stored:
    """Units in the work store."""

    def __init__(self, work: Work, plan: Plan) -> None:
        self._work, self._plan = work, plan

    def each(self, stage: str, stream: str) -> Iterator[tuple[int, pa.Table]]:
        """The streams of one name, unit by unit."""
        for number in range(self._plan.parts if stage in PARTS else self._plan.facts.segments):
            table = self.one(stage, number, stream)
            if table is not None:
                yield number, table

    def one(self, stage: str, number: int, stream: str) -> pa.Table | None:
        """One stream.

        Raises:
            IncompleteScan: The unit is not there.
        """
        unit = self._work.store.opened(self._work.unit(stage, number))
        if unit is None:
            raise IncompleteScan(
                f"the stage {stage} comes first: its task {number} is not done",
                hint=f"Run --stage {stage.partition('-')[0]} for every shard, or let the scan do it.",
            )
        return unit.table(stream) if stream in unit.keys else None

    def of(self, units: Sequence[Named], stream: str) -> Iterator[pa.Table]:
        """The streams of one name in some units."""
        for stage, number in units:
            table = self.one(stage, number, stream)
            if table is not None:
                yield table
