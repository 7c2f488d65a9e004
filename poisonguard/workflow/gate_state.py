"""Remember on disk what the gate saw here (see ``gate_memory``), so that nothing older passes later.

Rules:

1. A state that is there and cannot be read refuses: forgetting would let old versions pass.
2. Two gates at once forget nothing: the file is read again and replaced under a lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poisonguard.errors import IntegrityError, UsageError
from poisonguard.store.durable import write_durably
from poisonguard.workflow.folder import read_small
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_memory import GateState

MAX_STATE_BYTES = 16 * 1024 * 1024


def load_state(path: Path) -> GateState:
    """What passed here before; nothing yet when there is no file.

    Raises:
        IntegrityError: The file is there, but is not a state.
        UsageError: It cannot be read.
    """
    if not _is_there(path):
        return GateState()
    data = read_small(path, MAX_STATE_BYTES, what="the gate's memory of what passed here")
    try:
        return GateState.from_bytes(data)
    except IntegrityError as error:
        raise IntegrityError(
            f"{path}: {error.message}",
            hint="It remembers the versions that passed; restore it, or remove it and give --min-version once.",
        ) from error


def remember(path: Path, decision: GateDecision) -> None:
    """Take a decision into the state; nothing is written when it adds nothing.

    Raises:
        IntegrityError: The file is there, but is not a state.
        UsageError: The state cannot be read or written.
    """
    known = load_state(path)
    if known.after(decision) == known:
        return
    with _locked(path):
        write_durably(path, load_state(path).after(decision).to_bytes())


def _is_there(path: Path) -> bool:
    """Whether something has that name, be it a link that leads nowhere or a file that nobody may look at."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # whoever reads it says what is wrong
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise UsageError(f"{lock} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
