"""Everything that can go wrong, as one tree.

::

    PoisonguardError
    ├── UsageError                 2   the request cannot be carried out as written
    │   ├── ConfigurationError         a policy, card, pack, contract or settings file is wrong
    │   ├── KeyMaterialError           a key file or passphrase is wrong
    │   └── UnknownVersion             the version or reference asked for does not exist
    ├── DataError                  3   nothing to scan, or not readable as declared
    │   ├── NothingToScan
    │   ├── UnreadableData
    │   └── DataChanged                files changed while they were read
    ├── IncompleteScan             4   a required check failed, was skipped or covered too little
    ├── GateFailed                 5   unapproved, expired, revoked, rolled back, policy differs
    │   └── IntegrityError         6   digest mismatch or untrusted signature
    └── InternalError             70   a bug in poisonguard

Each error is one line that says what happened and where, plus a hint that says what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class PoisonguardError(Exception):
    """Base of every error that poisonguard raises on purpose.

    Args:
        message: What happened and where, in one line.
        hint: What to do next, in one line; empty when the message says it.
    """

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (process pools, Airflow) with the hint intact."""
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(kind: type[PoisonguardError], message: str, hint: str) -> PoisonguardError:
    return kind(message, hint=hint)


class UsageError(PoisonguardError):
    """The request cannot be carried out as written."""

    slug = "usage"
    exit_code = 2


class ConfigurationError(UsageError):
    """A policy, card, pack, contract or settings file is wrong."""

    slug = "configuration"


class KeyMaterialError(UsageError):
    """A key file or its passphrase is wrong, or its permissions are too open."""

    slug = "key"


class UnknownVersion(UsageError):
    """The version or reference asked for does not exist."""

    slug = "unknown-version"


class DataError(PoisonguardError):
    """The data cannot be scanned."""

    slug = "data"
    exit_code = 3


class NothingToScan(DataError):
    """No such path, no files, or no rows: empty means refuse."""

    slug = "nothing-to-scan"


class UnreadableData(DataError):
    """A file cannot be read as what it declares to be."""

    slug = "unreadable"


class DataChanged(DataError):
    """A file changed, appeared or vanished while it was read."""

    slug = "data-changed"


class IncompleteScan(PoisonguardError):
    """A required check failed, was skipped, or covered too little."""

    slug = "incomplete"
    exit_code = 4


class GateFailed(PoisonguardError):
    """The gate refuses: unapproved, expired, revoked, rolled back, or another policy."""

    slug = "gate-failed"
    exit_code = 5
    decision: object = None
    """The gate's whole decision, when the gate raised it (a ``GateDecision``)."""


class IntegrityError(GateFailed):
    """A digest differs or a signature is not trusted."""

    slug = "integrity"
    exit_code = 6


class InternalError(PoisonguardError):
    """A bug in poisonguard."""

    slug = "bug"
