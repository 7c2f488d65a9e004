"""Figures over many cases that the summary and the page share; each says by which rule it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.detection.cases import POISON, Kind
from benchmarks.detection.groups import Group, group_of
from benchmarks.detection.run import Measured

LEAST_ORACLE = 0.05
"""Where even the oracle finds less, a ratio says nothing."""
SEEN = 0.25
"""Recall at 1 % FPR from which poison can be seen at all."""
BEHIND = 0.05
"""How much better a single check may be than the fused score before the case is named."""


def values(measured: Iterable[Measured], field: str) -> list[float]:
    """A figure of every case that has it."""
    return [float(each.result[field]) for each in measured if each.result.get(field) is not None]


def mean(measured: Iterable[Measured], field: str) -> float | None:
    """The mean of a figure; nothing when no case has it."""
    found = values(measured, field)
    return fmean(found) if found else None


def best_peer(measured: Measured) -> tuple[str, float] | None:
    """The peer that found most in this case, and its recall."""
    return _best({name: said.get("recall") for name, said in measured.result.get("peers", {}).items()})


def best_single(measured: Measured) -> tuple[str, float] | None:
    """The check whose own scores find most in this case, and its recall."""
    return _best(measured.result.get("single", {}))


def _best(recalls: dict[str, float | None]) -> tuple[str, float] | None:
    known = {name: float(recall) for name, recall in recalls.items() if recall is not None}
    return max(known.items(), key=lambda item: (item[1], item[0])) if known else None


@dataclass(frozen=True, slots=True)
class AgainstOracle:
    """Recall on label attacks beside that of a model trained on the honest labels."""

    cases: int
    ours: float
    oracle: float

    @property
    def ratio(self) -> float:
        """Share of what can be found that we find."""
        return self.ours / self.oracle


def against_oracle(done: Sequence[Measured]) -> AgainstOracle | None:
    """Over the label attacks of which the oracle sees something."""
    group = [
        each
        for each in done
        if each.case.kind is Kind.POISONED
        and group_of(each.case) is Group.LABELS
        and (each.result.get("ceiling") or 0.0) >= LEAST_ORACLE
    ]
    if not group:
        return None
    return AgainstOracle(len(group), fmean(values(group, "recall")), fmean(values(group, "ceiling")))


def can_be_seen(measured: Measured) -> bool:
    """Whether the oracle, a peer or our own scores find a quarter of the poison."""
    result, peer = measured.result, best_peer(measured)
    known = (result.get("recall"), result.get("ceiling"), None if peer is None else peer[1])
    return max((value for value in known if value is not None), default=0.0) >= SEEN


def without_a_row(done: Sequence[Measured]) -> list[Measured]:
    """Poison that is called suspicious while not one planted row is flagged: it may be for another reason."""
    return [
        each
        for each in done
        if each.case.kind is Kind.POISONED
        and each.result.get("assessment") == "suspicious"
        and not each.result.get("flagged_poison")
    ]


@dataclass(frozen=True, slots=True)
class Fusing:
    """The fused score beside the best single check of every case, picked with the truth known."""

    cases: int
    fused: float
    single: float
    behind: tuple[Measured, ...]


def fusing(done: Sequence[Measured]) -> Fusing | None:
    """Over all cases with poison."""
    pairs = [
        (each, float(each.result["recall"]), single[1])
        for each in done
        if each.case.kind in POISON and each.result.get("recall") is not None and (single := best_single(each))
    ]
    if not pairs:
        return None
    behind = tuple(each for each, fused, single in pairs if single > fused + BEHIND)
    return Fusing(len(pairs), fmean(fused for _, fused, _ in pairs), fmean(single for _, _, single in pairs), behind)


def failed_peers(measured: Iterable[Measured]) -> dict[tuple[str, str], list[str]]:
    """(peer, or all of them; why it failed): the cases that it failed on."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in measured:
        why = {name: said["error"] for name, said in each.result.get("peers", {}).items() if "error" in said}
        together = each.result.get("peers failed") or each.result.get("no peers")
        for name, reason in (why | ({"all peers": together} if together else {})).items():
            found.setdefault((name, str(reason).splitlines()[0] if reason else ""), []).append(each.case.name)
    return found


def flags_on_clean(done: Sequence[Measured]) -> dict[str, tuple[int, float, float]]:
    """Per system: data sets, mean and worst share of the rows of clean data that it flags by its own threshold."""
    found: dict[str, list[float]] = {}
    for each in done:
        if each.case.what == "clean" and each.result.get("peers"):
            found.setdefault("poisonguard", []).append(float(each.result["flagged_clean"]))
            for name, said in each.result["peers"].items():
                if said.get("flagged_clean") is not None:
                    found.setdefault(name, []).append(float(said["flagged_clean"]))
    return {name: (len(shares), fmean(shares), max(shares)) for name, shares in found.items()}
