"""Fold one partition, anywhere: what was folded before comes out of the work store, the rest is put there.

Rules:

1. A state in the store is named by its sketch, by the name of the partition's content, by the version of the code, and,
   where it depends on them, by the rows of the reference. Nothing else can change it.
2. Small states of one fold lie in one unit with the runs of rows; each bulky one lies in a unit of its own.
3. States are folded, and kept, as if the partition's first file were the dataset's first. Where they are merged they
   are told how many files come before, so files that come and go elsewhere cost no new fold.
4. What is missing is folded in one pass over the rows; what is there is not folded again.
5. A bulky state that no name can say enough of (a sketch of others, a partition without a name) lies in a kept store
   under a name of its own until it is merged, so that no other run takes it for its own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pyarrow as pa

from poisonguard.engine.codeversion import code_version, is_covered
from poisonguard.engine.source import Piece, Run, fresh_block
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IncompleteScan, IntegrityError
from poisonguard.sketches.base import Block, Sketch
from poisonguard.sketches.new_rows import DigestSet, NewRows, only_new

ONCE = "once"
"""Folder of units that one run alone can read."""
RUNS, STATE, KNOWN = "runs", "state", "known"
"""Names of streams in units that hold no state of a sketch by its key."""
SMALL, BULKY = ".small", ".bulky"
RUN_FIELDS = pa.schema(
    [("file", pa.int64()), ("first_row", pa.int64()), ("rows", pa.int64()), ("counts", pa.list_(pa.int64()))]
)

MERGED_AT_ONCE, MERGED_BYTES = 8, 8 << 20
"""States that wait to be merged: merging many at once costs less, and by the laws of sketches gives the same."""

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What is folded, the same for every partition; a plain value that can be pickled.

    Attributes:
        sketches: What to fold.
        store: Where states are put.
        keeps: Whether states outlive this run: only then they are looked for.
        known: Name of the unit with the rows of the reference; nothing without one.
    """

    sketches: tuple[Sketch, ...]
    store: WorkStore
    keeps: bool = False
    known: str | None = None

    def key(self, sketch: Sketch) -> str:
        """What a state is called in a unit."""
        return f"{sketch.key}|{self.known}" if isinstance(sketch, NewRows) else sketch.key

    def folder(self, piece: Piece) -> str:
        """Where the units of a partition are."""
        if not (self.keeps and piece.name):
            return self.own_folder(piece)
        return f"{code_version()}/{piece.name[:2]}/{piece.name}"

    def own_folder(self, piece: Piece) -> str:
        """Where units are that only this run can read: in a store that is kept, nobody else's have that name."""
        return f"{ONCE}/{secrets.token_hex(16) if self.keeps else f'{piece.number:08d}'}"


@dataclass(frozen=True, slots=True)
class Partial:
    """What one partition gives back.

    Attributes:
        small: Small states by the sketch's key.
        bulky: Names of the units that hold the bulky ones, by the sketch's key.
        runs: Its runs of rows.
        reused: Keys of the states that were found, not folded.
        read: Whether its rows were read.
        mended: Units of the user's own store that were spoilt, and were folded again.
    """

    small: dict[str, pa.Table]
    bulky: dict[str, str]
    runs: tuple[Run, ...]
    reused: frozenset[str] = frozenset()
    read: bool = True
    mended: int = 0


class Accumulator:
    """State of one mergeable sketch over the blocks seen so far."""

    def __init__(self, sketch: Sketch) -> None:
        self._sketch = sketch
        self._states: list[pa.Table] = []
        self._bytes = 0

    @property
    def begun(self) -> bool:
        """Whether there is a state yet."""
        return bool(self._states)

    def add(self, state: pa.Table) -> None:
        """Merge one more, now or with those that follow."""
        self._states.append(state)
        self._bytes += state.get_total_buffer_size()
        if len(self._states) > MERGED_AT_ONCE or self._bytes > MERGED_BYTES:
            self._states, self._bytes = [self.state()], 0

    def state(self) -> pa.Table:
        """Everything so far."""
        if len(self._states) != 1:
            self._states = [self._sketch.merge(self._states)]
        return self._states[0]

    def finished(self) -> pa.Table:
        """Everything, as checks are given it."""
        return self._sketch.finished(self.state())


