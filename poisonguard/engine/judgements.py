"""What checks have judged, kept for a scan of exactly the same: found again, nothing is fitted and no row is scored.

Rules:

1. A judgement is named by everything that it follows from: the *subject* (the code, the version that is judged and
   the one that it is compared with, what the columns mean) and the check with its parameters. Nothing is kept of a
   check, and nothing looked for, where that cannot be said.
2. A judgement decides; nothing that is folded again would show that a forged one is wrong. So it is kept only in a
   store where nobody but the user writes, and never in one that others reach (docs/adr/0028).
3. What a check says that looks at what others found (``Reviewer``, ``ScoreReader``) follows from all checks: it is
   named by all of them, and kept only where none has failed. Of one that has failed nothing is kept.
4. What the disk has spoilt is removed, judged again, and told. What cannot be kept is not kept, and costs no scan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.engine.workstore import Unit, WorkStore
from poisonguard.errors import IntegrityError, PoisonguardError
from poisonguard.kernels.mapped import let_go
from poisonguard.plugin.check import Check, Reviewer, RowScorer, ScoreReader
from poisonguard.plugin.registry import digest_of

FOLDER = "judged"
SAID, ROWS, SCORES = "said", "rows", "scores"
"""Streams of a unit: what was judged, the rows that each finding names, the score of every row."""
GROUPS = ("findings", "concluded", "later")
"""Findings of a judgement, by when they are drawn."""
OWN_CHECKS = "poisonguard.detectors."
WRITE_ROWS = 1 << 18

ScoreColumn = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scale:
    """How the scores of a check are read (``RowScorer``)."""

    threshold: float
    named: float | None
    evidence: float

    @classmethod
    def of(cls, scorer: RowScorer) -> Scale:
        """Of a scorer."""
        return cls(scorer.threshold, scorer.named, scorer.evidence)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check said.

    Attributes:
        findings: Of the sketches.
        concluded: Of the scores.
        later: Of what others found.
        notes: What stands in its coverage.
        rows_seen: Rows behind it.
        note: What the check itself says of its coverage.
        scale: Of its scores; nothing where it scores no rows.
        scores: Of one that was found, the score of every row.
    """

    findings: tuple[Finding, ...]
    concluded: tuple[Finding, ...]
    later: tuple[Finding, ...]
    notes: tuple[str, ...]
    rows_seen: int
    note: str
    scale: Scale | None
    scores: pa.ChunkedArray | None = field(default=None, repr=False)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """In order."""
        return (*self.findings, *self.concluded, *self.later)


@dataclass(slots=True)
class Judgements:
    """What was judged of one subject.

    Attributes:
        store: The user's own.
        subject: Digest of all that a judgement follows from, but the check.
        checks: All checks that are asked.
        spoilt: Judgements that were found damaged, and removed.
    """

    store: WorkStore
    subject: str
    checks: Sequence[Check[Any]]
    spoilt: int = 0
    _names: frozenset[str] | None = field(default=None, repr=False)

    def find(self, check: Check[Any], rows: int) -> Judgement | None:
        """What ``check`` said of these ``rows`` rows; nothing where that is not known."""
        name = self._name(check)
        if name not in self._present() or not self._is_keepable(check):
            return None
        try:
            unit = self.store.get(name)
            return None if unit is None else _read(unit, rows)
        except (IntegrityError, ValueError):
            self.store.remove(name)
            self.spoilt += 1
            return None

    def keep(self, check: Check[Any], judgement: Judgement, scores: ScoreColumn | None) -> None:
        """Keep it with the score of every row, if that can be done."""
        if not self._is_keepable(check):
            return
        # A value that JSON does not give back as it was is not kept; nor is anything where there is no room.
        with suppress(PoisonguardError, OSError, TypeError, ValueError):
            said, rows = _said(judgement), _rows(judgement.all_findings)
            with self.store.unit(self._name(check)) as unit:
                unit.add(SAID, [said])
                unit.add(ROWS, [rows])
                if scores is not None:
                    unit.add(SCORES, _parts(scores))

    def _asked(self, check: Check[Any]) -> list[Check[Any]]:
        """The checks that its answer follows from."""
        return [check, *self.checks] if is_onlooker(check) else [check]

    def _is_keepable(self, check: Check[Any]) -> bool:
        """Whether names, parameters and the version of the code say everything about them."""
        return all(type(item).__module__.startswith(OWN_CHECKS) for item in self._asked(check))

    def _name(self, check: Check[Any]) -> str:
        return f"{FOLDER}/{self.subject}/{digest_of(self._asked(check))[:32]}"

    def _present(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset(self.store.names(f"{FOLDER}/{self.subject}"))
        return self._names


def is_onlooker(check: Check[Any]) -> bool:
    """Whether it looks at what others found."""
    return isinstance(check, Reviewer | ScoreReader)


def subject_of(*facts: object) -> str:
    """A name for everything that is given; each fact is text, or a list or tuple of facts.

    It is not cut short: who writes the data must not find two versions of one name.
    """
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()


def _read(unit: Unit, rows: int) -> Judgement:
    said = json.loads(unit.table(SAID)[SAID][0].as_py())
    named = iter(unit.table(ROWS)[ROWS])
    findings, concluded, later = (tuple(_finding(item, next(named)) for item in said[group]) for group in GROUPS)
    scale = said["scale"] and Scale(**said["scale"])
    scores = unit.table(SCORES)[SCORES] if scale else None
    if scores is not None and len(scores) != rows:
        raise ValueError(f"{len(scores)} scores of {rows} rows")
    notes, rows_seen, note = tuple(said["notes"]), said["rows_seen"], said["note"]
    return Judgement(findings, concluded, later, notes, rows_seen, note, scale, scores)


def _said(judgement: Judgement) -> pa.Table:
    """Everything but numbers of rows, as JSON.

    Raises:
        TypeError: A value is of a kind that JSON does not know.
    """
    fields = {name: getattr(judgement, name) for name in ("notes", "rows_seen", "note")}
    fields["scale"] = judgement.scale and asdict(judgement.scale)
    fields |= {group: [_plain(item) for item in getattr(judgement, group)] for group in GROUPS}
    return pa.table({SAID: pa.array([json.dumps(fields)], pa.large_string())})


def _plain(finding: Finding) -> dict[str, Any]:
    if finding.examples:
        raise TypeError("examples are filled in later")
    bare = asdict(replace(finding, rows=(), numbers={}))
    del bare["examples"]
    return bare | {"numbers": list(finding.numbers.items()), "array": isinstance(finding.rows, np.ndarray)}


def _finding(said: dict[str, Any], rows: pa.ListScalar) -> Finding:
    array = said.pop("array")
    numbers: npt.NDArray[np.int64] = rows.values.to_numpy().copy()
    fields = said | {"level": Level(said["level"]), "signal": Signal(said["signal"]), "numbers": dict(said["numbers"])}
    return Finding(**fields | {"rows": numbers if array else tuple(numbers.tolist())})


def _rows(findings: Sequence[Finding]) -> pa.Table:
    lists = [np.asarray(finding.rows, dtype=np.int64) for finding in findings]
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in lists], dtype=np.int64)])
    values = np.concatenate([np.empty(0, np.int64), *lists])
    return pa.table({ROWS: pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values))})


def _parts(scores: ScoreColumn) -> Iterator[pa.Table]:
    """The column in parts, whose pages are let go: scores of all rows are not held at once."""
    for start in range(0, max(1, len(scores)), WRITE_ROWS):
        part = scores[start : start + WRITE_ROWS]
        yield pa.table({SCORES: pa.array(part)})
        let_go(part)
