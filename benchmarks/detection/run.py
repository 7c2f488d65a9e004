"""Runs cases, keeps every result by the digest of what made it, and says how far it is."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.detection import ceiling, ours, peering
from benchmarks.detection.build import Files, NotPossible, build
from benchmarks.detection.cache import Cache, digest_of, write_json
from benchmarks.detection.cases import Case, Kind
from benchmarks.detection.dataset import Dataset
from benchmarks.detection.datasets import dataset_named

MOST_OF_IT = 0.9
"""Share of planted secrets, personal data, formulas and files that the check for them must flag."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A case and what one system made of it."""

    case: Case
    result: dict[str, Any]

    @property
    def is_available(self) -> bool:
        """Whether there is a result."""
        return "unavailable" not in self.result

    @property
    def is_right(self) -> bool:
        """Whether the assessment is one of those expected, and the check that must flag the poison does."""
        if self.case.flagged_by:
            flagged = self.result.get("flags_by_check", {}).get(self.case.flagged_by, (0, 0))[1]
            return bool(flagged >= MOST_OF_IT * self.result.get("poisoned", 0) > 0)
        return self.result.get("assessment") in self.case.expected


@dataclass(frozen=True, slots=True)
class System:
    """Something that judges the files of a case.

    Attributes:
        name: Folder of its results.
        version: Digest of whatever changes what it says.
        judge: Files and role-to-column in, JSON out.
    """

    name: str
    version: str
    judge: Callable[[Files, dict[str, str]], dict[str, Any]]


def run(  # noqa: PLR0913 - each is one thing said elsewhere
    cases: Sequence[Case],
    cache: Cache,
    *,
    with_peers: bool,
    fresh: bool = False,
    embeddings: str | None = None,
    lookup: Callable[[str], Dataset] = dataset_named,
) -> Iterator[Measured]:
    """What poisonguard makes of ``cases``, one after the other; with peers and ceiling if wanted."""
    version = ours.version() if embeddings is None else digest_of(ours.version(), embeddings)
    system = System(ours.NAME, version, partial(ours.scan_case, embeddings=embeddings))
    for case in cases:
        dataset = lookup(case.dataset)
        result = _result(case, dataset, cache, system, fresh=fresh)
        if with_peers and "unavailable" not in result:
            result |= others(case, dataset, cache)
        yield Measured(case, result)


def others(case: Case, dataset: Dataset, cache: Cache) -> dict[str, Any]:
    """What the ceiling and the peers make of a case.

    The ceiling is that of planted poison. Peers look at one version of the data: they see the cases without a
    reference, with poison or clean.
    """
    if case.files:
        return {}  # they see rows
    asked = []
    if case.kind is Kind.POISONED:
        asked.append(System(ceiling.NAME, ceiling.VERSION, ceiling.ceiling_of))
    if not case.reference and case.kind in {Kind.POISONED, Kind.CLEAN}:
        judge = partial(peering.score_case, cache=cache)
        asked.append(System(peering.NAME, peering.version(), judge))
    found: dict[str, Any] = {}
    for other in asked:
        result = _result(case, dataset, cache, other)
        found |= result if "unavailable" not in result else {f"no {other.name}": result["unavailable"]}
    return found


def _result(case: Case, dataset: Dataset, cache: Cache, system: System, *, fresh: bool = False) -> dict[str, Any]:
    try:
        files = build(case, dataset, cache)
    except NotPossible as error:
        return {"unavailable": f"not possible here: {error}"}
    except Exception as error:  # noqa: BLE001 - one broken attack must not hide the other cases
        return {"unavailable": f"the case could not be made: {_where(error)}"}
    path = cache.folder("results", system.name) / f"{files.digest}-{system.version}.json"
    if path.is_file() and not fresh:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    try:
        result = system.judge(files, dict(dataset.columns))
    except Exception as error:  # noqa: BLE001 - a crash is a result of this case, and the next case still counts
        return {"unavailable": f"crashed: {_where(error)}"}
    write_json(path, result)
    return result


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename.rsplit('/', 1)[-1]}:{last.lineno})"[:300]
