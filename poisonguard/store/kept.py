"""What is kept beside the log, held against what the log's statements name.

Rules:

1. Every listing, shard, report and profile is named by a statement; what nobody names was smuggled in.
2. Every report and profile is what its name says. (Listings are checked by whoever reads them to their end.)
3. A report or profile that a statement names may be absent: it stays where the statement was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet

from sqlalchemy import Connection, func, select

from poisonguard.errors import IntegrityError
from poisonguard.store.log import RESTORE, unaltered
from poisonguard.store.tables import BLOB, LISTING, SHARD


@unaltered()
def check_kept(connection: Connection, versions: AbstractSet[str], digests: AbstractSet[str]) -> int:
    """Check everything that is kept beside the log.

    Args:
        connection: An open connection.
        versions: Versions whose listings the log names.
        digests: Reports and profiles that it names.

    Returns:
        How many of the reports and profiles are absent.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    _refuse("a listing of files", set(connection.execute(select(LISTING.c.version).distinct()).scalars()) - versions)
    unused = select(func.count()).select_from(SHARD).where(SHARD.c.root.not_in(select(LISTING.c.root)))
    _refuse("a part of a listing of files", set(range(connection.execute(unused).scalar() or 0)))
    held = set(connection.execute(select(BLOB.c.digest)).scalars())
    _refuse("a report or profile", held - digests)
    for digest in sorted(held):
        _check_blob(connection, digest)
    return len(digests - held)


def _check_blob(connection: Connection, digest: str) -> None:
    content = connection.execute(select(BLOB.c.content).where(BLOB.c.digest == digest)).scalar()
    if not isinstance(content, bytes) or hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(f"report or profile {digest[:12]} is not what its name says", hint=RESTORE)


def _refuse(what: str, unnamed: AbstractSet[object]) -> None:
    if unnamed:
        raise IntegrityError(f"the registry keeps {what} that no statement in the log names", hint=RESTORE)
