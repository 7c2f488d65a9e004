"""Key references: what is written comes back, and nothing else is taken for one."""

from pathlib import Path

import pytest
from evidence_world import key
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.key_io import KeyFile, read_key_file
from poisonguard.attest.key_reference import KeyReference, is_reference, parse_reference
from poisonguard.attest.keyfile import save_private_key
from poisonguard.errors import KeyMaterialError

REFERENCE = KeyReference("hsm:2?label=office", key("ann").public)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(TEXT)
def test_a_reference_comes_back(uri: str) -> None:
    written = KeyReference(uri, key("ann").public).encode()
    assert is_reference(written)
    assert parse_reference(written, "ann.key") == KeyReference(uri, key("ann").public)


def test_it_holds_no_secret_and_is_one_line() -> None:
    assert REFERENCE.encode().startswith(b'{"kind":"poisonguard-key-reference/v1","public":"-----BEGIN PUBLIC KEY')
    assert REFERENCE.encode().endswith(b'"uri":"hsm:2?label=office"}\n')


def test_every_bit_flip_names_another_place_or_is_refused() -> None:
    """All but the URI is bound; and a flipped URI is another one, whose signatures the public key judges."""
    written = REFERENCE.encode()
    for place in range(len(written)):
        for bit in range(8):
            changed = bytearray(written)
            changed[place] ^= 1 << bit
            try:
                found = parse_reference(bytes(changed), "ann.key")
            except KeyMaterialError as error:
                assert error.message.startswith("ann.key")  # noqa: PT017 - either way is right
            else:
                assert found.public == REFERENCE.public
                assert found.uri != REFERENCE.uri


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        REFERENCE.encode().replace(b"v1", b"v2"),
        REFERENCE.encode().replace(b"}", b',"z":1}'),
        b"\n" + REFERENCE.encode(),
    ],
)
def test_what_is_no_reference_is_refused(data: bytes) -> None:
    with pytest.raises(KeyMaterialError, match=r"^ann\.key: ") as caught:
        parse_reference(data, "ann.key")
    assert caught.value.hint == "Write it anew: poisonguard keys import URI"


def test_a_reference_is_no_larger_than_a_key() -> None:
    spare = 64 * 1024 - len(KeyReference("", key("ann").public).encode().rstrip(b"\n"))
    largest = KeyReference("x" * spare, key("ann").public)
    assert parse_reference(largest.encode(), "ann.key") == largest
    with pytest.raises(KeyMaterialError, match=r"ann\.key: key reference is larger than 65536 bytes"):
        parse_reference(KeyReference("x" * (spare + 1), key("ann").public).encode(), "ann.key")


def test_a_private_key_is_no_reference(tmp_path: Path) -> None:
    save_private_key(key("ann"), tmp_path / "ann.key", None)
    assert not is_reference((tmp_path / "ann.key").read_bytes())


@pytest.mark.parametrize(
    ("mode", "altered"), [(0o644, False), (0o755, False), (0o600, False), (0o664, True), (0o646, True)]
)
def test_a_file_that_others_may_change_is_refused(tmp_path: Path, *, mode: int, altered: bool) -> None:
    path = tmp_path / "ann.key"
    path.write_bytes(REFERENCE.encode())
    path.chmod(mode)
    file = read_key_file(path)
    assert file == KeyFile(path, REFERENCE.encode(), mode)
    if altered:
        with pytest.raises(KeyMaterialError, match="can be changed by others"):
            file.require_unaltered()
    else:
        file.require_unaltered()
