"""What is settled before near duplicates are looked for on an engine: one unit in the work store that every task reads.

Rules:

1. The plan follows from what is compared (names of the units that hold the shingle sets, which documents are eligible,
   seed and threshold) and is named by it: whoever asks the same question finds the same plan, and what was done of it.
2. How finely the work is cut follows from the number of documents, never from that of workers.
3. A document's number is its row among all rows, the candidate's first: the same as in ``kernels.neighbours``.
4. The name says what was asked, not what lies under it: a plan that is found, and sets that no fold has put, are
   compared with those that follow.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.engine.codeversion import code_version
from poisonguard.engine.piecework import STATE
from poisonguard.engine.workstore import FORGED, Unit, WorkStore
from poisonguard.errors import IncompleteScan, IntegrityError
from poisonguard.kernels.buckets import place_bits
from poisonguard.kernels.neighbours import Documents
from poisonguard.kernels.prints import Indices
from poisonguard.sketches.fingerprints import documents

FOLDER, PLAN = "near", "plan"
PART = 1 << 16
"""Documents of one map task: 20 MB of band keys."""
SEGMENT = 1 << 17
"""Documents for one reduce task: 40 MB of band keys."""
FACTS = pa.schema(
    [
        ("threshold", pa.float64()),
        ("seed", pa.uint64()),
        ("limit", pa.int64()),
        ("segment_bits", pa.int64()),
        ("documents", pa.int64()),
    ]
)
SPANS = pa.schema([("part", pa.int64()), ("unit", pa.string()), ("start", pa.int64()), ("rows", pa.int64())])


@dataclass(frozen=True, slots=True)
class Span:
    """Some rows of a unit of shingle sets."""

    unit: str
    start: int
    rows: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked for, and how the work is cut.

    Attributes:
        threshold: Jaccard similarity.
        seed: 64 bits, of digests and permutations.
        limit: Largest bucket of which all pairs are compared.
        segment_bits: Keys are shuffled by so many of their first bits.
        documents: How many there are, eligible or not.
    """

    threshold: float
    seed: int
    limit: int
    segment_bits: int
    documents: int

    @property
    def segments(self) -> int:
        """Into how many parts a shuffle sorts."""
        return 1 << self.segment_bits


@dataclass(frozen=True, slots=True)
class Work:
    """Where a plan is; a plain value that can be pickled.

    Attributes:
        store: Where units lie.
        folder: Where in it those of this plan are.
    """

    store: WorkStore
    folder: str

    def unit(self, stage: str, number: int) -> str:
        """Name of what one task puts."""
        return f"{self.folder}/{stage}/{number:06d}"

    @property
    def plan(self) -> str:
        """Name of the plan."""
        return f"{self.folder}/{PLAN}"


class Plan:
    """A plan as it is read by a task."""

    def __init__(self, store: WorkStore, unit: Unit) -> None:
        self._store, self._unit = store, unit
        self.facts = Facts(**unit.table("facts").to_pylist()[0])
        self._spans = _grouped(unit.table("spans"))

    @property
    def parts(self) -> int:
        """Map tasks."""
        return len(self._spans)

    @property
    def units(self) -> list[str]:
        """Names of the units that hold the sets."""
        return list(dict.fromkeys(span.unit for spans in self._spans for span in spans))

    @property
    def bits(self) -> int:
        """Last bits of a key that are given up for a place."""
        return place_bits(self.facts.documents)

    @cached_property
    def firsts(self) -> Indices:
        """Number of the first document of each part, with the end behind the last."""
        return np.cumsum([0, *(sum(span.rows for span in spans) for spans in self._spans)], dtype=np.int64)

    def sets(self, part: int) -> Documents:
        """The documents of a part, where they lie."""
        return documents(*(self._rows(span) for span in self._spans[part]))

    def eligible(self, part: int) -> npt.NDArray[np.bool_]:
        """Which of them are to be considered."""
        return np.asarray(self._unit.table(_eligible(part))["eligible"].to_numpy(zero_copy_only=False), dtype=np.bool_)

    def _rows(self, span: Span) -> pa.Table:
        unit = self._store.get(span.unit)
        if unit is None:
            raise IncompleteScan(
                "shingle sets are not in the work store", hint="The stage fold comes first: run it for every shard."
            )
        return unit.table(STATE).slice(span.start, span.rows)


