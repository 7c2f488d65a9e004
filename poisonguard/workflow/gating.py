"""Run the gate: gather evidence, pin, policy and state, decide, remember.

The evidence is a bundle, from a file or made from a registry; the gate itself does not know the difference.
Rules:

1. The pin comes from the caller or from the workspace around the working directory, never from the registry or
   bundle that it judges, and never from inside the data.
2. A registry holds many versions. Those whose files have the names and sizes of the data are tried, newest first;
   choosing one proves nothing, and the one that is chosen goes through the whole gate.
3. What passed is remembered in the workspace; without one, only ``min_version`` guards against older versions.
4. A list of revocations may come apart, in a small bundle of its own, and brings the newest trust roots with it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from poisonguard.attest.shardfile import OpenFile
from poisonguard.domain.decision import Reason
from poisonguard.errors import IntegrityError, NothingToScan, UsageError
from poisonguard.policy.builtin import default_policy
from poisonguard.policy.model import Policy, policy_digest
from poisonguard.store import bundle as bundles
from poisonguard.store.bundle import Bundle
from poisonguard.workflow.folder import STATE, TRUST, find_folder, lies_beside_data, lineage
from poisonguard.workflow.gate import gate
from poisonguard.workflow.gate_decision import GateDecision, GateEvidence
from poisonguard.workflow.gate_memory import GateState
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gate_state import load_state, remember
from poisonguard.workflow.pin import Pin, read_pin

UNAPPROVED = 5

_PATTERN = re.compile(r"://|[*?\[~]")
"""A URL, a glob or a home folder: only discovery knows whether something is there."""


@dataclass(frozen=True, slots=True)
class Gated:
    """The gate's answer, and what the caller should know besides."""

    decision: GateDecision

    @property
    def notes(self) -> tuple[str, ...]:
        """What the caller should know besides."""
        return self.decision.notes


def run_gate(request: GateRequest, now: datetime) -> Gated:
    """Decide whether the data may be used, and remember it if so.

    Raises:
        NothingToScan: There are no data.
        UsageError: The request contradicts itself, or a file that it names cannot be read.
        IntegrityError: Bundle, registry or state are not what poisonguard wrote.
    """
    if request.bundle is not None and (request.registry is not None or request.version is not None):
        raise UsageError("--bundle excludes --registry and --version", hint="A bundle is of one version.")
    if not _PATTERN.search(request.data) and not os.path.lexists(request.data):
        raise NothingToScan(f"{request.data}: no such file or directory", hint="Check the path.")
    folder = find_folder(request.start, data=request.data)
    state = load_state(folder / STATE) if folder is not None else GateState()
    apart = read_bundle(request.revocations) if request.revocations is not None else None
    passage = _Passage(request, _pin(request, folder), state, now, apart)
    if request.bundle is not None:
        decision = passage.through(read_bundle(request.bundle))
    else:
        decision = passage.first_that_passes(_bundles(request, folder))
    return Gated(replace(decision, notes=tuple(_remember(request, folder, decision))))


def read_bundle(path: Path) -> Bundle:
    """The bundle in a file; nothing in it is trusted yet.

    Raises:
        UsageError: The file cannot be read.
        IntegrityError: It is no bundle.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        hint = "It should be a bundle that 'poisonguard bundle export' wrote."
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    span, facts = OpenFile(descriptor), os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        raise UsageError(f"{path} is not a regular file", hint="Give a file that 'poisonguard bundle export' wrote.")
    try:
        return bundles.load_span(span, facts.st_size)
    except IntegrityError as error:
        raise IntegrityError(f"{path}: {error.message}", hint=error.hint or "Get the bundle again.") from error


@dataclass(frozen=True, slots=True)
class _Passage:
    """One run of the gate over one or more candidates."""

    request: GateRequest
    pin: Pin | None
    state: GateState
    now: datetime
    revocations: Bundle | None

    @property
    def policy(self) -> Policy:
        """The policy that holds."""
        return self.request.policy or default_policy()

    def through(self, bundle: Bundle) -> GateDecision:
        """The gate's answer on one bundle."""
        pinned = () if self.pin is None else self.pin.data
        apart = () if self.revocations is None else self.revocations.trust_roots
        bundle = replace(bundle, trust_roots=lineage(lineage(bundle.trust_roots, apart), pinned))
        request = self.request
        return gate(
            request.data,
            bundle,
            trust_pin=None if self.pin is None else self.pin.digest,
            policy=self.policy,
            now=self.now,
            dataset=request.name,
            min_version=request.min_version,
            state=self.state,
            purpose=request.purpose,
            workers=request.workers,
            revocations=self.revocations,
            compare=request.compare,
            fips=request.fips,
        )

    def first_that_passes(self, candidates: Iterator[Bundle]) -> GateDecision:
        """The first answer that is a pass; otherwise the answer on the most likely candidate, which is the first."""
        first: GateDecision | None = None
        for bundle in candidates:
            decision = self.through(bundle)
            if decision.passed:
                return decision
            first = first or decision
        return first or self._unpublished()

    def _unpublished(self) -> GateDecision:
        evidence = GateEvidence(
            location=self.request.data,
            checked=self.now,
            purpose=self.request.purpose,
            policy=self.policy.name,
            policy_digest=policy_digest(self.policy),
        )
        reason = Reason(
            "manifest-missing",
            f"no version of {(self.request.name or self.request.data)!r} is published in the registry",
            UNAPPROVED,
            "Name the dataset with --name, or publish it with 'poisonguard scan --sign KEY'.",
        )
        return GateDecision.of((reason,), evidence)


def _bundles(request: GateRequest, folder: Path | None) -> Iterator[Bundle]:
    # The database is loaded only when there is no bundle.
    from poisonguard.workflow.candidates import candidates  # noqa: PLC0415 - see above

    if request.registry is None and folder is None:
        raise UsageError(
            "there is no evidence to judge by: neither a bundle nor a registry",
            hint="Give --bundle FILE or --registry PATH, or run inside a workspace that is not inside the data.",
        )
    return candidates(request, folder)


def _pin(request: GateRequest, folder: Path | None) -> Pin | None:
    if request.trust is not None:
        return read_pin(request.trust)
    return None if folder is None else read_pin(folder / TRUST)


def _remember(request: GateRequest, folder: Path | None, decision: GateDecision) -> Iterator[str]:
    if folder is None:
        if request.min_version == 1:
            yield "nothing is remembered here, so older approved versions pass too; --min-version N refuses them"
        return
    if request.trust is None and lies_beside_data(folder, request.data):
        yield f"{folder}, which says whom to trust, lies beside the data: its writers decide what passes; see --trust"
    try:
        remember(folder / STATE, decision)
    except UsageError as error:
        yield f"what was seen could not be remembered: {error.message}"
