"""A registry without meaning: opaque statements and a notary whose signature anybody can check and nobody forges."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Executable

from poisonguard.errors import IntegrityError
from poisonguard.store import log, tables
from poisonguard.store.registry import Kind, Registry, Statement

TESTS = Path(__file__).parent


@dataclass(frozen=True)
class Scribe:
    """Signs checkpoints under a name; tests that play the attacker do not ask it to."""

    name: str = "scribe"

    def sign(self, size: int, root: bytes) -> str:
        return f"{self.name} {size} {root.hex()}"

    def check(self, note: str, size: int, root: bytes) -> None:
        if note != self.sign(size, root):
            raise IntegrityError("the note is not signed", hint="test")


SCRIBE = Scribe()


def statement(
    envelope: bytes, *, kind: Kind = Kind.SCAN, dataset: str = "reviews", number: int | None = None
) -> Statement:
    version = "pg1:" + hashlib.sha256(dataset.encode() + str(number).encode()).hexdigest()
    payload = hashlib.sha256(envelope).hexdigest()
    return Statement(
        kind=kind, dataset=dataset, version=version, number=number, payload_digest=payload, envelope=envelope
    )


def publish(registry: Registry, dataset: str, text: str) -> int:
    """Publish the next version of ``dataset``; its number."""
    with registry.write() as writer:
        number = writer.latest_number(dataset) + 1
        item = statement(f"{text} {number}".encode(), kind=Kind.MANIFEST, dataset=dataset, number=number)
        writer.append([item], SCRIBE)
    return number


def filled(registry: Registry, count: int) -> Registry:
    """The registry with ``count`` statements, in appends of one and two."""
    with registry.read() as reader:
        newest = reader.checkpoint()
    start = newest.size if newest else 0
    for first in range(start, count, 2):
        with registry.write() as writer:
            numbers = range(first, min(first + 1 + first % 4 // 2, count))
            writer.append([statement(f"statement {number}".encode()) for number in numbers], SCRIBE)
        if len(numbers) == 1 and first + 1 < count:
            with registry.write() as writer:
                writer.append([statement(f"statement {first + 1}".encode())], SCRIBE)
    return registry


def audit(registry: Registry) -> log.Audit:
    with registry.read() as reader:
        return log.audit(reader.connection, SCRIBE.check)


@contextmanager
def tampering(registry: Registry) -> Iterator[Connection]:
    """A connection for whoever can write to the database but holds no key."""
    engine = tables.connect(registry.url)
    with engine.connect() as connection, connection.execution_options(**{tables.WRITING: True}).begin():
        yield connection
    engine.dispose()


def alter(registry: Registry, *commands: Executable) -> None:
    with tampering(registry) as connection:
        for command in commands:
            connection.execute(command)


APPEND = """
import sys
from registry_world import publish
from poisonguard.store.registry import open_registry
registry = open_registry(sys.argv[1])
for number in range(int(sys.argv[3])):
    print(publish(registry, "shared", f"{sys.argv[2]} {number}"), flush=True)
"""
"""A process that appends and acknowledges each number, once it has it."""


@dataclass
class Writer:
    """A process of its own that appends ``count`` statements."""

    location: str
    name: str
    count: int

    def __post_init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
        self.process = subprocess.Popen(
            [sys.executable, "-c", APPEND, self.location, self.name, str(self.count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def first(self) -> int:
        """Wait for the first acknowledged number."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline() or self.process.communicate()[1])

    def acknowledged(self, seconds: float = 240) -> list[int]:
        """Every further number that was acknowledged, until it ended."""
        output, trouble = self.process.communicate(timeout=seconds)
        assert self.process.returncode in {0, -signal.SIGKILL}, trouble
        return [int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]


def numbers_of(registry: Registry) -> Sequence[int | None]:
    with registry.read() as reader:
        return [item.number for item in reader.statements(dataset="shared")]
