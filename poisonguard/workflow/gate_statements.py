"""Open the statements of a bundle: where they are proven to be in the log, what they say, who entitled said it.

Rules:

1. The log's checkpoint is signed by a key that the trust root gives to the log; without one nothing has a place.
2. A statement has a place when its proof leads from its bytes to the checkpoint's root.
3. Of lists of revocations, only those that have a place are believed: what is remembered of them must be authentic.
4. Lists of revocations are opened first, and everything then under the list that holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from poisonguard.attest.checkpoint import Checkpoint, open_checkpoint
from poisonguard.attest.envelope import Envelope
from poisonguard.attest.evidence import Signed, Unentitled, open_signed
from poisonguard.attest.predicates_v1 import Document, RevocationsDocument
from poisonguard.attest.revocations_v1 import REVOCATIONS, LogPlace
from poisonguard.attest.trust import RoleName, TrustRoot
from poisonguard.errors import IntegrityError
from poisonguard.store.bundle import Bundle, LoggedStatement


@dataclass(frozen=True, slots=True)
class Placed:
    """The statements of a bundle with their places in the log.

    Attributes:
        checkpoint: The log's signed state, or why there is none to believe.
        statements: Every statement; its place, or nothing when that is not proven.
    """

    checkpoint: Checkpoint | IntegrityError
    statements: tuple[tuple[Envelope, LogPlace | None], ...]

    @property
    def homeless(self) -> Iterator[str]:
        """Digests of statements that are not proven to be in the log, when there is a log to ask."""
        if isinstance(self.checkpoint, Checkpoint):
            yield from (envelope.digest for envelope, place in self.statements if place is None)


@dataclass(frozen=True, slots=True)
class Opened:
    """What statements say.

    Attributes:
        documents: What entitled people said, in the order of the log.
        unentitled: What counts for nothing.
        altered: What does not verify or is malformed.
    """

    documents: tuple[Signed[Document], ...]
    unentitled: tuple[Unentitled, ...]
    altered: tuple[IntegrityError, ...]


def place(bundle: Bundle, root: TrustRoot) -> Placed:
    """Where in the log the bundle's statements are."""
    try:
        checkpoint = open_checkpoint(bundle.checkpoint, root.keys_of(RoleName.LOG))
    except IntegrityError as error:
        return Placed(error, tuple((item.envelope, None) for item in bundle.statements))
    return Placed(checkpoint, tuple((item.envelope, _place_of(item, checkpoint)) for item in bundle.statements))


def _place_of(item: LoggedStatement, checkpoint: Checkpoint) -> LogPlace | None:
    proven = item.is_in(checkpoint.size, checkpoint.root)
    return LogPlace(checkpoint.origin, item.index) if proven else None


def open_lists(placed: Placed, root: TrustRoot) -> Opened:
    """What the lists of revocations say that are proven to be in the log."""
    mentioned = REVOCATIONS.encode()  # canonical JSON spells it in this one way
    lists = ((envelope, at) for envelope, at in placed.statements if at is not None and mentioned in envelope.payload)
    return open_placed(replace(placed, statements=tuple(lists)), root)


def open_placed(placed: Placed, root: TrustRoot, revocations: RevocationsDocument | None = None) -> Opened:
    """What the statements say, under a trust root and, when there is one, a list of revocations."""
    documents: list[Signed[Document]] = []
    unentitled: list[Unentitled] = []
    altered: list[IntegrityError] = []
    for envelope, at in placed.statements:
        try:
            signed = open_signed(envelope, root, revocations=revocations, place=at)
        except IntegrityError as error:
            altered.append(error)
            continue
        if isinstance(signed, Unentitled):
            unentitled.append(signed)
        else:
            documents.append(signed)
    return Opened(tuple(documents), tuple(unentitled), tuple(altered))
