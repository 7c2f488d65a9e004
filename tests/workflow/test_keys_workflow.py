"""What can stand where a key is asked for, and where its passphrase comes from."""

import getpass
import io
import os
import sys
from pathlib import Path

import pytest
from evidence_project import Project, poisonguard

from poisonguard.attest import keyfile
from poisonguard.attest.key_reference import KeyReference
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.errors import KeyMaterialError
from poisonguard.workflow import keys
from poisonguard.workflow.keys import load_key, new_key, passphrase_source, show_key

SECRET = b"correct horse"
Captured = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """Standard input that somebody types on."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "SCRYPT_LOG2_COST", 1)
    monkeypatch.delenv("POISONGUARD_PASSPHRASE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    new_key(tmp_path / "ann.key", Algorithm.P256, SECRET)
    return tmp_path / "ann.key"


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> list[str]:
    """Type these lines when asked; gives what was asked."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) > len(lines):
            raise EOFError
        return lines[len(asked) - 1]

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    return asked


def test_a_passphrase_comes_from_a_file_the_environment_or_a_person(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "right").write_bytes(SECRET + b"\r\nsecond line\n")
    with pytest.raises(KeyMaterialError, match="no passphrase was given"):
        load_key(sealed)
    asked = type_in(monkeypatch, "correct horse")
    assert load_key(sealed).public == show_key(sealed)
    assert asked == [f"Passphrase for {sealed}: "]
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "correct horse")
    assert load_key(sealed).public == show_key(sealed)
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "wrong")
    assert load_key(sealed, tmp_path / "right").public == show_key(sealed)
    with pytest.raises(KeyMaterialError, match="wrong passphrase"):
        load_key(sealed)


def test_a_passphrase_that_is_no_text_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_key(tmp_path / "a.key", Algorithm.P256, b"\xff\xfe secret")
    monkeypatch.setitem(os.environ, "POISONGUARD_PASSPHRASE", os.fsdecode(b"\xff\xfe secret"))
    assert load_key(tmp_path / "a.key").public == show_key(tmp_path / "a.key")


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "empty first line"), (b"\nlater", "empty first line"), (b"x" * 4097, "longer than 4096")]
)
def test_a_passphrase_file_that_holds_none(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    source = passphrase_source("a.key", tmp_path / "secret")
    assert source is not None
    with pytest.raises(KeyMaterialError, match=why):
        source()


def test_the_longest_passphrase(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 4096 + b"\r\n")
    source = passphrase_source("a.key", tmp_path / "secret")
    assert source is not None
    assert source() == b"x" * 4096


def test_a_passphrase_file_that_is_not_there(sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="cannot be read: No such file"):
        load_key(sealed, tmp_path / "no")


def test_a_new_passphrase_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    for lines, why in ((("one", "two"), "differ"), (("one",), "no passphrase was typed"), ((), "no passphrase")):
        type_in(monkeypatch, *lines)
        source = passphrase_source("a.key", None, confirm=True)
        assert source is not None
        with pytest.raises(KeyMaterialError, match=why):
            source()
    asked = type_in(monkeypatch, "same", "same")
    source = passphrase_source("hsm:2", None, confirm=True)
    assert source is not None
    assert (source(), asked) == (b"same", ["PIN for hsm:2: ", "Again: "])


def test_a_short_passphrase_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="shorter than 8"):
        new_key(tmp_path / "a.key", Algorithm.P256, b"1234567")
    assert list(tmp_path.iterdir()) == []


def test_a_pin_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="hsm:2 needs a PIN and there is no terminal"):
        keys._secret("hsm:2", None)("pin")
    (tmp_path / "pin").write_bytes(b"\xff\xff")
    with pytest.raises(KeyMaterialError, match="the PIN for hsm:2 is not UTF-8"):
        keys._secret("hsm:2", tmp_path / "pin")("pin")


