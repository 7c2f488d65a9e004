"""OpenSSF Model Signing bundles that others made: what they cover, whom they name, and which version."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from evidence_project import poisonguard
from oms_place import (
    FILES,
    Captured,
    add_hidden,
    append,
    flip,
    foreign,
    made_place,
    problems,
    rename,
    signed,
    truncate,
    verify,
)
from oms_world import KEY, KEYS, bundle, chain_material, encoded, identity, sha256, statement, write_tree

from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.oms import root_digest
from poisonguard.attest.oms_bundle import parse_bundle
from poisonguard.errors import IntegrityError, KeyMaterialError, NothingToScan, UsageError
from poisonguard.workflow import oms_files
from poisonguard.workflow.oms import OmsRequest, sign_alone, verify_oms

# Bundles of others


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return made_place(tmp_path, monkeypatch)


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
        flip(place / "data")
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
    for tamper in (flip, append, truncate, rename, add_hidden):
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
    flip(place / "data")
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
