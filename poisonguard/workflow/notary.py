"""Who signs the log's checkpoints here, and whose checkpoints are continued.

Rules:

1. A checkpoint is signed only with a key that the trust root gives the role ``log``: any other would make a log that
   nobody believes.
2. A log is continued only from a checkpoint that a key of that role signed: whoever can write to the database, but
   holds no log key, cannot have an honest machine sign a history of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from poisonguard.attest.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from poisonguard.attest.keys import PublicKey, Signer
from poisonguard.errors import IntegrityError, KeyMaterialError
from poisonguard.store.log import RESTORE


@dataclass(frozen=True, slots=True)
class LogNotary:
    """Signs checkpoints of one log; a :class:`poisonguard.store.log.Notary`.

    Attributes:
        origin: Name of the log.
        key: The log key of this machine.
        trusted: Log keys that the trust root names.
    """

    origin: str
    key: Signer
    trusted: Sequence[PublicKey]

    def __post_init__(self) -> None:
        if self.key.public not in self.trusted:
            raise KeyMaterialError(
                "the log key of this workspace does not play the role log in the trust root",
                hint="Get the newest trust root with 'poisonguard trust update', and its log key from a colleague.",
            )

    def following(self, earlier: Sequence[PublicKey]) -> LogNotary:
        """The same, for a log whose newest checkpoint may still be signed by one of the ``earlier`` keys."""
        return replace(self, trusted=tuple(dict.fromkeys((*self.trusted, *earlier))))

    def sign(self, size: int, root: bytes) -> str:
        """Text of a signed checkpoint."""
        return sign_checkpoint(Checkpoint(self.origin, size, root), self.key).decode()

    def check(self, note: str, size: int, root: bytes) -> None:
        """Refuse a note that no trusted log key signed for that size and root.

        Raises:
            IntegrityError: It is one.
        """
        check_note(note, size, root, self.trusted, self.origin)


def check_note(note: str, size: int, root: bytes, keys: Sequence[PublicKey], origin: str) -> None:
    """Refuse a note that none of ``keys`` signed for that size and root of the log ``origin``.

    Raises:
        IntegrityError: It is one.
    """
    try:
        found = open_checkpoint(note.encode(), keys, origin=origin)
    except IntegrityError as error:
        raise IntegrityError(f"checkpoint {size}: {error.message}", hint=error.hint or RESTORE) from error
    if (found.size, found.root) != (size, root):
        raise IntegrityError(f"checkpoint {size} is signed for another log", hint=RESTORE)
