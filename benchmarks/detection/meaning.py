"""What an embedding model adds: label attacks on texts scanned without and with MiniLM, clean versions beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.detection.cache import Cache
from benchmarks.detection.cases import Case, Kind
from benchmarks.detection.minilm import PACKAGE, minilm
from benchmarks.detection.run import Measured, run
from benchmarks.goals import table

CHECK = "PG-LABEL-003"
HEAD = ("case", "split", "recall without", "with", "of this check alone", "clean rows flagged without", "with", "right")


def wanted(cases: Sequence[Case]) -> list[Case]:
    """Flipped labels of texts, and the clean version of each of these data sets."""
    texts = [case for case in cases if case.modality == "text"]
    flipped = [case for case in texts if case.kind is Kind.POISONED and "-flips" in case.name]
    names = {case.dataset for case in flipped}
    return flipped + [case for case in texts if case.dataset in names and case.name.endswith("/clean")]


def compared(cases: Sequence[Case], cache: Cache) -> Iterator[str]:
    """The table, as lines of Markdown."""
    model = str(minilm(cache))
    without = list(run(cases, cache, with_peers=False))
    beside = list(run(cases, cache, with_peers=False, embeddings=model))
    pairs = [(old, new) for old, new in zip(without, beside, strict=True) if old.is_available and new.is_available]
    yield from table([HEAD, *(_row(*pair) for pair in pairs)])
    yield f"\nThe model is all-MiniLM-L6-v2 of {PACKAGE.name} {PACKAGE.version}, an English one."


def _row(without: Measured, beside: Measured) -> list[str]:
    case, old, new = without.case, without.result, beside.result
    poisoned = case.kind is Kind.POISONED
    recalls = (old["recall"], new["recall"], new["single"].get(CHECK, 0.0)) if poisoned else (None,) * 3
    right = f"{'yes' if without.is_right else 'no'} / {'yes' if beside.is_right else 'no'}"
    flags = (f"{100 * result['flagged_clean']:.2f} %" for result in (old, new))
    return [case.name, str(case.split), *("-" if found is None else f"{found:.2f}" for found in recalls), *flags, right]
