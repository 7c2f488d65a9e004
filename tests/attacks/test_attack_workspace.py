"""What somebody tries who can choose where the gate is run, or put a workspace and settings there."""

import shutil

import pytest
from evidence_fixtures import Captured, gate
from evidence_project import Project


@pytest.mark.parametrize("location", [".", "../reviews", "file://{}", "{}", "../rev*", "./**", "{}/*"])
def test_a_workspace_planted_in_the_data_is_not_believed(
    approved: Project, mallory: Project, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    shutil.rmtree(approved.data)
    shutil.copytree(mallory.data, approved.data)
    shutil.copytree(mallory.folder / ".poisonguard", approved.data / ".poisonguard")
    monkeypatch.chdir(approved.data)
    assert gate(location.format(approved.data), "--name", "reviews") in {5, 6}


def test_a_workspace_beside_a_single_file_is_named(
    mallory: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    shutil.copytree(mallory.folder / ".poisonguard", mallory.data / ".poisonguard")
    monkeypatch.chdir(mallory.data)
    gate("a.csv", "--name", "reviews")
    assert "lies beside the data" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["poisonguard.yaml", "policy.yaml", ".poisonguard/trust.json", "trust.json"])
def test_settings_planted_in_the_data_are_extra_files(
    approved: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured, name: str
) -> None:
    """Run inside the data, the gate believes nothing that lies there; it lies there as one more file."""
    lax = "name: lax\npacks: [baseline]\napprovers: {clean: 1, drifted: 1, suspicious: 1}\n"
    lax += "scan_max_age: 36500d\napproval_max_age: 36500d\nfail_on: error\nfail_on_poisoning: error\n"
    planted = approved.data / name
    planted.parent.mkdir(exist_ok=True)
    planted.write_text("policy: policy.yaml\n" if name == "poisonguard.yaml" else lax)
    monkeypatch.chdir(approved.data)
    assert gate(".", "--name", "reviews") == 6
    assert "lax" not in capsys.readouterr().out


@pytest.mark.parametrize("variable", ["POISONGUARD_GATE_TRUST", "POISONGUARD_GATE_MIN_VERSION"])
def test_a_variable_that_is_nonsense_is_refused(
    approved: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured, variable: str
) -> None:
    monkeypatch.setenv(variable, "nonsense")
    assert gate("reviews") == 2
    assert "bug" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[" * 1000, b"\xff"])
def test_a_memory_that_was_damaged_is_no_fresh_start(approved: Project, content: bytes) -> None:
    """Forgetting what passed would let an older version pass."""
    assert gate("reviews") == 0
    state = approved.folder / ".poisonguard" / "state.json"
    state.write_bytes(content)
    assert gate("reviews") == 6


@pytest.mark.parametrize("target", ["nowhere", "state.json"])
def test_a_memory_that_leads_nowhere_is_no_fresh_start(approved: Project, target: str, capsys: Captured) -> None:
    """A link that dangles or turns in circles is a file that cannot be read, not one that is not there."""
    assert gate("reviews") == 0
    state = approved.folder / ".poisonguard" / "state.json"
    state.unlink()
    state.symlink_to(target)
    assert gate("reviews") in {2, 6}
    assert "bug" not in capsys.readouterr().err
