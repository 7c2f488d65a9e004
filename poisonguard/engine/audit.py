"""Fold a few units of a shared store once more and compare: a worker that lies or errs is found out.

The code of a unit proves that a holder of the key put it, not that it is right. Units are drawn by chance, and not by
a seed: who could foretell them would forge the others. Of 100 wrong units in 10 000, 300 drawn ones show one with 95 %.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.ipc
from blake3 import blake3

from poisonguard.engine.codeversion import is_covered
from poisonguard.engine.piecework import KNOWN, STATE, Job, Partial, fold_piece
from poisonguard.engine.source import Piece, Run
from poisonguard.engine.spool import Spool
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import IntegrityError

ONE_IN = 50
MOST = 300


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A partition that was found: digests of its small states, and where its bulky ones are."""

    number: int
    small: dict[str, str]
    bulky: dict[str, str]
    runs: tuple[Run, ...]


class Auditor:
    """Draws some of the partitions that were found in a store.

    Args:
        wanted: How many; nothing means one in ``ONE_IN``, of a shared store only.
        shared: Whether others put units there.
    """

    def __init__(self, wanted: int | None, *, shared: bool) -> None:
        self._wanted = wanted
        self._most = (MOST if shared else 0) if wanted is None else wanted
        self._drawn: list[_Drawn] = []
        self._seen = 0

    def watch(self, number: int, found: Partial) -> None:
        """A partition was found: keep it with the same chance as every other (reservoir sampling)."""
        self._seen += 1
        if len(self._drawn) < self._most:
            self._drawn.append(_drawn(number, found))
        elif self._most and (place := secrets.randbelow(self._seen)) < self._most:
            self._drawn[place] = _drawn(number, found)

    def audit(self, job: Job, pieces: Sequence[Piece], spool: Spool) -> None:
        """Fold the drawn ones again, in this process.

        Raises:
            IntegrityError: One is not what folding gives.
        """
        wanted = -(-self._seen // ONE_IN) if self._wanted is None else self._wanted
        for drawn in secrets.SystemRandom().sample(self._drawn, min(wanted, len(self._drawn))):
            self._compare(job, pieces[drawn.number], drawn, spool)

    @staticmethod
    def _compare(job: Job, piece: Piece, drawn: _Drawn, spool: Spool) -> None:
        private = WorkStore.private(spool.path("audit"))
        kept = tuple(sketch for sketch in job.sketches if is_covered(sketch))
        again = _drawn(0, fold_piece(Job(kept, private, known=_carried(job, private)), piece))
        wrong = [key for key, digest in again.small.items() if digest != drawn.small[key]]
        for key, name in again.bulky.items():
            if _digest(_bulky(private, name)) != _digest(_bulky(job.store, drawn.bulky[key])):
                wrong.append(key)
        if wrong or again.runs != drawn.runs:
            raise IntegrityError(
                f"work store: a state of partition {piece.number + 1} is not what folding it gives"
                + (f": {wrong[0].partition('(')[0]}" if wrong else ""),
                hint="A worker erred or lied: empty the store, find out which, and scan again.",
            )


def _drawn(number: int, found: Partial) -> _Drawn:
    return _Drawn(number, {key: _digest(state) for key, state in found.small.items()}, found.bulky, found.runs)


def _carried(job: Job, private: WorkStore) -> str | None:
    """The rows of the reference in the private store, too, under the same name."""
    unit = None if job.known is None else job.store.get(job.known)
    if unit is not None and job.known is not None:
        private.put(job.known, {KNOWN: unit.table(KNOWN)})
    return job.known


def _bulky(store: WorkStore, name: str) -> pa.Table:
    unit = store.get(name)
    if unit is None:
        raise IntegrityError(f"work store: {name}: vanished", hint="Stop whoever empties the store; scan again.")
    return unit.table(STATE)


def _digest(state: pa.Table) -> str:
    """Digest of a state as it is put: the same for the same state, however it is cut in memory."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, state.schema) as writer:
        writer.write_table(state.combine_chunks())
    return blake3(sink.getvalue()).hexdigest()
