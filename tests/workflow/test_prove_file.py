"""One file is proven to be in a version offline, and an independent check of the Merkle path agrees."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_project import START, Project, poisonguard

from poisonguard.attest import listing
from poisonguard.attest.canonical import canonical
from poisonguard.attest.trust import pin_of
from poisonguard.errors import GateFailed, IntegrityError, UnknownVersion, UsageError
from poisonguard.store import file_proof
from poisonguard.workflow.check_proof import check_proof, pin_here
from poisonguard.workflow.pin import Pin
from poisonguard.workflow.prove_file import prove_file

NOW = START + timedelta(days=1)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(listing, "SHARD_FILES", 4)
    project = Project.start(tmp_path / "project")
    for index in range(23):
        project.write(f"f{index:02d}.csv", f"id,label\n{index},pos\n")
    project.publish()
    return project


def proof(project: Project, path: str = "f07.csv") -> bytes:
    with project.workspace as workspace:
        return prove_file(workspace, "reviews@1", path)


def pin(project: Project) -> Pin:
    return Pin(pin_of((project.folder / ".poisonguard/trust.json").read_bytes()))


def root_of(document: dict[str, Any]) -> str:
    """RFC 9162 §2.1.3.2, written down a second time."""
    line = json.dumps(document["file"], separators=(",", ":"), ensure_ascii=False).encode()
    node, first, last = hashlib.sha256(b"\0" + line).digest(), document["index"], document["count"] - 1
    for text in document["hashes"]:
        sibling = base64.b64decode(text)
        if first % 2 or first == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while first and not first % 2:
                first, last = first // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        first, last = first // 2, last // 2
    assert last == 0
    return node.hex()


def test_every_file_is_proven_and_an_independent_check_agrees(project: Project) -> None:
    for path in sorted(file.name for file in project.data.iterdir()):
        data = proof(project, path)
        found = check_proof(data, pin(project), NOW, file=str(project.data / path))
        assert (found.entry.path, found.release.number, found.people) == (path, 1, ("pub",))
        document = json.loads(data)
        payloads = [
            json.loads(base64.b64decode(item["envelope"]["payload"])) for item in document["bundle"]["statements"]
        ]
        (manifest,) = (item["predicate"]["content"] for item in payloads)
        assert root_of(document) == manifest["filesRoot"]
        assert len(document["hashes"]) <= 5, "log2 of 25"
        assert document["bundle"]["shards"] == []


def test_another_file_is_not_the_one(project: Project) -> None:
    with pytest.raises(IntegrityError, match=r"is not the file f07\.csv"):
        check_proof(proof(project), pin(project), NOW, file=str(project.data / "f08.csv"))
    with pytest.raises(UnknownVersion, match="no such file"):
        proof(project, "none.csv")


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "size": lambda document: document["file"].__setitem__(1, 1),
    "name": lambda document: document["file"].__setitem__(0, "other.csv"),
    "digest": lambda document: document["file"].__setitem__(2, "0" * 64),
    "unit": lambda document: document["file"].__setitem__(5, 1),
    "place": lambda document: document.__setitem__("index", document["index"] + 1),
    "count": lambda document: document.__setitem__("count", document["count"] + 1),
    "hash": lambda document: document["hashes"].__setitem__(0, document["hashes"][1]),
    "no hash": lambda document: document["hashes"].pop(),
    "one more hash": lambda document: document["hashes"].append(document["hashes"][0]),
    "short hash": lambda document: document["hashes"].__setitem__(0, "AA=="),
    "many hashes": lambda document: document["hashes"].extend(document["hashes"] * 20),
    "statement": lambda document: document["bundle"]["statements"][0].__setitem__("index", 0),
    "no statement": lambda document: document["bundle"]["statements"].clear(),
    "member": lambda document: document.__setitem__("more", 1),
    "type": lambda document: document.__setitem__("mediaType", "text/plain"),
    "shards": lambda document: document["bundle"]["shards"].append({"root": "0" * 64, "lines": 0, "leaves": 0}),
    "checkpoint": lambda document: document["bundle"].__setitem__("checkpoint", "x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_alteration_is_refused(project: Project, change: str) -> None:
    document = json.loads(proof(project))
    CHANGES[change](document)
    with pytest.raises(IntegrityError):
        check_proof(canonical(document) + b"\n", pin(project), NOW)


def test_another_trust_root_is_refused(project: Project) -> None:
    with pytest.raises(IntegrityError):
        check_proof(proof(project), Pin("0" * 64), NOW)


@pytest.fixture
def revocable(tmp_path: Path) -> Project:
    """A project in which rita revokes, and a list of hers that revokes nothing yet."""
    made = Project.start(tmp_path / "revocable", revokers=("rita",))
    made.publish()
    made.revoke()
    return made


def test_a_proof_with_a_list_that_revokes_nothing_holds(revocable: Project) -> None:
    assert check_proof(proof(revocable, "a.csv"), pin(revocable), NOW).release.number == 1


def test_a_revoked_version_proves_no_file(revocable: Project) -> None:
    revocable.revoke("reviews@1", minutes=4)
    with pytest.raises(GateFailed, match="reviews@1 was revoked") as caught:
        check_proof(proof(revocable, "a.csv"), pin(revocable), NOW)
    assert (caught.value.exit_code, bool(caught.value.hint)) == (5, True)


def test_a_proof_whose_list_was_stripped_is_refused(revocable: Project) -> None:
    revocable.revoke("reviews@1", minutes=4)
    document = json.loads(proof(revocable, "a.csv"))
    document["bundle"]["statements"] = [
        item for item in document["bundle"]["statements"] if b"revocations" not in base64.b64decode(payload_of(item))
    ]
    assert len(document["bundle"]["statements"]) == 1
    with pytest.raises(GateFailed, match="no trusted list of revocations") as caught:
        check_proof(canonical(document) + b"\n", pin(revocable), NOW)
    assert caught.value.exit_code == 5


def test_a_proof_whose_list_expired_is_refused(revocable: Project) -> None:
    data = proof(revocable, "a.csv")
    with pytest.raises(GateFailed, match="list 1 of revocations expired") as caught:
        check_proof(data, pin(revocable), NOW + timedelta(days=8))
    assert caught.value.exit_code == 5


def test_the_command_refuses_a_revoked_version_with_the_gates_exit_code(
    revocable: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    revocable.revoke("reviews@1", minutes=4)
    path = revocable.folder / "a.proof"
    path.write_bytes(proof(revocable, "a.csv"))
    assert check(revocable, str(path)) == 5
    assert "was revoked" in capsys.readouterr().err


def payload_of(statement: dict[str, Any]) -> str:
    text: str = statement["envelope"]["payload"]
    return text


def test_a_proof_reads_as_it_was_written(project: Project) -> None:
    data = proof(project)
    assert file_proof.dump(*file_proof.load(data)) == data
    with pytest.raises(IntegrityError):
        file_proof.load(data[:-2])


def test_the_commands(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project.folder)
    assert poisonguard("bundle", "prove-file", "reviews", "f07.csv", "-o", "f07.proof") == 0
    assert check(project, "f07.proof", "reviews/f07.csv") == 0
    assert "f07.csv is in reviews@1" in capsys.readouterr().out
    assert check(project, "f07.proof", "reviews/f08.csv") == 6
    assert check(project, "none.proof") == 2
    monkeypatch.chdir("/")
    assert poisonguard("bundle", "check-file", str(project.folder / "f07.proof")) == 2
    with pytest.raises(UsageError, match="no trust root is pinned"):
        pin_here(None)
    digest = pin(project).digest
    assert poisonguard("bundle", "check-file", str(project.folder / "f07.proof"), "--trust", f"sha256:{digest}") == 0


def check(project: Project, *arguments: str) -> int:
    trust = str(project.folder / ".poisonguard/trust.json")
    code: int = poisonguard("bundle", "check-file", *arguments, "--trust", trust)
    return code
