"""Signed notes: round trip, every rule, and bits that are flipped."""

import base64
import hashlib

import pytest
from evidence_world import key
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.checkpoint import Checkpoint, key_hash, open_checkpoint, sign_checkpoint
from poisonguard.attest.keys import Algorithm, generate, public_key
from poisonguard.errors import IntegrityError, KeyMaterialError

STATE = Checkpoint("poisonguard/abc", 7, hashlib.sha256(b"root").digest())


def note() -> bytes:
    return sign_checkpoint(STATE, key("log"))


def test_a_checkpoint_comes_back() -> None:
    assert open_checkpoint(note(), [key("log").public], origin="poisonguard/abc") == STATE
    text = note().decode().splitlines()
    assert text[:2] == ["poisonguard/abc", "7"]
    assert text[3] == ""
    assert text[4].startswith("\u2014 poisonguard/abc ")


def test_key_hash_of_the_specification() -> None:
    # golang.org/x/mod/sumdb/note: PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    raw = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert key_hash("PeterNeumann", public_key(Ed25519PublicKey.from_public_bytes(raw))).hex() == "c74f20a3"


def test_another_log_is_refused() -> None:
    with pytest.raises(IntegrityError, match="of log"):
        open_checkpoint(note(), [key("log").public], origin="poisonguard/other")


def test_only_a_trusted_key_counts() -> None:
    other = generate(Algorithm.ED25519)
    for keys in ([], [other.public], [key("ann").public]):
        with pytest.raises(IntegrityError, match="not signed by a trusted"):
            open_checkpoint(note(), keys)


def test_a_log_key_is_ed25519_and_an_origin_a_name() -> None:
    with pytest.raises(KeyMaterialError, match="not ed25519"):
        sign_checkpoint(STATE, key("ann"))
    for origin in ("", "two words", "plus+sign", "line\nbreak", "ümlaut"):
        with pytest.raises(KeyMaterialError, match="cannot name a log"):
            sign_checkpoint(Checkpoint(origin, 1, STATE.root), key("log"))


def test_unknown_signatures_beside_a_good_one_are_ignored() -> None:
    witness = sign_checkpoint(Checkpoint("witness", 7, STATE.root), key("log")).splitlines()[-1] + b"\n"
    assert open_checkpoint(note() + witness, [key("log").public]) == STATE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n7\n", b"\n07\n"),
        (b"\n7\n", b"\n+7\n"),
        (b"\n7\n", b"\n-7\n"),
        (b"\n7\n", b"\n8\n"),
        (b"\n7\n", b"\n7 \n"),
        (b"\n7\n", b"\n7\nextension\n"),
        (b"\n\n", b"\n"),
        (b"\n\n", b"\n\n\n"),
        (b"\n7\n", b"\r\n7\r\n"),
        (b"poisonguard/abc\n", b"\n"),
        (b"\n" + base64.b64encode(STATE.root), b"\nAAAA"),
        (b"\xe2\x80\x94 ", b"- "),
        (b"=\n", b"\n"),
        (b"poisonguard", b"p\xffisonguard"),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes) -> None:
    changed = note().replace(old, new, 1)
    assert changed != note()
    with pytest.raises(IntegrityError):
        open_checkpoint(changed, [key("log").public])


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n\n", b"x" * 20_000, note()[:-1], note() + b"\n", note() + b"tail"])
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        open_checkpoint(data, [key("log").public])


@settings(max_examples=300)
@given(st.data())
def test_no_flipped_bit_opens(data: st.DataObject) -> None:
    original = note()
    place, bit = data.draw(st.integers(0, len(original) - 1)), data.draw(st.integers(0, 7))
    mutated = bytearray(original)
    mutated[place] ^= 1 << bit
    with pytest.raises(IntegrityError):
        open_checkpoint(bytes(mutated), [key("log").public])
