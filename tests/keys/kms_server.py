"""AWS KMS on loopback: moto's server, made to sign digests as the real service does.

``python kms_server.py PORT`` signs a message of type DIGEST as it stands, as AWS documents it. moto 5 hashes it once
more ("The MessageType-parameter DIGEST is not yet implemented", moto/kms/models.py); ``--as-moto`` leaves that as it
is: a service that signs something else than it was asked to, which is what a broken or hostile one does.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey
from moto.server import main

DIGESTS = {"ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384()}
message_type: ContextVar[str] = ContextVar("message_type")


def sign_as_asked() -> None:
    """Let moto look at the type of message."""
    respond, sign_raw = KmsResponse.sign, ECDSAPrivateKey.sign

    def respond_remembering(response: Any) -> str:
        message_type.set(response._get_param("MessageType") or "RAW")
        return respond(response)

    def sign(key: Any, message: bytes, signing_algorithm: str) -> bytes:
        if message_type.get() == "RAW":
            return sign_raw(key, message, signing_algorithm)
        signature: bytes = key.private_key.sign(message, ec.ECDSA(Prehashed(DIGESTS[signing_algorithm])))
        return signature

    KmsResponse.sign = respond_remembering
    ECDSAPrivateKey.sign = sign


if __name__ == "__main__":
    if "--as-moto" not in sys.argv:
        sign_as_asked()
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
