"""OpenSSF Model Signing as people use it: sign, verify, and everything that may be done to data in between."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from evidence_project import Project, poisonguard
from oms_world import KEY, KEYS, ORIGIN, bundle, chain_material, encoded, identity, sha256, statement, write_tree

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import Algorithm, PrivateKey, generate
from poisonguard.attest.oms import dir_hash, parse_payload, payload_of, root_digest
from poisonguard.attest.oms_bundle import parse_bundle, write_bundle
from poisonguard.dataset.storage import LocalHandle, LocalStorage
from poisonguard.errors import IntegrityError, KeyMaterialError, NothingToScan, UnreadableData, UsageError
from poisonguard.workflow import oms_files
from poisonguard.workflow.oms import OmsAnswer, OmsRequest, sign_alone, verify_oms

FILES = {
    "data.csv": b"x,y\n1,2\n3,4\n",
    "empty": b"",
    ".hidden": b"dot",
    ".git/config": b"[core]\n",
    "sub/deep/\u00e4 b.txt": b"umlaut and space",
    "sub/deep/\U0001f9ea:1:2": b"beyond the basic plane, and like a shard",
}

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder outside of any workspace, with ``data``, ``k.pem`` and ``k.pem.pub``."""
    write_tree(tmp_path / "data", FILES)
    save_private_key(KEY, tmp_path / "k.pem", None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def signed(place: Path) -> Path:
    """What ``sign_alone`` writes (a test below holds the two together), without reading the data."""
    payload = payload_of([(name, sha256(data)) for name, data in FILES.items()], ORIGIN)
    (place / "oms.json").write_bytes(write_bundle(payload, KEY))
    return place / "oms.json"


def foreign(place: Path, said: object, key: PrivateKey = KEY) -> Path:
    path = place / "foreign.json"
    path.write_bytes(encoded(bundle(said, key)))
    return path


def verify(path: Path, *, data: str = "data", strict: bool = False) -> OmsAnswer:
    return verify_oms(OmsRequest(data, path, public_key=Path("k.pem.pub"), strict=strict), datetime.now(UTC))


def problems(answer: OmsAnswer) -> dict[str, str]:
    return {item.path: item.problem for item in answer.mismatches}


# Signing


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


# Tampering with the data


def _flip(root: Path) -> None:
    (root / "data.csv").write_bytes(FILES["data.csv"].replace(b"4", b"5"))


def _append(root: Path) -> None:
    (root / ".hidden").write_bytes(b"dot\n")


def _truncate(root: Path) -> None:
    (root / ".hidden").write_bytes(b"")


def _swap(root: Path) -> None:
    """Relabelled files: the same digests, so the same OMS root digest would come out if names were not compared."""
    (root / "data.csv").rename(root / "tmp")
    (root / ".hidden").rename(root / "data.csv")
    (root / "tmp").rename(root / ".hidden")


def _rename(root: Path) -> None:
    (root / ".hidden").rename(root / ".hidden2")


def _normalise(root: Path) -> None:
    (root / "sub" / "deep" / "\u00e4 b.txt").rename(root / "sub" / "deep" / "a\u0308 b.txt")


def _fold(root: Path) -> None:
    (root / "data.csv").rename(root / "DATA.csv")


def _add_empty(root: Path) -> None:
    (root / "sub" / "added").touch()


def _add_hidden(root: Path) -> None:
    (root / ".added").write_bytes(b"x")


def _add_git(root: Path) -> None:
    write_tree(root, {".git/hooks/run": b"x"})


def _add_git_ignore(root: Path) -> None:
    (root / ".gitignore").write_bytes(b"x")


def _remove(root: Path) -> None:
    (root / "empty").unlink()


def _link_file(root: Path) -> None:
    shutil.copy(root / "data.csv", root.parent / "copy")
    (root / "data.csv").unlink()
    (root / "data.csv").symlink_to(root.parent / "copy")


def _link_folder(root: Path) -> None:
    shutil.move(root / "sub", root.parent / "sub")
    (root / "sub").symlink_to(root.parent / "sub")


def _link_dangling(root: Path) -> None:
    (root / "dangling").symlink_to("nowhere")


def _fifo(root: Path) -> None:
    os.mkfifo(root / "fifo")


def _to_folder(root: Path) -> None:
    (root / "empty").unlink()
    write_tree(root, {"empty/inside": b""})


def _empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


TAMPERINGS: dict[Callable[[Path], None], set[str]] = {
    _flip: {"data.csv"},
    _append: {".hidden"},
    _truncate: {".hidden"},
    _swap: {"data.csv", ".hidden"},
    _rename: {".hidden", ".hidden2"},
    _normalise: {"sub/deep/\u00e4 b.txt", "sub/deep/a\u0308 b.txt"},
    _fold: {"data.csv", "DATA.csv"},
    _add_empty: {"sub/added"},
    _add_hidden: {".added"},
    _add_git: {".git/hooks/run"},
    _add_git_ignore: {".gitignore"},
    _remove: {"empty"},
    _link_file: {"data"},
    _link_folder: {"data"},
    _link_dangling: {"data"},
    _fifo: {"data"},
    _to_folder: {"empty", "empty/inside"},
    _empty: {"data", *FILES},
}


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__.strip("_"))
def test_every_change_of_the_data_is_refused_and_named(place: Path, tamper: Callable[[Path], None]) -> None:
    path = signed(place)
    assert verify(path).passed
    tamper(place / "data")
    answer = verify(path)
    assert (answer.passed, answer.exit_code) == (False, 6)
    assert set(problems(answer)) == TAMPERINGS[tamper]
    assert [item.path for item in answer.mismatches] == sorted(problems(answer))


