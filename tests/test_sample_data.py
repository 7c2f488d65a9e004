"""The sample data are what their script makes, and nothing in them gives the poison away."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pyarrow.json as pj
import pyarrow.parquet as pq
import pytest

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
ATTACKS = sorted(path.stem for path in (SAMPLES / "truth").glob("*.csv"))
VERSIONS = sorted(path for name in ("flights", "reviews") for path in (SAMPLES / name).iterdir())
RATES = {
    "flights-random-flips": 0.05,
    "flights-source-flips": 0.02,
    "flights-value-backdoor": 0.02,
    "reviews-near-copies": 0.04,
    "reviews-rare-token": 0.025,
    "reviews-zero-width": 0.025,
}


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, SAMPLES / "make_poisoned.py", folder], check=True, cwd=SAMPLES.parent)
    return folder


def rows_of(version: Path) -> dict[tuple[str, int], tuple[object, ...]]:
    rows: dict[tuple[str, int], tuple[object, ...]] = {}
    for path in sorted(version.iterdir()):
        table = pq.read_table(path) if path.suffix == ".parquet" else pj.read_json(path)
        for number, row in enumerate(table.to_pylist()):
            rows[path.name, number] = tuple(row.values())
    return rows


def truth(attack: str) -> set[tuple[str, int]]:
    with (SAMPLES / "truth" / f"{attack}.csv").open(newline="") as file:
        return {(row["path"], int(row["row"])) for row in csv.DictReader(file)}


def poisoned_version(attack: str) -> Path:
    name, _, rest = attack.partition("-")
    return SAMPLES / name / f"next_poisoned_{rest.replace('-', '_')}"


def test_the_script_makes_exactly_the_committed_files(remade: Path) -> None:
    made = sorted(path.relative_to(remade) for path in remade.rglob("*") if path.is_file())
    kept = [path.relative_to(SAMPLES) for path in SAMPLES.glob("*/next_poisoned_*/*")]
    assert made == sorted(kept + [path.relative_to(SAMPLES) for path in (SAMPLES / "truth").iterdir()])
    for path in made:
        assert same_file(remade / path, SAMPLES / path), path


def same_file(one: Path, other: Path) -> bool:
    """Same bytes; Parquet bytes name the library that wrote them, so another release of it is compared by rows."""
    if one.suffix == ".parquet" and writer(one) != writer(other):
        return bool(pq.read_table(one).equals(pq.read_table(other)))
    return one.read_bytes() == other.read_bytes()


def writer(path: Path) -> str:
    return str(pq.read_metadata(path).created_by)


@pytest.mark.parametrize("attack", ATTACKS)
def test_truth_names_the_rows_that_are_in_no_clean_version(attack: str) -> None:
    version = poisoned_version(attack)
    honest = set(rows_of(version.parent / "next_clean").values())
    strangers = {place for place, row in rows_of(version).items() if row not in honest}
    # A flip may turn a row into the twin of an honest one; it is poisoned all the same.
    assert strangers <= truth(attack)
    assert len(strangers) >= 0.95 * len(truth(attack))


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_rate_is_the_published_one(attack: str) -> None:
    clean = len(rows_of(poisoned_version(attack).parent / "next_clean"))
    assert len(truth(attack)) == pytest.approx(RATES[attack] * clean, abs=1)


@pytest.mark.parametrize("attack", ATTACKS)
def test_poisoned_rows_are_spread_over_the_files(attack: str) -> None:
    rows = rows_of(poisoned_version(attack))
    places = sorted(rows)
    middle = len(places) / 2
    mean = sum(places.index(place) for place in truth(attack)) / len(truth(attack))
    assert abs(mean - middle) < 0.1 * len(places)


@pytest.mark.parametrize("name", ["flights", "reviews"])
def test_the_next_version_is_the_approved_one_and_new_rows(name: str) -> None:
    approved, following = (rows_of(SAMPLES / name / version) for version in ("approved", "next_clean"))
    assert set(approved.values()) <= set(following.values())
    assert len(following) > len(approved) >= 2000


def test_versions_hold_only_their_data() -> None:
    assert {path.suffix for version in VERSIONS for path in version.iterdir()} == {".parquet", ".jsonl"}
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 10_000_000
