"""The wheel carries everything that an installed poisonguard needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("folder", ["cards", "packs"])
def test_cards_and_packs_are_in_the_wheel(names: set[str], folder: str) -> None:
    for path in (ROOT / "checks" / folder).glob("*.yaml"):
        assert f"poisonguard/_checks/{folder}/{path.name}" in names


def test_every_module_template_and_schema_is_in_the_wheel(names: set[str]) -> None:
    for path in (ROOT / "poisonguard").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"poisonguard"}