def test_a_file_that_changes_while_it_is_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    honest = oms_files._has

    def slow(*arguments: Any) -> bool:
        found = honest(*arguments)
        os.utime(place / "data" / "data.csv", ns=(0, 0))
        return found

    monkeypatch.setattr(oms_files, "_has", slow)
    assert problems(verify(path)) == {"data.csv": "changed while the data were verified"}


def test_a_file_that_comes_while_others_are_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    honest = oms_files._has

    def slow(*arguments: Any) -> bool:
        (place / "data" / "late").touch()
        return honest(*arguments)

    monkeypatch.setattr(oms_files, "_has", slow)
    assert problems(verify(path)) == {"late": "changed while the data were verified"}


def test_data_that_vanish_while_they_are_read_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    honest = oms_files._has

    def slow(*arguments: Any) -> bool:
        shutil.rmtree(place / "data", ignore_errors=True)
        return honest(*arguments)

    monkeypatch.setattr(oms_files, "_has", slow)
    assert problems(verify(path))["data"] == "data: no such file or directory"


def test_a_read_that_comes_back_short_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(place)
    monkeypatch.setattr(LocalHandle, "read_into", lambda *_: 0)
    assert problems(verify(path)) == dict.fromkeys(
        set(FILES) - {"empty"}, "changed: the bytes differ from what was signed"
    )


def test_a_file_that_cannot_be_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object, path: str) -> None:
        raise UnreadableData(f"{path}: Permission denied")

    path = signed(place)
    monkeypatch.setattr(LocalStorage, "open", refused)
    assert problems(verify(path)) == {name: f"{name}: Permission denied" for name in FILES}


# Bundles of others


def test_what_a_foreign_bundle_leaves_out_is_shown_and_strict_refuses_it(place: Path) -> None:
    listed = {name: data for name, data in FILES.items() if not name.startswith((".git/", "sub/"))}
    path = foreign(place, statement(listed, ignore_paths=["sub"]))
    answer = verify(path)
    assert answer.passed
    assert answer.comparison is not None
    left_out = (".git/config", "sub/deep/\u00e4 b.txt", "sub/deep/\U0001f9ea:1:2")
    assert answer.comparison.uncovered == left_out
    assert (answer.comparison.files, answer.comparison.size) == (3, 15)
    assert set(problems(verify(path, strict=True))) == set(left_out)