@dataclass(slots=True)
class _Found:
    """What the store holds of one partition."""

    small: dict[str, pa.Table] = field(default_factory=dict)
    bulky: dict[str, str] = field(default_factory=dict)
    runs: tuple[Run, ...] | None = None
    spoilt: int = 0

    def missing(self, job: Job) -> list[Sketch]:
        """What must be folded: everything, when not even the runs are known."""
        if self.runs is None:
            return list(job.sketches)
        held = self.small.keys() | self.bulky.keys()
        return [sketch for sketch in job.sketches if sketch.key not in held]


def fold_piece(job: Job, piece: Piece, told: Told | None = None) -> Partial:
    """States of one partition; ``told`` hears how many rows were folded, as they are."""
    found = _look_up(job, piece) if job.keeps and piece.name else _Found()
    missing = found.missing(job)
    if not missing and found.runs is not None:
        return _placed(job, piece, _all_of(found, found.runs))
    made = _folded(job, piece, missing, told or _nobody)
    reused = _Found() if found.runs is None else found
    small, bulky = reused.small | made.small, reused.bulky | made.bulky
    both = Partial(small, bulky, made.runs, _keys(reused), mended=found.spoilt)
    return _placed(job, piece, both)


def put_known(store: WorkStore, known: DigestSet) -> str:
    """Put the rows of a reference where every worker finds them; the unit's name, by their digest."""
    table = known.table()
    name = _known_name(table)
    if name not in store.names(KNOWN) or not _is_whole(store, name):
        store.put(name, {KNOWN: table})
    return name


def _known_name(table: pa.Table) -> str:
    digest = hashlib.sha256()
    for column in table.columns:
        digest.update(column.to_numpy().tobytes())
    return f"{KNOWN}/{digest.hexdigest()}"


def _is_whole(store: WorkStore, name: str) -> bool:
    """Whether one's own unit is what was put; of a shared store, whoever reads it is told."""
    if not store.mends:
        return True
    try:
        load_known(store, name)
    except (IntegrityError, IncompleteScan):
        return False
    return True


@lru_cache(maxsize=1)
def load_known(store: WorkStore, name: str) -> DigestSet:
    """The rows of a reference; one version of them stays in memory.

    Raises:
        IncompleteScan: They are not there.
        IntegrityError: They are not what the name says.
    """
    unit = store.get(name)
    if unit is None:
        raise IncompleteScan(
            "the rows of the reference are not in the work store",
            hint="Give a store that every machine reaches, and that nobody empties meanwhile: --cache URL.",
        )
    table = unit.table(KNOWN)
    # Every row of the data is held against these: what others could put must be what its name says.
    if _known_name(table) != name:
        raise IntegrityError(f"work store: {name}: not the rows of the reference", hint="Name another work store.")
    return DigestSet.of_table(table)


def _all_of(found: _Found, runs: tuple[Run, ...]) -> Partial:
    return Partial(found.small, found.bulky, runs, _keys(found), read=False, mended=found.spoilt)


def _keys(found: _Found) -> frozenset[str]:
    return frozenset(found.small) | frozenset(found.bulky)


def _nobody(rows: int) -> None:
    del rows


def _placed(job: Job, piece: Piece, partial: Partial) -> Partial:
    """The small states told where the partition's files are in the dataset (rule 3)."""
    if not piece.file:
        return partial
    small = {
        sketch.key: sketch.moved(partial.small[sketch.key], piece.file) for sketch in job.sketches if not sketch.bulky
    }
    runs = tuple(Run(run.file + piece.file, run.first_row, run.rows, run.counts) for run in partial.runs)
    return replace(partial, small=small, runs=runs)