def test_file2_is_a_path_with_the_same_checks(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", SECRET.decode())
    assert load_key(f"file2:{sealed}").public == show_key(Path(f"file2:{sealed}")) == show_key(sealed)
    monkeypatch.setenv("CRYPTO_SIGNER_PATH_PREFIX", str(sealed.parent))
    assert load_key("file2:ann.key").public == show_key(sealed)
    sealed.chmod(0o644)
    with pytest.raises(KeyMaterialError, match="touched by others"):
        load_key("file2:ann.key")


@pytest.mark.parametrize("name", ["gnupg:ABC", "pkcs11:token=x", "sigstore:me", "https://example.com/key"])
def test_a_uri_that_is_not_understood_lists_those_that_are(name: str) -> None:
    for use in (load_key, show_key):
        with pytest.raises(KeyMaterialError, match="is no file, and no URI that is understood") as caught:
            use(Path(name))
        assert "awskms:, gcpkms:, azurekms:, hsm:, hv:" in caught.value.hint


def test_a_file_with_a_colon_in_its_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("my:key", "./hsm:2"):
        made = new_key(Path(name), Algorithm.P256, None)
        assert load_key(name).public == show_key(Path(name if "/" not in name else tmp_path / name)) == made


def test_a_public_key_is_shown_without_its_pub_file(sealed: Path, tmp_path: Path) -> None:
    public = show_key(sealed)
    sealed.with_name("ann.key.pub").rename(tmp_path / "handed.pub")
    (tmp_path / "handed.pem").write_text(public.pem)
    (tmp_path / "held.key").write_bytes(KeyReference("hsm:2", public).encode())
    for name in ("ann.key", "handed.pub", "handed.pem", "held.key"):
        assert show_key(tmp_path / name) == public
    for name in ("no.key", "no.pub"):
        with pytest.raises(KeyMaterialError, match="cannot be read"):
            show_key(tmp_path / name)


def test_a_pair_that_a_crash_cut_in_half_is_finished_by_hand(sealed: Path, capsys: Captured) -> None:
    whole = sealed.with_name("ann.key.pub").read_text()
    sealed.with_name("ann.key.pub").unlink()
    assert poisonguard("keys", "new", str(sealed), "--insecure-no-passphrase") == 2
    assert f"finish it: poisonguard keys show --pem {sealed} > {sealed}.pub" in capsys.readouterr().err
    sealed.with_name("ann.key.pub").touch()  # as the shell does before the command runs
    assert poisonguard("keys", "show", "--pem", str(sealed)) == 0
    assert capsys.readouterr().out == whole


def test_a_key_file_is_believed_before_the_pub_file_beside_it(sealed: Path, capsys: Captured) -> None:
    public, beside = show_key(sealed), sealed.with_name("ann.key.pub")
    beside.write_text(generate().public.pem)
    assert show_key(sealed) == public != show_key(beside)
    sealed.unlink()
    assert show_key(sealed) == show_key(beside)


def test_encrypted_pem_shows_its_public_half_to_who_has_the_passphrase(tmp_path: Path, capsys: Captured) -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    own, path = generate(), tmp_path / "theirs.pem"
    path.touch(mode=0o600)
    path.write_bytes(own.handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET)))
    (tmp_path / "secret").write_bytes(SECRET)
    assert poisonguard("keys", "show", str(path)) == 2
    assert "no passphrase was given" in capsys.readouterr().err
    assert poisonguard("keys", "show", str(path), "--passphrase-file", str(tmp_path / "secret")) == 0
    assert capsys.readouterr().out.startswith(f"key  {own.public.keyid}\ntype p256\n")
    path.with_name("theirs.pem.pub").write_text(own.public.pem)
    assert poisonguard("keys", "show", str(path)) == 0


