"""Signed notes: round trip, every rule, and bits that are flipped."""

import base64
import hashlib

import pytest
from evidence_world import key
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.checkpoint import MAX_NOTE_BYTES, Checkpoint, key_hash, open_checkpoint, sign_checkpoint
from poisonguard.attest.keys import Algorithm, PublicKey, generate, public_key
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


def test_size_is_limited() -> None:
    spare = MAX_NOTE_BYTES - len(note()) - len("\u2014  AAAAAAA=\n".encode())
    most = note() + f"\u2014 {'w' * spare} AAAAAAA=\n".encode()
    assert len(most) == MAX_NOTE_BYTES == 16384
    assert open_checkpoint(most, [key("log").public]) == STATE
    with pytest.raises(IntegrityError, match="too large"):
        open_checkpoint(most.replace(b" w", b" ww"), [key("log").public])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("\u2014 witness AAAAAA==", "malformed signature line"),
        ("\u2014 witness AAAA", "malformed signature line"),
        ("\u2014 witness ", "malformed signature line"),
        ("\u2014 witness", "malformed signature line"),
        ("\u2014 wit+ness AAAAAAA=", "malformed signature line"),
        ("\u2014  AAAAAAA=", "malformed signature line"),
        ("- witness AAAAAAA=", "malformed signature line"),
        ("\u2014witness AAAAAAA=", "not base64|malformed"),
        ("\u2014 witness AAAAAAA", "not base64"),
        ("\u2014 witness AAAA AAAA", "not base64"),
        ("", "is not signed"),
        ("\n\u2014 witness AAAAAAA=", "not origin, size and root"),
    ],
)
def test_every_line_is_a_signature_even_of_strangers(line: str, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        open_checkpoint(note() + f"{line}\n".encode(), [key("log").public])


def test_a_strangers_line_needs_more_than_a_key_hash() -> None:
    shortest = "\u2014 witness AAAAAAA=\n"
    assert len(base64.b64decode("AAAAAAA=")) == 5
    assert open_checkpoint(note() + shortest.encode(), [key("log").public]) == STATE


def test_the_order_of_signatures_does_not_matter() -> None:
    text, line = note().split(b"\n\n")
    stranger = "\u2014 witness AAAAAAA=\n".encode()
    for lines in (stranger + line, line + stranger, stranger + line + stranger):
        assert open_checkpoint(text + b"\n\n" + lines, [key("log").public]) == STATE
        tampered = text.replace(b"\n7\n", b"\n8\n") + b"\n\n" + lines
        with pytest.raises(IntegrityError, match="signature does not verify"):
            open_checkpoint(tampered, [key("log").public])
    with pytest.raises(IntegrityError, match="not signed by a trusted"):
        open_checkpoint(text + b"\n\n" + stranger, [key("log").public])


def test_a_trusted_keys_second_signature_must_hold_as_well() -> None:
    other = generate(Algorithm.ED25519)
    second = sign_checkpoint(STATE, other).splitlines()[-1].decode()
    both = note() + f"{second}\n".encode()
    assert open_checkpoint(both, [key("log").public, other.public]) == STATE
    encoded = second.rpartition(" ")[2]
    raw = bytearray(base64.b64decode(encoded))
    raw[-1] ^= 1
    forged = note() + second.replace(encoded, base64.b64encode(bytes(raw)).decode()).encode() + b"\n"
    with pytest.raises(IntegrityError, match="signature does not verify"):
        open_checkpoint(forged, [key("log").public, other.public])
    assert open_checkpoint(forged, [key("log").public]) == STATE


@pytest.mark.parametrize("size", [0, 1, 10, 999_999_999_999_999_999])
def test_sizes_come_back(size: int) -> None:
    state = Checkpoint("poisonguard/abc", size, STATE.root)
    assert open_checkpoint(sign_checkpoint(state, key("log")), [key("log").public]) == state


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "not UTF-8"),
        (b"a\x00\n\n\xe2\x80\x94 a AAAAAAA=\n", "not a signed note"),
        (b"a\t\n\n\xe2\x80\x94 a AAAAAAA=\n", "not a signed note"),
        (b"a\x1f\n\n\xe2\x80\x94 a AAAAAAA=\n", "not a signed note"),
        (b"a\n\n\xe2\x80\x94 a AAAAAAA=", "not a signed note"),
        (b"a\n1\nAAAA\n", "is not signed"),
        (b"a\n1\nAAAA\n\n", "is not signed"),
        (b"a\n1\nAAAA\n\n\n", "is not signed"),
        (b"\n\n\n", "is not signed"),
        (b"a b\n1\nAAAA\n\nx\n", "root is not a SHA-256"),
        (b"a\n1\n\nx\n", "not origin, size and root"),
        (b"\n1\nAAAA\n\nx\n", "not origin, size and root"),
        (b"a\n01\nAAAA\n\nx\n", "not origin, size and root"),
        (b"a\n1\nAAAA\nmore\n\nx\n", "not origin, size and root"),
    ],
)
def test_refusals_say_which_rule(data: bytes, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        open_checkpoint(data, [key("log").public])


SUMDB = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
"""The public key of the Go checksum database, sum.golang.org+033de0ae+..., as every Go installation carries it."""
NEUMANN = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def verifier(encoded: str) -> PublicKey:
    """The key in a C2SP verifier key: one byte of algorithm, then the key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return public_key(Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:]))


def test_key_hash_of_a_log_in_the_world() -> None:
    assert key_hash("sum.golang.org", verifier(SUMDB)).hex() == "033de0ae"


def test_signature_of_the_specification() -> None:
    # golang.org/x/mod/sumdb/note, the package's own example.
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    raw = base64.b64decode(line)
    assert raw[:4] == key_hash("PeterNeumann", verifier(NEUMANN))
    assert verifier(NEUMANN).verify(text.encode(), raw[4:])
    assert not verifier(NEUMANN).verify(text.encode()[:-1], raw[4:])


@settings(max_examples=300)
@given(st.data())
def test_no_flipped_bit_opens(data: st.DataObject) -> None:
    original = note()
    place, bit = data.draw(st.integers(0, len(original) - 1)), data.draw(st.integers(0, 7))
    mutated = bytearray(original)
    mutated[place] ^= 1 << bit
    with pytest.raises(IntegrityError):
        open_checkpoint(bytes(mutated), [key("log").public])
