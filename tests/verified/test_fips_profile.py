"""The FIPS profile: trees of SHA-256, recomputed here with hashlib alone, and a gate that asks for nothing less."""

import hashlib
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from evidence_project import poisonguard
from evidence_world import World, key, pinned
from verified_world import BIG, CSV, Approval, TrainingProject, approved

import poisonguard as pg
from poisonguard.attest.keys import Algorithm
from poisonguard.dataset.chunktree import BLAKE3_TREE, FIPS_TREE
from poisonguard.domain.dataset import CHUNK
from poisonguard.errors import ConfigurationError
from poisonguard.policy import fips
from poisonguard.policy.builtin import builtin_policy_text, default_policy
from poisonguard.policy.fips import APPROVED, fips_problems
from poisonguard.policy.load import load_policy
from poisonguard.policy.model import policy_digest


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingProject, Approval]:
    return approved(tmp_path_factory.mktemp("fips") / "project", tree=FIPS_TREE)


@pytest.fixture
def version(built: tuple[TrainingProject, Approval], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Approval:
    monkeypatch.chdir(tmp_path)
    return built[1].copy(tmp_path / "data")


def by_hashlib(path: Path) -> str:
    """The root as the documentation defines it, with nothing of ours."""
    data = path.read_bytes()
    leaves = b"".join(
        hashlib.sha256(b"\x00" + data[place : place + CHUNK]).digest() for place in range(0, len(data), 4 * 1024 * 1024)
    )
    return hashlib.sha256(b"\x01" + len(data).to_bytes(8, "little") + leaves).hexdigest()


def test_hashlib_alone_gives_the_roots(version: Approval) -> None:
    dataset = pg.open_dataset(version.data, **version.options)
    for path in dataset.files:
        assert dataset.filesystem.ukey(path) == by_hashlib(version.data / path)


def test_the_gate_and_reads_work_unchanged(version: Approval) -> None:
    options = ("--bundle", str(version.bundle), "--trust", version.pin)
    assert poisonguard("gate", str(version.data), *options) == 0
    assert poisonguard("gate", str(version.data), *options, "--fips") == 0
    dataset = pg.open_dataset(version.data, **version.options, fips=True)
    assert dataset.to_table(["id"]).num_rows == 61_600
    assert pg.gate(version.data, **version.options, fips=True).passed
    version.flip(BIG, CHUNK + 1)
    assert poisonguard("gate", str(version.data), *options) == 6
    with pytest.raises(pg.DataChanged, match=f"from byte {CHUNK}"):
        dataset.to_table()


def test_blake3_is_refused_where_fips_is_asked_for(
    original: Approval, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--bundle", str(original.bundle), "--trust", original.pin)
    assert poisonguard("gate", str(original.data), *options, "--fips") == 5
    assert "not-fips: the files are bound by a tree that is not FIPS-approved" in capsys.readouterr().out
    with pytest.raises(pg.GateFailed, match="not-fips"):
        pg.gate(original.data, **original.options, fips=True)


def policy_file(folder: Path, more: str = "fips: true\n") -> Path:
    path = folder / "policy.yaml"
    path.write_text(builtin_policy_text() + more)
    return path


def test_a_policy_asks_for_it(tmp_path: Path) -> None:
    policy = load_policy(policy_file(tmp_path))
    assert policy == replace(default_policy(), fips=True)
    assert policy_digest(policy) != policy_digest(default_policy())
    assert "fips" not in default_policy().to_json()
    with pytest.raises(ConfigurationError, match="fips"):
        load_policy(policy_file(tmp_path, "fips: perhaps\n"))


def test_a_policy_that_asks_for_it_refuses_blake3(tmp_path: Path) -> None:
    from poisonguard.workflow.gate import gate

    world = World(policy=replace(default_policy(), fips=True)).behave()
    bundle = world.bundle()
    from evidence_world import NOW

    decision = gate(str(tmp_path), bundle, trust_pin=pinned(bundle), policy=world.policy, now=NOW)
    assert "not-fips" in {reason.code for reason in decision.decision.reasons}


def test_sign_and_scan_make_such_manifests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = TrainingProject.start(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    names: set[str] = set()
    for arguments in (
        ("sign", "reviews", "--key", project.key("pub")),
        ("sign", "reviews", "--key", project.key("pub"), "--fips"),
    ):
        assert poisonguard(*arguments) == 0
        names.add(capsys.readouterr().out.split()[1])
    assert len(names) == 2
    published = pg.sign("reviews", key=project.key("pub"), fips=True)
    assert (published.new, published.release.number) == (False, 2)
    scan = ("scan", "reviews", "--sign", project.key("pub"), "-q")
    assert poisonguard(*scan, "--fips") in {0, 1}
    assert "reviews@2" in capsys.readouterr().err
    assert poisonguard(*scan, "--policy", str(policy_file(project.folder))) in {0, 1}
    assert "reviews@2" in capsys.readouterr().err


def test_sign_outside_of_a_workspace_knows_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: TrainingProject, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / CSV).write_text("a\n1\n")
    arguments = ("sign", CSV, "--key", project.key("pub"), "--oms", "out.sig", "--fips")
    assert poisonguard(*arguments) == 2
    assert "--fips is about the manifest" in capsys.readouterr().err


def test_every_algorithm_has_a_standard() -> None:
    assert set(APPROVED) == set(Algorithm)
    assert all(standard.startswith("FIPS ") for standard in APPROVED.values())


def test_a_key_that_is_not_listed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = (key("log").public, key("ann").public)
    assert list(fips_problems(FIPS_TREE.hash_profile, keys)) == []
    listed = {name: standard for name, standard in APPROVED.items() if name != Algorithm.ED25519}
    monkeypatch.setattr(fips, "APPROVED", MappingProxyType(listed))
    assert list(fips_problems(FIPS_TREE.hash_profile, keys)) == [
        f"key {key('log').public.keyid[:12]} is of ed25519, which is not FIPS-approved"
    ]
    assert len(list(fips_problems(BLAKE3_TREE.hash_profile, keys))) == 2