@pytest.mark.parametrize("option", ["--algorithm", "--type"])
def test_a_post_quantum_key_is_a_second_key_of_the_same_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, option: str
) -> None:
    project = Project(tmp_path / "project")
    project.folder.mkdir()
    project.write("a.csv", "id,label\n1,pos\n2,neg\n")
    monkeypatch.chdir(project.folder)
    for name, kind in (("pub", "p256"), ("pub-pq", "ml-dsa-65"), ("ann", "p256"), ("ann-pq", "ml-dsa-87")):
        assert poisonguard("keys", "new", f"{name}.key", option, kind, "--insecure-no-passphrase") == 0
    people = [f"--person={name}={name}{half}.key.pub" for name in ("pub", "ann") for half in ("", "-pq")]
    roles = ["--role=root=pub,ann", "--role=publisher=pub,ann", "--role=scanner=pub", "--role=steward=ann"]
    both = ["--key=pub.key", "--key=pub-pq.key"]
    assert poisonguard("trust", "init", *both, *people, *roles, "--threshold=root=2") == 2
    assert "2" in capsys.readouterr().err
    assert poisonguard("trust", "init", *both, *people, *roles) == 0
    assert poisonguard("sign", "reviews", *both) == 0
    said = capsys.readouterr().out
    assert "published by pub\n" in said
    assert "(ml-dsa-65)" in said


def test_every_role_may_ask_for_two_kinds_of_signatures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    project = Project(tmp_path / "project")
    project.folder.mkdir()
    project.write("a.csv", "id,label\n" + "".join(f"{row},{'pos' if row % 3 else 'neg'}\n" for row in range(60)))
    monkeypatch.chdir(project.folder)
    both: dict[str, list[str]] = {}
    for name in ("pub", "ann", "bob"):
        both[name] = [f"{name}.key", f"{name}-pq.key"]
        for path, kind in zip(both[name], ("p256", "ml-dsa-65"), strict=True):
            assert poisonguard("keys", "new", path, "--algorithm", kind, "--insecure-no-passphrase") == 0
    people = [f"--person={name}={path}.pub" for name, paths in both.items() for path in paths]
    roles = ["--role=root=pub", "--role=publisher=pub", "--role=scanner=pub", "--role=steward=ann,bob"]
    asked = [f"--post-quantum={role}" for role in ("root", "publisher", "scanner", "steward")]
    assert poisonguard("trust", "init", *[f"--key={path}" for path in both["pub"]], *people, *roles, *asked) == 0
    signed = [f"--sign={path}" for path in both["pub"]]
    assert poisonguard("scan", "reviews", signed[0], "--quiet") == 2
    assert poisonguard("scan", "reviews", *signed, "--quiet") in {0, 1}
    asked = ["approve", "reviews", "--reason", "read"]
    assert poisonguard(*asked, "--key=ann.key") == 2
    capsys.readouterr()
    assert poisonguard(*asked, "--key=ann.key", "--key=ann-pq.key", "--key=bob.key", "--key=bob-pq.key") == 2
    assert "the keys are of 2 people" in capsys.readouterr().err
    for name in ("ann", "bob"):
        assert poisonguard(*asked, *[f"--key={path}" for path in both[name]]) == 0
    capsys.readouterr()
    assert poisonguard("gate", "reviews") == 0, capsys.readouterr().out
    assert poisonguard("reject", "reviews", "--reason", "no", *[f"--key={path}" for path in both["bob"]]) == 0
    assert poisonguard("gate", "reviews") == 5


def test_what_the_command_line_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert poisonguard("keys", "new", str(tmp_path / "a.key"), "--algorithm", "rsa") == 2
    assert "ml-dsa-65" in capsys.readouterr().err
    assert poisonguard("keys", "import", "hsm:2") == 2
    assert poisonguard("keys", "new", "a.key", "--insecure-no-passphrase", "--passphrase-file", "secret") == 2
    assert poisonguard("keys", "new", str(tmp_path / "a.key")) == 2
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", SECRET.decode())
    assert poisonguard("keys", "new", str(tmp_path / "a.key")) == 0
    assert load_key(tmp_path / "a.key").public == show_key(tmp_path / "a.key")
    assert poisonguard("keys", "import", "a.key", "-o", str(tmp_path / "a.key")) == 2
    assert "held elsewhere" in capsys.readouterr().err
