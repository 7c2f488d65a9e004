"""poisonguard on the files of a case, through its Python API, as anybody would call it."""

from __future__ import annotations

import inspect
import time
from collections import Counter
from functools import cache as cached
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from benchmarks.detection.build import Files
from benchmarks.detection.cache import PROJECT, code_digest
from benchmarks.detection.measures import measure
from poisonguard.domain.outcome import Failed
from poisonguard.domain.result import ScanResult
from poisonguard.errors import PoisonguardError
from poisonguard.workflow.api import scan

NAME = "poisonguard"
SCANNING = ("dataset", "detectors", "engine", "kernels", "plugin", "sketches")
"""Packages whose code decides what a scan says; a change there makes the cached results stale."""
MOST_FINDINGS = 20
MOST_CHARACTERS = 300


@cached
def version() -> str:
    """Digest of the code and the cards that a scan runs."""
    code = [path for name in SCANNING for path in (PROJECT / "poisonguard" / name).rglob("*.py")]
    return code_digest([*code, *(PROJECT / "checks").rglob("*.yaml"), PROJECT / "poisonguard" / "domain" / "result.py"])


def scan_case(files: Files, columns: dict[str, str]) -> dict[str, Any]:
    """Scan the candidate; what was found, how long it took, and how that compares with the truth."""
    scores = files.folder / "ours.parquet"
    scores.unlink(missing_ok=True)
    options: dict[str, Any] = {"columns": columns, "scores": scores, "workers": 2}
    if files.reference is not None:
        options["reference"] = str(files.reference)
    if files.holdout is not None:
        if "holdout" not in inspect.signature(scan).parameters:
            return {"unavailable": "poisonguard has no hold-out check yet"}
        options["holdout"] = files.holdout
    started = time.perf_counter()
    try:
        result = scan(str(files.candidate), compare=files.reference is not None, **options)
    except PoisonguardError as error:
        return {"unavailable": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - started
    return {"seconds": round(seconds, 2), **_compared(files, scores, result)}


def _compared(files: Files, scores: Path, result: ScanResult) -> dict[str, Any]:
    poisoned = files.truth().column("poisoned").to_numpy()
    rows = _rows_in_order(scores, files.parts())
    ranking = measure(rows.column("score").to_numpy(), poisoned)
    flagged = rows.column("flagged").to_numpy()
    checks = rows.column("checks").to_pylist()
    return {
        "rows": len(poisoned),
        "poisoned": int(poisoned.sum()),
        "recall": ranking.recall,
        "precision": ranking.precision,
        "flagged_clean": float(flagged[~poisoned].mean()),
        "flagged_poison": float(flagged[poisoned].mean()) if poisoned.any() else None,
        "assessment": str(result.assessment),
        "flags_by_check": _by_check(checks, poisoned),
        "findings": [
            f"{item.check} {item.level} {item.signal}: {item.message}"[:MOST_CHARACTERS]
            for item in result.findings[:MOST_FINDINGS]
        ],
        "failed": [
            f"{item.check}: {item.error}"[:MOST_CHARACTERS] for item in result.outcomes if isinstance(item, Failed)
        ],
    }


def _rows_in_order(scores: Path, parts: list[Path]) -> pa.Table:
    """The score file's rows in the order of the parts, one per row of the candidate."""
    table = pyarrow.parquet.read_table(scores)
    order = {path.name: place for place, path in enumerate(parts)}
    file = np.array([order[Path(path).name] for path in table.column("path").to_pylist()])
    return table.take(pa.array(np.lexsort((table.column("row").to_numpy(), file))))


def _by_check(checks: list[str], poisoned: npt.NDArray[np.bool_]) -> dict[str, list[int]]:
    """Per check: clean and poisoned rows that it flagged."""
    counts = {True: Counter[str](), False: Counter[str]()}
    for named, bad in zip(checks, poisoned, strict=True):
        counts[bool(bad)].update(name for name in named.split(",") if name)
    return {name: [counts[False][name], counts[True][name]] for name in sorted({*counts[True], *counts[False]})}
