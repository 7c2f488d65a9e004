"""Checkpoints, keys, policies and times in other spellings: one meaning, one text."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from document_spellings import Path_, canonical_with, places, refused
from documents import KINDS, sealed_key
from evidence_world import World
from simulator import NOW, key

from poisonguard.attest import keyfile
from poisonguard.attest.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from poisonguard.attest.key_io import read_key_file
from poisonguard.attest.strict_base64 import decode_base64
from poisonguard.errors import ConfigurationError, IntegrityError, KeyMaterialError
from poisonguard.policy.load import load_policy

# Base64: one spelling of the bytes


def _trailing(text: str) -> str:
    """The same bytes to a lenient reader: bits that no byte holds are set."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = text.rstrip("=")
    return bare[:-1] + letters[letters.index(bare[-1]) | 1] + text[len(bare) :]


VARIANTS: dict[str, Callable[[str], str]] = {
    "the URL-safe alphabet": lambda text: text.replace("+", "-").replace("/", "_"),
    "no padding": lambda text: text.rstrip("="),
    "padding too much": lambda text: text + "=",
    "a line break in it": lambda text: f"{text[:4]}\n{text[4:]}",
    "a space behind": lambda text: f"{text} ",
    "a space in front": lambda text: f" {text}",
    "other trailing bits": _trailing,
    "a letter that is none": lambda text: f"{text[:3]}é{text[4:]}",
    "a full-width letter": lambda text: chr(0xFF21) + text[1:],
    "a NUL": lambda text: text + "\0",
    "padding in the middle": lambda text: text[:4] + "====" + text[4:],
    "two encodings one after the other": lambda text: text + text,
}


@pytest.mark.parametrize("how", VARIANTS)
@pytest.mark.parametrize("length", [4, 5])
def test_bytes_have_one_spelling_in_base64(how: str, length: int) -> None:
    text = base64.b64encode(b"\xfb\xff\xfe" * 10 + bytes(length)).decode()
    other = VARIANTS[how](text)
    if other != text:
        with pytest.raises(IntegrityError):
            decode_base64(other, "x")


BASE64_PLACES: dict[str, list[Path_]] = {
    "envelope": [("payload",), ("signatures", 0, "sig")],
    "bundle": [
        ("trustRoots", 0, "payload"),
        ("trustRoots", 0, "signatures", 0, "sig"),
        ("statements", 0, "envelope", "payload"),
        ("statements", 0, "proof", 0),
    ],
    "key file": [("salt",), ("nonce",), ("ciphertext",)],
}


@pytest.mark.parametrize("how", VARIANTS)
@pytest.mark.parametrize("name", BASE64_PLACES)
def test_documents_hold_base64_in_one_spelling(name: str, how: str) -> None:
    kind = KINDS[name]
    value = json.loads(kind.example())
    everywhere = dict(places(value))
    for at in BASE64_PLACES[name]:
        other = VARIANTS[how](everywhere[at])
        if other != everywhere[at]:
            whole = everywhere[at].rstrip("=") == everywhere[at]  # nothing to pad, no bits left over: other bytes
            assert refused(kind, canonical_with(value, at, other)) or whole, at


# Checkpoints


def note(text: str | None = None, signature: str | None = None) -> bytes:
    signed = sign_checkpoint(Checkpoint("log.example", 7, bytes(32)), key("log")).decode()
    body, _, rest = signed.rpartition("\n\n")
    return f"{body if text is None else text}\n\n{rest if signature is None else signature}".encode()


ROOT = base64.b64encode(bytes(32)).decode()


