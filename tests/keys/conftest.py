"""Services and a token that hold keys; this folder is not collected where these are not installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALLED = all(importlib.util.find_spec(name) for name in ("securesystemslib", "moto"))
collect_ignore_glob = [] if INSTALLED else ["*.py"]

HERE = Path(__file__).parent
PIN = "1234"
LABEL = "pg test"
LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib64/libsofthsm2.so")
CURVES = {2: "secp256r1", 3: "secp384r1", 4: "secp521r1"}


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SoftHSM token with a key of its own making on each curve; gives the query that names it in a URI."""
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    if library is None or not shutil.which("softhsm2-util"):
        pytest.skip("softhsm2 is not installed")
    folder = tmp_path_factory.mktemp("softhsm")
    settings = folder / "softhsm2.conf"
    (folder / "tokens").mkdir()
    settings.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(settings))
        patch.setenv("PYKCS11LIB", library)
        options = ["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "5678"]
        subprocess.run(["softhsm2-util", *options], check=True, capture_output=True)
        _make_keys(library)
        yield "label=pg+test"


def _make_keys(library: str) -> None:
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    with pkcs11.lib(library).get_token(token_label=LABEL).open(user_pin=PIN, rw=True) as session:
        for number, curve in CURVES.items():
            attributes = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
            parameters = session.create_domain_parameters(pkcs11.KeyType.EC, attributes, local=True)
            parameters.generate_keypair(store=True, id=bytes([number]), label=curve)


@pytest.fixture
def pin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the right PIN where a passphrase is looked for."""
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", PIN)


@pytest.fixture(scope="session")
def kms() -> Iterator[str]:
    """Address of a KMS."""
    with _kms() as address:
        yield address


@pytest.fixture(scope="session")
def broken_kms() -> Iterator[str]:
    """Address of a KMS that signs something else than it is asked to."""
    with _kms("--as-moto") as address:
        yield address


@contextmanager
def _kms(*options: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(HERE / "kms_server.py"), str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.fixture
def transit(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The keys of a fake Vault, which the environment names."""
    import vault_server

    engine = vault_server.Transit()
    with vault_server.serve(engine) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("VAULT_TOKEN", vault_server.TOKEN)
        yield engine
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Shell:
    """Runs the command line as a person does."""

    folder: Path

    def __call__(self, *arguments: object, code: int = 0, **environment: str) -> str:
        """What it printed, standard output first."""
        done = subprocess.run(
            [sys.executable, "-m", "poisonguard", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def poisonguard(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
