"""The fsspec protocol ``poisonguard://``: an approved version, found by its data and evidence.

The grammar of a URL is ``poisonguard://PATH``: the path of a file or folder as the listing spells it, from the
dataset's root, and nothing else; nothing in it is decoded. Where the data and the evidence are is said beside it, by
``data`` and the options of :class:`ReadOptions` (``storage_options``). Rules:

1. Each file system that is made asks the gate, and is never taken from a cache: what was approved an hour ago may be
   revoked now.
2. A file system that goes to another process is made anew there, and asks the gate there.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

from poisonguard.dataset.verified_fsspec import VerifiedFileSystem
from poisonguard.errors import UsageError
from poisonguard.workflow.gate import TRAINING
from poisonguard.workflow.gate_decision import GateDecision
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.policies import policy_in_force
from poisonguard.workflow.verified_read import open_approved

PathLike = str | os.PathLike[str]


class ReadOptions(TypedDict, total=False):
    """On what evidence to read; every option may be left out.

    Attributes:
        bundle: File with the evidence; or
        registry: path or URL of the registry; the workspace's own when neither is given.
        trust: File of the pinned trust root, or ``sha256:<pin>``; the workspace's own when not given.
        policy: Policy file; the settings' or the built-in one when not given.
        dataset: Name of the dataset that is wanted.
        version: The version that is wanted, out of a registry.
        min_version: Refuse version numbers below this one.
        purpose: What the data are wanted for; ``training`` when not given.
        revocations: File with a list of revocations that came apart.
        fips: Whether only FIPS-approved algorithms will do, even if the policy does not ask for them.
    """

    bundle: PathLike | None
    registry: str | None
    trust: PathLike | None
    policy: PathLike | None
    dataset: str | None
    version: str | None
    min_version: int
    purpose: str
    revocations: PathLike | None
    fips: bool


def read_request(data: PathLike, options: ReadOptions) -> GateRequest:
    """What the gate is asked before ``data`` are read.

    Raises:
        UsageError: An option is unknown.
        ConfigurationError: The policy is not valid.
    """
    unknown = sorted(options.keys() - ReadOptions.__annotations__.keys())
    if unknown:
        known = ", ".join(ReadOptions.__annotations__)
        raise UsageError(f"there is no option {unknown[0]!r}", hint=f"The options are data, {known}.")
    location, trust = os.fspath(data), options.get("trust")
    return GateRequest(
        data=location,
        bundle=_path(options.get("bundle")),
        registry=options.get("registry"),
        trust=None if trust is None else os.fspath(trust),
        policy=policy_in_force(_path(options.get("policy")), data=location),
        name=options.get("dataset"),
        version=options.get("version"),
        min_version=options.get("min_version", 1),
        purpose=options.get("purpose", TRAINING),
        revocations=_path(options.get("revocations")),
        fips=options.get("fips", False),
    )


class PoisonguardFileSystem(VerifiedFileSystem):
    """The files of one approved version, every byte checked as it is read.

    Args:
        data: Path, glob or URL of the data.
        options: On what evidence.

    Raises:
        GateFailed: The data are not approved; ``error.decision`` holds every reason.
        IntegrityError: The evidence, or the names and sizes of the files, are not what was signed.
        UsageError: There is no evidence to judge by, or an option is missing or unknown.
    """

    decision: GateDecision

    def __init__(self, data: PathLike | None = None, **options: Unpack[ReadOptions]) -> None:
        if data is None:
            raise UsageError("poisonguard:// lacks the option 'data'", hint='storage_options={"data": "data/", ...}')
        approved = open_approved(read_request(data, options), datetime.now(UTC))
        super().__init__(approved.files)
        self.decision = approved.decision


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
