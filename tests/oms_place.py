"""A folder of data, and OpenSSF Model Signing bundles of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from oms_world import KEY, ORIGIN, bundle, encoded, sha256, write_tree

from poisonguard.attest.keyfile import save_private_key
from poisonguard.attest.keys import PrivateKey
from poisonguard.attest.oms import payload_of
from poisonguard.attest.oms_bundle import write_bundle
from poisonguard.workflow.oms import OmsAnswer, OmsRequest, verify_oms

FILES = {
    "data.csv": b"x,y\n1,2\n3,4\n",
    "empty": b"",
    ".hidden": b"dot",
    ".git/config": b"[core]\n",
    "sub/deep/\u00e4 b.txt": b"umlaut and space",
    "sub/deep/\U0001f9ea:1:2": b"beyond the basic plane, and like a shard",
}


Captured = pytest.CaptureFixture[str]


def made_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder outside of any workspace, with ``data``, ``k.pem`` and ``k.pem.pub``; work goes on there."""
    write_tree(folder / "data", FILES)
    save_private_key(KEY, folder / "k.pem", None)
    monkeypatch.chdir(folder)
    return folder


def signed(place: Path) -> Path:
    """What ``sign_alone`` writes (a test holds the two together), without reading the data."""
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


def flip(root: Path) -> None:
    (root / "data.csv").write_bytes(FILES["data.csv"].replace(b"4", b"5"))


def append(root: Path) -> None:
    (root / ".hidden").write_bytes(b"dot\n")


def truncate(root: Path) -> None:
    (root / ".hidden").write_bytes(b"")


def rename(root: Path) -> None:
    (root / ".hidden").rename(root / ".hidden2")


def add_hidden(root: Path) -> None:
    (root / ".added").write_bytes(b"x")
