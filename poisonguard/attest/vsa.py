"""What the gate decided, as a SLSA verification summary (VSA) v1 in an in-toto statement, for other tools to check.

Specification: https://slsa.dev/spec/v1.1/verification_summary. The subject is the version, so the summary holds for
exactly those bytes. ``verifiedLevels`` holds one word of our own beside the specification's ``FAILED``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poisonguard.attest.statement import Statement
from poisonguard.attest.times import format_time
from poisonguard.domain.decision import Verdict

VSA = "https://slsa.dev/verification_summary/v1"
VERIFIER = "https://poisonguard.dev/gate/v1"
APPROVED = "POISONGUARD_APPROVED"
SLSA_VERSION = "1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """One decision of the gate.

    Attributes:
        dataset: Name of the dataset.
        version: Name of the version, ``pg1:...``.
        number: Version number.
        verdict: What was decided.
        verified: When.
        policy: Name of the policy.
        policy_digest: Hex SHA-256 of the policy.
        statements: Hex SHA-256 of the payload of each statement that the decision rests on.
        tool_version: Version of poisonguard.
        reasons: Codes of what speaks against it, in the order of the gate.
    """

    dataset: str
    version: str
    number: int
    verdict: Verdict
    verified: datetime
    policy: str
    policy_digest: str
    statements: Sequence[str]
    tool_version: str
    reasons: Sequence[str]


def summary(verification: Verification) -> Statement:
    """The statement that says what was decided."""
    passed = verification.verdict is Verdict.PASSED
    predicate: dict[str, Any] = {
        "verifier": {"id": VERIFIER, "version": {"poisonguard": verification.tool_version}},
        "timeVerified": format_time(verification.verified),
        "resourceUri": f"poisonguard:{verification.dataset}@{verification.number}",
        "policy": {
            "uri": f"poisonguard:policy/{verification.policy}",
            "digest": {"sha256": verification.policy_digest},
        },
        "inputAttestations": [
            {"uri": f"poisonguard:statement/{digest}", "digest": {"sha256": digest}}
            for digest in verification.statements
        ],
        "verificationResult": str(verification.verdict),
        "verifiedLevels": [APPROVED] if passed else ["FAILED"],
        "slsaVersion": SLSA_VERSION,
        "poisonguard_reasons": list(verification.reasons),
    }
    return Statement(verification.dataset, verification.version.removeprefix("pg1:"), VSA, predicate)
