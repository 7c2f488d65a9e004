"""The keywords that every call of the Python API that scans shares, and the request they make."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from poisonguard.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from poisonguard.workflow.scan import ScanRequest

PathLike = str | os.PathLike[str]


class ScanOptions(TypedDict, total=False):
    """What a scan is told.

    Attributes:
        reference: Path, version (``reviews@12``) or rows in memory to compare with; the last approved version of the
            same dataset when not given.
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
        fips: Whether the files are bound by trees of SHA-256 instead of BLAKE3.
        keep_profile: Whether later versions will be compared with this one.
    """

    reference: Any
    compare: bool
    name: str | None
    packs: Sequence[str]
    columns: Mapping[str, str | Sequence[str]] | None
    contract: PathLike | None
    holdout: Any
    embeddings: PathLike | None
    policy: PathLike | None
    config: PathLike | None
    fail_on: str | None
    workers: int | None
    fips: bool
    keep_profile: bool
    engine: str | None
    address: str | None
    cache: PathLike | None
    cache_key: PathLike | None


def scan_request(data: Any, **options: Unpack[ScanOptions]) -> ScanRequest:
    """The request to scan ``data``: a path, or rows in memory.

    Raises:
        UnreadableData: Rows in memory cannot be read.
        UsageError: The data are neither.
    """
    from poisonguard.workflow.scan import ScanRequest  # noqa: PLC0415 - heavy imports wait for the call
    from poisonguard.workflow.tables import as_data  # noqa: PLC0415 - as above

    reference = options.get("reference")
    return ScanRequest(
        data=as_data(data),
        name=options.get("name"),
        reference=None if reference is None else as_data(reference),
        compare=options.get("compare", True),
        packs=tuple(options.get("packs", ())),
        columns=_columns(options.get("columns") or {}),
        contract=path_text(options.get("contract")),
        holdout=_holdouts(options.get("holdout"), as_data),
        embeddings=path_text(options.get("embeddings")),
        policy=path_text(options.get("policy")),
        config=path_text(options.get("config")),
        keep_profile=options.get("keep_profile", False),
        fail_on=options.get("fail_on"),
        workers=_workers(options.get("workers")),
        fips=options.get("fips", False),
        engine=options.get("engine"),
        address=options.get("address"),
        keep_states=options.get("cache") is not None,
        cache=path_text(options.get("cache")),
        cache_key=path_text(options.get("cache_key")),
    )


def path_text(path: PathLike | None) -> str | None:
    """A path as text, if there is one."""
    return None if path is None else os.fspath(path)


def _holdouts(holdout: Any, as_data: Callable[[Any], str | pa.Table]) -> tuple[str | pa.Table, ...]:
    if holdout is None:
        return ()
    return tuple(map(as_data, holdout)) if isinstance(holdout, list | tuple) else (as_data(holdout),)


def _columns(columns: Mapping[str, str | Sequence[str]]) -> tuple[str, ...]:
    named = ((role, (names,) if isinstance(names, str) else names) for role, names in columns.items())
    return tuple(f"{role}={name}" for role, names in named for name in names)


def _workers(workers: int | None) -> int:
    """How many; 0 where it is left to us."""
    if workers is not None and workers < 1:
        raise UsageError(f"workers is {workers}: at least one must do the work")
    return workers or 0
