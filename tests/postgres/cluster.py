"""A PostgreSQL of our own: made by initdb in a temporary folder, run by an ordinary user, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

USER = "poisonguard"
PASSWORD = "correct horse"  # noqa: S105 # of a throw-away cluster
DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = ("postgres", "nobody")
"""Who runs the server when we are root, which PostgreSQL refuses."""


@dataclass(frozen=True)
class Cluster:
    """A running server."""

    port: int
    folder: Path

    def url(self, database: str = "postgres", *, password: str | None = PASSWORD) -> str:
        """URL of a database; asks for a password over TCP."""
        secret = f":{password.replace(' ', '%20')}" if password else ""
        return f"postgresql+psycopg://{USER}{secret}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; its URL."""
        from sqlalchemy import create_engine, text

        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'))
            connection.execute(text(f'CREATE DATABASE "{database}"'))
        engine.dispose()
        return self.url(database)


def binaries() -> Path | None:
    """Where PostgreSQL's programs are, or nothing."""
    found = shutil.which("initdb")
    folders = [str(Path(found).resolve().parent)] if found else sorted(map(str, DEBIAN.glob("*/bin")))
    return next((Path(folder) for folder in reversed(folders) if Path(folder, "pg_ctl").exists()), None)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server for as long as the block lasts."""
    programs = binaries()
    assert programs is not None, "PostgreSQL is needed: apt-get install postgresql"
    folder = Path(tempfile.mkdtemp(prefix="pg-postgres-"))
    as_user = _ordinary_user(folder)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    data, port = folder / "data", _free_port()
    initdb = ["-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--no-locale"]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c max_connections=60"
    try:
        _run([*as_user, programs / "initdb", *initdb])
        start = ["-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", options, "start"]
        _run([*as_user, programs / "pg_ctl", *start])
        yield Cluster(port, folder)
    finally:
        with suppress(subprocess.CalledProcessError):
            _run([*as_user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def _ordinary_user(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    raise AssertionError("root cannot run PostgreSQL, and there is neither 'postgres' nor 'nobody'")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: Sequence[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, cwd="/")
