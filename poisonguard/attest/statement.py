"""in-toto Statement v1: says something (predicate) of one subject, named by its SHA-256.

Rules of reading: canonical JSON, exactly the four members of the specification, exactly one subject with
exactly one SHA-256. (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poisonguard.attest.canonical import canonical, parse
from poisonguard.attest.fields import Fields

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about one subject.

    Attributes:
        subject: Name of the subject, for people; only the digest binds.
        sha256: Hex SHA-256 of the subject.
        predicate_type: URI that says how to read ``predicate``.
        predicate: What is said, as JSON.
    """

    subject: str
    sha256: str
    predicate_type: str
    predicate: dict[str, Any]

    def payload(self) -> bytes:
        """The bytes to sign."""
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.subject, "digest": {"sha256": self.sha256}}],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )


def parse_statement(payload: bytes) -> Statement:
    """The statement in ``payload``.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    fields = Fields(parse(payload, what="statement"), "statement")
    fields.literal("_type", STATEMENT_TYPE)
    subjects = fields.items("subject", _subject)
    kind = fields.text("predicateType")
    predicate = fields.take("predicate")
    fields.done()
    if len(subjects) != 1:
        raise fields.refusal("has not exactly one subject")
    if not isinstance(predicate, dict):
        raise fields.refusal("has a predicate that is not an object")
    return Statement(*subjects[0], kind, predicate)


def _subject(value: Any, where: str) -> tuple[str, str]:
    fields = Fields(value, where)
    name, digest = fields.text("name"), Fields(fields.take("digest"), f"{where}.digest")
    fields.done()
    sha256 = digest.digest("sha256")
    digest.done()
    return name, sha256
