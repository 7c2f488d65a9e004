"""What no longer counts: the list of revocations, version 1, and what it takes back.

One list holds everything that was ever revoked, so the newest one says it all. It also names every scan, approval and
rejection of every version, so that no bundle can leave out what speaks against it. It is short-lived: whoever holds an
unexpired one knows how fresh it is. Rules of reading:

1. Lists are numbered from 1, and expire after they were made.
2. Versions are sorted by dataset, number and name; statements by dataset, version and digest; keys and approvals by
   their digest; nothing is listed twice.
3. Nothing is revoked after the list was made.
4. The subject is the list itself: the name ``revocations`` and the digest of the predicate.

Rules of following (``follows``): a list may follow another when

5. its number is higher, and it is not of an earlier time;
6. it holds every version, approval and statement of the other, word for word;
7. it holds every key of the other, as it was or more strictly: valid for a shorter time or fewer statements.

What a revoked key signed counts for nothing, unless (``voids``)

8. the statement is proven to stand in the very log that was current when the key was revoked, among the statements
   that it held then: a thief cannot add to them; and
9. the time that it gives itself is before the time from which the key is revoked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poisonguard.attest.canonical import digest_of
from poisonguard.attest.fields import Fields
from poisonguard.attest.times import format_time
from poisonguard.errors import IntegrityError

REVOCATIONS = "https://poisonguard.dev/revocations/v1"
SUBJECT = "revocations"


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a statement is proven to be: the log's name, and the place in it, from 0."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class RevokedVersion:
    """A version that must not be used any more, whatever was approved.

    Attributes:
        dataset: Name of the dataset.
        number: Version number, for people.
        version: Name of the version; its content is revoked under the dataset's name for ever.
        reason: Why.
        revoked: When.
    """

    dataset: str
    number: int
    version: str
    reason: str
    revoked: datetime


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """A key that no longer speaks for anybody.

    Attributes:
        keyid: Its id.
        since: What gives itself this time or a later one counts for nothing.
        origin: Name of the log that was current when it was revoked.
        size: Statements in that log then; what came after them counts for nothing.
        reason: Why.
        revoked: When.
    """

    keyid: str
    since: datetime
    origin: str
    size: int
    reason: str
    revoked: datetime

    def keeps(self, place: LogPlace | None, created: datetime) -> bool:
        """Whether a signature by this key still counts: rules 8 and 9."""
        early = place is not None and place.origin == self.origin and place.index < self.size
        return early and created < self.since

    def is_at_least(self, other: RevokedKey) -> bool:
        """Whether it takes back all that ``other`` takes back: rule 7."""
        same = (self.keyid, self.origin) == (other.keyid, other.origin)
        return same and self.since <= other.since and self.size <= other.size


@dataclass(frozen=True, slots=True)
class RevokedApproval:
    """One approval that was taken back.

    Attributes:
        statement: Digest of the approval's statement.
        reason: Why.
        revoked: When.
    """

    statement: str
    reason: str
    revoked: datetime


@dataclass(frozen=True, slots=True, order=True)
class ListedStatement:
    """A scan, approval or rejection that was signed; what it means is judged by reading it.

    Attributes:
        dataset: Name of the dataset.
        version: Name of the version.
        envelope: Hex SHA-256 of the whole envelope, signatures and all: signed anew by others it is another one.
    """

    dataset: str
    version: str
    envelope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationsDocument:
    """Everything that was ever revoked, as it stood when the list was made.

    Attributes:
        number: Number of the list; the higher one holds.
        created: When it was made.
        expires: Until when it shows that nothing more was revoked.
        versions: Versions.
        keys: Keys.
        approvals: Approvals.
        statements: Every scan, approval and rejection that was signed.
    """

    number: int
    created: datetime
    expires: datetime
    versions: tuple[RevokedVersion, ...] = ()
    keys: tuple[RevokedKey, ...] = ()
    approvals: tuple[RevokedApproval, ...] = ()
    statements: tuple[ListedStatement, ...] = ()

    @property
    def dataset(self) -> str:
        """None in particular."""
        return ""

    @property
    def version(self) -> str:
        """None in particular."""
        return ""

    @property
    def subject(self) -> tuple[str, str]:
        """What the statement is about: the list itself (rule 4)."""
        return SUBJECT, digest_of(revocations_to_json(self))

    def of_version(self, dataset: str, version: str) -> RevokedVersion | None:
        """What is said of a version."""
        return next((item for item in self.versions if (item.dataset, item.version) == (dataset, version)), None)

    def of_approval(self, statement: str) -> RevokedApproval | None:
        """What is said of an approval."""
        return next((item for item in self.approvals if item.statement == statement), None)

    def of_key(self, keyid: str) -> RevokedKey | None:
        """What is said of a key."""
        return next((item for item in self.keys if item.keyid == keyid), None)

    def voids(self, keyid: str, place: LogPlace | None, created: datetime) -> bool:
        """Whether a signature counts for nothing because its key was revoked.

        Args:
            keyid: Id of the key.
            place: Where the statement is proven to be; nothing when that is not proven.
            created: The time that the statement gives itself.
        """
        revoked = self.of_key(keyid)
        return revoked is not None and not revoked.keeps(place, created)

    def follows(self, older: RevocationsDocument) -> bool:
        """Whether it may follow ``older``: rules 5 to 7."""
        return (
            self.number > older.number
            and self.created >= older.created
            and set(self.versions) >= set(older.versions)
            and set(self.approvals) >= set(older.approvals)
            and set(self.statements) >= set(older.statements)
            and all(any(key.is_at_least(was) for key in self.keys) for was in older.keys)
        )


def revocations_to_json(document: RevocationsDocument) -> dict[str, Any]:
    """The list as an in-toto predicate."""
    return {
        "number": document.number,
        "created": format_time(document.created),
        "expires": format_time(document.expires),
        "versions": [
            {"dataset": item.dataset, "number": item.number, "version": item.version, **_why(item)}
            for item in document.versions
        ],
        "keys": [
            {"key": item.keyid, "since": format_time(item.since), "log": item.origin, "size": item.size, **_why(item)}
            for item in document.keys
        ],
        "approvals": [{"statement": item.statement, **_why(item)} for item in document.approvals],
        "statements": [
            {"dataset": item.dataset, "version": item.version, "envelope": item.envelope}
            for item in document.statements
        ],
    }


def revocations_from_json(value: Any) -> RevocationsDocument:
    """The list in an in-toto predicate.

    Raises:
        IntegrityError: A rule of reading is broken.
    """
    fields = Fields(value, "revocations")
    document = RevocationsDocument(
        number=fields.integer("number", minimum=1),
        created=fields.time("created"),
        expires=fields.time("expires"),
        versions=fields.items("versions", _version),
        keys=fields.items("keys", _key),
        approvals=fields.items("approvals", _approval),
        statements=fields.items("statements", _statement),
    )
    fields.done()
    if document.expires <= document.created:
        raise fields.refusal("expire before they begin")
    _check_sets(document)
    _check_times(document)
    return document


def _check_sets(document: RevocationsDocument) -> None:
    _check_sorted([(item.dataset, item.number, item.version) for item in document.versions], "versions")
    _check_sorted([item.keyid for item in document.keys], "keys")
    _check_sorted([item.statement for item in document.approvals], "approvals")
    _check_sorted(document.statements, "statements")


def _check_sorted(names: Sequence[Any], what: str) -> None:
    if list(names) != sorted(set(names)):
        raise IntegrityError(f"revocations.{what} is not sorted, or holds something twice")


def _check_times(document: RevocationsDocument) -> None:
    listed: Iterable[RevokedVersion | RevokedKey | RevokedApproval]
    listed = (*document.versions, *document.keys, *document.approvals)
    latest = max((item.revoked for item in listed), default=document.created)
    latest = max((latest, *(key.since for key in document.keys)))
    if latest > document.created:
        raise IntegrityError("revocations hold something of a later time than their own")


def _why(item: RevokedVersion | RevokedKey | RevokedApproval) -> dict[str, str]:
    return {"reason": item.reason, "revoked": format_time(item.revoked)}


def _version(value: Any, where: str) -> RevokedVersion:
    fields = Fields(value, where)
    item = RevokedVersion(
        dataset=fields.text("dataset"),
        number=fields.integer("number", minimum=1),
        version=fields.version("version"),
        reason=fields.text("reason"),
        revoked=fields.time("revoked"),
    )
    fields.done()
    return item


def _key(value: Any, where: str) -> RevokedKey:
    fields = Fields(value, where)
    item = RevokedKey(
        keyid=fields.digest("key"),
        since=fields.time("since"),
        origin=fields.text("log"),
        size=fields.integer("size"),
        reason=fields.text("reason"),
        revoked=fields.time("revoked"),
    )
    fields.done()
    return item


def _approval(value: Any, where: str) -> RevokedApproval:
    fields = Fields(value, where)
    item = RevokedApproval(
        statement=fields.digest("statement"), reason=fields.text("reason"), revoked=fields.time("revoked")
    )
    fields.done()
    return item


def _statement(value: Any, where: str) -> ListedStatement:
    fields = Fields(value, where)
    item = ListedStatement(fields.text("dataset"), fields.version("version"), fields.digest("envelope"))
    fields.done()
    return item
