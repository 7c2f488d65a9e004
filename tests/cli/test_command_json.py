"""What commands print as JSON is what the reference page says: every key, its type, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from evidence_project import FLIPPED, Project, poisonguard
from oms_world import bundle, chain_material, encoded, identity, statement

from poisonguard.store.registry import Kind
from poisonguard.workflow.standing import State

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "command-json.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "list of strings": (list,),
    "list of objects": (list,),
    "null": (type(None),),
}


def table(schema: str) -> dict[str, str]:
    """Keys and types that the page names for a document, first those of the section, in order."""
    (section,) = [part for part in PAGE.split("\n## ") if f"`{schema}`\n" in part]
    return {key: kind.strip() for key, kind in ROW.findall(section)}


def walk(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every key below a value, by its path, with what it holds."""
    if isinstance(value, dict):
        for key, item in value.items():
            path = f"{at}.{key}" if at else key
            yield path, item
            yield from walk(item, path)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, f"{at}[]")


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of the type that the page names."""
    kinds = [part.strip() for part in kind.split(" or ")]
    allowed = {type_ for part in kinds for type_ in TYPES[part]}
    if type(value) not in allowed:
        return False
    member = str if "list of strings" in kinds else dict
    return not isinstance(value, list) or all(type(item) is member for item in value)


def check(*documents: dict[str, Any]) -> None:
    """Documents of one schema hold together every key of the page, and each fits it."""
    (schema,) = {document["schema"] for document in documents}
    said = table(schema)
    for document in documents:
        for path, value in walk(document):
            assert path in said, f"{schema}: {path} is not on the page"
            assert fits(value, said[path]), f"{schema}: {path} is no {said[path]}: {value!r}"
    seen = {path for document in documents for path, _ in walk(document)}
    assert seen == said.keys()
    assert [key for key in said if "." not in key] == list(documents[0]), "the order of the page"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A version that was scanned, approved with a waiver, and revoked."""
    made = Project.start(tmp_path / "project", revokers=("rita",))
    made.publish(findings=[FLIPPED])
    made.approve("ann")
    monkeypatch.chdir(made.folder)
    assert poisonguard("revoke", "reviews@1", "--reason", "flipped", "--key", made.key("rita")) == 0
    return made


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert poisonguard(*arguments, "--format", "json") == code
    text = capsys.readouterr().out
    assert text.isascii()
    document: dict[str, Any] = json.loads(text)
    return document


COMMANDS = (
    "versions",
    "versions reviews@1",
    "log show",
    "log show reviews",
    "log audit",
    "trust show",
    "keys show ann.key",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_names_every_key_and_type(project: Project, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    project.key("ann")
    check(printed(capsys, *command.split()))


def test_what_verify_answers_is_on_the_page(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    sign = ("sign", "reviews", "--key", project.key("pub"), "--oms", "oms.json")
    verify = ("verify", "reviews", "--oms", "oms.json", "--public-key", "pub.key.pub")
    assert poisonguard(*sign) == 0
    passed = printed(capsys, *verify)
    project.write("b.csv", "other")
    project.write("new.csv", "new")
    changed = printed(capsys, *verify, code=6)
    assert (passed["passed"], changed["passed"], changed["mismatches"][0]["path"]) == (True, False, "b.csv")
    Path("oms.json").write_text("{}")
    refused = printed(capsys, *verify, code=6)
    sign_with_certificate(project)
    certified = printed(capsys, "verify", "reviews", "--oms", "oms.json", "--certificate-chain", "ca.pem")
    assert certified["signer"]["mode"] == "certificate"
    check(passed, changed, refused, certified)


def sign_with_certificate(project: Project) -> None:
    """Write ``oms.json``, signed with a certificate under ``ca.pem``."""
    now = datetime.now(UTC)
    root = identity("root", authority=True, now=now)
    signer = identity("signer", root, now=now)
    files = {path.name: path.read_bytes() for path in project.data.iterdir()}
    Path("ca.pem").write_bytes(root.pem)
    Path("oms.json").write_bytes(encoded(bundle(statement(files), signer.key, chain_material(signer.der))))


def test_results_go_to_a_file_too(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.key("ann")
    for command in (["log", "audit"], ["trust", "show"], ["keys", "show", "ann.key"]):
        for form in ("json", "table"):
            capsys.readouterr()
            assert poisonguard(*command, "--format", form) == 0
            shown = capsys.readouterr().out
            assert poisonguard(*command, "--format", form, "-o", str(tmp_path / "out")) == 0
            assert (tmp_path / "out").read_text() == shown
            assert capsys.readouterr().out == ""


def test_a_key_is_shown_as_pem_or_as_json(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    path = project.key("ann")
    assert poisonguard("keys", "show", path, "--pem", "--format", "json") == 2
    assert "exclude each other" in capsys.readouterr().err
    assert printed(capsys, "keys", "show", path)["pem"] == Path(f"{path}.pub").read_text()


def test_the_page_names_every_word() -> None:
    for words in (Kind, State):
        assert [word for word in words if f"`{word}`" not in PAGE] == []
