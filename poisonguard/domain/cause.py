"""Findings about the same rows have one cause: a reader should meet it once.

Two findings have one cause when nearly all rows of the smaller are among the larger one's, and it is no small part of
them: a flood of copies and the labels it contradicts are one story, told from two sides. Findings that name no rows, or
too few to tell, stand for themselves. The gravest of a group leads it.
"""

from __future__ import annotations

from collections.abc import Sequence

from poisonguard.domain.finding import Finding

MOSTLY = 0.8
"""Share of the smaller finding's rows that two of one cause have in common."""
ALIKE = 0.25
"""The smaller one has at least this share of the larger one's rows: a finding of everything is no cause of a part."""
FEWEST = 3
"""Fewer rows than this are shared by accident."""


def causes(findings: Sequence[Finding]) -> tuple[int, ...]:
    """Of each finding, which one leads its group: its own place, or that of a graver one.

    Args:
        findings: Gravest first.
    """
    led: list[int] = []
    leaders: list[tuple[int, frozenset[int]]] = []
    for place, finding in enumerate(findings):
        rows = frozenset(map(int, finding.rows))
        leader = next((at for at, others in leaders if _same(rows, others)), None)
        led.append(place if leader is None else leader)
        if leader is None:
            leaders.append((place, rows))
    return tuple(led)


def _same(first: frozenset[int], other: frozenset[int]) -> bool:
    small, large = sorted((len(first), len(other)))
    return small >= max(FEWEST, ALIKE * large) and len(first & other) >= MOSTLY * small
