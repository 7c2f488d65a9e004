"""Which attacks and honest changes are tried on which data sets.

Every attack of ``poisonguard redteam`` appears by itself, twice on each side of the split: without a reference, and
with one, on different data sets in turn; or, where every case is asked for, on every data set that it fits. Label
attacks are also tried on texts and images. Every data set is also scanned clean, as an honest new version and with
honest drift.

The rate is the published one (the middle of those that the attack names), but at least ``FEWEST`` rows: a recall over
fewer says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from benchmarks.detection.changes import CLEAN, EXPECTED
from benchmarks.detection.dataset import TEXTUAL, Dataset, Modality, Split
from benchmarks.detection.datasets import DATASETS
from poisonguard.domain.roles import Role
from poisonguard.redteam.attack import Attack, Family
from poisonguard.redteam.catalogue import ATTACKS

FEWEST = 24
LARGE = "-24k"
FILES = "honest-files"
ONE_IN = 12
LARGE_COUNTS = (50, 250)
"""Souly et al. 2025: 250 documents suffice, whatever the size of the corpus; 50 is the goal here."""


class Kind(StrEnum):
    """What a case asks."""

    POISONED = "poisoned"
    CONTAMINATED = "contaminated"
    CLEAN = "clean"
    DRIFT = "drift"


POISON = frozenset({Kind.POISONED, Kind.CONTAMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        name: Stable name, ``modality/dataset/what``.
        modality: What is measured.
        dataset: Name of the data set.
        split: The data set's side of the split.
        kind: What the case asks.
        what: Name of the attack or of the honest change.
        rate: Share of the candidate's rows that is poisoned; 0 for honest changes.
        count: Number of poisoned rows, where the attack takes a number.
        reference: Whether the scan has an approved version to compare with.
        expected: The assessments that are right.
        flagged_by: The check that must flag the poisoned rows, whatever the assessment; empty if any may.
        files: Whether it is about files beside the tables, and not about rows.
        slow: Whether it takes minutes.
    """

    name: str
    modality: Modality
    dataset: str
    split: Split
    kind: Kind
    what: str
    rate: float = 0.0
    count: int = 0
    reference: bool
    expected: tuple[str, ...]
    flagged_by: str = ""
    files: bool = False
    slow: bool = False


MODALITY_OF = {
    Family.LABELS: Modality.TABULAR,
    Family.TABULAR: Modality.TABULAR,
    Family.TEXT: Modality.TEXT,
    Family.INSTRUCTIONS: Modality.INSTRUCTION,
    Family.DOCUMENTS: Modality.DOCUMENTS,
    Family.IMAGES: Modality.IMAGES,
    Family.SOURCES: Modality.SOURCES,
    Family.WEB: Modality.SOURCES,
    Family.CODE: Modality.CODE,
}
ALSO = {
    "random-flips": (Modality.TEXT, Modality.IMAGES),
    "targeted-flips": (Modality.TEXT,),
    "near-copies": (Modality.TEXT,),
}
SUSPICIOUS = ("suspicious",)
NEED_NUMBERS = frozenset({"broken-dependence", "constant-burst", "outliers", "shift-burst", "unit-drift"})
REPORTED = {
    "secrets": "PG-SECRET-001",
    "personal-data": "PG-PII-001",
    "spreadsheet-formula": "PG-FILE-002",
    **{attack.name: "PG-FILE-001" for attack in ATTACKS if attack.plants},
}
"""What must be reported there, and by which check; it need not be poison: nobody planted it to move a model."""


def all_cases(*, every: bool = False) -> tuple[Case, ...]:
    """The cases, poisoned ones first, sorted by name within a kind; with ``every``, on all data sets that fit."""
    found = [
        case
        for split in Split
        for case in (*_poisoned(split, every=every), *_contaminated(split), *_honest(split), *_beside(split))
    ]
    return tuple(sorted(found, key=lambda case: (case.modality, case.kind not in POISON, case.name)))


def _poisoned(split: Split, *, every: bool) -> Iterator[Case]:
    turns = dict.fromkeys(Modality, 0)
    for attack in (attack for attack in ATTACKS if attack.family is not Family.CONTAMINATION):
        for modality in (MODALITY_OF[attack.family], *ALSO.get(attack.name, ())):
            able = [dataset for dataset in _sets(split, modality) if _fits(dataset, attack)]
            lenses = (True,) if attack.between_versions else (False, True)
            chosen = product(able, lenses) if every else _in_turn(able, lenses, turns[modality])
            yield from (_case(attack, modality, dataset, reference=reference) for dataset, reference in chosen)
            turns[modality] += 1
    for dataset in DATASETS:
        if dataset.split is split and dataset.name.endswith(LARGE):
            yield from (_large(dataset, count) for count in LARGE_COUNTS)


