"""Which trust root is trusted: TUF root semantics as a state machine without I/O.

The document and its rules 1 to 15 are in ``trust_document``.
Rules; whatever breaks one is refused, and each is one ``raise`` and one test of its number:

16. A document is at most ``MAX_ROOT_BYTES`` long.
17. The first document is named by a pin, the SHA-256 of its bytes; there is no trust on first use.
18. It is signed by the threshold of its own root role.
19. Each next one is signed by the threshold of the root role of the one before, which is checked before it is read:
    nobody else can speak for the future.
20. It has exactly the next version number: none is skipped, none comes back.
21. It is signed by the threshold of its own root role as well: nobody is locked out, and new keys are shown to exist.
22. A chain holds at most ``MAX_CHAIN`` documents.
23. A chain holds the pinned document; those before it are passed over.
24. The newest must not have expired, and has when the moment has come; older ones may have.

Thresholds count people, not signatures and not keys: see ``trust_document``. A bad signature under a known key
refuses the whole document, however many good ones stand beside it: see ``envelope``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from poisonguard.attest.envelope import Envelope, parse_envelope
from poisonguard.attest.keys import PublicKey
from poisonguard.attest.times import format_time
from poisonguard.attest.trust_document import (
    EVERY_DATASET,
    KIND,
    PAYLOAD_TYPE,
    PER_DATASET,
    Grant,
    Person,
    RoleName,
    Signers,
    TrustRoot,
    parse_root,
)
from poisonguard.domain.wording import count
from poisonguard.errors import GateFailed, IntegrityError

__all__ = [
    "EVERY_DATASET",
    "KIND",
    "MAX_CHAIN",
    "MAX_ROOT_BYTES",
    "PAYLOAD_TYPE",
    "PER_DATASET",
    "Grant",
    "Person",
    "RoleName",
    "Signers",
    "TrustRoot",
    "TrustedRoot",
    "establish",
    "open_envelope",
    "parse_root",
    "pin_of",
]

MAX_ROOT_BYTES = 4 * 1024 * 1024
MAX_CHAIN = 1024
PIN_HINT = "Check the pin with whoever keeps the trust root; it changes only when trust starts anew."


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """A trust root that is trusted: start from a pin, then follow the chain.

    Attributes:
        root: The document.
        digest: The pin of this very document: the SHA-256 of its envelope's bytes, as ``sha256sum`` prints it.
        log_keys: Keys that are or, since the chain's start, were the log's: what an auditor compares old checkpoints
            with. A bundle's checkpoint takes one of the newest document's, ``root.keys_of(RoleName.LOG)``.
    """

    root: TrustRoot
    digest: str
    log_keys: tuple[PublicKey, ...]

    @classmethod
    def start(cls, data: bytes, pin: str) -> TrustedRoot:
        """Trust the document that ``pin`` names.

        Raises:
            IntegrityError: It is another document, is malformed, or lacks its own signatures.
        """
        digest = pin_of(data)
        if digest != _hex(pin):
            raise IntegrityError(f"the trust root is {digest[:12]}, but {pin[:19]} is pinned", hint=PIN_HINT)  # rule 17
        envelope = open_envelope(data)
        root = parse_root(envelope)
        if not _vouches(root, envelope):
            raise _unvouched(root, envelope)  # rule 18
        return cls(root, digest, root.keys_of(RoleName.LOG))

    def update(self, data: bytes) -> TrustedRoot:
        """Trust the next document.

        Raises:
            IntegrityError: It is not exactly the next, or not signed by the thresholds of both.
        """
        envelope = open_envelope(data)
        if not _vouches(self.root, envelope):
            raise _unvouched(self.root, envelope)  # rule 19
        new = parse_root(envelope)
        if new.version != self.root.version + 1:
            raise IntegrityError(  # rule 20
                f"trust root version {new.version} does not follow version {self.root.version}"
            )
        if not _vouches(new, envelope):
            raise _unvouched(new, envelope)  # rule 21
        return TrustedRoot(new, pin_of(data), tuple(dict.fromkeys((*new.keys_of(RoleName.LOG), *self.log_keys))))

    def check_time(self, now: datetime) -> None:
        """Refuse a document that has expired.

        Raises:
            GateFailed: It has.
        """
        if now >= self.root.expires:
            raise GateFailed(  # rule 24
                f"trust root version {self.root.version} expired on {format_time(self.root.expires)}",
                hint="Publish the next version with `poisonguard trust update`.",
            )


def establish(chain: Sequence[bytes], pin: str) -> TrustedRoot:
    """Trust the last document of ``chain``; the pin may name any of them, those before it are passed over.

    Raises:
        IntegrityError: The pin names none, or a rule of this module is broken on the way.
    """
    if len(chain) > MAX_CHAIN:
        raise IntegrityError(f"more than {MAX_CHAIN} trust roots in one chain")  # rule 22
    pins = [pin_of(data) for data in chain]
    if _hex(pin) not in pins:
        raise IntegrityError(  # rule 23
            f"none of {len(chain)} trust roots is the pinned {_hex(pin)[:12]}", hint=PIN_HINT
        )
    first = pins.index(_hex(pin))
    trusted = TrustedRoot.start(chain[first], pin)
    for newer in chain[first + 1 :]:
        trusted = trusted.update(newer)
    return trusted


def pin_of(data: bytes) -> str:
    """The pin of a trust root file: hex SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def open_envelope(data: bytes) -> Envelope:
    """The envelope of a trust root; nothing in it is trusted yet.

    Raises:
        IntegrityError: It is not one.
    """
    if len(data) > MAX_ROOT_BYTES:
        raise IntegrityError(f"the trust root is larger than {MAX_ROOT_BYTES} bytes")  # rule 16
    return parse_envelope(data, payload_type=PAYLOAD_TYPE, what="trust root")


def _hex(pin: str) -> str:
    return pin.removeprefix("sha256:").lower()


def _vouches(root: TrustRoot, envelope: Envelope) -> bool:
    return len(_voters(root, envelope)) >= root.threshold(RoleName.ROOT)


def _voters(root: TrustRoot, envelope: Envelope) -> frozenset[str]:
    return root.entitled(RoleName.ROOT, root.signers(envelope, what="trust root"))


def _unvouched(root: TrustRoot, envelope: Envelope) -> IntegrityError:
    have, needed = len(_voters(root, envelope)), root.threshold(RoleName.ROOT)
    return IntegrityError(
        f"the trust root is signed by {have} of {count(needed, 'person', 'people')} "
        f"that version {root.version} asks for",
        hint=f"Eligible: {', '.join(sorted(root.in_role(RoleName.ROOT)))}.",
    )
