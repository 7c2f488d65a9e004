"""The verification summary has the shape that the specification asks for, word for word."""

from datetime import UTC, datetime
from typing import Any

import pytest

from poisonguard.attest.statement import parse_statement
from poisonguard.attest.vsa import Verification, summary
from poisonguard.domain.decision import Verdict

VERSION, POLICY, SCAN, APPROVAL = "12" * 32, "34" * 32, "56" * 32, "78" * 32


def predicate(verdict: Verdict, *reasons: str) -> dict[str, Any]:
    """What is said of a version; the rest of the statement is checked on the way."""
    statement = summary(
        Verification(
            dataset="reviews",
            version=f"pg1:{VERSION}",
            number=3,
            verdict=verdict,
            verified=datetime(2026, 5, 1, 12, tzinfo=UTC),
            policy="default",
            policy_digest=POLICY,
            statements=(SCAN, APPROVAL),
            tool_version="0.1.0",
            reasons=reasons,
        )
    )
    assert parse_statement(statement.payload()) == statement
    assert (statement.subject, statement.sha256) == ("reviews", VERSION)
    assert statement.predicate_type == "https://slsa.dev/verification_summary/v1"
    return statement.predicate


def test_a_pass_in_every_member() -> None:
    assert predicate(Verdict.PASSED) == {
        "verifier": {"id": "https://poisonguard.dev/gate/v1", "version": {"poisonguard": "0.1.0"}},
        "timeVerified": "2026-05-01T12:00:00Z",
        "resourceUri": "poisonguard:reviews@3",
        "policy": {"uri": "poisonguard:policy/default", "digest": {"sha256": POLICY}},
        "inputAttestations": [
            {"uri": f"poisonguard:statement/{SCAN}", "digest": {"sha256": SCAN}},
            {"uri": f"poisonguard:statement/{APPROVAL}", "digest": {"sha256": APPROVAL}},
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": ["POISONGUARD_APPROVED"],
        "slsaVersion": "1.1",
        "poisonguard_reasons": [],
    }


@pytest.mark.parametrize("reasons", [(), ("bytes-differ", "scan-too-old")])
def test_a_refusal_differs_in_what_was_decided_and_in_nothing_else(reasons: tuple[str, ...]) -> None:
    refused = {"verificationResult": "FAILED", "verifiedLevels": ["FAILED"], "poisonguard_reasons": list(reasons)}
    assert predicate(Verdict.FAILED, *reasons) == predicate(Verdict.PASSED) | refused
