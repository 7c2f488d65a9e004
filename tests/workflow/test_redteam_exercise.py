"""A red team exercise on real data: what it says, that it says the same twice, and that the original stays."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

import poisonguard as pg
from poisonguard.domain.exercise import Exercise, Notice
from poisonguard.errors import NothingToScan, UsageError
from poisonguard.redteam.catalogue import attack_named
from poisonguard.reports.exercise import render_text
from poisonguard.workflow.redteam import RedteamRequest, redteam, strengths
from poisonguard.workflow.scan import ScanRequest

ROOT = Path(__file__).resolve().parents[2]
REVIEWS = ROOT / "sample_data" / "reviews"
GOLDEN = ROOT / "tests" / "golden" / "redteam.txt"
ATTACKS = ("rare-token", "tag-characters", "outliers")


def request(*attacks: str, rates: tuple[float, ...] = (0.03,), **scan: str | None) -> RedteamRequest:
    wanted = {"data": str(REVIEWS / "next_clean"), "reference": str(REVIEWS / "approved"), "name": "reviews", **scan}
    return RedteamRequest(ScanRequest(**wanted), attacks, rates, seed=7, most_rows=1000)  # type: ignore[arg-type] # every value here is text


def digest(folder: Path) -> str:
    state = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        state.update(f"{path.relative_to(folder)} {path.stat().st_mtime_ns} {path.stat().st_mode}\n".encode())
        state.update(path.read_bytes() if path.is_file() else b"")
    return state.hexdigest()


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    temporary = tmp_path_factory.mktemp("temporary")
    before, held = digest(REVIEWS), tempfile.tempdir
    tempfile.tempdir = str(temporary)
    try:
        done = redteam(request(*ATTACKS))
    finally:
        tempfile.tempdir = held
    assert digest(REVIEWS) == before, "the original was touched"
    assert list(temporary.iterdir()) == [], "a copy was left behind"
    return done


def test_the_table_on_the_samples(exercise: Exercise) -> None:
    printed = render_text(exercise).replace(f"{ROOT}/", "")
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(printed, encoding="utf-8")
    assert printed == GOLDEN.read_text(encoding="utf-8")


def test_what_is_blatant_is_caught_and_what_does_not_apply_is_named(exercise: Exercise) -> None:
    assert [attack.name for attack in exercise.attacks] == ["rare-token", "tag-characters"]
    assert {attack.best for attack in exercise.attacks} == {Notice.CAUGHT}
    assert [(item.name, item.reason) for item in exercise.skipped] == [("outliers", "no numeric feature")]
    assert exercise.incomplete == ()
    assert (exercise.rows, exercise.total_rows) == (1000, 3000)
    assert [trial.poisoned for attack in exercise.attacks for trial in attack.trials] == [30, 30]


def test_the_same_seed_says_the_same_whatever_the_workers(exercise: Exercise) -> None:
    alone = request("tag-characters")
    assert redteam(replace(alone, scan=replace(alone.scan, workers=1))).attacks == exercise.attacks[1:]


def write_pages(folder: Path) -> None:
    lines = [
        f'{{"url": "https://site{row % 7}.example.com/{row}", "text": "Page {row} speaks of {word} and of what it is '
        f'good for, at some length and in the words of its author, number {row * 37 % 101}."}}\n'
        for row in range(300)
        for word in [("bread", "trains", "gardens", "violins", "harbours")[row % 5]]
    ]
    (folder / "pages.jsonl").write_text("".join(lines))


def test_the_python_api_says_the_same(tmp_path: Path) -> None:
    write_pages(tmp_path)
    done = pg.red_team(tmp_path, attacks=["tag-characters"], rates=[0.05], seed=7, rows=200, compare=False)
    asked = ScanRequest(data=str(tmp_path), compare=False)
    assert done == redteam(RedteamRequest(asked, ("tag-characters",), (0.05,), seed=7, most_rows=200))
    assert [trial.poisoned for trial in done.attacks[0].trials] == [10]


def test_an_attack_between_versions_is_compared_with_the_clean_copy(tmp_path: Path) -> None:
    write_pages(tmp_path)
    done = redteam(RedteamRequest(ScanRequest(data=str(tmp_path), compare=False), ("split-view",), (0.05,)))
    (trial,) = done.attacks[0].trials
    assert done.reference is None
    assert trial.poisoned == 15
    assert "pages replaced" in trial.what


def test_requests_that_cannot_be_carried_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no attack is called 'typo'"):
        redteam(request("typo"))
    with pytest.raises(UsageError, match="--rate 2"):
        redteam(request("rare-token", rates=(2.0,)))
    with pytest.raises(UsageError, match="no attack applies") as caught:
        redteam(request("outliers"))
    assert caught.value.hint == "outliers: no numeric feature."
    with pytest.raises(NothingToScan):
        redteam(request("rare-token", data=str(tmp_path / "nothing")))


def test_strengths_are_counts_where_published_so_and_rates_otherwise() -> None:
    gibberish, token = attack_named("gibberish"), attack_named("rare-token")
    assert strengths(gibberish, (), 10_000) == [50, 100, 250]
    assert strengths(gibberish, (), 220) == [50, 100]
    assert strengths(gibberish, (), 40) == [1]
    assert strengths(gibberish, (0.1,), 10_000) == [1000]
    assert strengths(token, (), 1000) == [5, 10, 30]
    assert strengths(token, (0.5, 0.001), 1000) == [1, 500]
    assert strengths(attack_named("code-pickle"), (), 1) == [1, 3, 8]  # files, not rows
    assert strengths(token, (), 10) == [1]


def test_items_of_the_hold_out_are_what_leaks(tmp_path: Path) -> None:
    item = "an evaluation item of more than thirteen words that stands nowhere else in any of the reviews at all"
    (tmp_path / "holdout.jsonl").write_text(json.dumps({"text": item}) + "\n", encoding="utf-8")
    asked = request("contamination", rates=(0.02,))
    (attack,) = redteam(replace(asked, scan=replace(asked.scan, holdout=(str(tmp_path / "holdout.jsonl"),)))).attacks
    assert [trial.checks for trial in attack.trials] == [("PG-LEAK-001",)]
    with pytest.raises(UsageError) as caught:
        redteam(asked)
    assert "no evaluation item" in (caught.value.hint or "")
