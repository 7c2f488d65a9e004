"""What is asked of the gate. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poisonguard.policy.model import Policy
from poisonguard.workflow.gate import TRAINING, Compare


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """What to let through, on what evidence.

    Attributes:
        data: Where the data are.
        bundle: File with the evidence; or
        registry: path or URL of the registry; the workspace's own when neither is given.
        trust: File of the pinned trust root, or ``sha256:<pin>``; the workspace's own when not given.
        policy: The policy; the built-in one when not given.
        name: Name of the dataset; the bundle's own, or the last part of ``data``, when not given.
        version: The version wanted, ``NAME@N`` or ``pg1:...``, out of a registry.
        min_version: Lowest version number that will do.
        purpose: What the data are wanted for.
        workers: Threads that hash.
        revocations: File with a list of revocations that came apart; it holds when it is the newer one.
        fips: Whether only FIPS-approved algorithms will do, even if the policy does not ask for them.
        compare: Compares the data with the listing; reads every byte when not given.
        start: Where the workspace is looked for; the working directory when not given.
    """

    data: str
    bundle: Path | None = None
    registry: str | None = None
    trust: str | None = None
    policy: Policy | None = None
    name: str | None = None
    version: str | None = None
    min_version: int = 1
    purpose: str = TRAINING
    workers: int = 2
    revocations: Path | None = None
    fips: bool = False
    compare: Compare | None = None
    start: Path | None = None
