"""The lists of revocations in a registry: which one holds, and how it leaves for machines that hold older bundles.

Rules:

1. The list that holds is the newest that the trust root in force vouches for.
2. The last list is the newest that was ever trusted here: the next one goes on from it, though revokers change.
3. A list comes in from elsewhere only when it follows the last one here, or is an older one that the last one follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import Signed, open_signed
from poisonguard.attest.predicates_v1 import RevocationsDocument
from poisonguard.attest.revocations_v1 import LogPlace
from poisonguard.attest.trust import TrustRoot, open_envelope, parse_root
from poisonguard.errors import IntegrityError, UnknownVersion
from poisonguard.store import bundle as bundles
from poisonguard.store.bundle import Bundle
from poisonguard.store.durable import write_durably
from poisonguard.store.registry import Kind, Reader
from poisonguard.workflow.index import check_index
from poisonguard.workflow.workspace import Workspace, trust_chain


def trusted_list(reader: Reader, root: TrustRoot, origin: str) -> RevocationsDocument | None:
    """The list that holds: rule 1."""
    for item in reader.statements(Kind.REVOCATIONS)[::-1]:
        match open_signed(parse_envelope(item.envelope), root, place=LogPlace(origin, item.position)):
            case Signed(document=RevocationsDocument() as document):
                return document
    return None


def last_list(workspace: Workspace, reader: Reader, root: TrustRoot) -> RevocationsDocument | None:
    """The newest list that was trusted under ``root`` or one before it: rule 2."""
    earlier = [parse_root(open_envelope(data)) for data in trust_chain(reader, workspace.pinned)]
    lists = (trusted_list(reader, item, workspace.origin) for item in (root, *earlier))
    return max((item for item in lists if item is not None), key=lambda item: item.number, default=None)


def check_succession(last: RevocationsDocument | None, lists: Sequence[RevocationsDocument]) -> None:
    """Refuse lists from elsewhere that neither follow the last one here nor are followed by it: rule 3.

    Raises:
        IntegrityError: One does neither.
    """
    if last is None:
        return
    for item in lists:
        if item != last and not (item.follows(last) or last.follows(item)):
            raise IntegrityError(
                f"list {item.number} of revocations and list {last.number} here do not follow from one another",
                hint="Two registries revoked under one trust root; revoke in one of them only.",
            )


def export_list(reader: Reader, trust_roots: tuple[bytes, ...]) -> Bundle:
    """The newest list as a small bundle of its own, proven to be in the log.

    Raises:
        UnknownVersion: Nothing was ever revoked here.
        IntegrityError: The log was altered.
    """
    lists = reader.statements(Kind.REVOCATIONS)
    if not lists:
        raise UnknownVersion(
            "there is no list of revocations yet", hint="Make the first one with 'poisonguard revoke --refresh'."
        )
    checkpoint, (proof,) = reader.prove([lists[-1].position])
    return Bundle(
        trust_roots=trust_roots,
        checkpoint=checkpoint.note.encode(),
        statements=(bundles.logged(lists[-1].envelope, proof.position, proof.hashes),),
    )


def export_list_file(workspace: Workspace, path: Path) -> None:
    """Write the newest list to a file, whole or not at all.

    Raises:
        UnknownVersion: Nothing was ever revoked here.
        IntegrityError: The log or its index was altered.
        UsageError: The file cannot be written.
    """
    with workspace.registry.read() as reader:
        check_index(reader, ())
        bundle = export_list(reader, trust_chain(reader, workspace.pinned))
    write_durably(path, bundles.parts(bundle))