NOTES: dict[str, Callable[[], bytes]] = {
    "another origin": lambda: note(f"log.other\n7\n{ROOT}"),
    "another size": lambda: note(f"log.example\n8\n{ROOT}"),
    "a leading zero": lambda: note(f"log.example\n07\n{ROOT}"),
    "a plus sign": lambda: note(f"log.example\n+7\n{ROOT}"),
    "a negative size": lambda: note(f"log.example\n-7\n{ROOT}"),
    "a size beyond counting": lambda: note(f"log.example\n{'9' * 30}\n{ROOT}"),
    "a size in other digits": lambda: note(f"log.example\n\u0667\n{ROOT}"),
    "another root": lambda: note(f"log.example\n7\n{base64.b64encode(b'x' * 32).decode()}"),
    "a short root": lambda: note(f"log.example\n7\n{base64.b64encode(b'x' * 31).decode()}"),
    "a root in another spelling": lambda: note(f"log.example\n7\n{ROOT.rstrip('=')}"),
    "an extension line": lambda: note(f"log.example\n7\n{ROOT}\nmore"),
    "an empty origin": lambda: note(f"\n7\n{ROOT}"),
    "no signature": lambda: note(signature=""),
    "an empty signature line": lambda: note(signature="\n"),
    "a hyphen for the dash": lambda: note().replace("\u2014".encode(), b"-"),
    "a carriage return": lambda: note().replace(b"\n", b"\r\n"),
    "a tab": lambda: note().replace(b"7\n", b"7\t\n", 1),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + note(),
    "text behind": lambda: note() + b"x",
    "an empty line behind": lambda: note() + b"\n",
    "no line break at the end": lambda: note().removesuffix(b"\n"),
    "invalid UTF-8": lambda: note() + b"\xff\n",
    "a signature under another name": lambda: note().replace(
        "\u2014 log.example".encode(), "\u2014 log.other".encode()
    ),
    "a signature in another spelling": lambda: note().rstrip(b"=\n") + b"\n",
    "seventeen kilobytes": lambda: note() + "\u2014 x AAAAAAAA\n".encode() * 2000,
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("how", NOTES)
def test_a_checkpoint_is_refused(how: str) -> None:
    assert open_checkpoint(note(), [key("log").public]).size == 7
    with pytest.raises(IntegrityError):
        open_checkpoint(NOTES[how](), [key("log").public])


def test_every_bit_of_a_checkpoint_counts() -> None:
    data = bytearray(note())
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            with pytest.raises(IntegrityError):
                open_checkpoint(bytes(data), [key("log").public])
            data[place] ^= 1 << bit


def test_a_good_signature_does_not_carry_a_bad_one() -> None:
    """All signatures under a trusted name are looked at, not only the first."""
    signed, other = note(), sign_checkpoint(Checkpoint("log.example", 8, bytes(32)), key("log"))
    for both in (signed + other.rpartition(b"\n\n")[2], other.rpartition(b"\n\n")[2]):
        text = signed.rpartition(b"\n\n")[0] + b"\n\n" + both if both in other else both
        with pytest.raises(IntegrityError):
            open_checkpoint(text, [key("log").public])


# Key files


def test_every_bit_of_a_key_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is authenticated with the key: neither the cost nor the public half can be varied."""
    monkeypatch.setattr(keyfile, "MAX_SCRYPT_LOG2_COST", 4)  # what a flip asks for beyond it takes half a second
    path = tmp_path / "ann.key"
    data = bytearray(sealed_key())
    path.write_bytes(data)
    path.chmod(0o600)
    assert keyfile.load_private_key(path, lambda: b"correct horse").public.keyid == key("ann").public.keyid
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            path.write_bytes(data)
            with pytest.raises(KeyMaterialError):
                keyfile.load_private_key(path, lambda: b"correct horse")
            data[place] ^= 1 << bit


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o666, 0o777])
def test_a_private_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ann.key"
    path.write_bytes(sealed_key())
    path.chmod(mode)
    with pytest.raises(KeyMaterialError):
        keyfile.load_private_key(path, lambda: b"correct horse")


def test_an_encrypted_key_can_be_used(tmp_path: Path) -> None:
    """model_signing's documentation shows an encrypted key, and no way to give its passphrase."""
    path = tmp_path / "bob.key"
    keyfile.save_private_key(key("bob"), path, b"correct horse")
    assert b"PRIVATE" not in path.read_bytes()
    assert read_key_file(path).path == path
    envelope = World().publish()
    again = keyfile.load_private_key(path, lambda: b"correct horse")
    assert again.public.verify(envelope.payload, again.sign(envelope.payload))
    with pytest.raises(KeyMaterialError, match="wrong passphrase"):
        keyfile.load_private_key(path, lambda: b"battery staple")


# Policies

POLICY = """\
name: strict
packs: [baseline]
approvers: {clean: 1, drifted: 2, suspicious: 2}
scan_max_age: 30d
approval_max_age: 90d
"""


BOMB = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [*{a},*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


POLICIES: dict[str, str | bytes] = {
    "a key given twice": POLICY + "name: lax\n",
    "a nested key given twice": POLICY.replace("clean: 1,", "clean: 1, clean: 1,"),
    "a key in two spellings": POLICY + '"na\\x6de": lax\n',
    "an alias": POLICY + "waivers: &w {checks: []}\nrequired: *w\n",
    "a bomb of aliases": POLICY + BOMB,
    "a merge key": POLICY + "<<: {fail_on: note}\n",
    "an object of Python": POLICY + "required: !!python/object/apply:os.system ['true']\n",
    "an unknown tag": POLICY + "required: !mine [x]\n",
    "an unknown member": POLICY + "fail_on_nothing: true\n",
    "a member in another case": POLICY + "Fail_on: note\n",
    "a threshold of zero": POLICY.replace("clean: 1", "clean: 0"),
    "a threshold below zero": POLICY.replace("clean: 1", "clean: -1"),
    "a threshold that is true": POLICY.replace("clean: 1", "clean: true"),
    "a threshold that is a float": POLICY.replace("clean: 1", "clean: 1.0"),
    "a threshold that is text": POLICY.replace("clean: 1", 'clean: "1"'),
    "a threshold that is NaN": POLICY.replace("clean: 1", "clean: .nan"),
    "a threshold that is infinite": POLICY.replace("clean: 1", "clean: .inf"),
    "a threshold in base sixty": POLICY.replace("clean: 1", "clean: 1:0.5"),
    "no threshold": POLICY.replace("clean: 1, ", ""),
    "coverage that is false": POLICY + "minimum_coverage: no\n",
    "coverage below zero": POLICY + "minimum_coverage: -1\n",
    "no packs": POLICY.replace("[baseline]", "[]"),
    "a pack without a name": POLICY.replace("[baseline]", "['']"),
    "an unknown level": POLICY + "fail_on: never\n",
    "an endless age": POLICY.replace("90d", "99999d"),
    "an age of zero": POLICY.replace("90d", "0d"),
    "an age below zero": POLICY.replace("90d", "-1d"),
    "a waiver by nobody": POLICY + "waivers: {checks: ['*'], approvers: 0}\n",
    "two documents": POLICY + "---\n" + POLICY,
    "a list": "- name: strict\n",
    "nothing": "",
    "a comment only": "# nothing\n",
    "deep nesting": "[" * 20_000,
    "not UTF-8": POLICY.encode() + b"# \xff\n",
    "UTF-16": POLICY.encode("utf-16"),
    "a control character": POLICY + "required: [\x01]\n",
    "a tab": POLICY + "\trequired: []\n",
    "two megabytes": POLICY + "#" * (2 << 20),
}


@pytest.mark.parametrize("how", POLICIES)
def test_a_policy_is_refused_in_one_line(tmp_path: Path, how: str) -> None:
    """go-tuf, in-toto and sigstore-go had thresholds that could be switched off at 0."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    assert load_policy(path).name == "strict"
    data = POLICIES[how]
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_policy(path)
    assert "\n" not in caught.value.message


# Times at the ends of the calendar


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("name", ["manifest", "scan", "approval", "rejection", "revocations", "receipt", "gate state"])
def test_the_ends_of_the_calendar_break_nothing(name: str, moment: str) -> None:
    kind = KINDS[name]
    value = json.loads(kind.example())
    times = [at for at, item in places(value) if isinstance(item, str) and item.endswith("Z") and item[:2] == "20"]
    assert times
    for at in times:
        refused(kind, canonical_with(value, at, moment))


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z", "2026-05-01T24:00:00Z", "2026-05-01T12:00:60Z", "2026-05-01 12:00:00Z",
        "2026-05-01T12:00:00+00:00", "2026-05-01T12:00:00.0Z", "2026-05-01t12:00:00z", "2026-05-01T12:00:00Z ",
        "\u0662026-05-01T12:00:00Z", "2026-5-1T12:00:00Z", "1777636800", "now", "10000-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_a_moment_has_one_spelling(text: str) -> None:
    value = json.loads(KINDS["approval"].example())
    assert str(NOW.year) == "2026"
    assert refused(KINDS["approval"], canonical_with(value, ("predicate", "created"), text))
