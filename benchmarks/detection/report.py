"""The table for ``docs/benchmarks.md``: ours, the best peer per case and the ceiling, from one run's results."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import version as installed
from statistics import fmean

from benchmarks.detection.cache import Cache
from benchmarks.detection.cases import POISON, Kind
from benchmarks.detection.datasets import DATASETS
from benchmarks.detection.packages import version_of
from benchmarks.detection.peering import pinned
from benchmarks.detection.run import Measured
from benchmarks.detection.summary import best_peer

START = "<!-- detection: made by python -m benchmarks.detection report -->"
END = "<!-- end of detection -->"
INTRODUCTION = """\
## Detection

`python -m benchmarks.detection report --split reporting --markdown docs/benchmarks.md` makes this section. Thresholds
were chosen on the tuning sets only. Poison is planted by the attacks of `poisonguard redteam` at their published rates,
at least 24 rows; with `+ref` an approved version is compared with, and the poison stands in the new 40 % of the rows.
Recall is that of the row scores where 1 % of the clean rows score higher, ties broken as at random. The best peer is
picked per case with the truth known; peers see the same files and have no reference. The oracle is a model trained on
the labels before the attack."""
SYSTEMS = ("numpy", "pandas", "pyarrow", "scikit-learn")


def markdown(measured: Sequence[Measured], cache: Cache, today: date) -> str:
    """The section: what was measured with what, then the tables."""
    done = [each for each in measured if each.is_available]
    lines = [
        START,
        "",
        *_conditions(done, cache, today),
        "",
        *_by_modality(done),
        "",
        *_quiet(done),
        "",
        *_poison(done),
    ]
    left = [each for each in measured if not each.is_available]
    if left:
        lines += [
            "",
            "Without a result: " + "; ".join(f"{each.case.name} ({each.result['unavailable']})" for each in left),
        ]
    return "\n".join([*lines, "", END, ""])


def replaced(page: str, section: str) -> str:
    """``page`` with the section in place of the one it holds, or at its end."""
    if START not in page:
        return f"{page.rstrip()}\n\n{section}"
    before, rest = page.split(START, 1)
    return before + section.rstrip() + rest.split(END, 1)[1]


def _conditions(done: Sequence[Measured], cache: Cache, today: date) -> Iterator[str]:
    named = {each.case.dataset for each in done}
    splits = sorted({str(each.case.split) for each in done})
    ours = ", ".join(f"{name} {installed(name)}" for name in ("poisonguard", *SYSTEMS))
    where = f"Python {platform.python_version()}, on {' and '.join(splits)} sets"
    yield f"Measured on {today.isoformat()} with {ours}, {where}."
    if any("peers" in each.result for each in done):
        yield f"Peers: {', '.join(pinned())}."
    yield ""
    yield "| data set | rows are | from | licence |"
    yield "|---|---|---|---|"
    for dataset in DATASETS:
        if dataset.name in named:
            origin = ", ".join(f"{each.name} {version_of(each, cache)}" for each in dataset.packages) or "scikit-learn"
            licence = dataset.licence or "; ".join(dict.fromkeys(each.licence for each in dataset.packages))
            yield f"| {dataset.name} | {dataset.what} | {origin} | {licence} |"


def _by_modality(done: Sequence[Measured]) -> Iterator[str]:
    yield "| modality | cases | recall at 1 % FPR | best peer per case | precision at k | called suspicious |"
    yield "|---|---|---|---|---|---|"
    poison = [each for each in done if each.case.kind in POISON]
    groups = [
        (str(name), [each for each in poison if each.case.modality is name])
        for name in sorted({each.case.modality for each in poison})
    ]
    for name, group in [*groups, ("all", poison)]:
        peers = [best[1] for best in map(best_peer, group) if best is not None]
        peer = f"{fmean(peers):.2f}" if peers else "not measured"
        yield (
            f"| {name} | {len(group)} | {_mean(group, 'recall')} | {peer} | {_mean(group, 'precision')} "
            f"| {sum(each.is_right for each in group)} of {len(group)} |"
        )


def _quiet(done: Sequence[Measured]) -> Iterator[str]:
    yield "| honest data | cases | rows flagged, mean | rows flagged, worst | right assessment |"
    yield "|---|---|---|---|---|"
    for kind in (Kind.CLEAN, Kind.DRIFT):
        group = [each for each in done if each.case.kind is kind]
        if group:
            flags = [100 * float(each.result["flagged_clean"]) for each in group]
            right = sum(each.is_right for each in group)
            yield f"| {kind} | {len(group)} | {fmean(flags):.2f} % | {max(flags):.2f} % | {right} of {len(group)} |"


def _poison(done: Sequence[Measured]) -> Iterator[str]:
    yield "| case | poisoned rows | recall at 1 % FPR | best peer | oracle | assessment |"
    yield "|---|---|---|---|---|---|"
    for each in done:
        if each.case.kind in POISON:
            yield f"| {' | '.join(_cells(each))} |"


def _cells(measured: Measured) -> Iterator[str]:
    result, best = measured.result, best_peer(measured)
    ceiling = result.get("ceiling")
    yield measured.case.name
    yield f"{result['poisoned']} of {result['rows']}"
    yield f"{result['recall']:.2f}"
    yield "" if best is None else f"{best[1]:.2f} {best[0]}"
    yield "" if ceiling is None else f"{ceiling:.2f}"
    yield str(result["assessment"])


def _mean(group: Sequence[Measured], field: str) -> str:
    values = [float(each.result[field]) for each in group if each.result[field] is not None]
    return f"{fmean(values):.2f}" if values else ""