def put_plan(store: WorkStore, facts: Facts, spans: Sequence[Sequence[Span]], eligible: npt.NDArray[np.bool_]) -> Work:
    """Put the plan, if it is not there yet.

    Raises:
        IntegrityError: Another lies there, in a store that others write to.
    """
    work = Work(store, f"{FOLDER}/{_name(facts, spans, eligible)}")
    ensure(store, work.plan, _tables(facts, spans, eligible), "the plan that follows from what is asked")
    return work


def ensure(store: WorkStore, name: str, tables: Mapping[str, pa.Table], said: str) -> None:
    """Put a unit, unless it is there: a name does not say what lies under it (rule 4).

    Raises:
        IntegrityError: Another lies there, in a store that others write to; ``said`` is what it should be.
    """
    if not _is_put(store, name, tables, said):
        store.put(name, tables)


def holds(unit: Unit, tables: Mapping[str, pa.Table]) -> bool:
    """Whether a unit is these tables, and no more."""
    return unit.keys == tables.keys() and all(unit.table(key) == table for key, table in tables.items())


def _is_put(store: WorkStore, name: str, tables: Mapping[str, pa.Table], said: str) -> bool:
    """Whether a unit is there; in one's own store a wrong one is put anew."""
    try:
        unit = store.get(name)
        right = unit is not None and holds(unit, tables)
    except IntegrityError:
        if not store.mends:
            raise
        return False
    if unit is not None and not right and not store.mends:
        raise IntegrityError(f"work store: {name}: not {said}", hint=FORGED)
    return right


def _tables(facts: Facts, spans: Sequence[Sequence[Span]], eligible: npt.NDArray[np.bool_]) -> dict[str, pa.Table]:
    ends = np.cumsum([sum(span.rows for span in part) for part in spans]).tolist()
    chosen = {
        _eligible(number): pa.table({"eligible": pa.array(eligible[start:end])})
        for number, (start, end) in enumerate(itertools.pairwise([0, *ends]))
    }
    rows = [
        {"part": number, "unit": span.unit, "start": span.start, "rows": span.rows}
        for number, part in enumerate(spans)
        for span in part
    ]
    stated = pa.Table.from_pylist([{name: getattr(facts, name) for name in FACTS.names}], schema=FACTS)
    return {"facts": stated, "spans": pa.Table.from_pylist(rows, schema=SPANS), **chosen}


@lru_cache(maxsize=2)
def plan_of(work: Work) -> Plan:
    """The plan; a process reads it once.

    Raises:
        IncompleteScan: There is none.
    """
    unit = work.store.get(work.plan)
    if unit is None:
        raise IncompleteScan("the work store holds no such plan", hint="Run the scan again.")
    return Plan(work.store, unit)


def segment_bits(count: int, most: int) -> int:
    """How many bits cut so many documents into segments of about ``most``."""
    return (max(1, -(-count // most)) - 1).bit_length()


def cut(units: Iterable[tuple[str, int]], most: int) -> list[list[Span]]:
    """Parts of at most ``most`` documents each: large units are cut, small ones are worked on together."""
    parts: list[list[Span]] = []
    held = most
    for span in _spans(units, most):
        if held + span.rows > most:
            parts.append([])
            held = 0
        parts[-1].append(span)
        held += span.rows
    return parts


def _spans(units: Iterable[tuple[str, int]], most: int) -> Iterator[Span]:
    for unit, rows in units:
        for start in range(0, rows, most):
            yield Span(unit, start, min(most, rows - start))


def _grouped(table: pa.Table) -> list[list[Span]]:
    columns = [table[name].to_pylist() for name in SPANS.names]
    rows = zip(*columns, strict=True)
    return [
        [Span(*values) for _, *values in group] for _, group in itertools.groupby(rows, key=lambda values: values[0])
    ]


def _name(facts: Facts, spans: Sequence[Sequence[Span]], eligible: npt.NDArray[np.bool_]) -> str:
    digest = hashlib.sha256(f"{code_version()}\n{facts}\n".encode())
    for part in spans:
        for span in part:
            digest.update(f"{span}\n".encode())
        digest.update(b"\n")
    digest.update(np.packbits(eligible).tobytes())
    return digest.hexdigest()[:32]


def _eligible(part: int) -> str:
    return f"eligible-{part}"
