"""The decision as a SLSA verification summary."""

import json
from pathlib import Path
from typing import Any

import pytest
from evidence_project import Project, poisonguard

from poisonguard.attest.envelope import parse_envelope, verify
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.vsa import VSA
from poisonguard.errors import IntegrityError
from poisonguard.workflow.keys import read_public_key


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project.start(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    return made


def approved(project: Project) -> None:
    project.publish()
    project.approve("ann")


def run(*options: str) -> tuple[int, dict[str, Any]]:
    code = poisonguard("gate", "reviews", "--vsa", "summary.json", *options)
    return code, json.loads(Path("summary.json").read_bytes())


def test_a_pass_is_summed_up_for_exactly_these_bytes(project: Project) -> None:
    approved(project)
    code, said = run()
    assert code == 0
    assert said["predicateType"] == VSA
    predicate = said["predicate"]
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("PASSED", ["POISONGUARD_APPROVED"])
    assert predicate["resourceUri"] == "poisonguard:reviews@1"
    assert len(predicate["inputAttestations"]) == 3
    assert predicate["poisonguard_reasons"] == []


def test_the_statements_used_are_those_of_the_log(project: Project) -> None:
    approved(project)
    _, said = run()
    with project.workspace as workspace, workspace.registry.read() as reader:
        logged = [item.payload_digest for item in reader.statements(dataset="reviews")]
    assert [item["digest"]["sha256"] for item in said["predicate"]["inputAttestations"]] == logged


def test_a_refusal_is_summed_up_with_its_reasons(project: Project) -> None:
    approved(project)
    project.write("a.csv", "other\n1\n")
    code, said = run()
    assert code == 6
    assert said["predicate"]["verificationResult"] == "FAILED"
    assert said["predicate"]["verifiedLevels"] == ["FAILED"]
    assert said["predicate"]["poisonguard_reasons"] == ["bytes-differ"]


def test_a_signed_summary_verifies_under_the_key(project: Project) -> None:
    approved(project)
    assert poisonguard("keys", "new", "gate.key", "--insecure-no-passphrase") == 0
    assert run("--vsa-key", "gate.key")[0] == 0
    data = Path("summary.json").read_bytes()
    envelope = parse_envelope(data)
    key = read_public_key(Path("gate.key.pub"))
    assert verify(envelope, [key], what="summary") == (key,)
    assert parse_statement(envelope.payload).predicate_type == VSA
    with pytest.raises(IntegrityError):
        parse_envelope(data.replace(b"PASSED", b"FAILED") + b" ")


def test_without_a_version_there_is_no_summary_and_the_refusal_stays(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert poisonguard("gate", "reviews", "--vsa", "summary.json") == 5
    assert "no verification summary" in capsys.readouterr().err
    assert not Path("summary.json").exists()


def test_a_key_without_a_file_signs_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert poisonguard("gate", "reviews", "--vsa-key", "gate.key") == 2
    assert "--vsa FILE" in capsys.readouterr().err


def test_a_summary_that_cannot_be_written_is_no_pass(project: Project) -> None:
    approved(project)
    Path("file").write_text("in the way")
    assert poisonguard("gate", "reviews", "--vsa", "file/summary.json") == 2
