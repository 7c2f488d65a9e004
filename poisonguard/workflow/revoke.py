"""Revoke versions, keys and approvals: a revoker signs the next list of everything that was ever revoked.

Rules:

1. Whoever signs plays the role ``revoker``, and they are enough; no key signs the list that revokes it.
2. The next list has the next number and holds everything of the last one, whoever of the trust roots' revokers signed
   that: what was revoked stays revoked when the revokers change.
3. A version is revoked by the name of its content, whether or not it is scanned or approved.
4. A key is revoked from a time on, for this log as it stands now: what came later, or gives itself a later time,
   counts for nothing. It may be revoked again from an earlier time, never from a later one.
5. An approval is revoked by the digest of its statement, or the beginning of it.
6. What is revoked already is not revoked again; a list with nothing new in it only refreshes.
7. Every list names all scans, approvals and rejections that the registry holds when it is made, so that bundles cannot
   leave one out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from poisonguard.attest.keys import Signer
from poisonguard.attest.predicates_v1 import RevocationsDocument
from poisonguard.attest.revocations_v1 import ListedStatement, RevokedApproval, RevokedKey, RevokedVersion
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import RoleName, TrustRoot
from poisonguard.errors import UnknownVersion, UsageError
from poisonguard.store.registry import Kind, Reader
from poisonguard.workflow.context import resolve_version
from poisonguard.workflow.keys import read_public_key
from poisonguard.workflow.publish import require_role, signed_statement
from poisonguard.workflow.revocation_lists import last_list
from poisonguard.workflow.workspace import Workspace

LONGEST = timedelta(days=366)
"""A list that held longer would show nothing about today."""
SHORTEST_PREFIX = 8
EVERYTHING = "every dataset"
JUDGED = (Kind.SCAN, Kind.APPROVAL, Kind.REJECTION)
"""What a version is judged by."""
REPLACED = {RoleName.LOG: "the log's", RoleName.ROOT: "of somebody who signs trust roots"}
"""Roles whose keys no list can revoke: trust roots and checkpoints are believed without asking one."""
REFRESH = "To renew the list, use --refresh."

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What is to be revoked, as people name it; nothing at all only refreshes the list.

    Attributes:
        reason: Why.
        lifetime: How long the new list shows that nothing more was revoked.
        versions: References: ``NAME@N``, ``NAME`` or ``pg1:...``.
        keys: Key ids, beginnings of them, or files of public keys.
        since: From when the keys are revoked; now when not given.
        approvals: Digests of approvals' statements, or beginnings of them.
    """

    reason: str
    lifetime: timedelta
    versions: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    since: datetime | None = None
    approvals: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it only refreshes."""
        return not (self.versions or self.keys or self.approvals)


@dataclass(frozen=True, slots=True)
class Revoked:
    """The list that was signed.

    Attributes:
        document: What it says.
        people: Who signed.
        digest: Digest of the statement.
        titles: What is newly revoked, for people.
    """

    document: RevocationsDocument
    people: tuple[str, ...]
    digest: str
    titles: tuple[str, ...]


def revoke(workspace: Workspace, withdrawal: Withdrawal, signers: Sequence[Signer], now: datetime) -> Revoked:
    """Sign the next list of revocations, and append it.

    Raises:
        UsageError: Somebody is no revoker, they are too few, or what is named cannot be revoked.
        UnknownVersion: There is no such version, key or approval.
        IntegrityError: Registry or trust root are not what was written.
        GateFailed: The trust root has expired.
    """
    _check(withdrawal)
    now = now.replace(microsecond=0)
    with workspace.registry.write() as writer:
        root = workspace.trusted(writer, now).root
        last = last_list(workspace, writer, root)
        empty = RevocationsDocument(number=0, created=now, expires=now)
        document, titles = _Draft(writer, root, workspace.origin, last or empty, withdrawal, now).finish()
        people = _require_revokers(root, signers, document, last or empty)
        statement = signed_statement(document, signers)
        writer.append([statement], workspace.checkpoint_signer())
    return Revoked(document, people, statement.payload_digest, titles)


def _check(withdrawal: Withdrawal) -> None:
    if not timedelta(0) < withdrawal.lifetime <= LONGEST:
        raise UsageError("a list of revocations holds for one second to 366 days", hint="For example --expires 7d.")
    if not withdrawal.is_empty and not withdrawal.reason.strip():
        raise UsageError("no reason is given", hint="Say why in a sentence: --reason TEXT.")
    if withdrawal.since is not None and not withdrawal.keys:
        raise UsageError("a time is given, but no key to revoke from then on", hint="Give --revoke-key as well.")


@dataclass(frozen=True, slots=True)
class _Draft:
    """The next list in the making: what is there, and what is asked for.

    Attributes:
        reader: The registry.
        root: Whose keys there are.
        origin: Name of the log.
        last: The last list; an empty one with number 0 when there is none.
        withdrawal: What is asked for.
        now: The time.
    """

    reader: Reader
    root: TrustRoot
    origin: str
    last: RevocationsDocument
    withdrawal: Withdrawal
    now: datetime

    def finish(self) -> tuple[RevocationsDocument, tuple[str, ...]]:
        """The next list, and what is new in it, for people."""
        last, asked = self.last, self.withdrawal
        if self.now < last.created:
            raise UsageError(f"the last list is of {format_time(last.created)}, after now", hint="Set the clock.")
        versions = [self._version(text) for text in asked.versions]
        keys = [self._key(text) for text in asked.keys]
        approvals = [self._approval(text) for text in asked.approvals]
        document = RevocationsDocument(
            number=last.number + 1,
            created=self.now,
            expires=self.now + asked.lifetime,
            versions=_merged(last.versions, versions, lambda item: (item.dataset, item.number, item.version)),
            keys=_merged(last.keys, keys, lambda item: item.keyid),
            approvals=_merged(last.approvals, approvals, lambda item: item.statement),
            statements=_merged(last.statements, self._statements(), lambda item: item),
        )
        titles = (
            *(f"version {item.dataset}@{item.number}" for item in versions),
            *(f"key {item.keyid[:16]} from {format_time(item.since)} on" for item in keys),
            *(f"approval {item.statement[:16]}" for item in approvals),
        )
        return document, titles

    def _statements(self) -> list[ListedStatement]:
        signed = (item for kind in JUDGED for item in self.reader.statements(kind))
        return [ListedStatement(item.dataset, item.version, sha256(item.envelope).hexdigest()) for item in signed]

    def _version(self, text: str) -> RevokedVersion:
        named = resolve_version(self.reader, text)
        if self.last.of_version(named.dataset, named.version) is not None:
            raise UsageError(f"{named.title} is revoked already", hint=REFRESH)
        return RevokedVersion(named.dataset, named.number, named.version, self.withdrawal.reason, self.now)

    def _key(self, text: str) -> RevokedKey:
        keyid, since = self._keyid(text), self.withdrawal.since or self.now
        if since > self.now:
            raise UsageError(f"{format_time(since)} is not yet", hint="A key is revoked from now or an earlier time.")
        checkpoint = self.reader.checkpoint()
        size = checkpoint.size if checkpoint is not None else 0
        key = RevokedKey(keyid, since, self.origin, size, self.withdrawal.reason, self.now)
        before = self.last.of_key(keyid)
        if before is None:
            return key
        if since >= before.since:
            what = f"key {keyid[:16]} is revoked from {format_time(before.since)} on already"
            raise UsageError(what, hint=f"{REFRESH} An earlier time can be given with --since.")
        return replace(key, origin=before.origin, size=before.size)

    def _keyid(self, text: str) -> str:
        wanted = read_public_key(Path(text)).keyid if Path(text).is_file() else text.lower()
        found = [key.keyid for key in self.root.keys if key.keyid.startswith(wanted)]
        keyid = _only(found, wanted, "key", "See 'poisonguard trust show'; a key that is not in it counts for nothing.")
        for role, whose in REPLACED.items():
            if keyid in {key.keyid for key in self.root.keys_of(role)}:
                hint = "No list can revoke it: replace it with 'poisonguard trust next'."
                raise UsageError(f"key {keyid[:16]} is {whose}", hint=hint)
        return keyid

    def _approval(self, text: str) -> RevokedApproval:
        digests = [item.payload_digest for item in self.reader.statements(Kind.APPROVAL)]
        found = [digest for digest in digests if digest.startswith(text.lower())]
        statement = _only(found, text, "approval", "See 'poisonguard log show'.")
        if self.last.of_approval(statement) is not None:
            raise UsageError(f"approval {statement[:16]} is revoked already", hint=REFRESH)
        return RevokedApproval(statement, self.withdrawal.reason, self.now)


def _only(found: Sequence[str], wanted: str, what: str, hint: str) -> str:
    """The one digest that was meant."""
    if len(wanted) < SHORTEST_PREFIX:
        raise UsageError(f"{wanted!r} is too short to name one {what}", hint=f"Give {SHORTEST_PREFIX} digits or more.")
    if not found:
        raise UnknownVersion(f"there is no {what} {wanted[:64]!r}", hint=hint)
    if len(found) > 1:
        raise UsageError(f"{wanted!r} fits {len(found)} {what}s", hint="Give more digits.")
    return found[0]


def _merged(held: Iterable[ItemT], new: Iterable[ItemT], name: Callable[[ItemT], Any]) -> tuple[ItemT, ...]:
    """Both, sorted by name; a new one takes the place of one with its name."""
    named = {name(item): item for item in (*held, *new)}
    return tuple(named[key] for key in sorted(named))


def _require_revokers(
    root: TrustRoot, signers: Sequence[Signer], document: RevocationsDocument, last: RevocationsDocument
) -> tuple[str, ...]:
    if not root.in_role(RoleName.REVOKER):
        raise UsageError(
            "the trust root gives nobody the role revoker",
            hint="Make its next version with --role revoker=NAME; see 'poisonguard trust --help'.",
        )
    for keyid in (signer.public.keyid for signer in signers):
        if document.of_key(keyid) is not None and last.of_key(keyid) is None:
            what = f"key {keyid[:16]} signs this list, and a list cannot revoke a key that signs it"
            raise UsageError(what, hint="Let another revoker sign, or replace the key with 'poisonguard trust next'.")
    return require_role(root, signers, RoleName.REVOKER, EVERYTHING, document)
