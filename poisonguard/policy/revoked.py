"""Which list of revocations holds, and what it says of a version. Pure; gate and registry share it.

Rules:

1. Where the trust root gives the role ``revoker`` to somebody, there must be a trusted list that has not expired:
   no list is no proof that nothing was revoked. Where it does not, no list is asked for and none is believed.
2. Of several lists the one with the highest number holds, and each must follow from those before it.
3. A list with a lower number than one seen here before is refused.
4. What a list takes back is taken back, though the list has expired or is an old one.
5. Every scan, approval and rejection of the version that the list names must be among the evidence, just as it was
   signed: a failed scan, a later and narrower approval or a rejection that is left out would speak for the version.

Codes of reasons, stable:

=========================== ==== =====================================================================
code                        exit meaning
=========================== ==== =====================================================================
``revocations-missing``     5    the trust root names revokers, and there is no trusted list of theirs
``revocations-expired``     5    the newest list of revocations has expired
``revocations-rolled-back`` 5    an older list of revocations than one seen here before
``revocations-shrunk``      6    a newer list of revocations lacks what an older one holds
``version-revoked``         5    the version was revoked
``statement-left-out``      5    a statement about the version is known and not among the evidence
=========================== ==== =====================================================================
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from poisonguard.attest.evidence import Signed
from poisonguard.attest.predicates_v1 import ManifestDocument, RevocationsDocument
from poisonguard.attest.times import format_time
from poisonguard.attest.trust import RoleName, TrustRoot
from poisonguard.domain.decision import Reason

DENIED = 5
TAMPERED = 6
REFRESH = "Get the newest list, or let a revoker make one with `poisonguard revoke --refresh`."

Lists = Sequence[Signed[RevocationsDocument]]


def newest(lists: Lists) -> Signed[RevocationsDocument] | None:
    """The list that holds."""
    return max(lists, key=lambda item: item.document.number, default=None)


def list_reasons(root: TrustRoot, lists: Lists, now: datetime, seen: int) -> Iterator[Reason]:
    """What speaks against the lists of revocations that are there.

    Args:
        root: Who may revoke.
        lists: Trusted lists, in any order.
        now: The time.
        seen: Highest number of a list that was seen here before.
    """
    held = newest(lists)
    if held is not None and held.document.number < seen:
        what = f"list {held.document.number} of revocations is old: list {seen} was seen here before"
        yield Reason("revocations-rolled-back", what, DENIED, REFRESH)
    yield from stale_reasons(root, None if held is None else held.document, now)
    yield from _shrunk(lists)


def stale_reasons(root: TrustRoot, held: RevocationsDocument | None, now: datetime) -> Iterator[Reason]:
    """Why the list that holds does not show that nothing more was revoked."""
    if held is None:
        if root.in_role(RoleName.REVOKER):
            yield Reason("revocations-missing", "there is no trusted list of revocations", DENIED, REFRESH)
    elif now >= held.expires:
        what = f"list {held.number} of revocations expired on {format_time(held.expires)}"
        yield Reason("revocations-expired", what, DENIED, REFRESH)


def version_reasons(held: RevocationsDocument | None, manifest: ManifestDocument) -> Iterator[Reason]:
    """What the list that holds says of a version."""
    found = held.of_version(manifest.dataset, manifest.version) if held is not None else None
    if found is not None:
        title = f"{manifest.dataset}@{manifest.release.number}"
        what = f"{title} was revoked on {format_time(found.revoked)}: {found.reason}"
        yield Reason("version-revoked", what, DENIED, "Use another version; a revocation is for ever.")


def left_out_reasons(
    held: RevocationsDocument | None, manifest: ManifestDocument, present: Container[str]
) -> Iterator[Reason]:
    """Statements about a version that are not among the envelopes with the digests ``present``."""
    for item in held.statements if held is not None else ():
        if (item.dataset, item.version) == (manifest.dataset, manifest.version) and item.envelope not in present:
            what = f"the evidence leaves out statement {item.envelope[:12]} about this version"
            hint = "It was signed later, or left out on purpose: get a new bundle from the registry."
            yield Reason("statement-left-out", what, DENIED, hint)


def _shrunk(lists: Lists) -> Iterator[Reason]:
    distinct = {item.digest: item.document for item in lists}
    for older, newer in pairwise(sorted(distinct.values(), key=lambda document: document.number)):
        if not newer.follows(older):
            what = f"list {newer.number} of revocations does not follow from list {older.number}"
            hint = "Find out who signed it; two registries must not revoke under one trust root."
            yield Reason("revocations-shrunk", what, TAMPERED, hint)
