"""Bundles on other machines, and the command as a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from evidence_commands import codes, gate
from evidence_fixtures import Captured
from evidence_project import Project, poisonguard

# Bundles


@pytest.fixture
def elsewhere(approved: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine: the data, a bundle and the pinned trust root, nothing else."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert poisonguard("bundle", "export", "reviews@1", "-o", str(other / "reviews.pgbundle")) == 0
    shutil.copytree(approved.data, other / "reviews")
    shutil.copy(approved.folder / ".poisonguard" / "trust.json", other / "trust.json")
    monkeypatch.chdir(other)
    return other


def test_a_bundle_passes_on_another_machine(elsewhere: Path, capsys: Captured) -> None:
    assert gate("--bundle", "reviews.pgbundle", "--trust", "trust.json") == 0
    captured = capsys.readouterr()
    assert "PASSED" in captured.out
    assert "--min-version" in captured.err
    assert sorted(path.name for path in elsewhere.iterdir()) == ["reviews", "reviews.pgbundle", "trust.json"]


@pytest.mark.usefixtures("elsewhere")
def test_a_bundle_passes_with_the_pin_alone(approved: Project) -> None:
    pin = next(line for line in _shown(approved) if line.startswith("pin ")).split()[1]
    assert gate("--bundle", "reviews.pgbundle", "--trust", pin) == 0


def _shown(project: Project) -> list[str]:
    command = [sys.executable, "-m", "poisonguard", "trust", "show"]
    done = subprocess.run(command, cwd=project.folder, env=_environment(), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _environment() -> dict[str, str]:
    here = Path(__file__).resolve().parents[2]
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(here), "HOME": os.environ.get("HOME", "/")}


@pytest.mark.usefixtures("elsewhere")
def test_a_bundle_without_a_pinned_trust_root_is_refused(capsys: Captured) -> None:
    assert gate("--bundle", "reviews.pgbundle", "-f", "json") == 5
    assert codes(capsys) == ["trust-not-pinned"]


def test_a_trust_root_inside_the_data_pins_nothing(
    elsewhere: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = elsewhere / "reviews" / ".poisonguard"
    planted.mkdir()
    shutil.copy(elsewhere / "trust.json", planted / "trust.json")
    monkeypatch.chdir(elsewhere / "reviews")
    assert poisonguard("gate", ".", "--bundle", "../reviews.pgbundle", "-f", "json") == 5
    assert codes(capsys) == ["trust-not-pinned"]


@pytest.mark.usefixtures("elsewhere")
def test_somebody_elses_trust_root_is_refused(tmp_path: Path, capsys: Captured) -> None:
    other = Project.start(tmp_path / "other")
    trust = str(other.folder / ".poisonguard" / "trust.json")
    assert gate("--bundle", "reviews.pgbundle", "--trust", trust, "-f", "json") == 6
    assert codes(capsys) == ["trust-untrusted"]


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_in_a_bundle_never_passes(elsewhere: Path, capsys: Captured, place: float) -> None:
    path = elsewhere / "reviews.pgbundle"
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(bytes(data))
    assert gate("--bundle", "reviews.pgbundle", "--trust", "trust.json") in {5, 6}
    assert "Traceback" not in capsys.readouterr().err


def test_a_bundle_is_imported_once(approved: Project, elsewhere: Path, capsys: Captured, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(approved.folder, twin)
    assert poisonguard("versions") == 2, "no workspace here"
    os.chdir(twin)
    capsys.readouterr()
    assert poisonguard("bundle", "import", str(elsewhere / "reviews.pgbundle")) == 0
    assert capsys.readouterr().out == "imported reviews@1: 0 new statements, 3 known\n"


@pytest.mark.usefixtures("approved")
def test_what_is_no_bundle_is_refused(capsys: Captured) -> None:
    assert gate("--bundle", "reviews/a.csv") == 6
    assert gate("--bundle", "nowhere.pgbundle") == 2
    assert "Traceback" not in capsys.readouterr().err


# The real process


def test_the_real_command_does_the_same(approved: Project) -> None:
    command = [sys.executable, "-m", "poisonguard", "gate", "reviews", "--format", "json"]
    done = subprocess.run(command, cwd=approved.folder, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "PASSED"


def test_the_gate_on_a_bundle_loads_no_analytics(elsewhere: Path) -> None:
    heavy = ("pandas", "numpy", "scipy", "sklearn", "sqlalchemy", "datasketch", "great_expectations")
    script = (
        "import sys; from poisonguard.cli.main import run; "
        "code = run(['gate', 'reviews', '--bundle', 'reviews.pgbundle', '--trust', 'trust.json']); "
        f"print([name for name in {heavy!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=elsewhere, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
