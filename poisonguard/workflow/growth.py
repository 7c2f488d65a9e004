"""A proof that the log only grew since a checkpoint that somebody kept, for whoever has no access to the registry.

Its form is the body of a C2SP tlog-witness request (https://c2sp.org/tlog-witness), so a public witness takes it as
it is: ``old SIZE``, the hashes of the consistency proof in Base64, an empty line, the newest checkpoint.
"""

from __future__ import annotations

from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.strict_base64 import encode_base64
from poisonguard.attest.trust import RoleName
from poisonguard.workflow.log_audit import log_keys
from poisonguard.workflow.workspace import Workspace


def growth(workspace: Workspace, note: bytes) -> str:
    """The proof that the log continues the checkpoint ``note``.

    Raises:
        IntegrityError: It does not, or the note is not of this log.
    """
    origin = workspace.origin
    with workspace.registry.read() as reader:
        root = workspace.newest_root(reader).root
        kept = open_checkpoint(note, log_keys(reader) or root.keys_of(RoleName.LOG), origin=origin)
        newest, hashes = reader.prove_growth(kept.size, kept.root)
    lines = [f"old {kept.size}", *map(encode_base64, hashes), "", newest.note]
    return "\n".join(lines)
