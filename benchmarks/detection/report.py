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
from benchmarks.detection.figures import (
    BEHIND,
    LEAST_ORACLE,
    SEEN,
    against_oracle,
    best_peer,
    best_single,
    can_be_seen,
    failed_peers,
    flags_on_clean,
    fusing,
    mean,
    without_a_row,
)
from benchmarks.detection.groups import by_group
from benchmarks.detection.packages import version_of
from benchmarks.detection.peering import MOST_ROWS, pinned
from benchmarks.detection.run import MOST_OF_IT, Measured

START = "<!-- detection: made by python -m benchmarks.detection report -->"
END = "<!-- end of detection -->"
INTRODUCTION = f"""\
## Detection

`python -m benchmarks.detection report --split reporting --markdown docs/benchmarks.md` makes this section. Thresholds
were chosen on the tuning sets only; the reporting sets are other data. Poison is planted by the attacks of `poisonguard
redteam`, at the middle one of the rates that each names and at least 24 rows; with `+ref` an approved version is
compared with, and the poison stands in the new 40 % of the rows. Of files that are planted beside the tables (*code*),
recall and flags are those of the files beside the tables, honest ones among them. Recall is that of the row scores
where 1 % of the clean rows score higher, ties broken as at random. The best peer is picked per case with the truth
known; peers know one version of the data, so they see the cases without a reference, of at most {MOST_ROWS:,} rows. A
row that held before what an attack planted counts neither as poison nor as honest; and what is flagged as personal
data, as a secret or as a breach of the contract is no alarm of poison, and not among the flags on honest rows. The
oracle is a model trained on the labels before the attack; the ratio to it is the mean of ours over the mean of the
oracle's, over the attacks on labels of which the oracle finds at least {100 * LEAST_ORACLE:.0f} %.

The assessment of poison is right when it is *suspicious*; of planted secrets, personal data, spreadsheet formulas and
files, when the check for them flags {100 * MOST_OF_IT:.0f} % of what was planted; of leaked evaluation items, when the
data set is called *clean*. It is counted over all cases, and over those whose poison can be seen: the oracle, a peer or
our own scores find at least {100 * SEEN:.0f} % of it. Poison that none of them finds is in the first count and in the
table of cases.

The best single check is picked per case with the truth known, too; the fused score has to do without."""
SYSTEMS = ("numpy", "pandas", "pyarrow", "scikit-learn")


def markdown(measured: Sequence[Measured], cache: Cache, today: date) -> str:
    """The section: what was measured with what, then the tables."""
    done = [each for each in measured if each.is_available]
    lines = [START, "", INTRODUCTION]
    for part in (
        _conditions(done, cache, today),
        _attacks(done),
        _quiet(done),
        _flags(done),
        _fused(done),
        _poison(done),
        _failures(done),
    ):
        lines += ["", *part]
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


def _attacks(done: Sequence[Measured]) -> Iterator[str]:
    yield (
        "| attacks on | cases | recall at 1 % FPR | best peer per case | precision at k | right assessment "
        "| right, where it can be seen |"
    )
    yield "|---|---|---|---|---|---|---|"
    poison = [each for each in done if each.case.kind in POISON]
    modalities = sorted({each.case.modality for each in poison})
    groups = [
        *((f"*{name}*", [each for each in poison if each.case.modality is name]) for name in modalities),
        *((str(group), found) for group, found in by_group(done)),
        ("all", poison),
    ]
    for name, group in groups:
        judged = [each for each in group if best_peer(each) is not None]
        peers = [best[1] for best in map(best_peer, judged) if best is not None]
        peer = f"{fmean(peers):.2f} (ours there {_mean(judged, 'recall')})" if peers else "not measured"
        seen = [each for each in group if can_be_seen(each)]
        yield (
            f"| {name} | {len(group)} | {_mean(group, 'recall')} | {peer} | {_mean(group, 'precision')} "
            f"| {_right(group)} | {_right(seen)} |"
        )
    names = [each.case.name for each in without_a_row(done)]
    if names:
        yield ""
        yield f"Called suspicious, and counted as right, though not one planted row is flagged: {', '.join(names)}."
    oracle = against_oracle(done)
    if oracle is not None:
        yield ""
        yield (
            f"Attacks on labels beside the oracle, over {oracle.cases} cases: ours {oracle.ours:.2f}, oracle "
            f"{oracle.oracle:.2f}, ratio {oracle.ratio:.2f}."
        )


