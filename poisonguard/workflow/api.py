"""The Python API: the same behaviour as the command line, values in and values out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poisonguard.errors import GateFailed, UsageError
from poisonguard.workflow.scan_options import PathLike, path_text, scan_request

if TYPE_CHECKING:
    from poisonguard.attest.keys import Signer
    from poisonguard.domain.difference import Difference
    from poisonguard.domain.result import ScanResult
    from poisonguard.workflow.approve import Decided
    from poisonguard.workflow.gate_decision import GateDecision
    from poisonguard.workflow.publish import Published
    from poisonguard.workflow.scan import Scan, ScanRequest

Keys = PathLike | Sequence[PathLike]
"""One key, or several: key files, key references or URIs."""


def scan(  # noqa: PLR0913 - one keyword per option of the command line
    data: Any,
    *,
    reference: Any = None,
    compare: bool = True,
    name: str | None = None,
    packs: Sequence[str] = (),
    columns: Mapping[str, str | Sequence[str]] | None = None,
    contract: PathLike | None = None,
    holdout: Any = None,
    embeddings: PathLike | None = None,
    policy: PathLike | None = None,
    config: PathLike | None = None,
    fail_on: str | None = None,
    workers: int | None = None,
    reports: Iterable[PathLike] = (),
    flagged: PathLike | None = None,
    scores: PathLike | None = None,
    key: Keys | None = None,
    passphrase_file: PathLike | None = None,
    fips: bool = False,
    engine: str | None = None,
    address: str | None = None,
    cache: PathLike | None = None,
    cache_key: PathLike | None = None,
) -> ScanResult:
    """Look for signs of poisoning, drift, duplicates and label errors; with ``key``, publish manifest and scan.

    Args:
        data: Path, glob or URL; or rows in memory: an Arrow table, a pandas or polars frame, a Hugging Face
            dataset.
        reference: Path, version (``reviews@12``) or rows in memory to compare with; the last approved version of
            the same dataset when not given.
        compare: Whether to compare at all.
        name: Name of the dataset; the path's last part when not given.
        packs: Packs of checks; the settings' or the policy's when empty.
        columns: Role to column or columns, for example ``{"label": "sentiment"}``.
        contract: Great Expectations suite (JSON).
        holdout: Evaluation set whose items must not stand in the data: path, glob, URL or rows in memory; or a list of
            them.
        embeddings: Embedding model: folder, ONNX file or ``package:NAME``; the settings' when not given.
        policy: Policy file; the settings' or the built-in one when not given.
        config: Settings file; the nearest ``poisonguard.yaml`` when not given.
        fail_on: Level at which the decision fails; may only be stricter than the policy's.
        workers: Threads; one per processor when not given.
        reports: Files to write; the extension says which format.
        flagged: File for the flagged rows (``.parquet``, ``.csv``, ``.jsonl``).
        scores: File for every row's score.
        key: Private key of a scanner and publisher: signs manifest and scan and publishes them in the registry.
        passphrase_file: File whose first line is the passphrase; ``POISONGUARD_PASSPHRASE`` when not given.
        fips: Whether the files are bound by trees of SHA-256 instead of BLAKE3.
        engine: Where rows are folded: ``threads``, ``processes``, ``ray`` or ``dask``; the settings' or threads when
            not given. Never changes a result. With ``processes``, a script works under ``__name__ == "__main__"`` only.
        address: Address of the Ray or Dask cluster; one is started when not given.
        cache: Work store, directory or URL, that keeps partial results for later scans; none when not given.
        cache_key: File with the secret that proves what is in the work store; needed for a URL.

    Returns:
        Findings, outcomes, assessment and decision.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: A parameter, policy, pack, contract or settings file is wrong; or, before anything is scanned,
            the key is wrong, does not play the roles, or there is no workspace to publish in.
        GateFailed: The result is to be published, and the trust root has expired.
    """
    from poisonguard.reports.atomic import check_place, write_text  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.reports.formats import by_extension  # noqa: PLC0415 - as above
    from poisonguard.reports.rowfile import check_extension  # noqa: PLC0415 - as above
    from poisonguard.workflow.rows import write_rows  # noqa: PLC0415 - as above
    from poisonguard.workflow.scan import open_scan  # noqa: PLC0415 - as above

    if passphrase_file is not None and key is None:
        raise UsageError("a passphrase file is given, but no key", hint="Say which key signs: key=PATH.")
    writers = [(Path(path), by_extension(Path(path))) for path in reports]
    row_files = [(Path(path), only) for path, only in ((flagged, True), (scores, False)) if path is not None]
    for path, _ in row_files:
        check_extension(path)
    for path, _ in (*writers, *row_files):
        check_place(path)
    request = scan_request(
        data,
        reference=reference,
        compare=compare,
        name=name,
        packs=packs,
        columns=columns,
        contract=contract,
        holdout=holdout,
        embeddings=embeddings,
        policy=policy,
        config=config,
        keep_profile=key is not None,
        fail_on=fail_on,
        workers=workers,
        fips=fips,
        engine=engine,
        address=address,
        cache=cache,
        cache_key=cache_key,
    )
    signers = _scan_signers(request, _keys(key), _path(passphrase_file)) if key is not None else ()
    with open_scan(request) as finished:
        for path, only_flagged in row_files:
            write_rows(finished, path, only_flagged=only_flagged)
        for path, render in writers:
            write_text(path, render(finished.result))
        if signers:
            _publish(finished, request, signers)
        return finished.result


def _scan_signers(request: ScanRequest, keys: Sequence[Path], passphrase_file: Path | None) -> Sequence[Signer]:
    from poisonguard.workflow.sign_scan import signers_of  # noqa: PLC0415 - only a signed scan needs the registry

    return signers_of(request, keys, passphrase_file, datetime.now(UTC))


def _publish(finished: Scan, request: ScanRequest, signers: Sequence[Signer]) -> None:
    from poisonguard.workflow.sign_scan import publish_scan  # noqa: PLC0415 - only a signed scan needs the registry

    publish_scan(finished, request, signers, datetime.now(UTC))


def sign(  # noqa: PLR0913 - one keyword per option of the command line
    data: PathLike,
    *,
    key: Keys,
    name: str | None = None,
    passphrase_file: PathLike | None = None,
    fips: bool = False,
    full: bool = False,
    parents: Sequence[str] = (),
) -> Published:
    """Hash a dataset and publish its signed manifest in the registry, without a scan.

    Args:
        data: Path, glob or URL.
        key: Private key of a publisher; or several keys.
        name: Name of the dataset; the path's last part when not given.
        passphrase_file: File whose first line is the passphrase; ``POISONGUARD_PASSPHRASE`` when not given.
        fips: Whether the files are bound by trees of SHA-256 instead of BLAKE3.
        full: Whether to read every file again, also those that the last trusted version has.
        parents: Published versions that the data were made from; the last approved one when empty.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
        UsageError: The key is wrong or does not play the role of publisher.
    """
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.sign import sign as publish  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    with Workspace.required(data=os.fspath(data)) as workspace:
        signers = [load_key(path, _path(passphrase_file)) for path in _keys(key)]
        now = datetime.now(UTC)
        done = publish(
            workspace, os.fspath(data), signers, now, name=name, fips=fips, full=full, parents=tuple(parents)
        )
    return done.published


def approve(  # noqa: PLR0913 - one keyword per option of the command line
    version: str,
    *,
    key: Keys,
    reason: str,
    expires: str = "90d",
    purpose: str = "training",
    waive: Mapping[str, str] | None = None,
    supersede: bool = False,
    policy: PathLike | None = None,
    passphrase_file: PathLike | None = None,
) -> Decided:
    """Approve a scanned version for training.

    Args:
        version: ``NAME@N``, ``NAME`` (its latest) or ``pg1:...``.
        key: Private key of a steward who neither published nor scanned the version; or several keys of that person.
        reason: Why; signed and shown to everybody who asks.
        expires: How long the approval holds, for example ``90d``.
        purpose: What the data may be used for.
        waive: Finding fingerprint to the reason why it is excused.
        supersede: Take back a rejection of your own.
        policy: Policy file; the settings' or the built-in one when not given.
        passphrase_file: File whose first line is the passphrase; ``POISONGUARD_PASSPHRASE`` when not given.

    Raises:
        UsageError: The key does not play the role, or the version cannot be approved.
        GateFailed: The person published or scanned the version, or it was rejected.
    """
    from poisonguard.attest.times import parse_duration  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.approve import Consent, review  # noqa: PLC0415 - as above
    from poisonguard.workflow.approve import approve as consent_to  # noqa: PLC0415 - as above
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.policies import policy_in_force  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    consent = Consent(
        reason=reason,
        lifetime=parse_duration(expires),
        purpose=purpose,
        waive=dict(waive or {}),
        supersede=supersede,
    )
    now = datetime.now(UTC)
    with Workspace.required() as workspace:
        reviewed = review(workspace, version, now, policy=policy_in_force(_path(policy)), purpose=purpose)
        signers = [load_key(path, _path(passphrase_file)) for path in _keys(key)]
        return consent_to(workspace, reviewed, signers, consent, now)


def reject(version: str, *, key: Keys, reason: str, passphrase_file: PathLike | None = None) -> Decided:
    """Reject a version, with a reason.

    Args:
        version: ``NAME@N``, ``NAME`` (its latest) or ``pg1:...``.
        key: Private key of a steward; or several keys of that person.
        reason: Why; signed and shown to everybody who asks.
        passphrase_file: File whose first line is the passphrase; ``POISONGUARD_PASSPHRASE`` when not given.

    Raises:
        UsageError: The key does not play the role, or there is no such version.
    """
    from poisonguard.workflow.approve import reject as refuse  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.approve import review  # noqa: PLC0415 - as above
    from poisonguard.workflow.keys import load_key  # noqa: PLC0415 - as above
    from poisonguard.workflow.workspace import Workspace  # noqa: PLC0415 - as above

    now = datetime.now(UTC)
    with Workspace.required() as workspace:
        reviewed = review(workspace, version, now)
        signers = [load_key(path, _path(passphrase_file)) for path in _keys(key)]
        return refuse(workspace, reviewed, signers, reason, now)


def gate(  # noqa: PLR0913 - one keyword per option of the command line
    data: PathLike,
    *,
    bundle: PathLike | None = None,
    revocations: PathLike | None = None,
    registry: str | None = None,
    trust: PathLike | None = None,
    policy: PathLike | None = None,
    name: str | None = None,
    version: str | None = None,
    min_version: int = 1,
    purpose: str = "training",
    workers: int = 2,
    fips: bool = False,
) -> GateDecision:
    """Return only when the data are exactly an approved version.

    Args:
        data: Path of the data.
        bundle: File with the evidence; or
        registry: path or URL of the registry; the workspace's own when neither is given.
        revocations: File with a newer list of revocations than the bundle's own.
        trust: File of the pinned trust root, or ``sha256:<pin>``; the workspace's own when not given.
        policy: Policy file; the settings' or the built-in one when not given.
        name: Name of the dataset that is wanted.
        version: The version that is wanted, out of a registry.
        min_version: Refuse version numbers below this one.
        purpose: What the data are wanted for.
        workers: Threads that hash.
        fips: Whether only FIPS-approved algorithms will do, even if the policy does not ask for them.

    Returns:
        The decision, with who approved what until when; its ``notes`` say what the command line says on standard error.

    Raises:
        GateFailed: The data are not approved; ``error.decision`` holds every reason.
        IntegrityError: The data or the evidence are not what was signed.
        UsageError: There is no evidence to judge by, or a parameter is wrong.
    """
    from poisonguard.workflow.gate_request import GateRequest  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.gating import run_gate  # noqa: PLC0415 - as above
    from poisonguard.workflow.policies import policy_in_force  # noqa: PLC0415 - as above

    request = GateRequest(
        data=os.fspath(data),
        bundle=_path(bundle),
        revocations=_path(revocations),
        registry=registry,
        trust=path_text(trust),
        policy=policy_in_force(_path(policy), data=os.fspath(data)),
        name=name,
        version=version,
        min_version=min_version,
        purpose=purpose,
        workers=workers,
        fips=fips,
    )
    decision = run_gate(request, datetime.now(UTC)).decision
    try:
        decision.require()
    except GateFailed as error:
        error.decision = decision
        raise
    return decision


def diff(before: PathLike, after: PathLike, *, key: str | None = None, workers: int = 2) -> Difference:
    """Say what differs between two versions: files, row groups, rows, columns.

    Args:
        before: A path, or a version: ``NAME@N``, ``NAME`` or ``pg1:...``.
        after: The same.
        key: Column that tells which rows are the same thing; the one with the role ``id`` when not given.
        workers: Threads.

    Raises:
        DataError: Data are not there, or not readable as what they declare to be.
        UsageError: There is no such version or key, or no workspace to find a version in.
    """
    from poisonguard.workflow.diff import DiffRequest  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.diff import diff as compare  # noqa: PLC0415 - as above

    return compare(DiffRequest(os.fspath(before), os.fspath(after), key, workers), datetime.now(UTC))


def _keys(keys: Keys) -> tuple[Path, ...]:
    return (Path(keys),) if isinstance(keys, str | os.PathLike) else tuple(map(Path, keys))


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
