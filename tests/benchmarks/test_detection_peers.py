"""The command that measures peers and ceilings alone, so that a later run finds them remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import benchmarks.detection.__main__ as command
from benchmarks.detection.cache import Cache
from benchmarks.detection.cases import Case, all_cases
from benchmarks.detection.dataset import Dataset, Split


def test_peers_are_measured_without_ours_on_the_cases_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Case, str, Cache]] = []

    def others(case: Case, dataset: Dataset, cache: Cache) -> dict[str, Any]:
        asked.append((case, dataset.name, cache))
        return {"no peers": "left out"} if case.reference else {}

    monkeypatch.setattr(command, "others", others)
    assert command.main(["peers", "--split", "reporting", "--only", "text/", "clean", "--cache", str(tmp_path)]) == 0
    wanted = [
        case
        for case in all_cases()
        if case.split is Split.REPORTING and "text/" in case.name and "clean" in case.name and not case.slow
    ]
    assert asked == [(case, case.dataset, Cache(tmp_path)) for case in wanted]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [case.name for case in wanted]
    assert not any(tmp_path.iterdir())
