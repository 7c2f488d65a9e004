"""What statements bind by digest: listings of files, findings reports, profiles. Kept in the registry's database.

Rules:

1. They are written in the transaction of the statement that names them, and before it.
2. A blob is found by the SHA-256 of its bytes, a shard by the root over its lines; what is read is checked against
   that name before anybody uses it.
3. What is there already is not written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from poisonguard.attest.listing import Listing, Shard
from poisonguard.domain.dataset import Manifest
from poisonguard.domain.merkle import HASH_SIZE
from poisonguard.errors import IntegrityError, UnknownVersion
from poisonguard.store.log import RESTORE
from poisonguard.store.tables import BLOB, LISTING, SHARD


@dataclass(frozen=True, slots=True)
class RegistryShards:
    """The shards of one version, loaded one at a time while the connection is open."""

    connection: Connection
    roots: Sequence[bytes]

    def load(self, position: int) -> Shard:
        """The shard at ``position``.

        Raises:
            IntegrityError: It is gone.
        """
        query = select(SHARD.c.lines, SHARD.c.leaves).where(SHARD.c.root == self.roots[position])
        row = self.connection.execute(query).first()
        if row is None or not (isinstance(row.lines, bytes) and isinstance(row.leaves, bytes)):
            raise IntegrityError(f"part {position} of a listing of files is missing", hint=RESTORE)
        return Shard(row.lines, row.leaves)


def shards_of(connection: Connection, version: str) -> RegistryShards:
    """The shards that list the files of a version, not checked yet.

    Raises:
        IntegrityError: A row is of the wrong shape.
    """
    query = select(LISTING.c.position, LISTING.c.root).where(LISTING.c.version == version).order_by(LISTING.c.position)
    rows = connection.execute(query).all()
    roots = tuple(row.root for row in rows)
    whole = [row.position for row in rows] == list(range(len(rows)))
    if not whole or not all(isinstance(root, bytes) and len(root) == HASH_SIZE for root in roots):
        raise IntegrityError("the listing of files holds a row that was never written by poisonguard", hint=RESTORE)
    return RegistryShards(connection, roots)


def listing_of(connection: Connection, version: str, manifest: Manifest) -> Listing:
    """The files of a version, bound by its manifest.

    Raises:
        IntegrityError: The listing is not the manifest's.
    """
    try:
        return Listing(manifest, shards_of(connection, version))
    except IntegrityError as error:
        raise IntegrityError(f"{version[:16]}: {error.message}", hint=RESTORE) from error


def put_listing(connection: Connection, version: str, listing: Listing) -> None:
    """Keep the files of a version."""
    held = select(func.count()).select_from(LISTING).where(LISTING.c.version == version)
    if connection.execute(held).scalar():
        return
    for position, (root, shard) in enumerate(zip(listing.roots, listing.shards(), strict=True)):
        connection.execute(insert(LISTING).values(version=version, position=position, root=root))
        if connection.execute(select(SHARD.c.root).where(SHARD.c.root == root)).first() is None:
            connection.execute(insert(SHARD).values(root=root, lines=shard.lines, leaves=shard.leaves))


def put_blob(connection: Connection, content: bytes) -> str:
    """Keep ``content``; its name."""
    digest = hashlib.sha256(content).hexdigest()
    if not has_blob(connection, digest):
        connection.execute(insert(BLOB).values(digest=digest, content=content))
    return digest


def has_blob(connection: Connection, digest: str) -> bool:
    """Whether something is kept under that name; its bytes are checked by :func:`blob`."""
    return connection.execute(select(BLOB.c.digest).where(BLOB.c.digest == digest)).first() is not None


def blob(connection: Connection, digest: str) -> bytes:
    """What is kept under ``digest``.

    Raises:
        UnknownVersion: Nothing is.
        IntegrityError: It is not what its name says.
    """
    content = connection.execute(select(BLOB.c.content).where(BLOB.c.digest == digest)).scalar()
    if content is None:
        raise UnknownVersion(f"{digest[:12]} is not kept in the registry", hint="It was published elsewhere.")
    if not isinstance(content, bytes) or hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(f"{digest[:12]} does not hold the bytes it is named after", hint=RESTORE)
    return content
