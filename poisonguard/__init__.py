"""Training-data integrity scanner: hash, scan, sign, approve and gate dataset versions before training.

The names below load on first use, so that importing poisonguard costs nothing::

    import poisonguard as pg

    result = pg.scan("data/", reference="reviews@12")
    pg.gate("data/", bundle="reviews-13.pgbundle")  # raises pg.GateFailed with reasons
    table = pg.open_dataset("data/", bundle="reviews-13.pgbundle").to_table()  # every byte checked as it is read
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from poisonguard import version as _version

if TYPE_CHECKING:
    from poisonguard.domain.result import ScanResult
    from poisonguard.errors import (
        ConfigurationError,
        DataChanged,
        DataError,
        GateFailed,
        IncompleteScan,
        IntegrityError,
        KeyMaterialError,
        NothingToScan,
        PoisonguardError,
        UnknownVersion,
        UnreadableData,
        UsageError,
    )
    from poisonguard.workflow.api import approve, diff, gate, reject, scan, sign
    from poisonguard.workflow.api_quarantine import quarantine, red_team, restore
    from poisonguard.workflow.reading import filesystem, open_dataset, training_run
    from poisonguard.workflow.signatures import candidates, from_minhashes, minhashes, signatures

__version__ = _version.VERSION

_HOMES = {
    "poisonguard.workflow.api": ("approve", "diff", "gate", "reject", "scan", "sign"),
    "poisonguard.workflow.api_quarantine": ("quarantine", "red_team", "restore"),
    "poisonguard.workflow.reading": ("filesystem", "open_dataset", "training_run"),
    "poisonguard.workflow.signatures": ("candidates", "from_minhashes", "minhashes", "signatures"),
    "poisonguard.domain.result": ("ScanResult",),
    "poisonguard.errors": (
        "ConfigurationError",
        "DataChanged",
        "DataError",
        "GateFailed",
        "IncompleteScan",
        "IntegrityError",
        "KeyMaterialError",
        "NothingToScan",
        "PoisonguardError",
        "UnknownVersion",
        "UnreadableData",
        "UsageError",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'poisonguard' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)


__all__ = [
    "ConfigurationError",
    "DataChanged",
    "DataError",
    "GateFailed",
    "IncompleteScan",
    "IntegrityError",
    "KeyMaterialError",
    "NothingToScan",
    "PoisonguardError",
    "ScanResult",
    "UnknownVersion",
    "UnreadableData",
    "UsageError",
    "__version__",
    "approve",
    "candidates",
    "diff",
    "filesystem",
    "from_minhashes",
    "gate",
    "minhashes",
    "open_dataset",
    "quarantine",
    "red_team",
    "reject",
    "restore",
    "scan",
    "sign",
    "signatures",
    "training_run",
]
