"""Whether two machines compute the same: the versions that results depend on.

A statement digest must not depend on which node folded a partition. So a node whose Python, poisonguard or numeric
libraries differ from the driver's is refused, before the first task, and by name.
"""

from __future__ import annotations

import hashlib
import platform
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from poisonguard.engine.codeversion import MISSING, libraries
from poisonguard.errors import UsageError
from poisonguard.version import VERSION


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed on a machine.

    Attributes:
        versions: (name, version), Python and poisonguard first.
        code: Digest of poisonguard's source files: two checkouts of one version may differ.
    """

    versions: tuple[tuple[str, str], ...]
    code: str


@cache
def installed() -> Installed:
    """What is installed here."""
    python = ".".join(platform.python_version_tuple()[:2])
    return Installed((("python", python), ("poisonguard", VERSION), *libraries()), _code())


def refuse_difference(driver: Installed, node: Installed, name: str) -> None:
    """Compare what a node has with what the driver has.

    Raises:
        UsageError: They differ.
    """
    found = list(_differences(driver, node))
    if found:
        raise UsageError(
            f"node {name} would not compute the same: {', '.join(found)}",
            hint="Install the same versions on every node as on the machine that starts the scan.",
        )


def node_name() -> str:
    """What this machine is called in messages."""
    return socket.gethostname()


def _differences(driver: Installed, node: Installed) -> Iterator[str]:
    theirs = dict(node.versions)
    for package, ours in driver.versions:
        if theirs.get(package, MISSING) != ours:
            yield f"{package} {theirs.get(package, MISSING)} there, {ours} here"
    if node.versions == driver.versions and node.code != driver.code:
        yield "poisonguard's code is another there, though the version is the same"


def _code() -> str:
    """SHA-256 over the names and contents of the package's modules."""
    root, found = Path(__file__).parent.parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name, content = path.relative_to(root).as_posix().encode(), path.read_bytes()
        found.update(b"%d:%b%d:" % (len(name), name, len(content)))
        found.update(content)
    return found.hexdigest()