def _right(group: Sequence[Measured]) -> str:
    return f"{sum(each.is_right for each in group)} of {len(group)}"


def _quiet(done: Sequence[Measured]) -> Iterator[str]:
    yield "| honest data | cases | rows flagged, mean | rows flagged, worst | right assessment |"
    yield "|---|---|---|---|---|"
    for kind in (Kind.CLEAN, Kind.DRIFT):
        group = [each for each in done if each.case.kind is kind]
        if group:
            flags = [100 * float(each.result["flagged_clean"]) for each in group]
            yield f"| {kind} | {len(group)} | {fmean(flags):.2f} % | {max(flags):.2f} % | {_right(group)} |"

    wrong = [each for each in done if each.case.kind in {Kind.CLEAN, Kind.DRIFT} and not each.is_right]
    if wrong:
        yield ""
        yield "| honest data, wrongly assessed | rows flagged | assessment | expected |"
        yield "|---|---|---|---|"
    for each in wrong:
        flagged = f"{100 * float(each.result['flagged_clean']):.2f} %"
        yield f"| {each.case.name} | {flagged} | {each.result['assessment']} | {' or '.join(each.case.expected)} |"


def _flags(done: Sequence[Measured]) -> Iterator[str]:
    found = flags_on_clean(done)
    if not found:
        return
    yield "Rows of clean data, without a reference, that are flagged by a system's own default threshold:"
    yield ""
    yield "| system | data sets | rows flagged, mean | rows flagged, worst |"
    yield "|---|---|---|---|"
    for name, (sets, share, worst) in found.items():
        yield f"| {name} | {sets} | {100 * share:.2f} % | {100 * worst:.2f} % |"


def _fused(done: Sequence[Measured]) -> Iterator[str]:
    found = fusing(done)
    if found is None:
        return
    yield (
        f"Recall at 1 % FPR over {found.cases} cases: the fused score {found.fused:.2f}, the best single check of each "
        f"case {found.single:.2f}. Where a single one is better by more than {BEHIND}:"
    )
    yield ""
    yield "| case | fused | best single check |"
    yield "|---|---|---|"
    for each in found.behind:
        name, recall = best_single(each) or ("", 0.0)
        yield f"| {each.case.name} | {each.result['recall']:.2f} | {recall:.2f} {name} |"


def _poison(done: Sequence[Measured]) -> Iterator[str]:
    yield "| case | poisoned rows | recall at 1 % FPR | best peer | oracle | assessment |"
    yield "|---|---|---|---|---|---|"
    for each in done:
        if each.case.kind in POISON:
            yield f"| {' | '.join(_cells(each))} |"


def _failures(done: Sequence[Measured]) -> Iterator[str]:
    """Peers that failed, by reason."""
    for (name, reason), cases in failed_peers(done).items():
        yield f"Failed: {name} on {len(cases)} {'case' if len(cases) == 1 else 'cases'} ({reason}): {', '.join(cases)}."
        yield ""


def _cells(measured: Measured) -> Iterator[str]:
    result, best = measured.result, best_peer(measured)
    ceiling = result.get("ceiling")
    yield measured.case.name
    yield f"{result['poisoned']} of {result['rows']}"
    yield f"{result['recall']:.2f}"
    yield "" if best is None else f"{best[1]:.2f} {best[0]}"
    yield "" if ceiling is None else f"{ceiling:.2f}"
    yield f"{result['assessment']}{'' if measured.is_right else ', wrong'}"


def _mean(group: Sequence[Measured], field: str) -> str:
    found = mean(group, field)
    return "" if found is None else f"{found:.2f}"
