"""Merge what partitions give, in manifest order.

Rules:

1. Small states are merged as they come; bulky ones are joined where they lie, mapped, or in one file where they are
   many, or where others can write to them.
2. What was found in a store and vanished before it was merged (a prune, say) is folded again, and so is what the disk
   has spoilt in a store of the user's own. What another machine has just put and this one cannot see is an error.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from poisonguard.engine.piecework import ONCE, STATE, Accumulator, Job, Partial
from poisonguard.engine.source import Run
from poisonguard.engine.spool import Collector, Spool
from poisonguard.errors import IncompleteScan, IntegrityError

MOST_MAPPED = 4_096
MOST_AGAIN = 3
"""Times that a partition is folded again before somebody is told."""


@dataclass(frozen=True, slots=True)
class Folded:
    """States by sketch key, and the runs of rows they were folded from, in manifest order.

    Attributes:
        states: State by sketch key.
        runs: Runs of rows.
        units: Of bulky states that stay in the store, the units that hold them and their rows, in manifest order.
        mended: Units of the user's own store that were spoilt, and were folded again.
    """

    states: dict[str, pa.Table]
    runs: tuple[Run, ...]
    units: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    mended: int = 0


class Merging:
    """Merges what partitions give.

    Args:
        job: What every partition was told.
        spool: Where joined states lie.
        own: Whether what was just folded was put by this very process.
    """

    def __init__(self, job: Job, spool: Spool, *, own: bool) -> None:
        self._job = job
        self._own = own
        self._small = {sketch.key: Accumulator(sketch) for sketch in job.sketches if not sketch.bulky}
        self._bulky = {sketch.key: Collector(spool.path("state.arrow")) for sketch in job.sketches if sketch.bulky}
        self._units: dict[str, list[tuple[str, int]]] = {key: [] for key in self._bulky}
        self._runs: list[Run] = []
        self._mapped = 0 if job.store.shared else _most_mapped()
        self._mended = 0

    def add(self, found: Partial, again: Callable[[], Partial]) -> None:
        """The next partition's, folded ``again`` where a state is gone.

        Raises:
            IncompleteScan: A state is not there, however often it is folded.
        """
        self._mended += found.mended
        if not found.runs:
            return
        for key, accumulator in self._small.items():
            accumulator.add(found.small[key])
        for key, collector in self._bulky.items():
            state, found = self._bulky_state(key, found, again)
            collector.append(state, mapped=self._mapped > 0)
            self._mapped -= 1
            self._units[key].append((found.bulky[key], state.num_rows))
            if found.bulky[key].startswith(f"{ONCE}/"):
                self._job.store.remove(found.bulky[key])
        self._runs.extend(found.runs)

    def folded(self) -> Folded:
        """Everything."""
        states = {key: accumulator.finished() for key, accumulator in self._small.items()}
        if self._runs:
            states |= {key: collector.table() for key, collector in self._bulky.items()}
        units = {key: tuple(units) for key, units in self._units.items() if _stay(units)}
        return Folded(states, tuple(self._runs), units, self._mended)

    def _bulky_state(self, key: str, found: Partial, again: Callable[[], Partial]) -> tuple[pa.Table, Partial]:
        """A bulky state, and where the partition's states are now."""
        for _ in range(MOST_AGAIN):
            state = self._read(found.bulky[key], own=self._own and key not in found.reused)
            if state is not None:
                return state, found
            if self._job.store.shared and not self._own and key not in found.reused:
                break
            found = self._instead(found, again())
        raise IncompleteScan(
            "a worker's state is not in the work store",
            hint="Give a store that every machine reaches, and that nobody empties meanwhile: --cache URL.",
        )

    def _read(self, name: str, *, own: bool) -> pa.Table | None:
        """The state in a unit; nothing where it is gone, or was spoilt in a store that is mended."""
        store = self._job.store
        try:
            unit = store.get(name, own=own)
            return None if unit is None else unit.table(STATE)
        except IntegrityError:
            if not store.mends:
                raise
            store.remove(name)
            self._mended += 1
            return None

    def _instead(self, before: Partial, after: Partial) -> Partial:
        """The partition folded again; what nobody will ask for any more is removed."""
        for key, name in before.bulky.items():
            if name.startswith(f"{ONCE}/") and name != after.bulky[key]:
                self._job.store.remove(name)
        return after


def _most_mapped() -> int:
    """Units of one fold that stay mapped: each keeps a file open."""
    return min(MOST_MAPPED, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)


def _stay(units: Sequence[tuple[str, int]]) -> bool:
    return not any(name.startswith(f"{ONCE}/") for name, _ in units)
