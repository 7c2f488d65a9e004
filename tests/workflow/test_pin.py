"""What pins a trust root."""

from pathlib import Path

import pytest

from poisonguard.attest.trust import pin_of
from poisonguard.errors import UsageError
from poisonguard.workflow.pin import Pin, read_pin

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize("text", [f"sha256:{DIGEST}", f"sha256:{DIGEST.upper()}"])
def test_a_digest_is_a_pin(text: str) -> None:
    assert read_pin(text) == Pin(DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        "sha256:",
        "sha256:zz",
        f"sha256:{DIGEST[1:]}",
        f"sha256:{DIGEST}0",
        f"sha256:{DIGEST}\n",
        "sha256:" + "\u0663" * 64,
    ],
)
def test_what_begins_as_a_pin_is_never_a_file(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if len(text) < 200:
        Path(text).write_bytes(b"planted")
    with pytest.raises(UsageError, match="not a pin"):
        read_pin(text)


def test_a_file_is_pinned_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_bytes(b"a trust root")
    assert read_pin(path) == read_pin(str(path)) == Pin(pin_of(b"a trust root"), (b"a trust root",))
    with pytest.raises(UsageError, match="cannot be read"):
        read_pin(tmp_path / "none")
