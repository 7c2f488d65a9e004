"""A reference that several scans share is folded once, and says what it says to each alone."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.reports.json_v1 import render
from poisonguard.workflow import scan_plan as module
from poisonguard.workflow.references import KeptReference, find_reference, kept
from poisonguard.workflow.scan import ScanRequest, scan

ROWS = 300


def write(path: Path, seed: int) -> str:
    random = np.random.default_rng(seed)
    label = random.choice(["a", "b"], ROWS)
    pq.write_table(pa.table({"x": random.normal(size=ROWS) + 3 * (seed > 1), "label": label}), path)
    return str(path)


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sketches folded of the reference, each time."""
    seen: list[int] = []
    real = module._folded_reference

    def counted(run: Any, reference: Any, sketches: Any) -> Any:
        seen.append(len(sketches))
        return real(run, reference, sketches)

    monkeypatch.setattr(module, "_folded_reference", counted)
    return seen


def shared(path: str, stack: ExitStack) -> KeptReference:
    found = kept(find_reference(path, "data", data="", compare=True, stack=stack, workers=1))
    assert isinstance(found, KeptReference)
    return found


@pytest.fixture
def requests(tmp_path: Path) -> list[ScanRequest]:
    """A scan that needs little, one that needs more, and one of other data."""
    packs = []
    for name, cards in (
        ("small", "[{card: PG-SCHEMA-001}]"),
        ("large", "[{card: PG-SCHEMA-001}, {card: PG-DRIFT-001}]"),
    ):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"name: {name}\nwhat: Few checks that look at columns.\nchecks: {cards}\n")
        packs.append((str(path),))
    reference, new, other = (write(tmp_path / f"{seed}.parquet", seed) for seed in (1, 2, 3))
    chosen = ((new, packs[0]), (new, packs[1]), (new, packs[0]), (other, packs[1]))
    return [ScanRequest(data=data, reference=reference, packs=pack) for data, pack in chosen]


def test_scans_that_share_a_reference_say_what_each_says_alone(requests: list[ScanRequest], folds: list[int]) -> None:
    alone = [render(scan(request)) for request in requests]
    assert len(folds) == len(requests)
    folds.clear()
    with ExitStack() as stack:
        together = shared(str(requests[0].reference), stack)
        assert [render(scan(replace(request, reference=together))) for request in requests] == alone
    # Once for the small scan, once for what the large one needs besides.
    assert len(folds) == 2
