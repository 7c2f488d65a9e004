"""Where copies of a dataset are attacked and scanned, one after the other, in a private folder."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from poisonguard.dataset.opening import open_dataset
from poisonguard.domain.exercise import AttackSkipped, AttackTrials, Trial
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.outcome import Failed
from poisonguard.domain.result import ScanResult
from poisonguard.domain.wording import count
from poisonguard.engine.progress import Progress
from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Attack, Poisoned
from poisonguard.redteam.measure import checks_about, recall_at_few_false_positives, recall_of_files
from poisonguard.workflow.inspect import DEFAULT_WORKERS
from poisonguard.workflow.redteam_copy import Original
from poisonguard.workflow.references import KeptReference, OpenReference, find_reference, kept
from poisonguard.workflow.scan import Scan, ScanRequest, open_scan

CLEAN = "clean"
"""The folder of the copy that nobody attacked."""
LEAK = "PG-LEAK-001"
"""The check that must be told what to look for."""


@dataclass(frozen=True, slots=True)
class Lab:
    """The rows to attack, how to scan them, and what the scan says when nobody attacked.

    Attributes:
        folder: A private folder.
        original: What is attacked.
        request: How to scan a copy; its ``data`` is replaced.
        seed: What everything random is drawn from.
        clean: The scan of the unattacked copy.
        unattacked: That copy, for attacks between versions.
        incomplete: Scans in which a check broke, in words; grows.
    """

    folder: Path
    original: Original
    request: ScanRequest
    seed: int
    clean: ScanResult
    unattacked: KeptReference
    incomplete: list[str] = field(default_factory=list)

    @classmethod
    def prepared(cls, folder: Path, original: Original, request: ScanRequest, seed: int, stack: ExitStack) -> Lab:
        """Write the clean copy and scan it; what copies are compared with is read once."""
        place, workers = str(folder / CLEAN), request.workers or DEFAULT_WORKERS
        (folder / CLEAN).mkdir()
        original.write(folder / CLEAN)
        reference = find_reference(
            request.reference, request.name or "", data=place, compare=request.compare, stack=stack, workers=workers
        )
        request = replace(request, reference=kept(reference), compare=reference is not None)
        with open_scan(replace(request, data=place)) as finished:
            clean = finished.result
        unattacked = KeptReference(OpenReference(place, stack.enter_context(open_dataset(place, workers=workers))))
        return cls(folder, original, request, seed, clean, unattacked, list(_broken("the clean copy", clean)))

    def trials(self, attack: Attack, counts: Sequence[int], progress: Progress) -> AttackTrials | AttackSkipped:
        """The attack at each strength; or why no row can carry it."""
        trials, refusal = list[Trial](), ""
        for strength in counts:
            poisoned = self._poisoned(attack, strength)
            if isinstance(poisoned, Poisoned):
                trials.append(self._tried(attack, poisoned))
            else:
                refusal = poisoned
            progress.advance(1)
        if not trials:
            return AttackSkipped(attack.name, attack.family, refusal)
        return AttackTrials(attack.name, attack.family, attack.reference, attack.published, _rising(trials))

    def _poisoned(self, attack: Attack, count: int) -> Poisoned | str:
        """The rows under attack, drawn from the seed, the attack's name and the count; or why none can carry it."""
        rng = np.random.default_rng([self.seed, zlib.crc32(attack.name.encode()), count])
        try:
            return attack.apply_count(self.original.table, self.original.roles, count, rng)
        except UsageError as error:
            return error.message.rpartition(": ")[2]

    def _tried(self, attack: Attack, poisoned: Poisoned) -> Trial:
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            self.original.write_poisoned(poisoned, Path(place))
            request = replace(self.request, data=place)
            if attack.between_versions:
                request = replace(request, reference=self.unattacked, compare=True)
            if poisoned.items is not None and any(rule.id == LEAK for rule in self.clean.rules):
                request = replace(request, holdout=(*request.holdout, poisoned.items))
            with open_scan(request) as finished:
                self.incomplete.extend(_broken(f"{attack.name}, {_size(poisoned)}", finished.result))
                return self._trial(poisoned, finished)

    def _trial(self, poisoned: Poisoned, finished: Scan) -> Trial:
        known = frozenset(finding.fingerprint for finding in serious(self.clean))
        rows, files = len(poisoned.rows), len(poisoned.files)
        return Trial(
            rate=rows / self.original.table.num_rows if rows else files / (files + self.original.files),
            poisoned=rows or files,
            what=poisoned.what,
            recall=_recall(poisoned, finished),
            assessment=finished.result.assessment,
            verdict=finished.result.decision.verdict,
            checks=checks_about(finished.result.findings, poisoned.rows, known),
            unit="row" if rows else "file",
        )


def _recall(poisoned: Poisoned, finished: Scan) -> float:
    """How much of the poison the scan saw: rows by their scores, files by the findings that name them."""
    if poisoned.files:
        return recall_of_files(finished.result.findings, poisoned.files)
    scores, _, _ = finished.book.fused(0, finished.index.total)
    return recall_at_few_false_positives(scores, poisoned.rows, poisoned.alike)


def serious(result: ScanResult) -> tuple[Finding, ...]:
    """The findings at warning level or above."""
    return tuple(finding for finding in result.findings if finding.level is not Level.NOTE)


def _size(poisoned: Poisoned) -> str:
    return count(len(poisoned.files), "file") if poisoned.files else f"{len(poisoned.rows)} rows"


def _rising(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Each number of poisoned rows once: where no more rows can carry an attack, a higher rate is the same trial."""
    by_rows = {trial.poisoned: trial for trial in reversed(trials)}
    return tuple(by_rows[count] for count in sorted(by_rows))


def _broken(scan: str, result: ScanResult) -> Iterator[str]:
    for outcome in result.outcomes:
        if isinstance(outcome, Failed):
            yield f"{scan}: {outcome.check} broke: {outcome.error}"
