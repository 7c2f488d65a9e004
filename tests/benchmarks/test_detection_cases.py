"""Files of the detection benchmark's cases: folders of pictures, chats, and digests of what they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.detection.build import Files, build
from benchmarks.detection.cache import Cache
from benchmarks.detection.cases import NEED_NUMBERS, Case, Kind, all_cases
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.datasets import dataset_named
from benchmarks.detection.ours import scan_case
from benchmarks.detection.run import Measured, others
from poisonguard.redteam.attack import Family
from poisonguard.redteam.catalogue import ATTACKS
from poisonguard.redteam.png import encode

ROWS = 60


def squares(cache: Cache) -> pa.Table:
    """Noise on a light or a dark ground."""
    del cache
    rng = np.random.default_rng(1)
    grounds = [("light", 200) if row % 2 else ("dark", 30) for row in range(ROWS)]
    pictures = [encode(rng.integers(ground, ground + 40, (16, 16, 3)).astype(np.uint8)) for _, ground in grounds]
    return pa.table({"image": pa.array(pictures, pa.binary()), "label": [name for name, _ in grounds]})


def chats(cache: Cache) -> pa.Table:
    """Questions about numbers."""
    del cache
    turns = [
        [{"role": "user", "content": f"What is {n} + {n}?"}, {"role": "assistant", "content": f"It is {2 * n}."}]
        for n in range(ROWS)
    ]
    return pa.table({"messages": turns})


SQUARES = Dataset(
    name="squares",
    modality=Modality.IMAGES,
    split=Split.TUNING,
    what="Squares",
    load=squares,
    columns={"image": "image", "label": "label"},
    rows=ROWS,
    folders=True,
)
CHATS = replace(SQUARES, name="chats", modality=Modality.INSTRUCTION, load=chats, columns={}, folders=False)
FLIPPED = Case(
    name="images/squares/random-flips+ref",
    modality=Modality.IMAGES,
    dataset="squares",
    split=Split.TUNING,
    kind=Kind.POISONED,
    what="random-flips",
    rate=0.1,
    reference=True,
    expected=("suspicious",),
)
PLANTED = replace(
    FLIPPED,
    name="code/chats/code-pickle+ref",
    modality=Modality.CODE,
    dataset="chats",
    what="code-pickle",
    rate=0.2,
    files=True,
    flagged_by="PG-FILE-001",
)
FIXED = replace(FLIPPED, name="instruction/chats/fixed-output", what="fixed-output", reference=False)


def listed(folder: Path) -> set[str]:
    """Files below ``folder``."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_pictures_holds_every_row_in_the_folder_of_its_class(tmp_path: Path) -> None:
    files = build(FLIPPED, SQUARES, Cache(tmp_path))
    truth = files.truth()
    paths = truth.column("path").to_pylist()
    assert set(paths) == listed(files.candidate)
    assert files.reference is not None
    assert listed(files.reference) <= set(paths)
    given = [path.split("/")[0] for path in paths]
    flipped = [label != honest for label, honest in zip(given, truth.column("honest_label").to_pylist(), strict=True)]
    assert flipped == truth.column("poisoned").to_pylist()
    assert [path.parent.name for path in files.parts()] == ["table", "table"]


def test_the_scores_of_a_folder_come_back_in_the_order_of_the_truth(tmp_path: Path) -> None:
    files = build(FLIPPED, SQUARES, Cache(tmp_path))
    result = scan_case(files, dict(SQUARES.columns))
    assert (result["rows"], result["poisoned"]) == (ROWS, files.truth().column("poisoned").to_pylist().count(True))


def test_chats_stay_chats_when_they_are_attacked(tmp_path: Path) -> None:
    files = build(FIXED, CHATS, Cache(tmp_path))
    rows = [json.loads(line) for path in files.parts() for line in path.read_text(encoding="utf-8").splitlines()]
    assert all([turn["role"] for turn in row["messages"]] == ["user", "assistant"] for row in rows)
    changed = [not row["messages"][1]["content"].startswith("It is") for row in rows]
    assert changed == files.truth().column("poisoned").to_pylist()


def test_planted_files_lie_among_honest_ones_and_are_what_is_measured(tmp_path: Path) -> None:
    files = build(PLANTED, CHATS, Cache(tmp_path))
    beside = files.beside()
    assert beside is not None
    honest = {row["path"] for row in beside.to_pylist() if not row["poisoned"]}
    assert set(beside.column("path").to_pylist()) < listed(files.candidate)
    assert files.reference is not None
    assert listed(files.reference) == {"part-1.jsonl", *honest}
    assert [path.name for path in files.parts()] == ["part-1.jsonl", "part-2.jsonl"]
    result = scan_case(files, {})
    assert (result["recall"], result["flagged_clean"], result["flagged_poison"]) == (1.0, 0.0, 1.0)
    assert result["flags_by_check"] == {"PG-FILE-001": [0, result["poisoned"]]}
    assert Measured(PLANTED, result).is_right
    assert not others(PLANTED, CHATS, Cache(tmp_path))


def test_honest_files_beside_rows_are_quiet(tmp_path: Path) -> None:
    case = replace(PLANTED, name="code/chats/honest-files", kind=Kind.CLEAN, what="honest-files", reference=False)
    result = scan_case(build(case, CHATS, Cache(tmp_path)), {})
    assert (result["poisoned"], result["flagged_clean"], result["recall"]) == (0, 0.0, None)


def test_every_attack_is_tried_on_both_sides_of_the_split() -> None:
    for split in Split:
        tried = {case.what for case in all_cases() if case.split is split}
        assert {attack.name for attack in ATTACKS if attack.family is not Family.CONTAMINATION} <= tried


def test_results_are_remembered_by_what_the_files_hold(tmp_path: Path) -> None:
    def digest(case: Case, folder: str) -> str:
        return build(case, CHATS, Cache(tmp_path / folder)).digest

    assert digest(FIXED, "one") == digest(FIXED, "two")
    assert digest(FIXED, "one") != digest(replace(FIXED, name="instruction/chats/other"), "one")


def test_no_attack_on_numbers_is_tried_where_there_are_none() -> None:
    without = {case.what for case in all_cases(every=True) if not dataset_named(case.dataset).numeric}
    assert without
    assert not without & NEED_NUMBERS


def test_cases_without_a_folder_are_scanned_where_they_lie(tmp_path: Path) -> None:
    assert Files(tmp_path, "digest").table == tmp_path / "candidate"