def test_what_a_foreign_bundle_neither_lists_nor_leaves_out_is_refused(place: Path) -> None:
    listed = {name: data for name, data in FILES.items() if name != "empty"}
    assert problems(verify(foreign(place, statement(listed)))) == {"empty": "not signed"}


def test_what_is_left_out_is_named_on_the_command_line(place: Path, capsys: Captured) -> None:
    foreign(place, statement({"data.csv": FILES["data.csv"]}, ignore_paths=["empty", ".hidden", "sub", "extra"]))
    arguments = ["verify", "data", "--oms", "foreign.json", "--public-key", "k.pem.pub"]
    assert poisonguard(*arguments) == 0
    printed = capsys.readouterr().out
    assert "not covered by the signature: .git/config, .hidden, empty, sub/deep/\u00e4 b.txt" in printed
    write_tree(place / "data", {f"extra/{number}": b"" for number in range(60)})
    assert poisonguard(*arguments) == 0
    assert " and 15 more\n" in capsys.readouterr().out


def test_the_bundle_itself_may_lie_in_the_data(place: Path) -> None:
    path = foreign(place / "data", statement(FILES))
    assert verify(path).passed
    assert verify(path, strict=True).passed
    (place / "data" / "other.json").write_bytes(path.read_bytes())
    assert problems(verify(path)) == {"other.json": "not signed"}


def test_a_foreign_bundle_of_one_file_may_call_it_a_dot(place: Path) -> None:
    path = foreign(place, statement({".": FILES["data.csv"]}))
    assert verify(path, data="data/data.csv").passed
    assert problems(verify(path, data="data/empty")) == {"empty": "changed: the bytes differ from what was signed"}
    assert "." in problems(verify(path))


def test_links_are_not_followed_where_a_bundle_says_they_were(place: Path) -> None:
    path = foreign(place, statement(FILES, allow_symlinks=True))
    assert verify(path).passed
    (place / "data" / "link").symlink_to("data.csv")
    assert "a symbolic link" in problems(verify(path))["data"]


def _resources(pieces: dict[str, str], algorithm: str, **serialization: object) -> dict[str, Any]:
    said = statement({}, hash_type=algorithm, **serialization)
    said["predicate"]["resources"] = [
        {"name": name, "digest": digest, "algorithm": algorithm} for name, digest in pieces.items()
    ]
    said["subject"][0]["digest"]["sha256"] = root_digest(pieces.values())
    return said


def test_other_hashes_are_verified(place: Path) -> None:
    from hashlib import blake2b

    by_blake2b = _resources({name: blake2b(data).hexdigest() for name, data in FILES.items()}, "blake2b")
    by_blake3 = _resources({name: blake3(data).hexdigest() for name, data in FILES.items()}, "blake3")
    for said in (by_blake2b, by_blake3):
        path = foreign(place, said)
        write_tree(place / "data", FILES)
        assert verify(path).passed
        _flip(place / "data")
        assert set(problems(verify(path))) == {"data.csv"}


def test_shards_are_verified_and_empty_files_are_not_covered_by_them(place: Path) -> None:
    pieces = {
        f"{name}:{start}:{min(start + 5, len(data))}": sha256(data[start : start + 5])
        for name, data in FILES.items()
        for start in range(0, len(data), 5)
    }
    path = foreign(place, _resources(pieces, "sha256", method="shards", shard_size=5))
    answer = verify(path)
    assert answer.passed
    assert answer.comparison is not None
    assert answer.comparison.uncovered == ("empty",)
    for tamper in (_flip, _append, _truncate, _rename, _add_hidden):
        shutil.rmtree(place / "data")
        write_tree(place / "data", FILES)
        tamper(place / "data")
        assert not verify(path).passed, tamper


