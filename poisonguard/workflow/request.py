"""What to scan, and how: everything that the command line and the Python API can say."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from poisonguard.workflow.references import KeptReference, StoredReference


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What to scan and how.

    Attributes:
        data: Path, glob, URL, or a table in memory.
        name: The dataset's name; the path's last part when not given.
        reference: Path or version to compare with, a table in memory, or what an earlier scan was compared with;
            nothing means the last approved version.
        compare: Whether to compare at all.
        packs: Packs of checks; nothing means the settings' or the policy's.
        columns: ``ROLE=NAME`` overrides.
        contract: Path of a Great Expectations suite.
        holdout: Evaluation sets whose items must not stand in the data: paths, or tables in memory; the settings' when
            empty.
        embeddings: Embedding model: folder, ONNX file or ``package:NAME``; the settings' when not given.
        policy: Path of a policy; nothing means the settings' or the built-in one.
        config: Path of a settings file; nothing means the nearest ``poisonguard.yaml``.
        keep_profile: Whether later versions will be compared with this one: folds what that takes.
        fail_on: Level at which to fail; may only be stricter than the policy's.
        workers: Threads or processes; 0 means the settings', or one per processor.
        fips: Whether the chunk trees are made with SHA-256, even if the policy does not ask for it.
        engine: Where the rows are folded: threads, processes, ray, dask; the settings' or threads when not given.
        address: The cluster's address, for ray and dask.
        keep_states: Whether states are looked for, and kept, in a work store.
        cache: The work store, a directory or URL; the settings' or the user's own when not given.
        cache_key: File with the key that proves what is in the store.
        audit_units: How many partitions found in the store are folded again; by default some of a shared store.
    """

    data: str | pa.Table
    name: str | None = None
    reference: str | pa.Table | KeptReference | StoredReference | None = None
    compare: bool = True
    packs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    contract: str | None = None
    holdout: tuple[str | pa.Table, ...] = ()
    embeddings: str | None = None
    policy: str | None = None
    config: str | None = None
    keep_profile: bool = False
    fail_on: str | None = None
    workers: int = 0
    fips: bool = False
    engine: str | None = None
    address: str | None = None
    keep_states: bool = False
    cache: str | None = None
    cache_key: str | None = None
    audit_units: int | None = None
