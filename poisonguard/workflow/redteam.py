"""Red team: plant published attacks in copies of a dataset, scan each copy, and say what would have been caught.

Rules:

1. The original is only read. Copies lie in a private temporary folder, one at a time, and vanish.
2. Every copy is scanned as the data would be: same name, settings, policy, packs, columns and reference.
3. An attack that changes a version that was seen before (split-view) is compared with the unattacked copy.
4. The same data, seed and options give the same answer: each attack draws from the seed, its name and its size.
5. Leaked evaluation items are those of the hold-out sets that the scan is given, or else the data's own test rows, of
   which the scan of that copy is told.
6. An attack that does not apply is named with the reason; none that applies is left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from poisonguard.dataset.opening import open_dataset
from poisonguard.dataset.roles import infer_roles
from poisonguard.domain.exercise import AttackSkipped, AttackTrials, Exercise
from poisonguard.engine.progress import Progress, Silent
from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Attack, Family
from poisonguard.redteam.catalogue import ATTACKS, attack_named
from poisonguard.redteam.contamination import Contamination
from poisonguard.version import VERSION
from poisonguard.workflow.holdouts import read_holdout
from poisonguard.workflow.redteam_copy import Original, read_original
from poisonguard.workflow.redteam_lab import Lab, serious
from poisonguard.workflow.scan import ScanRequest
from poisonguard.workflow.settings import find_settings, load_settings, overrides

MOST_ROWS = 20_000
"""Rows of a copy, unless asked otherwise: enough for every check, few enough for minutes."""
MOST_POISON = 0.5
"""An attack given as a number of rows is left out where it would be more than this share."""


@dataclass(frozen=True, slots=True)
class RedteamRequest:
    """What to attack and how.

    Attributes:
        scan: How the data, and so every copy, are scanned.
        attacks: Names of attacks; nothing means every one that applies.
        rates: Shares of the rows to poison; nothing means those of each attack.
        seed: What everything random is drawn from.
        most_rows: Rows of a copy; a larger dataset is sampled.
    """

    scan: ScanRequest
    attacks: tuple[str, ...] = ()
    rates: tuple[float, ...] = ()
    seed: int = 0
    most_rows: int = MOST_ROWS


def redteam(request: RedteamRequest, progress: Progress | None = None) -> Exercise:
    """Attack copies of the data and measure what the scan sees.

    Raises:
        DataError: The data are not there or cannot be read.
        UsageError: There is no such attack, a rate is out of range, or no attack applies.
    """
    attacks = tuple(map(attack_named, dict.fromkeys(request.attacks))) or ATTACKS
    for rate in request.rates:
        if not 0.0 < rate <= 1.0:
            raise UsageError(f"--rate {rate} is not above 0 and at most 1", hint="For example: --rate 0.01")
    original, name, items = _read(request)
    attacks = tuple(Contamination(items) if item.family is Family.CONTAMINATION and items else item for item in attacks)
    obstacles = {attack.name: attack.obstacle(original.table, original.roles) for attack in attacks}
    skipped = [AttackSkipped(item.name, item.family, reason) for item in attacks if (reason := obstacles[item.name])]
    able = [attack for attack in attacks if obstacles[attack.name] is None]
    if not able:
        raise UsageError("no attack applies to this data", hint=f"{skipped[0].name}: {skipped[0].reason}.")
    with tempfile.TemporaryDirectory(prefix="poisonguard-redteam-") as folder, ExitStack() as stack:
        lab = Lab.prepared(Path(folder), original, replace(request.scan, name=name), request.seed, stack)
        return _exercise(request, lab, able, skipped, progress or Silent())


def _read(request: RedteamRequest) -> tuple[Original, str, tuple[str, ...]]:
    """The rows to attack, what the data are called, and the evaluation items that the scans look for."""
    if not isinstance(request.scan.data, str):
        raise UsageError("a red team exercise needs a path, not a table in memory")
    with open_dataset(request.scan.data, workers=request.scan.workers or 2) as dataset:
        name, peek = request.scan.name or dataset.name, dataset.peek()
        config = request.scan.config
        settings = load_settings(Path(config) if config else find_settings(request.scan.data)).of(name)
        known = {column.name for column in dataset.columns}
        # A column that is made while reading has a role in a scan, but an attack changes what lies in the files.
        chosen = overrides(settings.columns, request.scan.columns)
        roles = infer_roles(dataset.columns, peek, {key: role for key, role in chosen.items() if key in known})
        held = [
            read_holdout(item, chosen=chosen, tree=dataset.tree, workers=request.scan.workers or 2)
            for item in request.scan.holdout or settings.holdouts
        ]
        items = tuple(str(text) for holdout in held for text in holdout.texts.to_pylist())
        return read_original(dataset, roles, request.most_rows, request.seed), name, items


def _exercise(
    request: RedteamRequest,
    lab: Lab,
    attacks: Sequence[Attack],
    skipped: Sequence[AttackSkipped],
    progress: Progress,
) -> Exercise:
    plans = [(attack, strengths(attack, request.rates, lab.original.table.num_rows)) for attack in attacks]
    progress.start("attacking copies", sum(len(counts) for _, counts in plans), "copies")
    told = [lab.trials(attack, counts, progress) for attack, counts in plans]
    return Exercise(
        tool_version=VERSION,
        dataset=lab.clean.dataset,
        rows=lab.original.table.num_rows,
        total_rows=lab.original.total_rows,
        seed=request.seed,
        reference=lab.clean.reference,
        pack=lab.clean.pack,
        policy_digest=lab.clean.policy_digest,
        clean=lab.clean.assessment,
        clean_verdict=lab.clean.decision.verdict,
        clean_checks=tuple(sorted({finding.check for finding in serious(lab.clean)})),
        attacks=tuple(item for item in told if isinstance(item, AttackTrials)),
        skipped=(*skipped, *(item for item in told if isinstance(item, AttackSkipped))),
        incomplete=tuple(lab.incomplete),
    )


def strengths(attack: Attack, rates: Sequence[float], rows: int) -> list[int]:
    """Numbers of rows to poison, rising, each once: from the rates asked for, or else as the attack is published."""
    fitting = [count for count in attack.counts if attack.plants or count <= MOST_POISON * rows]
    if rates or not fitting:
        fitting = [max(1, round(rate * rows)) for rate in rates or attack.rates]
    return sorted(set(fitting))
