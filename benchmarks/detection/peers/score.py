"""Scores one case with every peer: ``score.py CANDIDATE COLUMNS_JSON OUTPUT``. Runs in the peers' environment."""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peers.
from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from features import read_given
from methods import METHODS


def main(candidate: str, columns: str, output: str) -> None:
    """Write one column of scores per peer that can say something; beside it what it flags, and seconds and errors."""
    warnings.simplefilter("ignore")
    given = read_given(Path(candidate), json.loads(columns))
    scores: dict[str, np.ndarray] = {}
    flags: dict[str, np.ndarray] = {}
    said: dict[str, dict[str, object]] = {}
    for name, method in METHODS.items():
        started = time.perf_counter()
        try:
            found = method(given)
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result, and the others still count
            said[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
            continue
        if found is not None:
            scores[name] = np.nan_to_num(np.asarray(found.scores, dtype=float))
            if found.flagged is not None:
                flags[name] = np.asarray(found.flagged, dtype=bool)
            said[name] = {"seconds": round(time.perf_counter() - started, 2)}
    pd.DataFrame(scores).to_parquet(output)
    pd.DataFrame(flags).to_parquet(Path(output).with_suffix(".flags"))
    Path(output).with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
