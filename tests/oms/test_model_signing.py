"""Both ways with the reference implementation: what one signs the other verifies, and both refuse what was altered."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from evidence_project import poisonguard
from oms_world import KEYS, Identity, identity, write_tree

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import Algorithm
from poisonguard.attest.oms import parse_payload
from poisonguard.attest.oms_bundle import parse_bundle

ENVIRONMENT = Path(__file__).parents[2] / ".venv-oms" / "bin"
CURVES = [Algorithm.P256, Algorithm.P384, Algorithm.P521]
TABLE = {"data.csv": b"x,y\n1,2\n3,4\n"}
TREES: dict[str, dict[str, bytes]] = {
    "nested": TABLE | {"a/b/c/d.txt": b"deep", "a/b.txt": b"1", "a.b": b"2", "a-b/c": b"3", "Z": b"4"},
    "empty": TABLE | {"nothing": b"", "sub/nothing": b""},
    "dots": TABLE | {".hidden": b"1", ".config/x": b"2", "sub/.git/config": b"3", "sub/.gitignore": b"4", "...": b"5"},
    "unicode": TABLE
    | {"\u00e4": b"1", "e\u0301/x": b"2", "\U0001f9ea.txt": b"3", "\uffee": b"4", "\u05d0/\u05d1": b"5"},
    "spaces": TABLE
    | {" a b ": b"1", "c'\"d": b"2", "e\\f": b"3", "g:0:1": b"4", "h%20": b"5", "-rf": b"6", "{i}": b"7"},
    "many": TABLE | {f"{number % 7}/{number:04}.bin": number.to_bytes(4, "little") for number in range(500)},
}

every_tree = pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
every_curve = pytest.mark.parametrize("curve", CURVES)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for curve in CURVES:
        save_private_key(KEYS[curve], tmp_path / curve, None)
    return tmp_path


def model_signing(*arguments: str) -> bool:
    """Whether the reference implementation says yes."""
    done = subprocess.run([ENVIRONMENT / "model_signing", *arguments], capture_output=True, text=True, check=False)
    assert "succeeded" in done.stdout or "Verification failed" in done.stderr, done.stderr
    return done.returncode == 0


def they_sign(curve: Algorithm, *options: str, data: str = "data") -> None:
    assert model_signing("sign", "key", "--private_key", curve, "--signature", "theirs.sig", *options, data)


def they_verify(curve: Algorithm, *options: str, data: str = "data") -> bool:
    return model_signing("verify", "key", "--public_key", f"{curve}.pub", "--signature", "ours.sig", *options, data)


def we_sign(curve: Algorithm, data: str = "data") -> None:
    assert poisonguard("sign", data, "--key", curve, "--oms", "ours.sig") == 0


def we_verify(curve: Algorithm, *options: str, data: str = "data") -> int:
    return poisonguard("verify", data, "--oms", "theirs.sig", "--public-key", f"{curve}.pub", *options)


def tamper(place: Path) -> None:
    """One byte, same size."""
    (place / "data" / "data.csv").write_bytes(TABLE["data.csv"].replace(b"4", b"5"))


# Key mode


@every_curve
@every_tree
def test_what_we_sign_they_verify(place: Path, curve: Algorithm, tree: dict[str, bytes]) -> None:
    write_tree(place / "data", tree)
    we_sign(curve)
    assert they_verify(curve)


@every_curve
@every_tree
def test_what_they_sign_we_verify(place: Path, curve: Algorithm, tree: dict[str, bytes]) -> None:
    write_tree(place / "data", tree)
    they_sign(curve)
    assert we_verify(curve, "--strict") == 0
    tamper(place)
    assert we_verify(curve) == 6


@every_curve
def test_what_is_altered_is_refused_by_them_too(place: Path, curve: Algorithm) -> None:
    write_tree(place / "data", TREES["nested"])
    we_sign(curve)
    tamper(place)
    assert not they_verify(curve)


def test_their_order_is_not_ours_and_is_accepted(place: Path) -> None:
    write_tree(place / "data", TREES["nested"])
    they_sign(Algorithm.P256)
    names = list(parse_payload(parse_bundle((place / "theirs.sig").read_bytes()).payload).files)
    assert names != sorted(names)


def test_another_key_is_refused_by_both(place: Path) -> None:
    write_tree(place / "data", TABLE)
    we_sign(Algorithm.P256)
    they_sign(Algorithm.P256)
    assert not they_verify(Algorithm.P384)
    assert we_verify(Algorithm.P384) == 6


def test_added_removed_and_renamed_files_are_refused_by_both(place: Path) -> None:
    write_tree(place / "data", TREES["empty"])
    we_sign(Algorithm.P256)
    they_sign(Algorithm.P256)
    nothing, added = place / "data" / "nothing", place / "data" / "added"
    for change, undo in (
        (added.touch, added.unlink),
        (nothing.unlink, nothing.touch),
        (lambda: nothing.rename(place / "data" / "other"), lambda: (place / "data" / "other").rename(nothing)),
    ):
        change()
        assert not they_verify(Algorithm.P256)
        assert we_verify(Algorithm.P256) == 6
        undo()
    assert we_verify(Algorithm.P256) == 0


def test_git_files_are_signed_by_us_and_verified_by_them_when_told_to(place: Path) -> None:
    write_tree(place / "data", TABLE | {".git/config": b"1", ".gitattributes": b"2", ".github/x": b"3"})
    we_sign(Algorithm.P256)
    assert not they_verify(Algorithm.P256)
    assert they_verify(Algorithm.P256, "--no-ignore-git-paths")
    write_tree(place / "data", {".git/hooks/run": b"payload"})
    assert not they_verify(Algorithm.P256, "--no-ignore-git-paths")
    assert poisonguard("verify", "data", "--oms", "ours.sig", "--public-key", "p256.pub") == 6


def test_git_files_that_they_leave_out_are_shown(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(place / "data", TABLE | {".git/config": b"1", "cache/x": b"2"})
    they_sign(Algorithm.P256, "--ignore-paths", "data/cache")
    assert we_verify(Algorithm.P256, "-f", "json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["notCovered"] == [".git/config", "cache/x"]
    assert we_verify(Algorithm.P256, "--strict") == 6


def test_git_files_that_they_sign_we_verify(place: Path) -> None:
    write_tree(place / "data", TABLE | {".git/config": b"1"})
    they_sign(Algorithm.P256, "--no-ignore-git-paths")
    assert we_verify(Algorithm.P256, "--strict") == 0
    write_tree(place / "data", {".git/config": b"2"})
    assert we_verify(Algorithm.P256) == 6


def test_a_workspace_in_the_data_is_no_obstacle(place: Path) -> None:
    write_tree(place / "data", TABLE | {".poisonguard/trust.json": b"{}"})
    we_sign(Algorithm.P256)
    assert they_verify(Algorithm.P256)


def test_their_bundle_may_lie_in_the_data(place: Path) -> None:
    write_tree(place / "data", TABLE)
    key = ("--private_key", "p256", "--signature", "data/model.sig")
    assert model_signing("sign", "key", *key, "data")
    assert poisonguard("verify", "data", "--oms", "data/model.sig", "--public-key", "p256.pub", "--strict") == 0


def test_one_file_that_they_sign_we_verify(place: Path) -> None:
    write_tree(place / "data", TABLE)
    they_sign(Algorithm.P256, data="data/data.csv")
    assert we_verify(Algorithm.P256, data="data/data.csv") == 0
    tamper(place)
    assert we_verify(Algorithm.P256, data="data/data.csv") == 6


def test_one_file_that_we_sign_they_verify_in_its_folder(place: Path) -> None:
    """They call one file ``.``, where the specification wants its name; in a folder both agree."""
    write_tree(place / "data", TABLE)
    we_sign(Algorithm.P256, data="data/data.csv")
    assert not they_verify(Algorithm.P256, data="data/data.csv")
    assert they_verify(Algorithm.P256)


# Other ways to hash, which only their library offers

HASHING = """
import sys
from model_signing import hashing, signing
config = getattr(hashing.Config(), sys.argv[1])(**eval(sys.argv[2]))
signing.Config().use_elliptic_key_signer(private_key="p256").set_hashing_config(config).sign("data", "theirs.sig")
"""


def their_library_signs(method: str, options: dict[str, object]) -> None:
    subprocess.run([ENVIRONMENT / "python", "-W", "ignore", "-c", HASHING, method, repr(options)], check=True)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("use_file_serialization", {"hashing_algorithm": "blake2"}),
        ("use_file_serialization", {"hashing_algorithm": "blake3"}),
        ("use_shard_serialization", {"shard_size": 5, "chunk_size": 5}),
        ("use_shard_serialization", {"shard_size": 5, "chunk_size": 5, "hashing_algorithm": "blake2"}),
    ],
)
def test_other_hashes_and_shards_of_theirs_we_verify(place: Path, method: str, options: dict[str, object]) -> None:
    write_tree(place / "data", TREES["nested"])
    their_library_signs(method, options)
    assert we_verify(Algorithm.P256, "--strict") == 0
    tamper(place)
    assert we_verify(Algorithm.P256) == 6


# Certificate mode


def certified(place: Path, signer: Identity, *chain: Identity) -> None:
    write_tree(place / "data", TREES["nested"])
    (place / "signer.key").write_bytes(signer.private_pem)
    (place / "signer.pem").write_bytes(signer.pem)
    (place / "chain.pem").write_bytes(b"".join(item.pem for item in chain))
    options = ["--private_key", "signer.key", "--signing_certificate", "signer.pem", "--certificate_chain", "chain.pem"]
    assert model_signing("sign", "certificate", *options, "--signature", "theirs.sig", "data")


def both_accept(root: Identity) -> tuple[bool, bool]:
    """Whether they, and we, accept a bundle with this root trusted."""
    Path("ca.pem").write_bytes(root.pem)
    theirs = model_signing(
        "verify", "certificate", "--certificate_chain", "ca.pem", "--signature", "theirs.sig", "data"
    )
    ours = poisonguard("verify", "data", "--oms", "theirs.sig", "--certificate-chain", "ca.pem")
    assert ours in {0, 6}
    return theirs, ours == 0


@every_curve
def test_certificates_that_they_sign_with_we_verify(place: Path, curve: Algorithm) -> None:
    now = datetime.now(UTC)
    root = identity("root", authority=True, curve=curve, now=now)
    issuer = identity("issuer", root, authority=True, curve=curve, now=now)
    certified(place, identity("signer", issuer, curve=curve, now=now), issuer)
    assert both_accept(root) == (True, True)
    assert both_accept(identity("root", authority=True, now=now)) == (False, False)
    tamper(place)
    assert both_accept(root) == (False, False)


def test_expired_certificates_are_accepted_by_them_and_refused_by_us(place: Path) -> None:
    now = datetime.now(UTC)
    root = identity("root", authority=True, valid=(-99, 99), now=now)
    certified(place, identity("signer", root, valid=(-50, -1), now=now), root)
    assert both_accept(root) == (True, False)


def test_issuers_that_are_none_are_refused_by_both(place: Path) -> None:
    now = datetime.now(UTC)
    root = identity("root", authority=True, now=now)
    issuer = identity("issuer", root, authority=False, now=now)
    certified(place, identity("signer", issuer, now=now), issuer)
    assert both_accept(root) == (False, False)


def test_certificates_that_are_not_for_signing_are_refused_by_both(place: Path) -> None:
    now = datetime.now(UTC)
    root = identity("root", authority=True, now=now)
    certified(place, identity("signer", root, usages=("key_agreement",), now=now), root)
    assert both_accept(root) == (False, False)


@pytest.mark.parametrize(
    ("usages", "purpose"),
    [
        (("digital_signature",), ExtendedKeyUsageOID.SERVER_AUTH),
        (("key_agreement",), ExtendedKeyUsageOID.CODE_SIGNING),
    ],
)
def test_certificates_for_something_else_are_accepted_by_them_and_refused_by_us(
    place: Path, usages: tuple[str, ...], purpose: x509.ObjectIdentifier
) -> None:
    """They ask whether either extension allows signing; RFC 5280 wants both to, where both are there."""
    now = datetime.now(UTC)
    root = identity("root", authority=True, now=now)
    other = ((x509.ExtendedKeyUsage([purpose]), False),)
    certified(place, identity("signer", root, usages=usages, extra=other, now=now), root)
    assert both_accept(root) == (True, False)