def test_large_files_are_hashed_to_the_last_byte(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oms_files, "BUFFER", 7)
    for size in (6, 7, 8, 14, 15):
        data = bytes(range(size))
        shutil.rmtree(place / "data")
        write_tree(place / "data", {"f": data})
        path = foreign(place, statement({"f": data}))
        assert verify(path).passed
        write_tree(place / "data", {"f": data[:-1] + b"\xff"})
        assert not verify(path).passed


# Whom to trust


def test_another_key_is_refused_and_nothing_is_said_of_the_data(place: Path) -> None:
    answer = verify(foreign(place, statement(FILES), generate()))
    assert not answer.passed
    assert answer.refusal is not None
    assert (answer.statement, answer.comparison, answer.signer, answer.mismatches) == (None, None, None, ())
    assert not answer.signed_by
    assert answer.to_json()["refusal"]["message"].startswith("OMS bundle says that it is signed with another key")


def test_certificate_mode(place: Path) -> None:
    now = datetime.now(UTC)
    root = identity("root", authority=True, now=now)
    signer = identity("signer", root, now=now)
    (place / "ca.pem").write_bytes(root.pem)
    path = place / "certificate.json"
    path.write_bytes(encoded(bundle(statement(FILES), signer.key, chain_material(signer.der))))
    request = OmsRequest("data", path, anchors=(place / "ca.pem",))
    answer = verify_oms(request, now)
    assert answer.passed
    assert answer.signed_by.startswith("CN=signer (certificate by CN=root, valid until ")
    assert answer.to_json()["signer"]["mode"] == "certificate"
    _flip(place / "data")
    assert set(problems(verify_oms(request, now))) == {"data.csv"}


def test_the_request_must_be_complete(place: Path) -> None:
    path = signed(place)
    now = datetime.now(UTC)
    with pytest.raises(UsageError, match="whom to trust"):
        verify_oms(OmsRequest("data", path), now)
    with pytest.raises(UsageError, match="whom to trust"):
        verify_oms(OmsRequest("data", path, public_key=Path("k.pem.pub"), anchors=(Path("k.pem"),)), now)
    with pytest.raises(NothingToScan, match="no such file"):
        verify(path, data="nowhere")
    with pytest.raises(UsageError, match="cannot be read"):
        verify(place / "nowhere.json")
    with pytest.raises(UsageError, match="cannot be read"):
        verify_oms(OmsRequest("data", path, anchors=(place / "nowhere.pem",)), now)
    (place / "ed.pub").write_text(KEYS[Algorithm.ED25519].public.pem)
    with pytest.raises(KeyMaterialError, match="ed25519"):
        verify_oms(OmsRequest("data", path, public_key=place / "ed.pub"), now)


def test_a_bundle_that_is_too_large_is_refused_unread(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from poisonguard.workflow import oms

    path = signed(place)
    monkeypatch.setattr(oms, "MAX_BUNDLE_BYTES", 10)
    with pytest.raises(IntegrityError, match="larger than 10 bytes"):
        verify(path)


# The version's name


def test_strict_makes_the_versions_name_anew_and_refuses_another(place: Path) -> None:
    sign_alone(place / "oms.json", KEY, "data")
    assert verify(place / "oms.json", strict=True).passed
    said = json.loads(parse_bundle((place / "oms.json").read_bytes()).payload)
    said["subject"][0]["annotations"]["poisonguardVersion"] = "pg1:" + "0" * 64
    path = foreign(place, said)
    assert verify(path).passed
    answer = verify(path, strict=True)
    assert answer.refusal is not None
    assert "signed as pg1:000" in answer.refusal.message
    said["subject"][0]["annotations"]["poisonguardHashProfile"] = "unheard of"
    unknown = verify(foreign(place, said), strict=True)
    assert unknown.refusal is not None
    assert "hash profile" in unknown.refusal.message


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
    _flip(place / "data")
    _add_hidden(place / "data")
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
