"""Hand the gate's decision on as a SLSA verification summary, bare or signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poisonguard.attest.envelope import sign
from poisonguard.attest.keys import Signer
from poisonguard.attest.statement import Statement
from poisonguard.attest.vsa import Verification, summary
from poisonguard.errors import UsageError
from poisonguard.store.durable import write_durably
from poisonguard.version import VERSION
from poisonguard.workflow.gate_decision import GateDecision, GateEvidence


def write_summary(decision: GateDecision, path: Path, signers: Sequence[Signer] = ()) -> None:
    """Write what was decided: an in-toto statement, inside a DSSE envelope when somebody signs.

    Raises:
        UsageError: No version was established, so that there is nothing to speak of; it passed without a look at the
            bytes; or the file cannot be written.
    """
    payload = summary_of(decision).payload()
    write_durably(path, sign(payload, signers).to_bytes() if signers else payload)


def summary_of(decision: GateDecision) -> Statement:
    """The statement that says what was decided.

    Raises:
        UsageError: No version was established, or it passed without a look at the bytes.
    """
    evidence = decision.evidence
    if evidence.dataset is None or evidence.version is None:
        raise UsageError(
            "no verification summary: the gate found no trusted manifest, so there is no version to speak of",
            hint="The decision itself is in the output; -f json prints all of it.",
        )
    if decision.passed and not evidence.bytes_compared:
        raise UsageError(
            f"no verification summary: the bytes of {evidence.dataset}@{evidence.number} were not compared",
            hint="Sum up what 'poisonguard gate' or pg.gate decides: they compare every byte.",
        )
    return summary(
        Verification(
            dataset=evidence.dataset,
            version=evidence.version,
            number=evidence.number,
            verdict=decision.decision.verdict,
            verified=evidence.checked,
            policy=evidence.policy,
            policy_digest=evidence.policy_digest,
            statements=_used(evidence),
            tool_version=VERSION,
            reasons=[reason.code for reason in decision.decision.reasons if reason.exit_code],
        )
    )


def _used(evidence: GateEvidence) -> list[str]:
    """Digests of the statements that the decision rests on, in the order of the gate."""
    revocations = [evidence.revocations.statement] if evidence.revocations is not None else []
    manifest = [evidence.manifest_statement] if evidence.manifest_statement is not None else []
    scans = [scan.statement for scan in evidence.scans]
    return [*revocations, *manifest, *scans, *(approval.statement for approval in evidence.approvals)]
