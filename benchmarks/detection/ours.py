"""poisonguard on the files of a case: one scan, and beside its scores those of every single check.

The scan is the one that ``poisonguard.workflow.api.scan`` makes; it is opened here, so that what each check says of
the rows can be measured before it is fused with what the others say.
"""

from __future__ import annotations

import re
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
from benchmarks.detection.cache import HERE, PROJECT, code_digest
from benchmarks.detection.measures import measure
from poisonguard.domain.finding import Level
from poisonguard.domain.outcome import Failed
from poisonguard.engine.score import ScoreBook
from poisonguard.errors import PoisonguardError
from poisonguard.workflow.rows import write_rows
from poisonguard.workflow.scan import Scan, open_scan
from poisonguard.workflow.scan_options import scan_request

NAME = "poisonguard"
SCANNING = ("dataset", "detectors", "engine", "kernels", "plugin", "sketches")
"""Packages whose code decides what a scan says; a change there makes the cached results stale."""
OTHER_KIND = re.compile("PG-(PII|SECRET|CONTRACT)-")
"""Checks whose findings on honest data are true, and no alarm of poison: a mail address in it is one."""
MOST_FINDINGS = 20
MOST_CHARACTERS = 300


@cached
def version() -> str:
    """Digest of the code and the cards that a scan runs, and of how it is measured."""
    code = [path for name in SCANNING for path in (PROJECT / "poisonguard" / name).rglob("*.py")]
    said = [PROJECT / "poisonguard" / "domain" / "result.py", Path(__file__), HERE / "measures.py"]
    return code_digest([*code, *(PROJECT / "checks").rglob("*.yaml"), *said])


def scan_case(files: Files, columns: dict[str, str], embeddings: str | None = None) -> dict[str, Any]:
    """Scan the candidate; what was found, how long it took, and how that compares with the truth."""
    scores = files.folder / "ours.parquet"
    scores.unlink(missing_ok=True)
    reference = None if files.reference is None else str(files.reference)
    request = scan_request(
        str(files.candidate),
        columns={} if files.table != files.candidate else columns,  # folders say what their pictures are
        reference=reference,
        compare=reference is not None,
        holdout=files.holdout,
        embeddings=embeddings,
        workers=2,
    )
    started = time.perf_counter()
    try:
        with open_scan(request) as finished:
            write_rows(finished, scores, only_flagged=False)
            seconds = time.perf_counter() - started
            return {"seconds": round(seconds, 2), **_compared(files, scores, finished)}
    except PoisonguardError as error:
        return {"unavailable": f"{type(error).__name__}: {error}"}


def _compared(files: Files, scores: Path, finished: Scan) -> dict[str, Any]:
    beside = files.beside()
    if beside is not None:
        return {**_compared_files(beside, finished), **_told(finished)}
    truth = files.truth()
    poisoned = truth.column("poisoned").to_numpy()
    table = pyarrow.parquet.read_table(scores)
    paths = truth.column("path").to_pylist() if "path" in truth.column_names else None
    order = _order(table, files.parts()) if paths is None else _order_of_pictures(table, paths)
    order, poisoned = order[files.counted()], poisoned[files.counted()]
    rows = table.take(pa.array(order))
    ranking = measure(rows.column("score").to_numpy(), poisoned)
    flagged = rows.column("flagged").to_numpy()
    checks = rows.column("checks").to_pylist()
    other_kind = np.array(
        [bool(named) and all(OTHER_KIND.match(name) for name in named.split(",")) for named in checks]
    )
    return {
        "rows": len(poisoned),
        "poisoned": int(poisoned.sum()),
        "recall": ranking.recall,
        "precision": ranking.precision,
        "flagged_clean": float((flagged & ~other_kind)[~poisoned].mean()),
        "flagged_poison": float(flagged[poisoned].mean()) if poisoned.any() else None,
        "flags_by_check": _by_check(checks, poisoned),
        "single": {name: measure(found[order], poisoned).recall for name, found in _singles(finished.book).items()},
        **_told(finished),
    }


def _told(finished: Scan) -> dict[str, Any]:
    """What the scan says of the data set as a whole."""
    result = finished.result
    return {
        "assessment": str(result.assessment),
        "findings": [
            f"{item.check} {item.level} {item.signal}: {item.message}"[:MOST_CHARACTERS]
            for item in result.findings[:MOST_FINDINGS]
        ],
        "failed": [
            f"{item.check}: {item.error}"[:MOST_CHARACTERS] for item in result.outcomes if isinstance(item, Failed)
        ],
    }


def _compared_files(beside: pa.Table, finished: Scan) -> dict[str, Any]:
    """The same of the files beside the tables: the score of one is the confidence of the findings that name it."""
    paths, poisoned = beside.column("path").to_pylist(), beside.column("poisoned").to_numpy()
    place = {path: number for number, path in enumerate(paths)}
    scores, checks = np.zeros(len(paths)), [""] * len(paths)
    for finding in finished.result.findings:
        number = place.get(finding.path or "")
        if number is not None and finding.level is not Level.NOTE:
            scores[number], checks[number] = max(scores[number], finding.confidence), finding.check
    ranking, flagged = measure(scores, poisoned), scores > 0
    return {
        "rows": len(paths),
        "poisoned": int(poisoned.sum()),
        "recall": ranking.recall,
        "precision": ranking.precision,
        "flagged_clean": float(flagged[~poisoned].mean()),
        "flagged_poison": float(flagged[poisoned].mean()) if poisoned.any() else None,
        "flags_by_check": _by_check(checks, poisoned),
        "single": {},
    }


def _order(table: pa.Table, parts: list[Path]) -> npt.NDArray[np.int64]:
    """Places in the score file of the rows of the parts, one per row of the candidate."""
    order = {path.name: place for place, path in enumerate(parts)}
    file = np.array([order[Path(path).name] for path in table.column("path").to_pylist()])
    return np.lexsort((table.column("row").to_numpy(), file))


def _order_of_pictures(table: pa.Table, paths: list[str]) -> npt.NDArray[np.int64]:
    """The same where every row is a file."""
    places = {path: place for place, path in enumerate(table.column("path").to_pylist())}
    return np.array([places[path] for path in paths])


def _singles(book: ScoreBook) -> dict[str, npt.NDArray[np.float64]]:
    """What each check alone says of every row: its scorer's score, or the confidence of its findings' rows."""
    found = {card: scores.astype(np.float64) for card, scores in book.scores.items()}
    for member in book.members:
        if member.check not in book.scores:
            scores = found.setdefault(member.check, np.zeros(book.total))
            scores[member.rows] = np.maximum(scores[member.rows], member.score)
    return found


def _by_check(checks: list[str], poisoned: npt.NDArray[np.bool_]) -> dict[str, list[int]]:
    """Per check: clean and poisoned rows that it flagged."""
    counts = {True: Counter[str](), False: Counter[str]()}
    for named, bad in zip(checks, poisoned, strict=True):
        counts[bool(bad)].update(name for name in named.split(",") if name)
    return {name: [counts[False][name], counts[True][name]] for name in sorted({*counts[True], *counts[False]})}