def _look_up(job: Job, piece: Piece) -> _Found:
    folder, found = job.folder(piece), _Found()
    wanted = {job.key(sketch): sketch for sketch in job.sketches if is_covered(sketch)}
    names = job.store.names(folder)
    present = set(names)
    for key, sketch in wanted.items():
        if sketch.bulky and (name := _bulky_name(folder, key)) in present:
            found.bulky[sketch.key] = name
    # The unit that a fold of exactly these sketches has left comes first.
    exact = _small_name(folder, (key for key, sketch in wanted.items() if not sketch.bulky))
    for name in sorted((name for name in names if name.endswith(SMALL)), key=lambda name: name != exact):
        rest = {key for key, sketch in wanted.items() if not sketch.bulky and sketch.key not in found.small}
        if found.runs is not None and not rest:
            break
        held = _held(job.store, name, rest, found)
        found.small |= {wanted[key].key: state for key, state in held.items()}
    return found


def _held(store: WorkStore, name: str, wanted: AbstractSet[str], found: _Found) -> dict[str, pa.Table]:
    """What of the ``wanted`` states one unit holds; its runs are told to ``found``."""
    try:
        unit = store.get(name)
        if unit is None:
            return {}
        held = {key: unit.table(key) for key in wanted & unit.keys}
        found.runs = found.runs or _runs_of(unit.table(RUNS))
    except IntegrityError:
        if not store.mends:
            raise
        store.remove(name)
        found.spoilt += 1
        return {}
    return held


def _folded(job: Job, piece: Piece, sketches: Sequence[Sketch], told: Told) -> Partial:
    folder, own = job.folder(piece), job.own_folder(piece)
    small = {sketch.key: (sketch, Accumulator(sketch)) for sketch in sketches if not sketch.bulky}
    names = {
        sketch.key: _bulky_name(folder if is_covered(sketch) else own, job.key(sketch))
        for sketch in sketches
        if sketch.bulky
    }
    known = None if job.known is None else load_known(job.store, job.known)
    runs: list[Run] = []
    with ExitStack() as stack:
        units = {key: stack.enter_context(job.store.unit(name)) for key, name in names.items()}
        for batch in piece.batches():
            block = fresh_block(batch, piece.file)
            new = block if known is None else only_new(block, known)
            for sketch, accumulator in small.values():
                rows = new if isinstance(sketch, NewRows) else block
                # Of no rows the first block tells at least the columns.
                if rows.table.num_rows or not accumulator.begun:
                    accumulator.add(sketch.fold(_projected(rows, sketch)))
            for sketch in sketches:
                if sketch.bulky:
                    units[sketch.key].append(STATE, sketch.fold(_projected(block, sketch)))
            runs.append(Run(block.file, block.first_row, batch.table.num_rows, batch.counts))
            told(batch.table.num_rows)
    made = {key: accumulator.state() for key, (_, accumulator) in small.items()}
    if job.keeps and piece.name:
        _keep(job, folder, {sketch: made[sketch.key] for sketch, _ in small.values() if is_covered(sketch)}, runs)
    return Partial(made, names if runs else {}, tuple(runs))


def _keep(job: Job, folder: str, made: Mapping[Sketch, pa.Table], runs: Sequence[Run]) -> None:
    states = {job.key(sketch): state for sketch, state in made.items()}
    job.store.put(_small_name(folder, states), {RUNS: _table_of(runs), **states})


def _small_name(folder: str, keys: Iterable[str]) -> str:
    return f"{folder}/{_digest(*sorted(keys))}{SMALL}"


def _bulky_name(folder: str, key: str) -> str:
    return f"{folder}/{_digest(key)}{BULKY}"


def _digest(*keys: str) -> str:
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]


def _table_of(runs: Sequence[Run]) -> pa.Table:
    return pa.table({name: [getattr(run, name) for run in runs] for name in RUN_FIELDS.names}, schema=RUN_FIELDS)


def _runs_of(table: pa.Table) -> tuple[Run, ...]:
    columns = [table[name].to_pylist() for name in RUN_FIELDS.names]
    return tuple(Run(file, row, rows, tuple(counts)) for file, row, rows, counts in zip(*columns, strict=True))


def _projected(block: Block, sketch: Sketch) -> Block:
    if sketch.columns is None:
        return block
    return replace(block, table=block.table.select(list(sketch.columns)))
