"""OpenSSF Model Signing as people use it: sign and verify."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from evidence_project import Project, poisonguard
from oms_place import FILES, Captured, add_hidden, flip, foreign, made_place, problems, signed, verify
from oms_world import KEY, KEYS, sha256, statement, write_tree

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.oms import dir_hash, parse_payload, root_digest
from poisonguard.attest.oms_bundle import parse_bundle
from poisonguard.errors import KeyMaterialError, UsageError
from poisonguard.workflow.oms import OmsRequest, sign_alone, verify_oms

# Signing


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return made_place(tmp_path, monkeypatch)


@pytest.mark.parametrize("algorithm", [Algorithm.P256, Algorithm.P384, Algorithm.P521])
def test_what_is_signed_verifies_and_binds_version_and_names(place: Path, algorithm: Algorithm) -> None:
    inventory, notes = sign_alone(place / "oms.json", KEYS[algorithm], "data")
    (place / "p.pub").write_text(KEYS[algorithm].public.pem)
    answer = verify_oms(OmsRequest("data", place / "oms.json", public_key=place / "p.pub"), datetime.now(UTC))
    assert answer.passed
    assert answer.statement is not None
    assert answer.statement.version == inventory.version
    assert list(answer.statement.files) == sorted(FILES)
    assert any("--no-ignore-git-paths" in note for note in notes)
    written = json.loads(parse_bundle((place / "oms.json").read_bytes()).payload)
    digests = sorted((name, sha256(data)) for name, data in FILES.items())
    assert written["subject"][0]["digest"] == {
        "sha256": root_digest(digest for _, digest in digests),
        "dirHash1": dir_hash(digests),
    }
    assert written["subject"][0]["name"] == "data"


def test_what_is_signed_is_what_these_tests_sign(place: Path) -> None:
    inventory, _ = sign_alone(place / "real.json", KEY, "data")
    written = parse_payload(parse_bundle((place / "real.json").read_bytes()).payload)
    made = parse_payload(parse_bundle(signed(place).read_bytes()).payload)
    profile = inventory.manifest.hash_profile
    assert written == replace(made, version=inventory.version, hash_profile=profile)


def test_the_bytes_are_read_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from poisonguard.dataset import storage

    write_tree(place / "binary", {"w.bin": b"\x00\xff" * 4096})
    read: list[int] = []
    honest = storage.LocalHandle.read_into

    def counted(self: storage.LocalHandle, offset: int, buffer: memoryview) -> int:
        read.append(len(buffer))
        return honest(self, offset, buffer)

    sign_alone(place / "plain.json", KEY, "binary")
    monkeypatch.setattr(storage.LocalHandle, "read_into", counted)
    sign_alone(place / "oms.json", KEY, "binary")
    with_bundle = sum(read)
    read.clear()
    from poisonguard.workflow.inspect import inspect

    inspect("binary")
    assert with_bundle == sum(read)


def test_keys_and_places_are_refused_before_the_work(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from poisonguard.workflow import inspect as inspecting

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the data were read")

    monkeypatch.setattr(inspecting, "inspect", never)
    with pytest.raises(KeyMaterialError, match="ed25519, which OpenSSF Model Signing does not know"):
        sign_alone(place / "oms.json", KEYS[Algorithm.ED25519], "data")
    with pytest.raises(UsageError, match="lies in the data"):
        sign_alone(place / "data" / "oms.json", KEY, "data")
    with pytest.raises(UsageError, match="no folder"):
        sign_alone(place / "nowhere" / "oms.json", KEY, "data")
    with pytest.raises(UsageError, match="is a directory"):
        sign_alone(place, KEY, "data/data.csv")
    assert not list(place.glob("**/*.json"))


def test_a_single_file_is_named_as_the_specification_says(place: Path) -> None:
    sign_alone(place / "oms.json", KEY, "data/data.csv")
    said = parse_payload(parse_bundle((place / "oms.json").read_bytes()).payload)
    assert (said.subject, list(said.files)) == ("data.csv", ["data.csv"])
    assert verify(place / "oms.json", data="data/data.csv").passed
    assert not verify(place / "oms.json").passed


def test_a_workspace_in_the_data_is_left_out_and_said_so(place: Path) -> None:
    write_tree(place / "data", {".poisonguard/trust.json": b"{}"})
    sign_alone(place / "oms.json", KEY, "data")
    answer = verify(place / "oms.json")
    assert answer.passed
    assert answer.comparison is not None
    assert answer.comparison.uncovered == (".poisonguard",)
    assert problems(verify(place / "oms.json", strict=True)) == {".poisonguard": "not covered: the signer left it out"}


def test_a_workspace_that_came_later_is_refused(place: Path) -> None:
    path = signed(place)
    write_tree(place / "data", {".poisonguard/trust.json": b"{}"})
    assert problems(verify(path)) == {".poisonguard": "not signed"}


# The command line


def test_sign_and_verify_outside_of_a_workspace(place: Path, capsys: Captured) -> None:
    assert poisonguard("sign", "data", "--key", "k.pem", "--oms", "oms.json") == 0
    printed = capsys.readouterr()
    assert "OpenSSF Model Signing bundle written to oms.json" in printed.out
    assert "nothing was published" in printed.out
    assert "--no-ignore-git-paths" in printed.err
    assert poisonguard("verify", "data", "--oms", "oms.json", "--public-key", "k.pem.pub") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("VERIFIED  data\n")
    assert f"{len(FILES)} files, {sum(map(len, FILES.values()))} bytes" in printed.out


def test_without_a_workspace_one_key_signs_and_no_name_is_given(place: Path, capsys: Captured) -> None:
    assert poisonguard("sign", "data", "--key", "k.pem", "--key", "k.pem", "--oms", "oms.json") == 2
    assert poisonguard("sign", "data", "--key", "k.pem", "--name", "x", "--oms", "oms.json") == 2
    assert "one --key and no --name" in capsys.readouterr().err
    assert poisonguard("sign", "data", "--key", "k.pem") == 2
    assert "no .poisonguard folder" in capsys.readouterr().err


def test_in_a_workspace_the_manifest_is_published_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    project = Project.start(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    save_private_key(project.keys["pub"], Path("pub.key"), None)
    assert poisonguard("sign", "reviews", "--key", "pub.key", "--oms", "reviews.oms") == 0
    published = capsys.readouterr().out
    assert "reviews@1" in published
    assert "OpenSSF Model Signing bundle written to reviews.oms" in published
    assert poisonguard("verify", "reviews", "--oms", "reviews.oms", "--public-key", "pub.key.pub", "-f", "json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["version"] in published
    assert poisonguard("sign", "reviews", "--key", "pub.key", "--oms", "reviews/inside.oms") == 2
    assert not (project.data / "inside.oms").exists()


def test_refusals_name_the_first_file_and_exit_with_6(place: Path, capsys: Captured) -> None:
    signed(place)
    flip(place / "data")
    add_hidden(place / "data")
    arguments = ["verify", "data", "--oms", "oms.json", "--public-key", "k.pem.pub"]
    assert poisonguard(*arguments) == 6
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "REFUSED  data"
    assert lines[-2:] == ["x .added: not signed", "x data.csv: changed: the bytes differ from what was signed"]
    assert poisonguard(*arguments, "-f", "json", "-o", "answer.json") == 6
    answer = json.loads(Path("answer.json").read_text())
    assert (answer["passed"], answer["refusal"]) == (False, None)
    assert [item["path"] for item in answer["mismatches"]] == [".added", "data.csv"]


def test_a_bundle_that_is_not_trusted_exits_with_6_in_both_formats(place: Path, capsys: Captured) -> None:
    other = foreign(place, statement(FILES), generate())
    assert poisonguard("verify", "data", "--oms", str(other), "--public-key", "k.pem.pub") == 6
    assert "Give the public key of whoever signed it." in capsys.readouterr().out
    (place / "bad.json").write_bytes(b"{}")
    arguments = ["verify", "data", "--oms", "bad.json", "--public-key", "k.pem.pub"]
    assert poisonguard(*arguments) == 6
    assert "x OMS bundle lacks 'mediaType'" in capsys.readouterr().out
    assert poisonguard(*arguments, "-f", "json") == 6
    assert json.loads(capsys.readouterr().out)["refusal"]["message"] == "OMS bundle lacks 'mediaType'"


def test_usage_and_missing_data_have_their_own_codes(place: Path) -> None:
    signed(place)
    assert poisonguard("verify", "data", "--oms", "oms.json") == 2
    assert poisonguard("verify", "data", "--public-key", "k.pem.pub") == 2
    assert poisonguard("verify", "nowhere", "--oms", "oms.json", "--public-key", "k.pem.pub") == 3


def test_many_mismatches_are_cut_in_the_table_and_whole_in_json(place: Path, capsys: Captured) -> None:
    signed(place)
    write_tree(place / "data", {f"extra/{number:03}": b"" for number in range(60)})
    arguments = ["verify", "data", "--oms", "oms.json", "--public-key", "k.pem.pub"]
    assert poisonguard(*arguments) == 6
    assert "and 10 more files; --format json shows all" in capsys.readouterr().out
    assert poisonguard(*arguments, "-f", "json") == 6
    assert len(json.loads(capsys.readouterr().out)["mismatches"]) == 60


def test_names_from_a_bundle_cannot_write_to_the_terminal(place: Path, capsys: Captured) -> None:
    said = statement(FILES)
    said["subject"][0]["name"] = "\x1b[2Jcleared\nVERIFIED"
    path = foreign(place, said)
    assert poisonguard("verify", "data", "--oms", str(path), "--public-key", "k.pem.pub") == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\nVERIFIED" not in printed
