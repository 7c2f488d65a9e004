"""The commands of docs/how-to/scale.md for clusters, typed as they stand there: only addresses and paths are ours."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cluster_nodes import until

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "scale.md"
FLIGHTS = ROOT / "sample_data" / "flights" / "approved"
ROWS = 1_000
HERE = "--node-ip-address 127.0.0.1 --num-cpus 1 --object-store-memory 80000000 --block"
"""What keeps Ray on loopback and in the foreground."""


def shown(part: str) -> str:
    """The command on the page that holds ``part``."""
    lines = [line[2:] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("$ ")]
    (found,) = [line for line in lines if part in line]
    return found


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """Short, for Ray makes sockets below it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-home-", dir="/tmp"))
    (folder / "data").mkdir()
    pq.write_table(pq.read_table(FLIGHTS).slice(0, ROWS), folder / "data" / "part-0.parquet", row_group_size=200)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(home: Path) -> dict[str, str]:
    """A user's: without what conftest sets for the other tests, on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ours = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(home)}
    return {**kept, **ours, "HOME": str(home), "PATH": programs}


def run(command: str, home: Path) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=home, env=environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


@contextmanager
def running(command: str, home: Path) -> Iterator[None]:
    """A command that stays, and every process that it starts."""
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            ["sh", "-c", f"exec env {command}"],
            cwd="/",  # the scan names its data by a path that is relative to another folder
            env=environment(home),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def test_ray_as_documented(home: Path) -> None:
    port = free_port()

    def ours(command: str) -> str:
        return command.replace("10.0.0.1:6379", f"127.0.0.1:{port}").replace("--port 6379", f"--port {port}")

    run(shown("ray get-auth-token"), home)
    assert (home / ".ray" / "auth_token").is_file()
    with ExitStack() as nodes:
        nodes.enter_context(running(f"{ours(shown('ray start --head'))} {HERE}", home))
        until(lambda: answers(port))
        nodes.enter_context(running(f"{ours(shown('ray start --address'))} {HERE}", home))
        on_ray = run(scan(ours(shown("--engine ray")), home), home)
    assert on_ray == run(scan("poisonguard scan data --cache /shared/work --workers 1", home), home)


def test_dask_as_documented(home: Path) -> None:
    from distributed import Security

    port, security = free_port(), Security.temporary()
    certificates(home, security)

    def ours(command: str) -> str:
        return command.replace("10.0.0.1:8786", f"127.0.0.1:{port}").replace("--port 8786", f"--port {port}")

    with ExitStack() as nodes:
        nodes.enter_context(running(f"{ours(shown('dask scheduler'))} --host 127.0.0.1 --dashboard-address :0", home))
        until(lambda: answers(port))
        nodes.enter_context(running(f"{ours(shown('dask worker'))} --no-dashboard --local-directory {home}", home))
        on_dask = run(scan(ours(shown("--engine dask")), home), home)
    assert on_dask == run(scan("poisonguard scan data --cache /shared/work --workers 1", home), home)


def scan(command: str, home: Path) -> str:
    """With a store of this test, compared with nothing, as JSON."""
    return command.replace("/shared/work", tempfile.mkdtemp(dir=home)) + " --no-reference --format json"


def certificates(home: Path, security: object) -> None:
    """Dask's configuration, where it looks for it."""
    folder = home / ".config" / "dask"
    folder.mkdir(parents=True)
    written = {}
    for name in ("tls_ca_file", "tls_client_cert", "tls_client_key"):
        path = folder / f"{name}.pem"
        path.write_text(str(getattr(security, name)))
        written[name] = path
    pair = f"{{cert: {written['tls_client_cert']}, key: {written['tls_client_key']}}}"
    lines = ["distributed:", "  comm:", "    tls:", f"      ca-file: {written['tls_ca_file']}"]
    lines += [f"      {part}: {pair}" for part in ("scheduler", "worker", "client")]
    (folder / "distributed.yaml").write_text("\n".join([*lines, ""]))
