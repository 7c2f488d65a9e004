"""What the errors of SQLite and PostgreSQL mean to a user, in one line."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError

from poisonguard.errors import IntegrityError, UsageError
from poisonguard.store.log import RESTORE

_DAMAGED: Final = {
    # Our SQL is fixed, so a plain SQLITE_ERROR is a lost table.
    *("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_MISMATCH"),
    # Undefined table, column, datatype mismatch, data_corrupted, index_corrupted
    # (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    *("42P01", "42703", "42804", "42883", "XX001", "XX002"),
}
_BUSY: Final = {"SQLITE_BUSY", "55P03"}
_FULL: Final = {"SQLITE_FULL", "53100"}
_NOT_LET_IN: Final = ("28", "42501")
"""Wrong user or password; a right that is missing."""
_ASK_DISK: Final = "Check the path, space and permissions."
_ASK_SERVER: Final = "Check server and user; the password comes from PGPASSWORD, PGPASSFILE or POISONGUARD_REGISTRY."


def explained(error: DBAPIError, name: str) -> UsageError | IntegrityError:
    """The error that a user gets for what the registry called ``name`` answered."""
    reason = " ".join(str(error.orig).split())
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
    if code in _DAMAGED:
        return IntegrityError(f"registry {name} is damaged: {reason}", hint=RESTORE)
    if code in _BUSY:
        return UsageError(f"registry {name} is busy", hint="Another process is writing to it; try again.")
    if code in _FULL:
        return UsageError(f"registry {name} is full: {reason}", hint="Make space; nothing was written.")
    # PostgreSQL's driver has no code for a connection that did not come about.
    away = not code or code.startswith(_NOT_LET_IN)
    return UsageError(f"registry {name} cannot be used: {reason}", hint=_ASK_SERVER if away else _ASK_DISK)
