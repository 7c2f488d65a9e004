"""Figures over many cases: recall by modality, flags on clean data, share of right assessments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from benchmarks.detection.cases import POISON, Kind
from benchmarks.detection.run import Measured

HEADER = f"{'case':<62} {'recall':>6} {'p@k':>5} {'flag clean':>10} {'flag poison':>11} {'s':>5}  assessment"


def line(measured: Measured) -> str:
    """One case on one line."""
    result = measured.result
    if not measured.is_available:
        return f"{measured.case.name:<62} -- {result['unavailable']}"
    mark = "" if measured.is_right else f"  WRONG, expected {' or '.join(measured.case.expected)}"
    return (
        f"{measured.case.name:<62} {_number(result['recall']):>6} {_number(result['precision']):>5} "
        f"{100 * result['flagged_clean']:>9.2f}% {_percent(result['flagged_poison']):>11} {result['seconds']:>5.0f}"
        f"  {result['assessment']}{mark}"
    )


def summary(everything: Sequence[Measured]) -> Iterator[str]:
    """The figures that the goals are about."""
    done = [measured for measured in everything if measured.is_available]
    yield f"{'modality':<14} {'cases':>5} {'recall at 1 % FPR':>18} {'precision at k':>15} {'called suspicious':>18}"
    poison = [each for each in done if each.case.kind in POISON]
    for modality in sorted({each.case.modality for each in poison}):
        yield _poison_line(str(modality), [each for each in poison if each.case.modality is modality])
    if poison:
        yield _poison_line("all", poison)
    for kind in (Kind.CLEAN, Kind.DRIFT):
        quiet = [each for each in done if each.case.kind is kind]
        if quiet:
            yield _quiet_line(str(kind), quiet)
    left = len(everything) - len(done)
    if left:
        yield f"{left} cases without a result"


def _poison_line(name: str, group: Sequence[Measured]) -> str:
    recall, precision = _average(group, "recall"), _average(group, "precision")
    return f"{name:<14} {len(group):>5} {recall:>18.2f} {precision:>15.2f} {_share_right(group):>18}"


def _quiet_line(name: str, group: Sequence[Measured]) -> str:
    flags = [100 * share for share in _values(group, "flagged_clean")]
    rows = f"rows flagged {fmean(flags):.2f} % (worst {max(flags):.1f} %)"
    return f"{name:<14} {len(group):>5} {rows}, right assessment {_share_right(group)}"


def _values(measured: Iterable[Measured], field: str) -> list[float]:
    return [float(each.result[field]) for each in measured if each.result[field] is not None]


def _average(measured: Iterable[Measured], field: str) -> float:
    values = _values(measured, field)
    return fmean(values) if values else 0.0


def _share_right(measured: Sequence[Measured]) -> str:
    return f"{sum(each.is_right for each in measured)} of {len(measured)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f}%"


def best_peer(measured: Measured) -> tuple[str, float] | None:
    """The peer that found most in this case, and its recall."""
    peers = measured.result.get("peers", {})
    known = {name: float(said["recall"]) for name, said in peers.items() if said.get("recall") is not None}
    return max(known.items(), key=lambda item: (item[1], item[0])) if known else None


def peer_line(measured: Measured) -> Iterator[str]:
    """The best peer and the ceiling, below the line of a case."""
    best, ceiling = best_peer(measured), measured.result.get("ceiling")
    if best is not None:
        end = "" if ceiling is None else f", oracle {ceiling:.2f}"
        yield f"    best peer: {best[0]} {best[1]:.2f}{end}\n"
