"""Figures over many cases: recall by modality, flags on clean data, share of right assessments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from benchmarks.detection.cases import POISON, Kind
from benchmarks.detection.figures import (
    LEAST_ORACLE,
    SEEN,
    against_oracle,
    best_peer,
    best_single,
    can_be_seen,
    flags_on_clean,
    fusing,
    mean,
    values,
    without_a_row,
)
from benchmarks.detection.groups import by_group
from benchmarks.detection.run import Measured

HEADER = f"{'case':<62} {'recall':>6} {'p@k':>5} {'flag clean':>10} {'flag poison':>11} {'s':>5}  assessment"


def line(measured: Measured) -> str:
    """One case on one line."""
    result = measured.result
    if not measured.is_available:
        return f"{measured.case.name:<62} -- {result['unavailable']}"
    wanted = measured.case.flagged_by or " or ".join(measured.case.expected)
    mark = "" if measured.is_right else f"  WRONG, expected {wanted}"
    return (
        f"{measured.case.name:<62} {_number(result['recall']):>6} {_number(result['precision']):>5} "
        f"{100 * result['flagged_clean']:>9.2f}% {_percent(result['flagged_poison']):>11} {result['seconds']:>5.0f}"
        f"  {result['assessment']}{mark}"
    )


def summary(everything: Sequence[Measured]) -> Iterator[str]:
    """The figures that the goals are about."""
    done = [measured for measured in everything if measured.is_available]
    poison = [each for each in done if each.case.kind in POISON]
    modalities = sorted({each.case.modality for each in poison})
    groups = [
        *((str(name), [each for each in poison if each.case.modality is name]) for name in modalities),
        *((str(group), found) for group, found in by_group(done)),
    ]
    yield f"{'attacks':<44} {'cases':>5} {'recall at 1 % FPR':>18} {'precision at k':>15} {'right assessment':>17}"
    yield from (_poison_line(name, group) for name, group in [*groups, ("all", poison)] if group)
    for kind in (Kind.CLEAN, Kind.DRIFT):
        quiet = [each for each in done if each.case.kind is kind]
        if quiet:
            yield _quiet_line(str(kind), quiet)
    yield from _together(done, poison)
    left = len(everything) - len(done)
    if left:
        yield f"{left} cases without a result"


def _poison_line(name: str, group: Sequence[Measured]) -> str:
    recall, precision = mean(group, "recall") or 0.0, mean(group, "precision") or 0.0
    return f"{name:<44} {len(group):>5} {recall:>18.2f} {precision:>15.2f} {_share_right(group):>17}"


def _quiet_line(name: str, group: Sequence[Measured]) -> str:
    flags = [100 * share for share in values(group, "flagged_clean")]
    rows = f"rows flagged {fmean(flags):.2f} % (worst {max(flags):.1f} %)"
    return f"{name:<44} {len(group):>5} {rows}, right assessment {_share_right(group)}"


def _together(done: Sequence[Measured], poison: Sequence[Measured]) -> Iterator[str]:
    """The figures that take more than one system, or more than one kind of case."""
    oracle, fused, seen = against_oracle(done), fusing(done), [each for each in poison if can_be_seen(each)]
    if oracle is not None:
        yield (
            f"labels, where the oracle finds {LEAST_ORACLE:.0%}: {oracle.cases} cases, ours {oracle.ours:.2f}, "
            f"oracle {oracle.oracle:.2f}, ratio {oracle.ratio:.2f}"
        )
    if seen:
        yield f"right assessment where {SEEN:.0%} of the poison can be seen: {_share_right(seen)}"
    names = [each.case.name for each in without_a_row(done)]
    if names:
        yield f"called suspicious, but not one planted row flagged: {', '.join(names)}"
    if fused is not None:
        yield f"fused {fused.fused:.2f}, best single check {fused.single:.2f} over {fused.cases} cases"
        for each in fused.behind:
            name, recall = best_single(each) or ("", 0.0)
            yield f"    {each.case.name}: {name} {recall:.2f}, fused {each.result['recall']:.2f}"
    for name, (sets, share, worst) in flags_on_clean(done).items():
        yield f"{name:<24} flags {100 * share:.2f} % of clean rows (worst {100 * worst:.1f} %) of {sets} data sets"


def _share_right(measured: Sequence[Measured]) -> str:
    return f"{sum(each.is_right for each in measured)} of {len(measured)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f}%"


def peer_line(measured: Measured) -> Iterator[str]:
    """The best peer and the ceiling, below the line of a case."""
    best, ceiling = best_peer(measured), measured.result.get("ceiling")
    if best is not None:
        end = "" if ceiling is None else f", oracle {ceiling:.2f}"
        yield f"    best peer: {best[0]} {best[1]:.2f}{end}\n"
