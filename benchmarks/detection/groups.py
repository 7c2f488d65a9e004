"""What an attack is about, as the goals speak of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from benchmarks.detection.cases import POISON, Case
from benchmarks.detection.run import Measured
from poisonguard.redteam.attack import Family
from poisonguard.redteam.catalogue import attack_named


class Group(StrEnum):
    """Attacks that are judged together; the order is that of the report."""

    PLANTED = "backdoors, triggers, instructions, documents"
    LABELS = "labels"
    OTHER = "values, copies and sites"
    HOLDOUT = "evaluation items"
    CODE = "code in data"


OF_FAMILY = {
    Family.LABELS: Group.LABELS,
    Family.SOURCES: Group.LABELS,
    Family.TEXT: Group.PLANTED,
    Family.INSTRUCTIONS: Group.PLANTED,
    Family.DOCUMENTS: Group.PLANTED,
    Family.IMAGES: Group.PLANTED,
    Family.TABULAR: Group.OTHER,
    Family.WEB: Group.OTHER,
    Family.CONTAMINATION: Group.HOLDOUT,
    Family.CODE: Group.CODE,
}
BACKDOORS = frozenset({"value-backdoor"})
"""Attacks on tables that plant a trigger."""
HOLDOUT = "holdout"


def group_of(case: Case) -> Group:
    """The group of a case with poison."""
    if case.what == HOLDOUT:
        return Group.HOLDOUT
    return Group.PLANTED if case.what in BACKDOORS else OF_FAMILY[attack_named(case.what).family]


def by_group(done: Sequence[Measured]) -> Iterator[tuple[Group, list[Measured]]]:
    """The measured cases with poison of every group that has some."""
    poison = [each for each in done if each.case.kind in POISON]
    for group in Group:
        found = [each for each in poison if group_of(each.case) is group]
        if found:
            yield group, found
