"""Write the proof that one file is in a published version."""

from __future__ import annotations

from dataclasses import replace

from poisonguard.attest.predicates_v1 import ManifestDocument, RevocationsDocument, document_of
from poisonguard.attest.statement import parse_statement
from poisonguard.errors import IntegrityError
from poisonguard.store import file_proof
from poisonguard.store.bundle import LoggedStatement
from poisonguard.store.log import RESTORE
from poisonguard.workflow.bundles import export
from poisonguard.workflow.context import resolve_version
from poisonguard.workflow.index import check_index
from poisonguard.workflow.workspace import Workspace, trust_chain


def prove_file(workspace: Workspace, version: str, path: str) -> bytes:
    """The proof that the file at ``path`` is in ``version`` (``NAME@N``, ``NAME`` or ``pg1:...``).

    Raises:
        UnknownVersion: There is no such version, or no such file in it.
        IntegrityError: The registry was altered.
    """
    with workspace.registry.read() as reader:
        named = resolve_version(reader, version)
        check_index(reader, {named.version})
        bundle = export(reader, trust_chain(reader, workspace.pinned), named)
        bundle = replace(bundle, statements=tuple(item for item in bundle.statements if _is_needed(item)))
        proof = reader.listing(named.version, _manifest(bundle.statements).manifest).prove(path)
    return file_proof.dump(bundle, proof)


def _is_needed(item: LoggedStatement) -> bool:
    return isinstance(document_of(parse_statement(item.envelope.payload)), ManifestDocument | RevocationsDocument)


def _manifest(statements: tuple[LoggedStatement, ...]) -> ManifestDocument:
    for item in statements:
        document = document_of(parse_statement(item.envelope.payload))
        if isinstance(document, ManifestDocument):
            return document
    raise IntegrityError("the registry lost the manifest while it was read", hint=RESTORE)
