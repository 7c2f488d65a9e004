"""``poisonguard gate``: exit 0 only when the data are exactly an approved version."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, KEY, format_option, output_option, workers_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs
from poisonguard.domain.wording import count, counts
from poisonguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poisonguard.attest.keys import Signer
    from poisonguard.policy.model import Policy
    from poisonguard.workflow.gate_decision import GateDecision

MOST_SHOWN = 50
MOST_THREADS = 8


@click.command("gate")
@click.argument("data")
@click.option("--bundle", type=FILE, help="Judge by the evidence in FILE, offline.")
@click.option("--revocations", type=FILE, help="Newer list of revocations, as 'poisonguard revoke -o FILE' wrote it.")
@click.option("--registry", metavar="PATH|URL", help="Judge by this registry; the workspace's own when not given.")
@click.option(
    "--trust", metavar="FILE|sha256:PIN", help="The trust root that is pinned; the workspace's own when not given."
)
@click.option("--policy", type=FILE, help="Policy file; the settings' or the built-in one when not given.")
@click.option("--name", help="Name of the dataset that is wanted.")
@click.option("--version", metavar="NAME@N|pg1:...", help="The version that is wanted, out of a registry.")
@click.option("--min-version", type=click.IntRange(1), default=1, help="Refuse version numbers below N.")
@click.option("--purpose", default="training", show_default=True, help="What the data are wanted for.")
@click.option("--fips", is_flag=True, help="Refuse what is not FIPS-approved, even if the policy does not ask for it.")
@format_option
@click.option("--vsa", type=FILE, help="Also write the decision as a SLSA verification summary, an in-toto statement.")
@click.option("--vsa-key", type=KEY, help="Sign the summary with this key, in a DSSE envelope.")
@click.option("--passphrase-file", type=FILE, help="First line is the passphrase of the key.")
@output_option
@workers_option
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str,
    bundle: Path | None,
    revocations: Path | None,
    registry: str | None,
    trust: str | None,
    policy: Path | None,
    name: str | None,
    version: str | None,
    min_version: int,
    purpose: str,
    fips: bool,  # noqa: FBT001 - click passes by name
    form: str,
    vsa: Path | None,
    vsa_key: Path | None,
    passphrase_file: Path | None,
    output: str,
    workers: int | None,
) -> int:
    """Exit 0 only when DATA are exactly a version that accountable people approved, and nothing speaks against it."""
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.workflow.gate_request import GateRequest  # noqa: PLC0415 - as above
    from poisonguard.workflow.gating import run_gate  # noqa: PLC0415 - as above

    check_outputs(
        (output, vsa),
        data=(data,),
        inputs=(bundle, revocations, registry, trust, policy, vsa_key, passphrase_file),
    )
    request = GateRequest(
        data=data,
        bundle=bundle,
        revocations=revocations,
        registry=registry,
        trust=trust,
        policy=_policy(policy, data),
        name=name,
        version=version,
        min_version=min_version,
        purpose=purpose,
        workers=workers or min(MOST_THREADS, len(os.sched_getaffinity(0))),
        fips=fips,
    )
    signers = _vsa_signers(vsa, vsa_key, passphrase_file)
    gated = run_gate(request, datetime.now(UTC))
    put(_as_json(gated.decision) if form == "json" else _as_table(gated.decision), output)
    for note in gated.notes:
        click.echo(f"note: {terminal(note)}", err=True)
    if vsa is not None:
        _write_summary(gated.decision, vsa, signers)
    return gated.decision.exit_code


def _vsa_signers(vsa: Path | None, key: Path | None, passphrase_file: Path | None) -> Sequence[Signer]:
    """Loaded before the gate runs, so that a wrong passphrase costs nothing."""
    if key is None:
        if passphrase_file is not None:
            raise UsageError("--passphrase-file is given, but no key", hint="Say which key signs: --vsa-key KEY.")
        return ()
    if vsa is None:
        raise UsageError("--vsa-key signs nothing without --vsa FILE", hint="Name the file to write.")
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - heavy imports wait for the command

    return (load_key(key, passphrase_file),)


def _write_summary(decision: GateDecision, path: Path, signers: Sequence[Signer]) -> None:
    from poisonguard.workflow.verification import write_summary  # noqa: PLC0415 - heavy imports wait for the command

    try:
        write_summary(decision, path, signers)
    except UsageError as error:
        if decision.passed:
            raise
        # A refusal stays a refusal, whatever becomes of its summary.
        click.echo(f"note: {error.message}", err=True)


def _policy(path: Path | None, data: str) -> Policy:
    from poisonguard.workflow.policies import policy_in_force  # noqa: PLC0415 - heavy imports wait for the command

    return policy_in_force(path, data=data)


def _as_json(decision: GateDecision) -> str:
    return json_text(decision.to_json())


def _as_table(decision: GateDecision) -> str:
    lines = [_headline(decision), *_facts(decision), *_reasons(decision)]
    return "".join(f"{line}\n" for line in lines)


def _headline(decision: GateDecision) -> str:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    evidence = decision.evidence
    title = f"{evidence.dataset}@{evidence.number}" if evidence.dataset else "no trusted version"
    word = click.style(decision.decision.verdict, fg="green" if decision.passed else "red", bold=True)
    return f"{word}  {terminal(evidence.location)}  ({terminal(title)})"


def _facts(decision: GateDecision) -> list[str]:
    from poisonguard.attest.times import format_time  # noqa: PLC0415 - heavy imports wait for the command
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - as above

    evidence = decision.evidence
    lines = []
    if evidence.version is not None:
        by = ", ".join(terminal(name) for name in evidence.publishers)
        lines += [
            f"  version   {evidence.version}",
            f"  content   {counts(file=evidence.files, byte=evidence.size, row=evidence.rows)}",
            f"  published {evidence.created} by {by}",
        ]
    for scan in evidence.scans:
        by = ", ".join(terminal(name) for name in scan.people)
        lines.append(
            f"  scanned   {format_time(scan.scanned)} by {by}, pack {terminal(scan.pack)}: {evidence.assessment}"
        )
    for approval in evidence.approvals:
        by = ", ".join(terminal(name) for name in approval.people)
        lines.append(f"  approved  by {by} until {format_time(approval.until)}: {terminal(approval.reason)}")
    if evidence.revocations is not None:
        held = evidence.revocations
        by = ", ".join(terminal(name) for name in held.people)
        lines.append(f"  freshness list {held.number} of revocations by {by}, good until {format_time(held.expires)}")
    lines.append(
        f"  policy    {terminal(evidence.policy)} {evidence.policy_digest[:16]}, for {terminal(evidence.purpose)}"
    )
    return lines


def _reasons(decision: GateDecision) -> list[str]:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    reasons = decision.decision.reasons
    lines = []
    for reason in reasons[:MOST_SHOWN]:
        mark = click.style("x", fg="red") if reason.exit_code else "-"
        lines.append(f"{mark} {reason.code}: {terminal(reason.message)}")
        if reason.hint and reason.exit_code:
            lines.append(f"    {terminal(reason.hint)}")
    if len(reasons) > MOST_SHOWN:
        lines.append(f"  and {count(len(reasons) - MOST_SHOWN, 'more reason')}; --format json shows all")
    return lines
