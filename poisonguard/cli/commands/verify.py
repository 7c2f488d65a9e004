"""``poisonguard verify``: check data against an OpenSSF Model Signing bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poisonguard.cli.options import FILE, format_option, output_option, workers_option
from poisonguard.cli.output import json_text, put
from poisonguard.cli.places import check_outputs
from poisonguard.domain.wording import count, counts

if TYPE_CHECKING:
    from poisonguard.workflow.oms import OmsAnswer

MOST_SHOWN = 50
MOST_THREADS = 8


@click.command("verify")
@click.argument("data")
@click.option("--oms", type=FILE, required=True, help="The OpenSSF Model Signing bundle.")
@click.option("--public-key", type=FILE, help="Public key of the signer you trust, in PEM.")
@click.option(
    "--certificate-chain",
    type=FILE,
    multiple=True,
    help="Root certificates you trust, in PEM, for a bundle that is signed with a certificate. Repeatable.",
)
@click.option("--strict", is_flag=True, help="Refuse files that the bundle leaves out, and check the version's name.")
@format_option
@output_option
@workers_option
def command(  # noqa: PLR0913, PLR0917 - one parameter per option is how click hands them over
    data: str,
    oms: Path,
    public_key: Path | None,
    certificate_chain: tuple[Path, ...],
    strict: bool,  # noqa: FBT001 - as above
    form: str,
    output: str,
    workers: int | None,
) -> int:
    """Exit 0 only when DATA are exactly what a signer you trust signed with OpenSSF Model Signing (OMS 1.0).

    This checks bytes and signature. Whether anybody approved the data is what `poisonguard gate` says.
    """
    from poisonguard.workflow.oms import OmsRequest, verify_oms  # noqa: PLC0415 - heavy imports wait for the command

    check_outputs((output,), data=(data,), inputs=(oms, public_key, *certificate_chain))
    request = OmsRequest(
        data=data,
        bundle=oms,
        public_key=public_key,
        anchors=certificate_chain,
        strict=strict,
        workers=workers or min(MOST_THREADS, len(os.sched_getaffinity(0))),
    )
    answer = verify_oms(request, datetime.now(UTC))
    put(json_text(answer.to_json()) if form == "json" else "".join(f"{line}\n" for line in _lines(answer)), output)
    return answer.exit_code


def _lines(answer: OmsAnswer) -> Iterator[str]:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    word = click.style(*("VERIFIED", "green") if answer.passed else ("REFUSED", "red"), bold=True)
    yield f"{word}  {terminal(answer.request.data)}"
    yield from _facts(answer)
    if answer.refusal is not None:
        yield f"{click.style('x', fg='red')} {terminal(answer.refusal.message)}"
        if answer.refusal.hint:
            yield f"    {terminal(answer.refusal.hint)}"
    mismatches = answer.mismatches
    for item in mismatches[:MOST_SHOWN]:
        yield f"{click.style('x', fg='red')} {terminal(item.path)}: {terminal(item.problem)}"
    if len(mismatches) > MOST_SHOWN:
        yield f"  and {count(len(mismatches) - MOST_SHOWN, 'more file')}; --format json shows all"


def _facts(answer: OmsAnswer) -> Iterator[str]:
    from poisonguard.reports.escape import terminal  # noqa: PLC0415 - heavy imports wait for the command

    said, found = answer.statement, answer.comparison
    if said is None or found is None:
        return
    yield f"  signed    {terminal(said.subject)} by {terminal(answer.signed_by)}"
    yield f"  content   {counts(file=found.files, byte=found.size)}"
    if said.version is not None:
        yield f"  version   {said.version}{'' if answer.request.strict else ', says the signer'}"
    if found.uncovered:
        names = ", ".join(terminal(path) for path in found.uncovered[:MOST_SHOWN])
        more = f" and {len(found.uncovered) - MOST_SHOWN} more" if len(found.uncovered) > MOST_SHOWN else ""
        yield click.style(f"  not covered by the signature: {names}{more}", fg="yellow")