def _in_turn(able: Sequence[Dataset], lenses: Sequence[bool], turn: int) -> Iterator[tuple[Dataset, bool]]:
    """Each lens on another data set, beginning with the one whose turn it is."""
    for place, reference in enumerate(lenses if able else ()):
        yield able[(turn + place) % len(able)], reference


def _sets(split: Split, modality: Modality) -> list[Dataset]:
    """The data sets that a modality is tried on: its own; for sources all that name them; for code all tables."""
    own = [dataset for dataset in DATASETS if dataset.split is split and not dataset.name.endswith(LARGE)]
    if modality is Modality.SOURCES:
        return own
    if modality is Modality.CODE:
        return [dataset for dataset in own if not dataset.folders]
    return [dataset for dataset in own if dataset.modality is modality]


def _fits(dataset: Dataset, attack: Attack) -> bool:
    if attack.name in NEED_NUMBERS and not dataset.numeric:
        return False
    if dataset.plays(Role.REJECTED) and Role.REJECTED not in attack.roles:
        return False  # pairs are for what turns pairs round
    if attack.family is Family.CODE and not attack.plants:
        return dataset.modality in TEXTUAL  # it stands in texts
    return all(dataset.plays(role) for role in attack.roles)


def _case(attack: Attack, modality: Modality, dataset: Dataset, *, reference: bool) -> Case:
    rate = sorted(attack.rates)[len(attack.rates) // 2] if attack.rates else 0.01
    rate = max(rate, FEWEST / dataset.rows)
    suffix = "+ref" if reference else ""
    share = "" if attack.plants else f"@{100 * rate:.2g}%"
    return Case(
        name=f"{modality}/{dataset.name}/{attack.name}{share}{suffix}",
        modality=modality,
        dataset=dataset.name,
        split=dataset.split,
        kind=Kind.POISONED,
        what=attack.name,
        rate=rate,
        reference=reference,
        expected=("clean", "drifted", "suspicious") if attack.name in REPORTED else SUSPICIOUS,
        flagged_by=REPORTED.get(attack.name, ""),
        files=attack.plants,
    )


def _large(dataset: Dataset, count: int) -> Case:
    return Case(
        name=f"{dataset.modality}/{dataset.name}/gibberish-{count}",
        modality=dataset.modality,
        dataset=dataset.name,
        split=dataset.split,
        kind=Kind.POISONED,
        what="gibberish",
        count=count,
        rate=count / dataset.rows,
        reference=False,
        expected=SUSPICIOUS,
        slow=True,
    )


def _contaminated(split: Split) -> Iterator[Case]:
    textual = (Modality.DOCUMENTS, Modality.INSTRUCTION)
    for dataset in (dataset for modality in textual for dataset in _sets(split, modality)):
        if not (dataset.plays(Role.TEXT) or dataset.plays(Role.RESPONSE)):
            continue  # a chat has no column that an evaluation item could stand in
        yield Case(
            name=f"{Modality.CONTAMINATION}/{dataset.name}/holdout",
            modality=Modality.CONTAMINATION,
            dataset=dataset.name,
            split=split,
            kind=Kind.CONTAMINATED,
            what="holdout",
            rate=0.02,
            reference=False,
            # Honest corpora overlap with evaluation sets: the rows are named, the dataset is not called poisoned.
            expected=CLEAN,
        )


def _beside(split: Split) -> Iterator[Case]:
    """Honest files beside the rows of every ``ONE_IN``th data set."""
    for dataset in _sets(split, Modality.CODE)[::ONE_IN]:
        yield Case(
            name=f"{Modality.CODE}/{dataset.name}/{FILES}",
            modality=Modality.CODE,
            dataset=dataset.name,
            split=split,
            kind=Kind.CLEAN,
            what=FILES,
            reference=False,
            expected=EXPECTED[FILES],
            files=True,
        )


def _honest(split: Split) -> Iterator[Case]:
    for dataset in DATASETS:
        if dataset.split is not split:
            continue
        for change in _changes_for(dataset):
            is_drift = change in {"category-mix", "new-column", "new-period", "new-source"}
            yield Case(
                name=f"{dataset.modality}/{dataset.name}/{change}",
                modality=dataset.modality,
                dataset=dataset.name,
                split=split,
                kind=Kind.DRIFT if is_drift else Kind.CLEAN,
                what=change,
                reference=change != "clean",
                expected=EXPECTED[change],
                slow=dataset.name.endswith(LARGE),
            )


def _changes_for(dataset: Dataset) -> Iterator[str]:
    yield from ("clean",) if dataset.name.endswith(LARGE) else ("clean", "new-version", "fewer-rows")
    if dataset.name.endswith(LARGE):
        return
    if dataset.plays(Role.LABEL) or dataset.plays(Role.SOURCE):
        yield "category-mix"
    if dataset.modality is Modality.TABULAR:
        yield "new-column"
    if dataset.period is not None:
        yield "new-period"
    if dataset.plays(Role.SOURCE):
        yield "new-source"
